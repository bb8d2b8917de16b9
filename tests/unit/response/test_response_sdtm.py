"""TU, TR and RS say what the response tables say, in the words of SDTM (response.md, Output)."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner

from biomarker_cli.cli.main import cli
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.ledger import typed_row
from biomarker_cli.response.sdtm import SdtmTerms, sdtm_rows
from biomarker_cli.response.sdtm_tables import RS, TR, TU
from biomarker_cli.tables.errors import TableError

HEAD = "criterion,subject_id,timepoint,day,target,non_target,new_lesion,new_lesion_sizes\n"
READINGS = HEAD + (
    "recist-1.1,S1,BL,0,T1=30;N2=20;T3=12,present,no,\n"
    "recist-1.1,S1,TP1,56,T1=20;N2=9.9;T3=TSTM,non_cr_non_pd,no,\n"
    "recist-1.1,S1,TP2,112,T1=missing;N2=10;T3=0,ne,no,\n"
    "recist-1.1,S1,TP3,168,T1.1=9;T1.2=8;N2=9;T3=0,pd,yes,NT1=14\n"
    "recist-1.1,S2,BL,-3,T1=30,none,no,\n"
    "recist-1.1,S2,TP1,56,T1=29,none,equivocal,\n"
    "recist-1.1,S3,BL,0,T1=5,none,no,\n"
)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdtm")
    (folder / "readings.csv").write_text(READINGS)
    command = ["response", "from-table", str(folder / "readings.csv")]
    more = ["--criterion", "recist-1.1", "-o", str(folder / "out")]
    done = CliRunner().invoke(cli, [*command, *more])
    assert done.exit_code == 5, done.output  # S3 has no measurable target
    return folder / "out"


@pytest.fixture(scope="module")
def rows(judged):
    return sdtm_rows(judged, SdtmTerms("T1", evaluator="INVESTIGATOR"))


def of(rows, table, subject, **wanted):
    return [
        row
        for row in rows[table]
        if row["USUBJID"] == f"T1-{subject}" and all(row.get(k) == v for k, v in wanted.items())
    ]


def test_a_lesion_is_identified_once_and_a_fragment_when_it_falls_off(rows):
    found = [(r["TULNKID"], r["TUTESTCD"], r["TUORRES"], r["VISIT"]) for r in of(rows, TU, "S1")]
    assert found == [
        ("N2", "TUMIDENT", "TARGET", "BL"),
        ("T1", "TUMIDENT", "TARGET", "BL"),
        ("T3", "TUMIDENT", "TARGET", "BL"),
        ("NT1", "TUMIDENT", "NEW", "TP3"),
        ("T1.1", "TUSPLIT", "TARGET", "TP3"),
        ("T1.2", "TUSPLIT", "TARGET", "TP3"),
    ]


def test_merged_lesions_are_one_row(tmp_path):
    lines = ["recist-1.1,S1,BL,0,T1=25;T2=20,none,no,\nrecist-1.1,S1,TP1,56,T1/T2=38,none,no,\n"]
    (tmp_path / "t.csv").write_text(HEAD + lines[0])
    command = ["response", "from-table", str(tmp_path / "t.csv"), "--criterion", "recist-1.1"]
    assert CliRunner().invoke(cli, [*command, "-o", str(tmp_path / "out")]).exit_code == 0
    found = sdtm_rows(tmp_path / "out", SdtmTerms("T1"))
    assert [r["TULNKID"] for r in found[TU] if r["TUTESTCD"] == "TUMERGE"] == ["T1/T2"]


@pytest.mark.parametrize(
    ("lesion", "visit", "test", "expected"),
    [
        ("T1", "BL", "LDIAM", ("30", "mm", 30.0, "")),
        ("N2", "BL", "LPERP", ("20", "mm", 20.0, "")),
        ("T3", "TP1", "LDIAM", ("TOO SMALL TO MEASURE", "", 5.0, "")),
        ("T3", "TP2", "LDIAM", ("0", "mm", 0.0, "")),
        ("T1", "TP3", "LDIAM", ("17", "mm", 17.0, "")),
        ("T1", "TP2", "LDIAM", (None, None, None, "NOT DONE")),
        ("NT1", "TP3", "LDIAM", ("14", "mm", 14.0, "")),
        ("", "BL", "SUMDIAM", ("62", "mm", 62.0, "")),
        ("", "TP1", "SUMDIAM", ("34.9", "mm", 34.9, "")),
    ],
)
def test_results_of_lesions(rows, lesion, visit, test, expected):
    (row,) = of(rows, TR, "S1", TRLNKID=lesion, VISIT=visit, TRTESTCD=test)
    names = ("TRORRES", "TRORRESU", "TRSTRESN")
    assert (*(row.get(n) for n in names), row.get("TRSTAT", "")) == expected
    assert bool(row.get("TRREASND")) == (row.get("TRSTAT") == "NOT DONE")


def test_a_node_is_measured_by_its_short_axis_and_10_mm_is_pathological(rows):
    assert not of(rows, TR, "S1", TRLNKID="N2", TRTESTCD="LDIAM")
    states = of(rows, TR, "S1", TRLNKID="N2", TRTESTCD="LNSTATE")
    assert [r["TRORRES"] for r in states] == [
        "PATHOLOGICAL",
        "NON-PATHOLOGICAL",
        "PATHOLOGICAL",
        "NON-PATHOLOGICAL",
    ]


def test_a_partial_sum_is_no_sum(rows):
    assert not of(rows, TR, "S1", VISIT="TP2", TRTESTCD="SUMDIAM")


def test_what_is_gone_is_absent(rows):
    absent = of(rows, TR, "S1", TRTESTCD="TUMSTATE", TRORRES="ABSENT")
    assert {(r["TRLNKID"], r["VISIT"]) for r in absent} == {("T3", "TP2"), ("T3", "TP3")}


def test_responses_of_a_visit_are_rows_and_the_baseline_is_none(rows):
    assert not of(rows, RS, "S1", VISIT="BL")
    said = {
        visit: {r["RSTESTCD"]: r["RSORRES"] for r in of(rows, RS, "S1", VISIT=visit)}
        for visit in ("TP1", "TP2", "TP3")
    }
    assert said == {
        "TP1": {"TRGRESP": "PR", "NTRGRESP": "NON-CR/NON-PD", "NEWLIND": "N", "OVRLRESP": "PR"},
        "TP2": {"TRGRESP": "NE", "NTRGRESP": "NE", "NEWLIND": "N", "OVRLRESP": "NE"},
        "TP3": {"TRGRESP": "PR", "NTRGRESP": "PD", "NEWLIND": "Y", "OVRLRESP": "PD"},
    }
    other = {r["RSTESTCD"]: r["RSORRES"] for r in of(rows, RS, "S2", VISIT="TP1")}
    assert other == {"TRGRESP": "SD", "NEWLIND": "EQUIVOCAL", "OVRLRESP": "SD"}


def test_there_is_no_day_0(rows):
    days = {r["VISIT"]: r["TRDY"] for r in of(rows, TR, "S1", TRTESTCD="SUMDIAM")}
    assert (days["BL"], days["TP1"]) == (1, 57)
    assert {r["TRDY"] for r in of(rows, TR, "S2", VISIT="BL")} == {-3}


def test_link_groups_of_results_and_responses_meet(rows):
    groups = {(r["USUBJID"], r["TRLNKGRP"]) for r in rows[TR]}
    assert {(r["USUBJID"], r["RSLNKGRP"]) for r in rows[RS]} <= groups


@pytest.mark.parametrize("table", [TU, TR, RS])
def test_rows_are_numbered_within_each_subject_in_the_order_of_time(rows, table):
    name = table.name.upper()
    for subject in ("S1", "S2"):
        found = of(rows, table, subject)
        assert [r[f"{name}SEQ"] for r in found] == list(range(1, len(found) + 1))
        assert [r[f"{name}DY"] for r in found] == sorted(r[f"{name}DY"] for r in found)
    assert {r[f"{name}EVAL"] for r in rows[table]} == {"INVESTIGATOR"}
    assert not of(rows, table, "S3")


def test_names_and_texts_are_as_long_as_sdtm_holds(rows):
    for table in (TU, TR, RS):
        assert all(len(name) <= 8 and name.isupper() for name in table.column_names)
        for column in table.columns:
            words = {row.get(column.name, "") for row in rows[table]}
            assert not column.values or words <= {*column.values, ""}, column.name


def _ledger_row(**more):
    cells = dict.fromkeys(
        ("subject_id", "reader", "timepoint", "date", "lesion_id", "role", "organ", "is_node"), ""
    )
    cells |= dict.fromkeys(("state", "into", "roi_id", "extra", "reason", "basis"), "")
    return typed_row({**cells, "place": "l.csv, row 2", "subject_id": "S1", **more})


def test_non_targets_come_from_the_ledger(judged):
    person = {"lesion_id": "X1", "role": "non_target", "organ": "bone"}
    ledger = [
        _ledger_row(**person, timepoint="TP3", state="pd"),
        _ledger_row(**person, timepoint="BL", state="present"),
        _ledger_row(**person, timepoint="TP2", state="not_evaluable", reason="not scanned"),
        _ledger_row(**person, timepoint="TP9", state="present"),
    ]
    found = sdtm_rows(judged, SdtmTerms("T1"), ledger)
    (identified,) = of(found, TU, "S1", TULNKID="X1")
    assert (identified["TUORRES"], identified["TULOC"]) == ("NON-TARGET", "bone")
    assert identified["VISIT"] == "BL"
    said = [
        (r["VISIT"], r.get("TRORRES"), r.get("TRREASND")) for r in of(found, TR, "S1", TRLNKID="X1")
    ]
    assert said == [
        ("BL", "PRESENT", None),
        ("TP2", None, "NOT SCANNED"),
        ("TP3", "UNEQUIVOCAL PROGRESSION", None),
    ]


@pytest.mark.parametrize("study", ["", " ", "A" * 21, "=cmd", "a b", "x\n", "\x1b[1m"])
def test_a_study_id_that_is_none_is_refused(judged, study):
    with pytest.raises(ResponseError) as refused:
        sdtm_rows(judged, SdtmTerms(study))
    assert refused.value.code == "SDTM-STUDY"


def test_a_criterion_that_is_not_there_is_refused(judged):
    with pytest.raises(ResponseError) as refused:
        sdtm_rows(judged, SdtmTerms("T1", criterion="irecist"))
    assert refused.value.code == "SDTM-CRITERION"


def test_of_several_criteria_one_is_named(tmp_path):
    (tmp_path / "t.csv").write_text(READINGS.replace("recist-1.1,S", ",S"))
    command = ["response", "from-table", str(tmp_path / "t.csv"), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(
        cli, [*command, "--criterion", "recist-1.1", "--criterion", "irecist"]
    )
    assert done.exit_code == 5, done.output
    with pytest.raises(ResponseError) as refused:
        sdtm_rows(tmp_path / "out", SdtmTerms("T1"))
    assert refused.value.code == "SDTM-CRITERION"
    found = sdtm_rows(tmp_path / "out", SdtmTerms("T1", criterion="irecist"))
    assert {r["RSCAT"] for r in found[RS]} == {"irecist@1.0.0"}


def test_tables_that_were_edited_or_are_of_something_else_are_refused(judged, tmp_path):
    import shutil

    folder = tmp_path / "copy"
    shutil.copytree(judged, folder)
    path = folder / "response.csv"
    path.write_text(path.read_text().replace("PR", "CR"))
    with pytest.raises(TableError) as refused:
        sdtm_rows(folder, SdtmTerms("T1"))
    assert refused.value.code == "TABLE-CHANGED"
    package = json.loads((folder / "datapackage.json").read_text())
    package["resources"] = [r for r in package["resources"] if r["name"] != "response"]
    (folder / "datapackage.json").write_text(json.dumps(package))
    with pytest.raises(ResponseError) as other:
        sdtm_rows(folder, SdtmTerms("T1"))
    assert other.value.code == "SDTM-NO-RESPONSE"


def test_a_text_that_sdtm_does_not_hold_is_refused(judged):
    said = {"lesion_id": "X1", "role": "non_target", "timepoint": "BL", "state": "not_evaluable"}
    with pytest.raises(ResponseError) as refused:
        sdtm_rows(judged, SdtmTerms("T1"), [_ledger_row(**said, reason="x" * 201)])
    assert refused.value.code == "SDTM-TEXT"
    sdtm_rows(judged, SdtmTerms("T1"), [_ledger_row(**said, reason="x" * 200)])


def test_the_command_writes_the_tables_their_columns_and_what_to_add(judged, tmp_path):
    command = ["export", "sdtm", str(judged), "--study", "T1", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(cli, [*command, "--format", "json"])
    assert done.exit_code == 0, done.output
    counts = {one["table"]: one["rows"] for one in json.loads(done.stdout)}
    for name, n in counts.items():
        with (tmp_path / "out" / f"{name}.csv").open(newline="") as stream:
            assert len(list(csv.DictReader(stream))) == n
    with (tmp_path / "out" / "tr.csv").open(newline="") as stream:
        days = [int(row["TRDY"]) for row in csv.DictReader(stream) if row["USUBJID"] == "T1-S1"]
    assert days == sorted(days)
    assert "DTC" in (tmp_path / "out" / "to_add.txt").read_text()
    again = CliRunner().invoke(cli, command)
    assert again.exception.code == "OUTPUT-EXISTS"
    assert CliRunner().invoke(cli, [*command, "--overwrite"]).exit_code == 0
