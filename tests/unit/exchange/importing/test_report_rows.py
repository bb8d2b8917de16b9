"""Reports of others become rows; damaged, hostile and contradicting ones do no harm."""

import csv

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from synthetic_reports import (
    DERIVATION,
    FINDING,
    PARAMETERS,
    SUV,
    coded,
    content,
    group,
    number,
    report,
    text,
    write_report,
)

from biomarker_cli.exchange.importing import report_content
from biomarker_cli.exchange.importing.imported_table import import_reports, write_imported

VOLUME = ("118565006", "SCT", "Volume")
MAXIMUM = ("56851009", "SCT", "Maximum")
OLD_MEAN = ("R-00317", "SRT", "Mean")
ADC = ("113041", "DCM", "Apparent Diffusion Coefficient")


def _rows(tmp_path, *groups):
    found = import_reports([write_report(report(*groups), tmp_path / "sr.dcm")])
    assert not found.refused
    return found.rows


def _row(tmp_path, *items, **words):
    (row,) = _rows(tmp_path, group(*items, **words))
    return row


def test_what_dcmqi_writes_has_the_names_of_ours(tmp_path):
    """SNOMED RT, the SUV unit of then, and who measured at the number."""
    who = (
        text(("111001", "DCM", "Algorithm Name"), "My tool"),
        text(("111003", "DCM", "Algorithm Version"), "1.0"),
    )
    rows = _rows(
        tmp_path,
        group(
            number(SUV, "4.25", "{SUVbw}g/ml", coded(DERIVATION, OLD_MEAN), *who),
            number(SUV, "9.5", "g/ml{SUVbw}", coded(DERIVATION, MAXIMUM)),
            number(ADC, "0.0011", "mm2/s", coded(DERIVATION, MAXIMUM)),
            number(ADC, "1100", "um2/s", coded(DERIVATION, MAXIMUM)),
            number(VOLUME, "1203.5", "mm3"),
            number(("TU9B", "IBSI", "Joint entropy"), "3.5", "1"),
        ),
    )
    found = [(row["feature_id"], row["value"], row["unit"]) for row in rows]
    assert found == [
        ("suvbw.uptake.mean", 4.25, "g/ml{SUVbw}"),
        ("suvbw.uptake.max", 9.5, "g/ml{SUVbw}"),
        ("adc.intensity.maximum", 0.0011, "mm2/s"),
        # Of another unit: no feature of ours.
        ("sr.dcm.113041.max", 1100.0, "um2/s"),
        ("sr.sct.118565006", 1203.5, "mm3"),
        ("sr.ibsi.tu9b", 3.5, "1"),
    ]
    assert rows[0]["analysis_id"] == "My_tool@1.0"
    assert rows[1]["analysis_id"] == "unknown@unknown"
    assert {row["case_id"] for row in rows} == {"import/1.2.7/T1/sr"}
    assert {(row["roi_id"], row["status"], row["usable"]) for row in rows} == {
        ("lesion 1", "ok", "caution")
    }


def test_a_private_scheme_as_of_pyradiomics_names_the_row(tmp_path):
    row = _row(tmp_path, number(("firstorder_Mean", "99PYRADIOMICS", "Mean"), "1.5", "1"))
    assert row["feature_id"] == "sr.99pyradiomics.firstorder_mean"
    assert row["concept"] == "firstorder_Mean:99PYRADIOMICS:Mean"


def test_all_digits_are_taken(tmp_path):
    row = _row(tmp_path, number(SUV, "0.33333333333333", floating=1 / 3))
    assert row["value"] == 1 / 3


@pytest.mark.parametrize(
    ("item", "status", "problem"),
    [
        (number(SUV, "2.5", floating=2.6), "failed", "contradict"),
        (number(SUV, "2.5", floating=2.50001), "failed", "contradict"),
        (number(SUV, "2.5", floating=float("nan")), "failed", "contradict"),
        (number(SUV, ""), "undefined", ""),
    ],
    ids=["contradicting", "in its sixth digit", "not a number", "without a value"],
)
def test_a_value_that_cannot_be_taken_is_none(item, status, problem, tmp_path):
    row = _row(tmp_path, item)
    assert (row["value"], row["status"], row["usable"]) == (None, status, "no")
    assert problem in row["problem"]


def test_two_values_are_none(tmp_path):
    item = number(SUV, "2.5")
    item.MeasuredValueSequence = [item.MeasuredValueSequence[0]] * 2
    assert _row(tmp_path, item)["problem"] == "2 values where one belongs"


def test_findings_of_one_name_stay_two_and_groups_of_one_finding_one(tmp_path):
    one = number(SUV, "1")
    rows = _rows(
        tmp_path,
        group(one, roi="A", uid="1.1"),
        group(number(VOLUME, "2", "mm3"), roi="A", uid="1.1"),
        group(one, roi="A", uid="1.2"),
        group(one, coded(FINDING, ("1", "SCT", "Mass")), roi="", uid=""),
        group(one, coded(FINDING, ("1", "SCT", "Mass")), roi="", uid=""),
        group(one, roi="", uid=""),
    )
    assert [row["roi_id"] for row in rows] == ["A", "A", "A#2", "Mass", "Mass#2", "group_6"]


def test_a_number_that_stands_twice_is_two_rows(tmp_path):
    rows = _rows(tmp_path, group(number(SUV, "1"), number(SUV, "2")))
    assert [row["feature_id"] for row in rows] == ["sr.dcm.126401", "sr.dcm.126401#2"]


def test_what_our_reports_say_of_themselves_is_taken_within_its_form(tmp_path):
    said = ("case_id=A/S1/T2/pet", "analysis_id=fdg-suv@1.0.0")
    below = ("feature_id=suvbw.uptake.sd", "flags=draft_protocol;nonsense", "usable=no")
    row = _row(
        tmp_path,
        *(text(PARAMETERS, one) for one in said),
        number(SUV, "1", "g/ml{SUVbw}", *(text(PARAMETERS, one) for one in below)),
    )
    assert (row["case_id"], row["analysis_id"]) == ("A/S1/T2/pet", "fdg-suv@1.0.0")
    assert (row["feature_id"], row["flags"]) == ("suvbw.uptake.sd", "draft_protocol")
    # The worse of what the report says and what the flags weigh.
    assert row["usable"] == "no"


def test_a_report_cannot_make_usable_what_its_flags_forbid(tmp_path):
    below = ("flags=acq_fail:X", "usable=yes")
    row = _row(tmp_path, number(SUV, "1", "1", *(text(PARAMETERS, one) for one in below)))
    assert row["usable"] == "no"


def test_hostile_text_becomes_text(tmp_path):
    evil = "=HYPERLINK(1)\x1b[2J\u202e<script>\n"
    said = (f"case_id={evil}/../../x", f"analysis_id={evil}@1", "case_id=../../../etc")
    rows = _rows(
        tmp_path,
        group(
            *(text(PARAMETERS, one) for one in said),
            number(
                (evil[:12], "=SUM", evil), "1", "=1\x1b[2J", text(PARAMETERS, f"feature_id={evil}")
            ),
            roi=evil,
            uid="=1+1",
        ),
        group(number(SUV, "1"), roi="x" * 1_000_000),
    )
    found = import_reports([tmp_path / "sr.dcm"])
    write_imported(found, tmp_path / "out.csv")
    content = (tmp_path / "out.csv").read_text()
    assert "\x1b" not in content
    assert "\u202e" not in content
    assert "SECRET" not in content
    assert "Secret" not in content
    with (tmp_path / "out.csv").open(newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert not any(cell.startswith(("=", "+", "@")) for cell in cells)
    assert max(map(len, cells)) < 4 * report_content.LONGEST_TEXT
    assert len(rows) == 2


def _nested(depth):
    item = content("CONTAINER", ("1", "99X", "x"))
    for _ in range(depth):
        outer = content("CONTAINER", ("1", "99X", "x"))
        outer.ContentSequence = [item]
        item = outer
    return item


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda: report(), "SR-NO-GROUP"),
        (lambda: report(_nested(40)), "SR-TOO-LARGE"),
        (lambda: _without("ContentSequence"), "SR-NOT-REPORT"),
        (lambda: _without("ConceptNameCodeSequence"), "SR-NOT-REPORT"),
    ],
    ids=["no group", "too deep", "no content", "no title"],
)
def test_a_report_that_cannot_be_used_has_its_code(made, code, tmp_path):
    found = import_reports([write_report(made(), tmp_path / "sr.dcm")])
    ((path, error),) = found.refused
    assert (path.name, error.code, found.rows) == ("sr.dcm", code, [])


def _without(keyword):
    found = report(group(number(SUV, "1")))
    del found[keyword]
    return found


def test_the_depth_is_bounded(tmp_path):
    """The group is a child of "Imaging Measurements", which is one of the report."""
    for depth, n_refused in (
        (report_content.MOST_DEPTH - 2, 0),
        (report_content.MOST_DEPTH - 1, 1),
    ):
        made = report(_nested(depth), group(number(SUV, "1", "1"), roi="", uid=""))
        found = import_reports([write_report(made, tmp_path / "sr.dcm")])
        assert len(found.refused) == n_refused


def test_the_number_of_items_is_bounded(tmp_path, monkeypatch):
    path = write_report(report(*(group(number(SUV, "1")) for _ in range(10))), tmp_path / "a.dcm")
    monkeypatch.setattr(report_content, "MOST_ITEMS", 41)
    assert import_reports([path]).n_reports == 1
    monkeypatch.setattr(report_content, "MOST_ITEMS", 40)
    assert import_reports([path]).refused[0][1].code == "SR-TOO-LARGE"
    monkeypatch.setattr(report_content, "MOST_BYTES", path.stat().st_size - 1)
    assert "bytes" in import_reports([path]).refused[0][1].message


def test_files_that_are_none_are_refused_and_the_others_go_on(tmp_path):
    good = write_report(report(group(number(SUV, "1"))), tmp_path / "good.dcm")
    whole = good.read_bytes()
    files = {"empty.dcm": b"", "text.dcm": b"hello " * 99, "cut.dcm": whole[: len(whole) - 90]}
    for name, content_bytes in files.items():
        (tmp_path / name).write_bytes(content_bytes)
    found = import_reports([*(tmp_path / n for n in files), tmp_path / "absent.dcm", good, good])
    codes = [error.code for _, error in found.refused]
    damaged = ["FILE-EMPTY", "FILE-NOT-DICOM", "SR-DAMAGED", "FILE-UNREADABLE"]
    assert codes == [*damaged, "SR-REPEATED"]
    assert (found.n_reports, len(found.rows)) == (1, 1)


@pytest.mark.parametrize("is_undefined", [False, True], ids=["lengths", "delimiters"])
def test_a_report_that_was_cut_gives_no_row(is_undefined, tmp_path):
    """Not fewer rows: pydicom takes the items that are there and says nothing."""
    whole = report(*(group(number(SUV, str(n)), roi=f"A{n}") for n in range(3)))
    if is_undefined:
        _delimit(whole)
    path = write_report(whole, tmp_path / "sr.dcm")
    written = path.read_bytes()
    assert len(import_reports([path]).rows) == 3
    for length in range(300, len(written), 19):
        path.write_bytes(written[:length])
        ((_, error),) = import_reports([path]).refused
        assert error.code in {"SR-DAMAGED", "SR-NOT-REPORT", "FILE-NOT-DICOM"}


def _delimit(dataset):
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
                _delimit(item)


def test_items_without_anything_are_no_group(tmp_path):
    spoiled = Dataset()
    spoiled.SOPClassUID = spoiled.SOPInstanceUID = "1.2"
    spoiled.ConceptNameCodeSequence, spoiled.ContentSequence = [], [Dataset()]
    found = import_reports([write_report(spoiled, tmp_path / "sr.dcm")])
    assert found.refused[0][1].code == "SR-NO-GROUP"


@pytest.mark.parametrize("tag", [0x0020000D, 0x0040A040], ids=["StudyInstanceUID", "ValueType"])
def test_items_in_place_of_a_word_are_damage_and_are_not_printed(tag, tmp_path):
    """pydicom would print what lies in them, as often as it is nested."""
    made = report(group(number(SUV, "4.25", "g/ml{SUVbw}")))
    place = made if tag == 0x0020000D else made.ContentSequence[-1]
    inner = Dataset()
    inner.add_new(tag, "SQ", [Dataset()])
    place[tag] = DataElement(tag, "SQ", [inner])
    found = import_reports([write_report(made, tmp_path / "sr.dcm")])
    assert [error.code for _, error in found.refused] == ["SR-DAMAGED"]
