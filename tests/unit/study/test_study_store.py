"""The result store: what is read back is what was written, or it is measured again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from synthetic_results import survey

from biomarker_cli.case.result import Note
from biomarker_cli.model.file_names import file_stem
from biomarker_cli.study.case_names import LONGEST_NAMED, problem_of_id
from biomarker_cli.study.cohort import Cohort
from biomarker_cli.study.derivations import Derivations
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.locking import exclusive
from biomarker_cli.study.packed import (
    CASE_TABLES,
    PackedResult,
    ResultHead,
    RoiSummary,
    dictionary_digest,
)
from biomarker_cli.study.store import ResultStore, UnusableResultError
from biomarker_cli.study.twins import find_twins_by_pixels

DICTIONARY = "a dictionary\n"
HEAD = ResultHead(
    study="trial",
    case_id="A/S1/T1/ct",
    site_id="A",
    subject_id="S1",
    timepoint="T1",
    role="ct",
    key="k",
    names="n",
    status="measured",
    n_ok=3,
    n_without=1,
    rois=[RoiSummary("ct", "GTV", "ok", "", "", ["radiomics-ct@1.0.0"])],
    pixels="p",
    input_sha256="i",
    n_files=2,
    dictionaries={"radiomics-ct@1.0.0": dictionary_digest(DICTIONARY)},
)
RESULT = PackedResult(
    HEAD,
    {table.name: f"line of {table.name}\n" for table in CASE_TABLES},
    json.dumps({"notes": [["a note", "GTV"]], "derivations": {"a": 1}, "readings": []}) + "\n",
)


@pytest.fixture
def store(tmp_path):
    found = ResultStore(tmp_path / "out")
    assert found.open_for("trial") == ""
    found.save(RESULT, [DICTIONARY])
    return found


def result_file(store):
    (path,) = store.results_folder.glob("*.result")
    return path


def test_a_result_reads_back_as_it_was_written():
    again = PackedResult.from_bytes(RESULT.to_bytes())
    assert again == RESULT
    assert again.notes == [Note("a note", "GTV")]
    assert again.derivations == {"a": 1}
    assert (again.case_id, again.head.role, str(again.status)) == ("A/S1/T1/ct", "ct", "measured")


def test_every_edited_byte_of_a_result_is_found():
    content = RESULT.to_bytes()
    for place in range(len(content)):
        edited = bytearray(content)
        edited[place] ^= 1
        with pytest.raises((ValueError, TypeError, KeyError)):
            PackedResult.from_bytes(bytes(edited))


def test_a_stored_result_is_found_by_its_study_and_case_alone(store):
    assert store.load(HEAD.case_id, "trial") == RESULT
    assert store.load("A/S2/T1/ct", "trial") is None
    with pytest.raises(UnusableResultError, match="another study"):
        store.load(HEAD.case_id, "another")


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[" * 100_000, RESULT.to_bytes()[:-1]])
def test_a_damaged_result_is_told_from_an_absent_one(store, content):
    result_file(store).write_bytes(content)
    with pytest.raises(UnusableResultError, match="edited or damaged"):
        store.load(HEAD.case_id, "trial")


def test_a_result_whose_dictionary_is_damaged_is_not_used(store):
    (path,) = (store.results_folder / "features").iterdir()
    path.write_text("another dictionary\n")
    with pytest.raises(UnusableResultError, match="dictionary"):
        ResultStore(store.folder).load(HEAD.case_id, "trial")


def test_a_folder_of_another_study_or_of_anything_else_is_refused(store, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("")
    for folder, study in ((store.folder, "another"), (tmp_path / "mine", "trial")):
        with pytest.raises(StudyError) as caught:
            ResultStore(folder).open_for(study)
        assert caught.value.code == "OUTPUT-EXISTS"
    assert ResultStore(store.folder).open_for("trial") == ""


def test_a_damaged_marker_is_made_anew_from_the_results(store):
    (store.results_folder / "study.json").write_text("{")
    assert "made anew" in ResultStore(store.folder).open_for("trial")
    assert ResultStore(store.folder).open_for("trial") == ""


def test_the_cases_of_a_study_are_listed_in_its_order_with_those_refused(store):
    store.list_cases("trial", ["A/S2/T1/ct", HEAD.case_id], {"A/S2/T1/ct": ("CODE", "why")})
    refused, measured = store.listed()
    assert (refused.case_id, refused.result, refused.refusal) == (
        "A/S2/T1/ct",
        None,
        ("CODE", "why"),
    )
    assert (measured.case_id, measured.result, measured.refusal) == (HEAD.case_id, RESULT, None)


@pytest.mark.parametrize(
    "said",
    [
        {"cases": "abc"},
        {"cases": [1, None, {"a": 1}]},
        {"cases": ["A/S2/T1/ct"], "refused": ["A/S2/T1/ct"]},
        {"cases": ["A/S2/T1/ct"], "refused": {"A/S2/T1/ct": "CODE"}},
        {"cases": ["A/S2/T1/ct"], "refused": {"A/S2/T1/ct": ["CODE"]}},
    ],
)
def test_a_marker_that_was_edited_lists_nothing_until_it_is_made_anew(store, said):
    (store.results_folder / "study.json").write_text(json.dumps({"study": "trial", **said}))
    assert list(store.listed()) == []
    store.list_if_new("trial", [HEAD.case_id])
    assert [listed.case_id for listed in store.listed()] == [HEAD.case_id]


def test_a_lock_cuts_nothing_that_its_name_leads_to(tmp_path):
    (tmp_path / "notes.txt").write_text("precious")
    (tmp_path / ".lock").symlink_to("notes.txt")
    with exclusive(tmp_path):
        pass
    assert (tmp_path / "notes.txt").read_text() == "precious"


def test_no_derivation_is_deleted_through_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "other.json").write_text("{}")
    (tmp_path / "derivations").symlink_to("elsewhere")
    Derivations(tmp_path / "derivations").drop_others()
    assert (tmp_path / "elsewhere" / "other.json").exists()


def test_one_run_at_a_time_holds_a_folder(tmp_path):
    with exclusive(tmp_path):
        with pytest.raises(StudyError) as caught, exclusive(tmp_path):
            pass
        assert caught.value.code == "RUN-BUSY"
    with exclusive(tmp_path):
        pass


# Names of cases


@pytest.mark.parametrize("text", ["A", "S0001", "1", "a.b-c_d", "cone", "com", "nul1", "x" * 1000])
def test_an_id_that_names_files_everywhere(text):
    assert problem_of_id(text) == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "letters"),
        (".a", "letters"),
        ("-a", "letters"),
        ("a/b", "letters"),
        ("a b", "letters"),
        ("M\u00fcller", "letters"),
        ("a\n", "letters"),
        ("a.", "dot"),
        ("con", "device"),
        ("NUL.txt", "device"),
        ("Com1", "device"),
        ("x" * (LONGEST_NAMED + 1), "at most"),
    ],
)
def test_an_id_that_cannot_name_files_says_why(text, told):
    assert told in problem_of_id(text)


def test_the_name_of_the_files_of_a_case_is_its_own():
    assert file_stem("A/S1/T1/ct") == "A__S1__T1__ct"
    long = "/".join(["A", "x" * 200, "T1", "ct"])
    stems = {file_stem(long), file_stem(long + "2"), file_stem(long + "3")}
    assert len(stems) == 3
    assert max(map(len, stems)) <= 200
    assert file_stem("a" * 160) == "a" * 160
    assert file_stem("a" * 161) != "a" * 161


# Twins


def twins(*cases: tuple[str, str]) -> dict[str, list[str]]:
    cohort = Cohort.in_memory()
    for place, (name, pixels) in enumerate(cases):
        site, subject, timepoint, role = name.split("/")
        ids = {"site_id": site, "subject_id": subject, "timepoint": timepoint, "role": role}
        cohort.add(survey(name), place, "", ())
        head = replace(HEAD, case_id=name, pixels=pixels, **ids)
        cohort.take_result(
            place + 1, replace(RESULT, head=head, seal=name, lines=dict.fromkeys(RESULT.lines, ""))
        )
    find_twins_by_pixels(cohort)
    found = {case.case_id: cohort.findings(case.number) for case in cohort.surveyed()}
    return {
        case: [error.message.rpartition(" ")[2] for error in errors]
        for case, errors in found.items()
        if errors
    }


def test_an_image_under_two_names_is_told_at_both():
    assert twins(("A/1/T1/ct", "x"), ("A/2/T1/ct", "x"), ("A/3/T1/ct", "y")) == {
        "A/1/T1/ct": ["A/2/T1/ct"],
        "A/2/T1/ct": ["A/1/T1/ct"],
    }


def test_two_roles_of_one_visit_may_share_an_image():
    assert twins(("A/1/T1/ct", "x"), ("A/1/T1/pet", "x")) == {}
    found = twins(("A/1/T1/ct", "x"), ("A/1/T1/pet", "x"), ("A/1/T2/ct", "x"))
    assert found["A/1/T1/ct"] == ["A/1/T2/ct"]
    assert found["A/1/T2/ct"] == ["A/1/T1/ct", "A/1/T1/pet"]


def test_images_without_pixels_are_no_twins():
    assert twins(("A/1/T1/ct", ""), ("A/2/T1/ct", "")) == {}
