"""What the list of cases says of masks that come from elsewhere, and may not say."""

from __future__ import annotations

import itertools
from datetime import date, datetime

import carried_study
import pytest
from carried_study import FIRST, HEAD, OWN, SECOND, STUDY, carried_row

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.case.other_cases import Acceptance
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.lock import write_lock
from biomarker_cli.study import terms
from biomarker_cli.study.case_list import read_cases
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.mask_sources import is_transform
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.registration_terms import RegistrationTerms
from biomarker_cli.study.study_file import load_study, with_key
from biomarker_cli.study.terms import study_sha256

OTHER = "A,S2,T1,ct,one,mask.nii.gz,,"
THIRD = f"A,S1,T3,ct,two,,{SECOND},quick.yaml"


def _entries(tmp_path, *rows):
    (tmp_path / "cases.csv").write_text("\n".join([HEAD, *rows]) + "\n")
    return {entry.case_id: entry for entry in read_cases(tmp_path / "cases.csv", ("ct",))}


def _refusal(tmp_path, *rows, case_id=SECOND):
    refusal = _entries(tmp_path, *rows)[case_id].refusal
    assert refusal is not None
    return refusal


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("A/S1/T9/ct", "no such case"),
        ("S1/T1/ct", "no such case"),
        (f" {FIRST}/", "no such case"),
        (SECOND, "the case itself"),
        ("A/S2/T1/ct", "another subject"),
        ("=HYPERLINK(0)", "no such case"),
        ("x" * 3000, "no such case"),
        ("a/\x1b[31m", "control character"),
    ],
)
def test_a_mask_comes_from_another_case_of_the_subject_only(tmp_path, source, words):
    refusal = _refusal(tmp_path, OWN, OTHER, f"A,S1,T2,ct,two,,{source},quick.yaml")
    assert words in refusal.message
    assert "\x1b" not in refusal.message
    assert len(refusal.message) < 300


def test_what_was_carried_is_not_carried_on(tmp_path):
    rows = (OWN, carried_row("quick.yaml"), THIRD)
    found = _entries(tmp_path, *rows)
    assert found[SECOND].refusal is None
    refusal = found["A/S1/T3/ct"].refusal
    assert refusal.code == "CASE-MASK-FROM"
    assert SECOND in refusal.message
    assert FIRST in refusal.message


def test_a_circle_refuses_both_of_its_cases(tmp_path):
    circle = f"A,S1,T1,ct,one,,{SECOND},quick.yaml"
    found = _entries(tmp_path, circle, carried_row("quick.yaml"), OTHER)
    codes = {case_id: entry.refusal and entry.refusal.code for case_id, entry in found.items()}
    refused = "CASE-MASK-FROM"
    assert codes == {FIRST: refused, SECOND: refused, "A/S2/T1/ct": None}


def test_a_case_whose_source_cannot_be_used_is_refused_with_it(tmp_path):
    bad = OWN.replace("one", "p" * 300)
    assert "cannot be used" in _refusal(tmp_path, bad, carried_row("quick.yaml")).message


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (f"A,S1,T2,ct,two,mask.nii.gz,{FIRST},quick.yaml", "both given"),
        (f"A,S1,T2,ct,two,,{FIRST},", "without registration"),
        (f"A,S1,T2,ct,two,,{FIRST},;", "without registration"),
        ("A,S1,T2,ct,two,mask.nii.gz,,quick.yaml", "without mask_from"),
        (f"A,S1,T2,ct,two,,{FIRST},a.tfm;b.dcm", "more than a protocol"),
        (f"A,S1,T2,ct,two,,{FIRST},none;quick.yaml", "more than a protocol"),
        (f"A,S1,T2,ct,two,,{FIRST},{'t' * 300}.tfm", "too long"),
        (f"A,S1,T2,ct,two,,{FIRST},/", "root of the file system"),
    ],
)
def test_cells_that_contradict_each_other_fail_by_themselves(tmp_path, row, words):
    refusal = _refusal(tmp_path, OWN, row)
    assert refusal.code == "CASE-ENTRY-INVALID"
    assert words in refusal.message
    assert _entries(tmp_path, OWN, row)[FIRST].refusal is None


def test_the_order_of_the_rows_decides_nothing(tmp_path):
    rows = (OWN, carried_row("quick.yaml"), THIRD, OTHER)
    codes = set()
    for order in itertools.permutations(rows):
        found = _entries(tmp_path, *order)
        codes.add(tuple((c, e.refusal.code if e.refusal else "") for c, e in sorted(found.items())))
    assert len(codes) == 1


@pytest.fixture
def trial(tmp_path):
    """Folder of a study whose images are never opened."""
    folder = tmp_path / "trial"
    folder.mkdir()
    carried_study.write_analysis(folder)
    carried_study.write_protocol(folder)
    return folder


def _planner(trial, *rows, more=""):
    path = carried_study.write_list(trial, rows, more)
    return StudyPlanner(with_key(load_study(path), writes=True))


@pytest.mark.parametrize("wanted", ["no-such-protocol", "rigid-same-modality@99.0.0", "bad.yaml"])
def test_a_registration_protocol_that_cannot_be_used_stops_the_run(trial, wanted):
    (trial / "bad.yaml").write_text("format: biomarker-registration/1\nid: [\n")
    with pytest.raises(ProtocolError):
        _planner(trial, OWN, carried_row(wanted))


def test_a_registration_protocol_lies_in_the_folder_of_the_study(trial):
    (trial.parent / "outside.yaml").write_bytes((trial / "quick.yaml").read_bytes())
    with pytest.raises(StudyError) as refused:
        _planner(trial, OWN, carried_row("../outside.yaml"))
    assert refused.value.code == "STUDY-PATH-OUTSIDE"


def test_the_lock_holds_registration_protocols_as_well(trial):
    document = load_analysis(str(trial / "one.yaml")).document
    write_lock(trial / "protocols.lock", ProtocolKind.ANALYSIS, document)
    _planner(trial, OWN, more="lock: protocols.lock\n")
    with pytest.raises(ProtocolError) as refused:
        _planner(trial, OWN, carried_row("quick.yaml"), more="lock: protocols.lock\n")
    assert refused.value.code == "LOCK-ABSENT"


def test_all_cases_name_the_protocols_that_the_manifest_lists(trial):
    """A shard that has none of the cases was made with the same."""
    planner = _planner(trial, OWN, carried_row("quick.yaml"))
    assert set(planner.protocols["ct"].registrations) == {"quick.yaml"}
    kinds = {one.header.format for one in planner.protocols["ct"].documents}
    assert "biomarker-registration/1" in kinds


@pytest.mark.parametrize(
    "more",
    [
        f"registrations: {{accept: [{{case: {SECOND}, approver: a, expires: 2999-12-31}}]}}",
        f"registrations: {{accept: [{{case: {SECOND}, reason: ' ', approver: a, "
        "expires: 2999-12-31}]}",
        f"registrations: {{accept: [{{case: {SECOND}, reason: a, approver: a, expires: soon}}]}}",
        f'registrations: {{accept: [{{case: {SECOND}, reason: "a\\nb", approver: a, '
        "expires: 2999-12-31}]}",
        f'registrations: {{accept: [{{case: {SECOND}, reason: "\\e[31m", approver: a, '
        "expires: 2999-12-31}]}",
        "registrations: {accept: all}",
        "registrations: {reject: []}",
        "same_frame_check: correct",
    ],
)
def test_a_section_that_says_half_is_refused(trial, more):
    path = carried_study.write_list(trial, (OWN, carried_row("quick.yaml")))
    path.write_text(f"{STUDY}{more}\n")
    with pytest.raises(StudyError) as refused:
        load_study(path)
    assert refused.value.code == "STUDY-INVALID"


def test_an_acceptance_of_a_row_that_fails_by_itself_stops_no_run(trial):
    accept = f"accept: [{{case: {SECOND}, reason: a, approver: a, expires: 2999-12-31}}]"
    bad = carried_row("quick.yaml").replace(FIRST, "A/S1/T9/ct")
    path = carried_study.write_list(trial, (OWN, bad), f"registrations: {{{accept}}}\n")
    refused = {one.case_id: one.refusal and one.refusal.code for one in load_study(path).entries}
    assert refused == {FIRST: None, SECOND: "CASE-MASK-FROM"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("there.tfm", True),
        ("OBJECTS/REG.DCM", True),
        ("./REG001", True),
        ("reg/none.yaml", False),
        ("rigid-same-modality@0.1.0", False),
    ],
)
def test_a_transform_is_known_by_its_ending_or_folder(name, expected):
    assert is_transform(name) is expected


def test_an_acceptance_holds_up_to_and_including_its_day():
    one = {"case": SECOND, "reason": " seen ", "approver": "lead", "expires": "2026-06-30"}
    said = RegistrationTerms.model_validate({"accept": [one]})
    accepted = said.acceptances(date(2026, 6, 30))
    assert accepted == {SECOND: Acceptance("seen", "lead")}
    assert said.acceptances(date(2026, 7, 1)) == {}
    assert accepted[SECOND].holds_for("any@1.0.0:0")
    assert not Acceptance("seen", "lead", "a@1.0.0:0").holds_for("a@1.0.0:1")


def test_what_the_row_of_the_other_case_says_of_its_mask_goes_with_it(tmp_path):
    trial = tmp_path / "trial"
    path = carried_study.write_study(trial)
    head = f"{HEAD},other_frame_of_reference"
    rows = (f"{OWN},true", f"{carried_row('quick.yaml')},")
    (trial / "cases.csv").write_text("\n".join([head, *rows]) + "\n")
    planner = StudyPlanner(with_key(load_study(path), writes=True))
    plan = planner.planned(1).plan
    assert plan.carried.source.other_frame_of_reference
    assert not plan.other_frame_of_reference
    assert plan.mask is None
    assert len(plan.own_paths) == 32
    assert plan.input_paths == (*plan.own_paths, *plan.carried.input_paths)
    assert {path.name for path in plan.carried.source.mask_paths} == {
        "mask.nii.gz",
        "mask.labels.csv",
    }


def test_shards_of_two_days_tell_whether_an_acceptance_still_holds(trial, monkeypatch):
    accept = f"accept: [{{case: {SECOND}, reason: a, approver: a, expires: 2999-12-31}}]"
    rows = (OWN, carried_row("quick.yaml"))
    path = carried_study.write_list(trial, rows, f"registrations: {{{accept}}}\n")
    before = study_sha256(load_study(path), None)

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(3000, 1, 1, tzinfo=tz)

    assert study_sha256(load_study(path), None) == before
    monkeypatch.setattr(terms, "datetime", Later)
    assert study_sha256(load_study(path), None) != before
