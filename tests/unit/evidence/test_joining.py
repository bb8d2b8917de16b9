"""Clinical tables meet cases; what is wrong or absent is named, of both sides."""

from __future__ import annotations

import json

import frictionless
import pytest
from synthetic_evidence import Seen, write_clinical, write_package

from biomarker_cli.evidence.clinical_cells import OTHER_UNITS
from biomarker_cli.evidence.errors import ClinicalError
from biomarker_cli.evidence.joining import join_table, joined_rows, left_out_rows, write_join
from biomarker_cli.evidence.leak_check import is_identifying
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.package import package_is_true
from biomarker_cli.tables.sealed_files import read_sealed

BIOPSY = {"column": "biopsy_date", "before_days": 30, "after_days": 7}
GRADE = {"grade": {"type": "ordinal", "codes": {"1": "G1", "2": "G2", "3": "G3"}}}
VISITS = [
    Seen("S1", 1.0, date="20240311"),
    Seen("S1", 2.0, timepoint="T2", date="20240601"),
    Seen("S2", 3.0, site="B", date="20240311"),
]


def joined(tmp_path, seen, rows, **schema):
    folder = write_package(tmp_path / "run", seen)
    _, table, _, file = write_clinical(tmp_path / "clinical", rows, **schema)
    return join_table(folder, tmp_path / table, tmp_path / file)


def biopsies(tmp_path, *rows, **schema):
    """Join biopsies of (centre, patient, date, grade)."""
    names = ("centre", "patient", "biopsy_date", "grade")
    cells = [dict(zip(names, row, strict=True)) for row in rows]
    return joined(tmp_path, VISITS, cells, **{"window": BIOPSY, "columns": GRADE} | schema)


def left_out(join, side):
    key = "line" if side == "table" else "case_id"
    return {row[key]: row["reason"] for row in left_out_rows(join) if row["side"] == side}


def details(join):
    return {row["line"] or row["case_id"]: row["detail"] for row in left_out_rows(join)}


def days(join):
    return {match.target.case.case_id: match.days for match in join.matched.matches}


def test_rows_meet_cases_by_site_and_subject_and_carry_typed_values(tmp_path):
    rows = [
        {"centre": "A", "patient": "S1", "weight": "70.5", "response": "1"},
        {"centre": "B", "patient": "S2", "weight": "NA", "response": "0"},
    ]
    found = joined(tmp_path, VISITS, rows)
    assert list(joined_rows(found)) == [
        {"case_id": "A/S1/T1/dwi", "line": 2, "weight": 70.5, "response": "responder"},
        {"case_id": "A/S1/T2/dwi", "line": 2, "weight": 70.5, "response": "responder"},
        {"case_id": "B/S2/T1/dwi", "line": 3, "weight": None, "response": "none"},
    ]
    assert not found.matched.left_out


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("70500", "70500 kg is above 250 kg; in g it would be 70.5 kg"),
        ("7", "7 kg is below 30 kg"),
        ("-70", "-70 kg is below 30 kg"),
        ("70,5", "a decimal comma"),
        ("70 kg", "expected a number in kg, without its unit, found text"),
        ("=1+1", "found text"),
        ("\x1b[31m70", "found text"),
        ("<b>70</b>", "found text"),
        ("1e999", "found text"),
        ("nan", "found text"),
        ("", None),
        ("30", None),
        ("250", None),
    ],
)
def test_a_cell_that_cannot_be_what_its_column_says_is_named(tmp_path, cell, said):
    rows = [
        {"centre": "A", "patient": "S1", "weight": cell, "response": "1"},
        {"centre": "B", "patient": "S2", "weight": "80", "response": "0"},
    ]
    found = joined(tmp_path, VISITS, rows)
    if said is None:
        assert not found.matched.left_out
        return
    assert left_out(found, "table") == {2: "bad_value"}
    assert said in details(found)[2]
    assert "\x1b" not in details(found)[2]
    assert "<b>" not in details(found)[2]
    # One bad row never stops the others.
    assert {row["case_id"] for row in joined_rows(found)} == {"B/S2/T1/dwi"}
    assert left_out(found, "run") == {"A/S1/T1/dwi": "no_row", "A/S1/T2/dwi": "no_row"}


def test_a_word_that_is_no_code_is_refused_and_not_repeated(tmp_path):
    rows = [{"centre": "A", "patient": "S1", "weight": "", "response": "Mrs Miller recovered"}]
    found = joined(tmp_path, VISITS, rows)
    assert details(found)[2] == "response: it is none of the 2 codes"


def test_a_required_cell_is_not_missing(tmp_path):
    column = {"type": "integer", "unit": "a", "minimum": 18, "maximum": 120, "required": True}
    rows = [
        {"centre": "A", "patient": "S1", "age": "NA"},
        {"centre": "B", "patient": "S2", "age": "61.5"},
    ]
    found = joined(tmp_path, VISITS, rows, columns={"age": column})
    assert "required" in details(found)[2]
    assert "whole number, found 61.5" in details(found)[3]


@pytest.mark.parametrize(
    ("date", "reached", "said"),
    [
        ("2024-03-11", 0, None),
        ("2024-02-10", 30, None),
        ("20240210", 30, None),
        ("2024-02-09", None, "31 days before the scan at the nearest, at most 30 are allowed"),
        ("2024-03-18", -7, None),
        ("2024-03-19", None, "8 days after the scan at the nearest, at most 7 are allowed"),
    ],
)
def test_a_date_outside_its_window_is_named(tmp_path, date, reached, said):
    found = biopsies(tmp_path, ("A", "S1", date, "1"))
    assert days(found) == ({} if reached is None else {"A/S1/T1/dwi": reached})
    if said:
        assert left_out(found, "table") == {2: "outside_window"}
        assert details(found)[2] == said
        assert left_out(found, "run")["A/S1/T1/dwi"] == "outside_window"
    assert left_out(found, "run")["B/S2/T1/dwi"] == "no_row"


@pytest.mark.parametrize("date", ["03/11/2024", "2024-3-11", "2024-W11-1", "20240230", "", "-1"])
def test_a_date_that_can_be_read_two_ways_is_none(tmp_path, date):
    found = biopsies(tmp_path, ("A", "S1", date, "1"))
    assert left_out(found, "table") == {2: "bad_value"}
    assert "no date as YYYY-MM-DD" in details(found)[2]


def test_two_biopsies_are_refused_where_no_rule_decides(tmp_path):
    two = (("A", "S1", "2024-03-01", "1"), ("A", "S1", "2024-03-09", "3"))
    found = biopsies(tmp_path, *two)
    assert left_out(found, "table") == {2: "two_matches", 3: "two_matches"}
    assert left_out(found, "run")["A/S1/T1/dwi"] == "two_matches"
    assert "lines 2, 3" in details(found)["A/S1/T1/dwi"]
    assert (days(found), found.n_refused) == ({}, 3)


@pytest.mark.parametrize(("rule", "line", "other"), [("nearest", 3, 2), ("first", 2, 3)])
def test_a_named_rule_decides_between_two_biopsies(tmp_path, rule, line, other):
    two = (("A", "S1", "2024-03-01", "1"), ("A", "S1", "2024-03-09", "3"))
    found = biopsies(tmp_path, *two, matches=rule)
    assert [match.row.line for match in found.matched.matches] == [line]
    assert left_out(found, "table") == {other: "not_chosen"}
    assert found.n_refused == 0


@pytest.mark.parametrize(
    ("rule", "dates"),
    [("nearest", ("2024-03-08", "2024-03-14")), ("first", ("2024-03-08", "2024-03-08"))],
)
def test_a_tie_is_refused_under_a_rule_as_well(tmp_path, rule, dates):
    found = biopsies(tmp_path, *(("A", "S1", date, "1") for date in dates), matches=rule)
    assert left_out(found, "table") == {2: "two_matches", 3: "two_matches"}
    assert days(found) == {}


@pytest.mark.parametrize(
    ("rule", "chosen"), [("refuse", {}), ("nearest", {"T2": 5}), ("first", {"T1": -15})]
)
def test_one_biopsy_between_two_visits_is_of_one_of_them(tmp_path, rule, chosen):
    seen = [Seen("S1", 1.0, date="20240311"), Seen("S1", 2.0, timepoint="T2", date="20240331")]
    window = {"column": "biopsy_date", "before_days": 30, "after_days": 30}
    row = {"centre": "A", "patient": "S1", "biopsy_date": "2024-03-26", "grade": "1"}
    found = joined(tmp_path, seen, [row], window=window, columns=GRADE, matches=rule)
    assert {m.target.case.timepoint: m.days for m in found.matched.matches} == chosen
    assert left_out(found, "table") == ({} if chosen else {2: "two_matches"})
    other = "two_matches" if rule == "refuse" else "not_chosen"
    assert set(left_out(found, "run").values()) == {other}


def test_a_biopsy_as_far_from_two_visits_is_of_neither(tmp_path):
    seen = [Seen("S1", 1.0, date="20240311"), Seen("S1", 2.0, timepoint="T2", date="20240331")]
    window = {"column": "biopsy_date", "before_days": 30, "after_days": 30}
    row = {"centre": "A", "patient": "S1", "biopsy_date": "2024-03-21", "grade": "1"}
    found = joined(tmp_path, seen, [row], window=window, columns=GRADE, matches="nearest")
    assert left_out(found, "table") == {2: "two_matches"}
    assert set(left_out(found, "run").values()) == {"two_matches"}


def test_rows_of_another_visit_do_not_compete(tmp_path):
    # The row of 29 March is nearer to T2; T1 keeps that of 1 March.
    seen = [Seen("S1", 1.0, date="20240311"), Seen("S1", 2.0, timepoint="T2", date="20240331")]
    window = {"column": "biopsy_date", "before_days": 30, "after_days": 30}
    rows = [
        {"centre": "A", "patient": "S1", "biopsy_date": date, "grade": "1"}
        for date in ("2024-03-29", "2024-02-20")
    ]
    found = joined(tmp_path, seen, rows, window=window, columns=GRADE, matches="nearest")
    assert {m.target.case.timepoint: m.row.line for m in found.matched.matches} == {
        "T1": 3,
        "T2": 2,
    }
    assert not found.matched.left_out


def test_two_rows_of_a_subject_without_dates_are_refused(tmp_path):
    row = {"centre": "A", "patient": "S1", "weight": "70", "response": "1"}
    found = joined(tmp_path, VISITS[:1], [row, row | {"weight": "71"}])
    assert left_out(found, "table") == {2: "two_matches", 3: "two_matches"}


def test_lesions_meet_regions_and_visits_timepoints(tmp_path):
    seen = [
        Seen("S1", 1.0),
        Seen("S1", 1.0, roi="NODE"),
        Seen("S1", 2.0, timepoint="T2"),
    ]
    keys = {"site": "centre", "subject": "patient", "lesion": "lesion", "timepoint": "visit"}
    row = {"centre": "A", "patient": "S1", "grade": "2"}
    rows = [
        row | {"lesion": "NODE", "visit": "T1"},
        row | {"lesion": "GTV", "visit": "T2"},
        row | {"lesion": "NODE", "visit": "T2"},
        row | {"lesion": "GTV", "visit": "T3"},
        row | {"patient": "S9", "lesion": "GTV", "visit": "T1"},
        row | {"lesion": "", "visit": "T1"},
    ]
    found = joined(tmp_path, seen, rows, keys=keys, columns=GRADE)
    met = [(r["case_id"], r["roi_id"], r["line"]) for r in joined_rows(found)]
    assert met == [("A/S1/T1/dwi", "NODE", 2), ("A/S1/T2/dwi", "GTV", 3)]
    assert left_out(found, "table") == {
        4: "no_lesion",
        5: "no_timepoint",
        6: "no_subject",
        7: "bad_value",
    }
    assert [(r["case_id"], r["roi_id"]) for r in left_out_rows(found) if r["side"] == "run"] == [
        ("A/S1/T1/dwi", "GTV")
    ]


def test_a_key_that_the_run_does_not_know_is_not_repeated(tmp_path):
    rows = [{"centre": "A", "patient": "MRN-4711-DOE", "weight": "70", "response": "1"}]
    folder = write_package(tmp_path / "run", VISITS)
    _, table, _, file = write_clinical(tmp_path / "clinical", rows)
    found = join_table(folder, tmp_path / table, tmp_path / file)
    write_join(found, folder, tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert b"4711" not in path.read_bytes()


def test_a_case_without_a_day_of_its_scan_meets_no_date(tmp_path):
    row = {"centre": "A", "patient": "S1", "biopsy_date": "2024-03-11", "grade": "1"}
    for place, date in enumerate(("", "20240311\\20240312")):
        found = joined(
            tmp_path / str(place), [Seen("S1", 1.0, date=date)], [row], window=BIOPSY, columns=GRADE
        )
        assert left_out(found, "table") == {2: "no_date"}
        assert left_out(found, "run") == {"A/S1/T1/dwi": "no_date"}


def test_a_subject_id_of_two_sites_needs_the_site(tmp_path):
    seen = [Seen("S1", 1.0), Seen("S1", 2.0, site="B")]
    row = {"centre": "A", "patient": "S1", "weight": "70", "response": "1"}
    with pytest.raises(ClinicalError, match="more than one site") as caught:
        joined(tmp_path, seen, [row], keys={"subject": "patient"})
    assert caught.value.code == "CLINICAL-SITE"
    found = joined(tmp_path, seen, [row])
    assert [r["case_id"] for r in joined_rows(found)] == ["A/S1/T1/dwi"]


IDENTIFIERS = [
    (
        {"birth_date": "1954-03-12"},
        {"window": {"column": "birth_date", "before_days": 9}},
        "called",
    ),
    (
        {"PatientName": "1"},
        {"columns": {"a": GRADE["grade"] | {"column": "PatientName"}}},
        "called",
    ),
    ({"patient": "miller@example.org"}, {}, "e-mail"),
    ({"patient": "MILLER^ANN"}, {}, "a name"),
    ({"patient": "+49 6221 123456"}, {}, "telephone"),
    ({"MRN": "123456", "patient": "X123456"}, {}, "stands in a key"),
    ({"surname": "Miller", "patient": "S1-miller"}, {}, "stands in a key"),
    ({}, {"columns": {"a": {"type": "category", "codes": {"1": "A^B", "2": "c"}}}}, "a name"),
]


@pytest.mark.parametrize(("cells", "schema", "said"), IDENTIFIERS)
def test_identifiers_are_refused_before_anything_is_written(tmp_path, cells, schema, said):
    row = {"centre": "A", "patient": "S1", "weight": "70", "response": "1", "a": "1"} | cells
    with pytest.raises(ClinicalError, match=said) as caught:
        joined(tmp_path, VISITS, [row], **schema)
    assert caught.value.code == "CLINICAL-IDENTIFIER"
    assert not any(cell in str(caught.value) for cell in ("iller", "123456", "1954"))


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *(("patient_name", True), ("DateOfBirth", True), ("birth-date", True), ("MRN", True)),
        *(("PatientID", True), ("hospital number", True), ("e_mail", True), ("email", True)),
        *(("lesion", False), ("ki67_percent", False), ("surnames", True), ("biopsy_date", False)),
    ],
)
def test_columns_that_are_called_like_an_identifier(name, is_one):
    assert is_identifying(name) is is_one


def test_an_identifier_of_three_characters_stands_in_anything(tmp_path):
    row = {"centre": "A", "patient": "S123", "weight": "70", "response": "1"}
    assert joined(tmp_path / "short", VISITS, [row | {"MRN": "123"}])
    with pytest.raises(ClinicalError, match="stands in a key"):
        joined(tmp_path / "long", VISITS, [row | {"MRN": "S123"}])


def test_factors_to_other_units_are_those_of_units_that_rules_know():
    from biomarker_cli.model.units import conversion_factor, is_unit

    pairs = [(unit, *other) for unit, others in OTHER_UNITS.items() for other in others]
    known = [(unit, other, f) for unit, other, f in pairs if is_unit(unit) and is_unit(other)]
    assert len(known) > 12
    for unit, other, factor in known:
        # A percentage is a number of hundredths, which rules tell apart.
        wanted = {("%", "1"): 100.0, ("1", "%"): 0.01}.get((unit, other))
        assert factor == pytest.approx(wanted or conversion_factor(other, unit))


def test_an_identifying_column_that_stays_behind_does_not_stop_a_join(tmp_path):
    row = {"centre": "A", "patient": "S1", "weight": "70", "response": "1", "name": "Miller"}
    folder = write_package(tmp_path / "run", VISITS)
    _, table, _, file = write_clinical(tmp_path / "clinical", [row])
    write_join(join_table(folder, tmp_path / table, tmp_path / file), folder, tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert b"Miller" not in path.read_bytes()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "TABLE-COLUMNS"),
        (b"centre,patient,weight,response\n", "CLINICAL-TABLE"),
        (b"centre,patient,weight\nA,S1,70\n", "TABLE-COLUMNS"),
        (b"centre;patient;weight;response\nA;S1;70;1\n", "TABLE-COLUMNS"),
        (b"centre,patient,weight,response,weight\nA,S1,70,1,7\n", "CLINICAL-TABLE"),
        (b'centre,patient,weight,response\nA,S1,"70,1\n', "TABLE-UNREADABLE"),
        (b"centre,patient,weight,response\nA,S1,70,\xff\n", "TABLE-UNREADABLE"),
        (b"centre,patient,weight,response\nA,S1,70," + b"1" * 10_001, "TABLE-UNREADABLE"),
        (b"PK\x03\x04" + bytes(range(256)), "TABLE-UNREADABLE"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, content, code):
    folder = write_package(tmp_path / "run", VISITS)
    _, table, _, file = write_clinical(tmp_path / "clinical", [{"centre": "A"}])
    (tmp_path / table).write_bytes(content)
    with pytest.raises(BiomarkerError) as caught:
        join_table(folder, tmp_path / table, tmp_path / file)
    assert caught.value.code == code


def test_a_row_of_another_length_is_named_by_its_line(tmp_path):
    folder = write_package(tmp_path / "run", VISITS)
    _, table, _, file = write_clinical(tmp_path / "clinical", [{"centre": "A"}])
    content = 'centre,patient,weight,response\n\nA,S1,"70",1,9\nB,S2,80,0\nB,S3,8'
    (tmp_path / table).write_text(content)
    found = join_table(folder, tmp_path / table, tmp_path / file)
    assert left_out(found, "table") == {3: "bad_value", 5: "bad_value"}
    assert "5 cells, the header 4" in details(found)[3]
    assert [row["line"] for row in joined_rows(found)] == [4]


def test_a_huge_table_is_refused_by_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr("biomarker_cli.evidence.clinical_table.MOST_BYTES", 20)
    with pytest.raises(TableError, match="larger than 20 bytes"):
        joined(tmp_path, VISITS, [{"centre": "A", "patient": "S1", "weight": "", "response": "1"}])


NUMBER = {"type": "number", "unit": "kg", "minimum": 30, "maximum": 250}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"columns": {"w": {"type": "number"}}}, "needs its unit"),
        ({"columns": {"w": {"type": "number", "unit": "kg", "minimum": 1}}}, "needs its unit"),
        ({"columns": {"w": NUMBER | {"minimum": 250}}}, "not below the maximum"),
        ({"columns": {"w": NUMBER | {"codes": {"1": "a"}}}}, "no codes"),
        ({"columns": {"w": {"type": "category"}}}, "free text stays out"),
        ({"columns": {"w": {"type": "category", "unit": "kg"}}}, "has no unit"),
        ({"columns": {"w": {"type": "boolean", "codes": {"1": "yes", "0": "no"}}}}, "true"),
        ({"columns": {"case_id": NUMBER}}, "none of"),
        ({"columns": {"W": NUMBER}}, "small letters"),
        ({"columns": {"w": NUMBER | {"column": "patient"}}}, "named twice"),
        ({"columns": {}}, "at least 1"),
        ({"id": "a-b"}, "small letters"),
        ({"matches": "nearest"}, "needs a window"),
        ({"matches": "last", "window": BIOPSY}, "expected"),
        ({"window": BIOPSY | {"before_days": -1}}, "greater than or equal to 0"),
        ({"keys": {"site": "centre"}}, "missing"),
        ({"free": 1}, "unknown"),
        ({"format": "biomarker-clinical/2"}, "expected format"),
    ],
)
def test_a_schema_that_does_not_say_what_it_must_is_refused(tmp_path, changes, said):
    row = {"centre": "A", "patient": "S1", "biopsy_date": "2024-03-11", "w": "70"}
    with pytest.raises(ClinicalError, match=said) as caught:
        joined(tmp_path, VISITS, [row], **changes)
    assert caught.value.code == "CLINICAL-SCHEMA"


def test_the_joined_folder_is_a_package_whose_foreign_keys_hold(tmp_path):
    rows = [
        {"centre": "A", "patient": "S1", "biopsy_date": "2024-03-01", "lesion": "GTV", "grade": "1"}
    ]
    folder = write_package(tmp_path / "run", VISITS)
    keys = {"site": "centre", "subject": "patient", "lesion": "lesion"}
    schema = {"window": BIOPSY, "columns": GRADE, "keys": keys, "id": "pathology"}
    _, table, _, file = write_clinical(tmp_path / "clinical", rows, **schema)
    write_join(join_table(folder, tmp_path / table, tmp_path / file), folder, tmp_path / "one")
    rows = [{"centre": "A", "patient": "S1", "weight": "70", "response": "1"}]
    _, table, _, file = write_clinical(tmp_path / "second", rows)
    second = join_table(tmp_path / "one", tmp_path / table, tmp_path / file)
    write_join(second, tmp_path / "one", tmp_path / "two")

    package = tmp_path / "two" / "datapackage.json"
    resources = {one["name"]: one for one in json.loads(package.read_text())["resources"]}
    assert {"measurements", "pathology", "pathology_left_out", "clinical"} <= set(resources)
    assert resources["pathology"]["schema"]["foreignKeys"] == [
        {
            "fields": ["case_id", "roi_id"],
            "reference": {"resource": "rois", "fields": ["case_id", "roi_id"]},
        }
    ]
    assert resources["clinical"]["schema"]["foreignKeys"][0]["reference"]["resource"] == "cases"
    assert package_is_true(tmp_path / "two")
    # What each was joined from goes along.
    for name in ("pathology", "clinical"):
        assert read_sealed(tmp_path / "two" / f"{name}_join.json", "biomarker-join/1")["id"] == name
    report = frictionless.validate(str(package))
    assert report.valid, report.flatten(["type", "message"])
    # A key that leads nowhere is what the validator looks for.
    path = tmp_path / "two" / "clinical.csv"
    path.write_text(path.read_text().replace("A/S1/T2/dwi", "A/S1/T9/dwi"))
    report = frictionless.validate(str(package))
    assert "foreign-key" in {error[0] for error in report.flatten(["type"])}


def test_the_tables_of_the_run_are_carried_over_byte_by_byte_and_dates_stay_out(tmp_path):
    folder = write_package(tmp_path / "run", VISITS)
    rows = [{"centre": "A", "patient": "S1", "biopsy_date": "2024-03-01", "grade": "1"}]
    _, table, _, file = write_clinical(
        tmp_path / "clinical", rows, window=BIOPSY, columns=GRADE, id="pathology"
    )
    write_join(join_table(folder, tmp_path / table, tmp_path / file), folder, tmp_path / "out")
    for path in folder.glob("*.csv"):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
    text = (tmp_path / "out" / "pathology.csv").read_text()
    assert text == "case_id,grade,days_before_scan,line\nA/S1/T1/dwi,G1,10,2\n"
    said = json.loads((tmp_path / "out" / "pathology_join.json").read_text())
    assert (said["n_rows"], said["n_rows_matched"]) == (1, 1)
    assert said["left_out"] == {"table": {}, "run": {"no_row": 1, "outside_window": 1}}


def test_a_name_that_the_folder_has_is_refused(tmp_path):
    row = {"centre": "A", "patient": "S1", "weight": "70", "response": "1"}
    with pytest.raises(ClinicalError, match="a table cases already") as caught:
        joined(tmp_path, VISITS, [row], id="cases")
    assert caught.value.code == "CLINICAL-NAME"


def test_an_edited_table_of_the_run_is_refused(tmp_path):
    folder = write_package(tmp_path / "run", VISITS)
    with (folder / "cases.csv").open("a") as stream:
        stream.write("\n")
    row = {"centre": "A", "patient": "S1", "weight": "70", "response": "1"}
    _, table, _, file = write_clinical(tmp_path / "clinical", [row])
    with pytest.raises(TableError, match="edited or cut"):
        join_table(folder, tmp_path / table, tmp_path / file)


def test_dates_that_were_moved_are_held_against_no_date_of_the_table(tmp_path):
    seen = [
        Seen("S1", 1.0, date="20240311", moved="MODIFIED"),
        Seen("S2", 2.0, date="20240311", moved="UNMODIFIED"),
        Seen("S3", 3.0, date="", moved="REMOVED"),
    ]
    rows = [
        {"centre": "A", "patient": name, "biopsy_date": "2024-03-01", "grade": "1"}
        for name in ("S1", "S2", "S3")
    ]

    def at(folder, **window):
        return joined(tmp_path / folder, seen, rows, window=BIOPSY | window, columns=GRADE)

    found = at("as_told")
    assert days(found) == {"A/S2/T1/dwi": 10}
    assert left_out(found, "table") == {2: "dates_shifted", 4: "no_date"}
    assert left_out(found, "run") == {"A/S1/T1/dwi": "dates_shifted", "A/S3/T1/dwi": "no_date"}
    assert "the table is not said to be so" in details(found)[2]
    alike = at("alike", shifted_alike=True)
    assert days(alike) == {"A/S1/T1/dwi": 10, "A/S2/T1/dwi": 10}
