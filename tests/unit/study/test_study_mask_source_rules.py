"""A mask that was drawn on an image which breaks its acquisition protocol: who takes it says so."""

from __future__ import annotations

import shutil
from pathlib import Path

import carried_study
import kept_study
import numpy as np
import pydicom
import pytest
from carried_study import FIRST, OWN, ROWS, SECOND, table, write_list
from synthetic_protocols import protocol_head
from synthetic_registration import body

from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.study_file import load_study, with_key

RULE = "S-KVP-001"
BROKEN, EXCLUDED = f"mask_source_acq_fail:{RULE}", "mask_source_excluded"
LATE = "A/S1/T2/late"
WAIVER = """\
waivers:
  - protocol: site
    versions: "0.1.0"
    rule: S-KVP-001
    series: {series}
    reason: the tube was changed
    approver: lead
    expires: 2999-12-31
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Folder of a study whose first image has another tube voltage; nobody changes it."""
    folder = tmp_path_factory.mktemp("source") / "trial"
    carried_study.write_study(folder)
    carried_study.write_series(folder, "one", body().array, np.eye(4), kvp=140)
    return folder


@pytest.fixture
def trial(made, tmp_path) -> Path:
    """Folder of a copy of that study."""
    shutil.copytree(made, tmp_path / "trial")
    return tmp_path / "trial"


def write_rules(folder: Path, highest: int) -> None:
    """Write the acquisition protocol of the images."""
    rule = f"""\
applies_to: {{when: {{Modality: CT}}}}
rules:
  - id: {RULE}
    title: Tube voltage
    fact: KVP
    check: {{max: {highest}}}
    unit: kV
    over: instance
    level: shall
    severity: error
tests:
  - {{facts: {{KVP: {highest}}}, expect: {{{RULE}: pass}}}}
  - {{facts: {{KVP: {highest + 1}}}, expect: {{{RULE}: fail}}}}
"""
    (folder / "rules.yaml").write_text(protocol_head() + rule)


def run(trial: Path, more: str = "", *, highest: int = 120, rows=ROWS, roles: str = "") -> Path:
    """Run the study and return the folder of its tables."""
    write_rules(trial, highest)
    file = write_list(trial, rows, more)
    role = "ct: {analyses: [one.yaml]}"
    checked = "ct: {analyses: [one.yaml], acquisition: rules.yaml}"
    text = file.read_text()
    assert role in text
    file.write_text(text.replace(role, f"{checked}{roles}"))
    out = trial.parent / "out"
    kept_study.run(file, out)
    return out


def flags_of(out: Path, case_id: str = SECOND) -> set[str]:
    """Return the flags of this room that the rows of a case have: on all of them, or none."""
    rows = [row for row in table(out, "measurements") if row["case_id"] == case_id]
    (found,) = {frozenset(row["flags"].split(";")) & {BROKEN, EXCLUDED} for row in rows}
    return set(found)


def usable_of(out: Path, case_id: str = SECOND) -> set[str]:
    return {
        row["usable"]
        for row in table(out, "measurements")
        if row["case_id"] == case_id and row["status"] == "ok"
    }


def test_the_mask_of_a_case_that_is_left_out_is_none_to_pool(trial):
    out = run(trial, "on_violation: exclude\n")
    cases = {row["case_id"]: row for row in table(out, "cases")}
    assert (cases[FIRST]["status"], cases[FIRST]["error_code"]) == ("excluded", "CASE-EXCLUDED")
    assert cases[SECOND]["status"] == "measured"
    assert flags_of(out) == {BROKEN, EXCLUDED}
    assert usable_of(out) == {"no"}
    assert {row["source_case_id"] for row in table(out, "registrations")} == {FIRST}


def test_a_study_that_flags_says_it_of_the_mask_as_well(trial):
    out = run(trial)
    assert flags_of(out) == {BROKEN}
    assert usable_of(out) == {"caution"}
    own = {row["flags"] for row in table(out, "measurements") if row["case_id"] == FIRST}
    assert all(f"acq_fail:{RULE}" in flags and "mask_source" not in flags for flags in own)


def test_an_image_that_keeps_its_rules_lends_its_mask_without_a_word(trial):
    assert flags_of(run(trial, "on_violation: exclude\n", highest=140)) == set()


@pytest.mark.parametrize("more", ["", "on_violation: exclude\n"])
def test_a_case_is_measured_anew_where_the_rules_of_its_source_change(trial, more):
    """Rules, and waivers, decide its rows, though its own image breaks none of them."""
    expected = {BROKEN, EXCLUDED} if more else {BROKEN}
    assert flags_of(run(trial, more)) == expected
    assert flags_of(run(trial, more, highest=150)) == set()
    assert flags_of(run(trial, more)) == expected
    # A waiver of that image alone: the case that takes the mask has none.
    series = next(
        row["series_uid"] for row in table(trial.parent / "out", "cases") if row["case_id"] == FIRST
    )
    waiver = f"format: biomarker-waivers/1\n{WAIVER.format(series=series)}"
    (trial / "waivers.yaml").write_text(waiver)
    assert flags_of(run(trial, f"{more}waivers: waivers.yaml\n")) == set()
    assert flags_of(run(trial, more)) == expected


def test_a_source_is_held_against_the_protocol_of_its_own_role(trial):
    """That of the case which takes the mask has none; nor is the plan of it an old one."""
    rows = (OWN, ROWS[1].replace(",ct,", ",late,", 1))
    roles = "\n  late: {analyses: [one.yaml]}"
    for highest, flags in ((120, {BROKEN, EXCLUDED}), (140, set()), (120, {BROKEN, EXCLUDED})):
        out = run(trial, "on_violation: exclude\n", highest=highest, rows=rows, roles=roles)
        assert flags_of(out, LATE) == flags


@pytest.mark.parametrize(("analysis", "takes_all"), [("one.yaml", False), ("dwi-adc", True)])
def test_a_source_is_checked_in_all_volumes_that_its_role_measures(trial, analysis, takes_all):
    write_rules(trial, 120)
    rows = (OWN, ROWS[1].replace(",ct,", ",late,", 1))
    file = write_list(trial, rows, "  late: {analyses: [one.yaml]}\n")
    role = f"ct: {{analyses: [{analysis}], acquisition: rules.yaml}}"
    file.write_text(file.read_text().replace("ct: {analyses: [one.yaml]}", role))
    planner = StudyPlanner(with_key(load_study(file), writes=False), FileIndex(None))
    (plan,) = (planner.planned(n).plan for n, one in enumerate(planner.case_ids()) if one == LATE)
    assert plan.carried.rules.takes_every_volume is takes_all
    assert plan.acquisition is None


COPY = "A,S2,T1,ct,three,mask.nii.gz,,"
"""Row of another subject."""


def write_copy(folder: Path, *, same_instances: bool) -> None:
    """Write the image of the first visit under another person, and perhaps other UIDs."""
    carried_study.write_series(folder, "three", body().array, np.eye(4), kvp=140, subject="two")
    ours, theirs = (sorted((folder / name).rglob("*.dcm")) for name in ("three", "one"))
    for path, original in zip(ours, theirs, strict=True) if same_instances else ():
        dataset = pydicom.dcmread(path)
        uid = pydicom.dcmread(original, stop_before_pixels=True).SOPInstanceUID
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid
        dataset.save_as(path)


@pytest.mark.parametrize("same_instances", [True, False])
def test_a_mask_of_an_image_that_stands_twice_is_nobodys(trial, same_instances):
    row = COPY
    write_copy(trial, same_instances=same_instances)
    out = run(trial, highest=150, rows=(*ROWS, row))
    cases = {one["case_id"]: one for one in table(out, "cases")}
    assert {one["error_code"] for one in cases.values()} == {"STUDY-DUPLICATE-DATA"}
    assert f"the mask comes from {FIRST}: the image is the same" in cases[SECOND]["error_message"]
    assert run(trial, "integrity: flag\n", highest=150, rows=(*ROWS, row)) == out
    flags = [one["flags"] for one in table(out, "measurements") if one["case_id"] == SECOND]
    assert all("study_duplicate_data" in one.split(";") for one in flags)
    assert usable_of(out) == {"no"}
    assert {one["status"] for one in table(run(trial, highest=150), "cases")} == {"measured"}


def test_a_study_may_weigh_it_otherwise(trial):
    weights = f"  mask_source_excluded: caution\n  {BROKEN}: info\n"
    (trial / "weights.yaml").write_text(f"format: biomarker-usable/1\nflags:\n{weights}")
    out = run(trial, "on_violation: exclude\nusable: weights.yaml\n")
    assert usable_of(out) == {"caution"}
