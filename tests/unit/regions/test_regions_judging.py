"""What the rules say of empty, small, clipped and scattered regions; rows and targets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from pydicom import Dataset, dcmread
from synthetic_dicom_seg import image_datasets, write_seg
from synthetic_segmentations import Roi, cylinder, rectangle, target, write_structure_set
from synthetic_series import axial, uid, write_series

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_frames, read_volume
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.flags import FLAGS
from biomarker_cli.regions.choosing import images_meant
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.preview import contour_preview
from biomarker_cli.regions.result import AUDIT_COLUMNS, ROIS_WITH_AUDIT, RoiResult
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

IMAGE = target()
GRID = IMAGE.geometry
CENTRAL = [*cylinder(GRID, range(5, 9), 8.3)]


def draw(tmp_path, contours, **rules):
    path = write_structure_set(tmp_path / "rs.dcm", [Roi("lesion", contours)])
    return import_regions(path, IMAGE, RegionRules(**rules))[0]


def test_defaults_are_the_refusing_choice():
    rules = RegionRules()
    assert rules.gaps == "error"
    assert rules.fractional_threshold is None
    assert rules.other_grid == "forbid"
    assert hash(rules) == hash(RegionRules())


@pytest.mark.parametrize(
    "wrong",
    [
        {"gaps": "fill"},
        {"fractional_threshold": 0.0},
        {"fractional_threshold": 1.5},
        {"smallest_voxels": 0},
        {"unknown": 1},
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        RegionRules(**wrong)


def test_an_empty_roi_is_a_row_or_an_error(tmp_path):
    assert draw(tmp_path, []).status == "empty"
    assert draw(tmp_path, [], empty="error").status == "failed"


def test_fewest_voxels(tmp_path):
    n_voxels = draw(tmp_path, CENTRAL).n_voxels
    assert draw(tmp_path, CENTRAL, smallest_voxels=n_voxels).status == "ok"
    refused = draw(tmp_path, CENTRAL, smallest_voxels=n_voxels + 1)
    assert refused.error_code == "REGION-SMALL"
    assert str(n_voxels) in refused.error_message


@pytest.mark.parametrize("n_slices", [1, 2, 3])
def test_thinner_than_three_voxels_is_flagged_or_refused(tmp_path, n_slices):
    contours = cylinder(GRID, range(5, 5 + n_slices), 8.3)
    flagged = draw(tmp_path, contours)
    assert ("roi_small" in flagged.flags) == (n_slices < 3)
    assert flagged.audit["thinnest_voxels"] == n_slices
    refused = draw(tmp_path, contours, thin="error")
    assert refused.error_code == ("REGION-SMALL" if n_slices < 3 else "")


def test_single_voxel(tmp_path):
    contour = rectangle(GRID, 5, (0.1, 0.2), (0.9, 1.8))
    roi = draw(tmp_path, [("CLOSED_PLANAR", contour)])
    assert (roi.status, roi.n_voxels, roi.volume_mm3) == ("ok", 1, 6.0)
    assert "roi_small" in roi.flags


def test_touching_the_border_is_flagged_or_refused(tmp_path):
    contours = cylinder(GRID, range(4), 8.3)
    flagged = draw(tmp_path, contours)
    assert flagged.audit["touches_border"] is True
    assert "roi_touches_border" in flagged.flags
    assert draw(tmp_path, contours, border="error").error_code == "REGION-BORDER"
    assert draw(tmp_path, CENTRAL, border="error").status == "ok"


def test_padding_inside_is_flagged(tmp_path):
    path = write_structure_set(tmp_path / "rs.dcm", [Roi("lesion", CENTRAL)])
    (clean,) = import_regions(path, IMAGE, RegionRules())
    inside = np.argwhere(clean.region.mask)[0]
    for place, expected in ((tuple(inside), True), ((0, 0, 0), False)):
        padding = np.zeros(GRID.shape, dtype=np.bool_)
        padding[place] = True
        (roi,) = import_regions(path, replace(IMAGE, padding=padding), RegionRules())
        assert ("roi_padding" in roi.flags) == expected
        assert roi.region.flags == roi.flags


def test_partly_outside_is_flagged_or_refused(tmp_path):
    contours = cylinder(GRID, range(-3, 4), 8.3)
    assert "roi_clipped" in draw(tmp_path, contours).flags
    refused = draw(tmp_path, contours, clipped="error")
    assert refused.error_code == "REGION-CLIPPED"
    assert "42.9%" in refused.error_message


def test_several_components_are_counted_or_refused(tmp_path):
    contours = CENTRAL + cylinder(GRID, range(5, 9), 4.1, (-20, 0))
    roi = draw(tmp_path, contours)
    assert roi.audit["n_components"] == 2
    assert 0.5 < roi.audit["largest_component_fraction"] < 1.0
    refused = draw(tmp_path, contours, components="error")
    assert refused.error_code == "REGION-COMPONENTS"


def test_voxels_that_meet_at_a_corner_are_one_component(tmp_path):
    contours = [
        ("CLOSED_PLANAR", rectangle(GRID, 5, (0, 0), (4, 4))),
        ("CLOSED_PLANAR", rectangle(GRID, 5, (4, 4), (8, 8))),
    ]
    assert draw(tmp_path, contours).audit["n_components"] == 1


def test_a_refused_roi_keeps_its_audit(tmp_path):
    roi = draw(tmp_path, CENTRAL, smallest_voxels=10**6)
    assert (roi.region, roi.n_voxels, roi.volume_mm3) == (None, None, None)
    assert roi.audit["n_planes"] == 4


def test_a_row_has_every_column_and_registered_flags(tmp_path):
    row = draw(tmp_path, cylinder(GRID, range(4), 8.3)).row("S/1/T1/ct")
    assert row.case_id == "S/1/T1/ct"
    assert row.flags <= set(FLAGS)
    assert set(AUDIT_COLUMNS) < set(ROIS_WITH_AUDIT.column_names)
    types = {"string": str, "integer": int, "number": float, "boolean": bool}
    for column in ROIS_WITH_AUDIT.columns[:-1]:
        value = getattr(row, column.name)
        assert value is None or type(value) is types[column.type], column.name
    bare = RoiResult("id", "name", "", "missing").row("S/1/T1/ct")
    assert (bare.status, bare.n_voxels, bare.flags) == ("missing", None, frozenset())


def test_everything_written_in_the_audit_is_a_column(tmp_path):
    contours = cylinder(GRID, range(5, 12, 2), 8.3)
    drawn = draw(tmp_path, contours, gaps="interpolate")
    mask = np.zeros((1, *GRID.shape), dtype=bool)
    mask[0, 4:8, 5:9, 5:9] = True
    path = write_seg(tmp_path / "seg.dcm", GRID, mask)
    (segmented,) = import_regions(path, ImageTarget(GRID), RegionRules())
    for roi in (drawn, segmented):
        assert set(roi.audit) <= set(AUDIT_COLUMNS)


def test_seg_of_another_grid_is_resampled_with_an_audit(tmp_path):
    coarse = Geometry((6, 20, 20), (3.0, 3.0, 6.0), (-30.0, -30.0, -15.0))
    fine = Geometry((40, 50, 50), (1.0, 1.5, 1.0), (-25.0, -36.0, -20.0))
    mask = np.zeros((1, *coarse.shape), dtype=bool)
    mask[0, 2:4, 6:14, 6:14] = True
    path = write_seg(tmp_path / "seg.dcm", coarse, mask)
    image = ImageTarget(fine, frame_of_reference_uid=image_datasets(coarse)[0].FrameOfReferenceUID)
    (roi,) = import_regions(path, image, RegionRules(other_grid="resample"))
    assert roi.status == "ok"
    assert roi.audit["is_resampled"] is True
    assert roi.audit["source_volume_mm3"] == 128 * 54.0
    change = roi.volume_mm3 / (128 * 54.0) - 1
    assert roi.audit["volume_change_fraction"] == pytest.approx(change)
    assert abs(change) < 0.1
    assert "degrees" not in roi.audit["grid_difference"]


@pytest.mark.data
def test_label_map_frames_of_a_slide_hold_the_values_of_the_file(data_dir, tmp_path):
    """The tiles of a slide, given positions one above the other."""
    path = data_dir / "seg" / "highdicom_seg" / "seg_image_sm_control_labelmap.dcm"
    dataset = dcmread(path)
    for index, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        position = Dataset()
        position.ImagePositionPatient = [0.0, 0.0, float(index)]
        orientation = Dataset()
        orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        frame.PlanePositionSequence = [position]
        frame.PlaneOrientationSequence = [orientation]
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.PixelSpacing, measures.SliceThickness = [1.0, 1.0], 1.0
    dataset.save_as(tmp_path / "seg.dcm")
    image = ImageTarget(Geometry((20, 10, 10), (1.0, 1.0, 1.0)))
    rois = import_regions(tmp_path / "seg.dcm", image, RegionRules())
    counts = [roi.n_voxels or 0 for roi in rois]
    assert counts[:5] == [14, 0, 23, 22, 30]
    assert sum(counts) == 523


@pytest.fixture
def series(tmp_path):
    write_series(tmp_path / "one", axial(*range(0, 30, 3)), rows=40, columns=60)
    write_series(tmp_path / "two", axial(*range(0, 30, 3)), series="2", rows=40, columns=60)
    return scan([tmp_path]).volumes


def test_target_of_a_volume_is_its_identity(series):
    volume = read_volume(series[0])
    found = ImageTarget.from_volume(volume)
    assert found.geometry == volume.geometry
    assert found.frame_of_reference_uid == uid("frame of reference")
    assert found.series_uid == series[0].series_uid
    assert len(found.sop_instance_uids) == 10
    assert found == ImageTarget.from_frames(volume.geometry, read_frames(series[0]))


def test_the_image_that_is_meant_goes_by_instances_before_series(tmp_path, series):
    instance = series[1].refs[3].sop_instance_uid
    path = write_structure_set(
        tmp_path / "rs.dcm",
        [Roi("r", CENTRAL, images=[instance])],
        referenced_series=[series[0].series_uid],
    )
    assert images_meant(series, path) == (series[1],)
    path = write_structure_set(
        tmp_path / "rs.dcm", [Roi("r", CENTRAL)], referenced_series=[series[0].series_uid]
    )
    assert images_meant(series, path) == (series[0],)


def test_preview_shows_contours_at_their_place(tmp_path, series):
    from PIL import Image

    volume = read_volume(series[0])
    grid = volume.geometry
    contour = ("CLOSED_PLANAR", rectangle(grid, 4, (-12, -12), (12, 12)))
    path = write_structure_set(tmp_path / "rs.dcm", [Roi("r", [contour])])
    rois = import_regions(path, ImageTarget.from_volume(volume), RegionRules())
    contour_preview(rois, volume, tmp_path / "fit.png")
    with Image.open(tmp_path / "fit.png") as picture:
        pixels = np.asarray(picture)
    orange = (pixels == (230, 159, 0)).all(axis=-1)[:320]
    # One slice alone stands between those before and behind it, where the region is not.
    assert not orange[:, :320].any()
    assert not orange[:, 640:960].any()
    orange = orange[:, 320:640]
    rows, columns = orange.nonzero()
    # 24 mm of a field of 60 mm, 320 pixels across, in the middle of the tile.
    assert np.ptp(columns) == pytest.approx(24 / 60 * 320, abs=3)
    assert np.ptp(rows) == pytest.approx(24 / 60 * 320, abs=3)
    assert columns.mean() == pytest.approx(160, abs=2)
    assert rows.mean() == pytest.approx(160, abs=2)
