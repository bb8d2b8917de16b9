"""Demons in a study: the ROI map says which mask of another case goes by the field."""

from __future__ import annotations

import carried_study
import kept_study
import pytest
import yaml
from carried_study import OWN, SECOND, carried_row, table, write_list
from synthetic_deformation import quick_demons_data

ROI_MAP = "rois: {GTV: {names: [GTV]%s}, NODE: {names: [NODE]%s}}\n"


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    """Return the folder of a study, with the shipped demons asked for less."""
    folder = tmp_path_factory.mktemp("deformed") / "trial"
    carried_study.write_study(folder)
    data = quick_demons_data() | {"id": "bent"}
    data["demons"]["levels"] = [{"voxel_mm": 8, "iterations": 10}]
    (folder / "bent.yaml").write_text(yaml.safe_dump(data))
    return folder


def _run(trial, of_gtv: str, of_node: str, out: str):
    """Return the ROIs of the second case, by id."""
    rows = (OWN, carried_row("bent.yaml"))
    kept_study.run(write_list(trial, rows, ROI_MAP % (of_gtv, of_node)), trial.parent / out)
    found = table(trial.parent / out, "rois")
    return {row["roi_id"]: row for row in found if row["case_id"] == SECOND}


def test_only_the_roi_whose_map_says_so_is_carried_by_the_field(trial):
    rois = _run(trial, "", ", carry: deformable", "one")
    assert rois["GTV"]["error_code"] == "REGISTRATION-CARRY-RIGID"
    assert (rois["GTV"]["status"], rois["GTV"]["n_voxels"]) == ("failed", "")
    assert rois["NODE"]["status"] == "ok"
    assert int(rois["NODE"]["n_voxels"]) == pytest.approx(5 * 6 * 7, rel=0.1)
    rows = {row["roi_id"]: row for row in table(trial.parent / "one", "registrations")}
    assert {row["transform"] for row in rows.values()} == {"demons"}
    assert float(rows["NODE"]["folded_percent"]) == 0
    assert 0.9 < float(rows["NODE"]["jacobian_min"]) <= float(rows["NODE"]["jacobian_max"]) < 1.1
    assert rows["GTV"]["carried_volume_ml"] == ""


def test_a_roi_that_is_never_carried_is_not(trial):
    rois = _run(trial, ", carry: deformable", ", carry: never", "two")
    assert rois["NODE"]["error_code"] == "REGISTRATION-CARRY-NEVER"
    assert rois["GTV"]["status"] == "ok"


def test_a_change_of_the_map_measures_the_case_anew(trial):
    _run(trial, "", ", carry: deformable", "three")
    rois = _run(trial, ", carry: deformable", ", carry: deformable", "three")
    assert {one["status"] for one in rois.values()} == {"ok"}
