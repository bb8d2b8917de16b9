"""A stored result says who it is of, and one of another version is measured again."""

from __future__ import annotations

import pytest
from synthetic_results import CASE_ID, case_result

from biomarker_cli.case.result import CaseResult, Note, RoiKey
from biomarker_cli.model.usability import UsablePolicy
from biomarker_cli.regions.result import AuditedRoiRow
from biomarker_cli.study.finished import finished
from biomarker_cli.study.keys import key_of_parts
from biomarker_cli.study.packed import OtherFormatError, PackedResult, RoiSummary, pack
from biomarker_cli.study.store import ResultStore, UnusableResultError
from biomarker_cli.tables.flag_counts import RunFlags
from biomarker_cli.tables.rows import MeasurementRow
from biomarker_cli.tables.schema import CASES, MEASUREMENTS


def _result() -> CaseResult:
    roi = AuditedRoiRow(
        case_id=CASE_ID, roi_id="GTV", roi_name="GTV", roi_label="gtv [1]", status="ok", n_planes=3
    )
    measured = [
        MeasurementRow(
            case_id=CASE_ID,
            roi_id="GTV",
            analysis_id="a@1.0.0",
            feature_id=f"original.intensity.{name}",
            value=value,
            unit="1",
            status="ok" if value is not None else "undefined",
            flags=frozenset({"roi_small", "draft_protocol"}),
        )
        for name, value in (("mean", 1.5), ("cov", None))
    ]
    notes = [Note("no mean [of 0]", "GTV"), Note("of the case [file.dcm]")]
    return case_result(rois={RoiKey("GTV", "ct"): roi}, measurements=measured, notes=notes)


def _packed() -> PackedResult:
    return pack(finished(_result()), "trial", {"a": 1}, "names")[0]


def test_a_result_is_read_as_it_was_written():
    packed = _packed()
    read = PackedResult.from_bytes(packed.to_bytes())
    assert (read.head, read.lines) == (packed.head, packed.lines)
    assert (read.head.visit, read.head.role) == (("S", "1", "T1"), "ct")
    assert read.head.rois == [RoiSummary("ct", "GTV", "ok", "", "", ["a@1.0.0"])]
    assert (read.head.n_ok, read.head.n_without) == (1, 1)
    assert read.rows(CASES)[0]["result_key"] == key_of_parts({"a": 1})
    assert {row["flags"] for row in read.rows(MEASUREMENTS)} == {"draft_protocol;roi_small"}


def test_further_flags_are_counted_and_weigh():
    packed = _packed()
    assert packed.head.flags["measurements"] == {"draft_protocol": 2, "roi_small": 2}
    assert [row["usable"] for row in packed.rows(MEASUREMENTS)] == ["no", "caution"]
    flagged = packed.flagged(frozenset({"study_duplicate_data", "roi_small"}))
    assert flagged.head.flags["measurements"] == {
        "draft_protocol": 2,
        "roi_small": 2,
        "study_duplicate_data": 2,
    }
    assert [row["usable"] for row in flagged.rows(MEASUREMENTS)] == ["no", "no"]
    assert flagged.head.flags["rois"] == {}


def test_the_policy_of_a_study_weighs_what_is_stored_and_stores_nothing():
    packed = _packed()
    policy = UsablePolicy((("draft_protocol", "info"), ("roi_small", "info")))
    weighed = packed.weighed_by(policy)
    assert [row["usable"] for row in weighed.rows(MEASUREMENTS)] == ["no", "yes"]
    assert [row["usable"] for row in packed.rows(MEASUREMENTS)] == ["no", "caution"]
    assert weighed.head == packed.head
    assert packed.weighed_by(UsablePolicy()) is packed
    heavy = packed.flagged(frozenset({"trace_images"})).weighed_by(
        UsablePolicy((("trace_images", "do_not_use"),))
    )
    assert {row["usable"] for row in heavy.rows(MEASUREMENTS)} == {"no"}


def test_the_flags_of_a_study_are_listed_with_what_they_weigh():
    counts = [
        {"measurements": {"roi_small": 2, "acq_fail:B": 1}, "rois": {"roi_small": 1}, "facts": {}},
        {"measurements": {"roi_small": 3}, "rois": {}, "facts": {"fact_varies": 4}},
        {},
    ]
    policy = UsablePolicy((("roi_small", "do_not_use"),))
    flags = RunFlags()
    for one in counts:
        flags.add(one)
    rows = [
        (r.flag, r.severity, r.n_measurements, r.n_rois, r.n_facts)
        for r in flags.rows(policy.severity_of)
    ]
    assert rows == [
        ("acq_fail:B", "do_not_use", 1, 0, 0),
        ("fact_varies", "info", 0, 0, 4),
        ("roi_small", "do_not_use", 5, 1, 0),
    ]
    assert list(RunFlags().rows(policy.severity_of)) == []


def test_a_note_keeps_its_region_whatever_brackets_it_holds():
    notes = PackedResult.from_bytes(_packed().to_bytes()).notes
    assert [note.roi_id for note in notes] == ["GTV", ""]
    assert list(map(str, notes)) == ["no mean [of 0] [GTV]", "of the case [file.dcm]"]


def test_a_result_of_an_older_version_is_told_from_a_damaged_one(tmp_path):
    store = ResultStore(tmp_path)
    store.open_for("trial")
    store.save(_packed())
    (path,) = (tmp_path / "results").glob("*.result")
    whole = path.read_bytes()
    old = whole.replace(b"biomarker-result/7", b"biomarker-result/4", 1)
    with pytest.raises(OtherFormatError):
        PackedResult.from_bytes(old)
    for content, why in ((old, "another version"), (whole.replace(b"1.5", b"1.6"), "edited")):
        path.write_bytes(content)
        with pytest.raises(UnusableResultError, match=why):
            store.load(CASE_ID, "trial")
    path.write_bytes(whole)
    assert store.load(CASE_ID, "trial") == _packed()


def test_no_byte_of_a_result_can_be_another():
    """The head decides as much as the rows, and so does the way in which it is written."""
    whole = _packed().to_bytes()
    for place, byte in enumerate(whole):
        with pytest.raises(ValueError):  # noqa: PT011 - JSON has many words for it
            PackedResult.from_bytes(whole[:place] + bytes([byte ^ 1]) + whole[place + 1 :])


@pytest.mark.parametrize(
    ("was", "now"),
    [(b'"study": ', b'"study":  '), (b', "sha256"', b',  "sha256"'), (b'"sha256": ', b'"sha256":')],
)
def test_a_head_that_says_the_same_in_other_bytes_was_edited(was, now):
    whole = _packed().to_bytes()
    assert was in whole
    with pytest.raises(ValueError, match="edited"):
        PackedResult.from_bytes(whole.replace(was, now, 1))


def test_the_seal_of_a_result_is_that_of_its_file():
    sealed, content = _packed().sealed()
    assert PackedResult.from_bytes(content).seal == sealed.seal != ""
    assert sealed.seal.encode() in content.partition(b"\n")[0]
