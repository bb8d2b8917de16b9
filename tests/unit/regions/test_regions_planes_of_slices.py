"""Which planes stand for which slices, and planes across the slices, where rounding decides."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_segmentations import Roi, cylinder, target, write_structure_set

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

IMAGE = target()
GRID = IMAGE.geometry


def draw(tmp_path, contours, image=IMAGE, **rules):
    path = write_structure_set(tmp_path / "rs.dcm", [Roi("lesion", contours)])
    (roi,) = import_regions(path, image, RegionRules(**rules))
    assert roi.status == "ok", roi.error_message
    return roi


@pytest.mark.parametrize(
    ("step_mm", "first", "slices"),
    [
        # Slices are 3 mm apart: 2.95 mm is the same distance, rounded.
        (2.95, 5.495, [5, 6, 7, 8]),
        (3.05, 5.2, [5, 6, 7, 8]),
        # Planes drawn on finer slices make thinner slabs.
        (2.85, 5.495, [6, 7, 8]),
        (1.5, 5.495, [6, 7]),
    ],
)
def test_planes_as_far_apart_as_the_slices_stand_for_whole_slices(tmp_path, step_mm, first, slices):
    planes = first + np.arange(4) * step_mm / GRID.spacing_mm[2]
    roi = draw(tmp_path, cylinder(GRID, planes, 12.3))
    assert sorted(set(roi.region.mask.nonzero()[0].tolist())) == slices


def test_a_box_drawn_across_the_slices_keeps_every_edge(tmp_path):
    """Axial rectangles on a sagittal image, whose edges lie midway between its voxels."""
    image = Geometry(
        (30, 40, 36), (1.0, 1.0, 1.0), (-15.0, -18.0, 20.0), (0, 0, 1, 1, 0, 0, 0, -1, 0)
    )
    low, high = np.array([-6.5, -10.5, -9.5]), np.array([5.5, 13.5, 4.5])
    corners = np.array([(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])])
    contours = [
        ("CLOSED_PLANAR", np.column_stack([corners, np.full(4, z)]))
        for z in np.arange(low[2] + 0.5, high[2], 1.0)
    ]
    roi = draw(tmp_path, contours, ImageTarget(image), other_grid="resample")
    index = np.argwhere(roi.region.mask)[:, ::-1]
    places = np.array([image.index_to_physical(one) for one in index])
    assert places.min(axis=0).tolist() == (low + 0.5).tolist()
    assert places.max(axis=0).tolist() == (high - 0.5).tolist()
    assert len(index) == np.prod(high - low)
