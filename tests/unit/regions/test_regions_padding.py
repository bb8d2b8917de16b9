"""Regions and rows over padding say so: the scanner filled those voxels up."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_series import axial, write_series

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.case.running import run_case
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

SHAPE = (6, 8, 8)
BOX = np.s_[1:5, 2:6, 2:6]


def _write(folder, change):
    """Write a series of stored values 100 z + 10 y + x, and a box as its mask."""
    write_series(folder / "ct", axial(*range(0, 18, 3)), rows=8, columns=8, change=change)
    catalogue = scan([folder / "ct"])
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[BOX] = 1
    write_nifti(mask, catalogue.volumes[0].geometry, folder / "mask.nii.gz")
    return catalogue.candidates


def _pad(value, limit=None, slope=1):
    def change(_index, dataset):
        dataset.RescaleSlope = slope
        dataset.add_new("PixelPaddingValue", "SS", value)
        if limit is not None:
            dataset.add_new("PixelPaddingRangeLimit", "SS", limit)

    return change


@pytest.mark.parametrize(
    ("value", "limit", "slope", "inside"),
    [
        (122, None, 1, True),  # the stored value of [1, 2, 2]; in HU it is -878
        (122, None, 2, True),
        (-878, None, 1, False),  # the padding value is a stored one, not one in HU
        (0, None, 1, False),  # a corner of the picture, outside the box
        (0, 122, 1, True),
        (122, 0, 1, True),  # the limit may lie on either side (PS3.3 C.7.5.1.1.2)
        (0, 121, 1, False),
    ],
)
def test_padding_inside_a_region_is_flagged(tmp_path, value, limit, slope, inside):
    (candidate,) = _write(tmp_path, _pad(value, limit, slope))
    target = ImageTarget.from_volume(read_volume(candidate))
    (roi,) = import_regions(tmp_path / "mask.nii.gz", target, RegionRules())
    assert ("roi_padding" in roi.flags) == inside


@pytest.mark.parametrize("value", [122, 0])
def test_rows_carry_the_flag(tmp_path, value):
    plan = CasePlan(
        site_id="local",
        subject_id="S0001",
        timepoint="T1",
        role="ct",
        images=(ImagePlan("ct", _write(tmp_path, _pad(value))),),
        mask=tmp_path / "mask.nii.gz",
        analyses=(load_analysis("radiomics-ct"),),
    )
    result = run_case(plan)
    on_rows = {flag for row in result.measurements for flag in row.flags}
    assert ("implausible" in on_rows) == (value == 122)
    assert any("1 are padding" in note.text for note in result.notes) == (value == 122)
    for rows in (result.measurements, result.rois.values()):
        flags = {flag for row in rows for flag in row.flags}
        assert ("roi_padding" in flags) == (value == 122)
