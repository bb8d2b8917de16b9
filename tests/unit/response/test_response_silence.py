"""Nothing of a subject is left out without a word: rows, visits, dates, members of an arm."""

from __future__ import annotations

import pytest
from synthetic_response import criterion_of, rows_of

from biomarker_cli.response.from_table import TableRow, read_rows, table_courses, unknown_criteria
from biomarker_cli.response.judging import Choices, judge
from biomarker_cli.response.ledger import read_ledger
from biomarker_cli.response.subjects import read_subjects
from biomarker_cli.tables.errors import TableError

RECIST = criterion_of("recist-1.1")
TWO_VISITS = ["T1=50", "T1=30", "T1=29"]


def named(row, **cells):
    return TableRow(row.line, dict(row.cells) | cells)


def outcome_of(rows, criteria=(RECIST,)):
    (found,) = table_courses(rows, criteria[0], unknown_criteria(rows, criteria))
    return found


def judged(tmp_path, subjects, rows):
    path = tmp_path / "subjects.csv"
    path.write_text(subjects)
    choices = Choices(subjects=read_subjects(path))
    return judge([(RECIST, table_courses(rows, RECIST))], choices)


def code_of(tmp_path, cells):
    header = "subject_id,reference_date,new_therapy_date,death_date,last_contact_date"
    found = judged(tmp_path, f"{header}\nS1,{cells}\n", rows_of(TWO_VISITS))
    return found.errors[0][1].code if found.errors else ""


@pytest.mark.parametrize("word", ["recsit-1.1", "RECIST 1.1", "recist-1.1@9.0.0"])
def test_a_subject_with_a_row_of_no_criterion_is_not_judged(word):
    first, *others, last = rows_of(TWO_VISITS)
    found = outcome_of([first, *others, named(last, criterion=word)])
    assert found.error is not None
    assert found.error.code == "RESPONSE-BAD-INPUT"
    assert word in found.error.message
    assert "row 4" in found.error.where


@pytest.mark.parametrize("word", ["recist-1.1", "recist-1.1@1.0.0", "RECIST1.1", ""])
def test_rows_of_the_criterion_and_of_another_one_are_known(word):
    rows = [named(row, criterion=word) for row in rows_of(TWO_VISITS)]
    others = [named(row, criterion="Choi") for row in rows_of(TWO_VISITS)]
    found = outcome_of([*rows, *others])
    assert found.error is None
    assert len(found.course.visits) == 3


def test_a_visit_that_stands_twice_is_refused_wherever_it_stands():
    rows = rows_of([*TWO_VISITS, "T1=28"])
    names = ["BL", "early", "late", "early"]
    found = outcome_of([named(r, timepoint=n) for r, n in zip(rows, names, strict=True)])
    assert found.error is not None
    assert found.error.message == "early stands twice"


@pytest.mark.parametrize(
    "cells", [{"new_lesion": "yes"}, {"new_lesion": "equivocal"}, {"new_lesion_sizes": "NT1=12"}]
)
def test_a_new_lesion_at_the_baseline_is_refused(cells):
    first, *others = rows_of(TWO_VISITS)
    found = outcome_of([named(first, **({"new_lesion": ""} | cells)), *others])
    assert found.error is not None
    assert "new lesion at the baseline" in found.error.message


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (",,,", ""),
        ("0,120,200,200", ""),
        ("2025-01-01,2025-06-01,2026-01-01,2026-01-01", ""),
        # A date, and nothing that tells its day.
        (",,2026-01-01,", "RESPONSE-BAD-INPUT"),
        ("0,,2026-01-01,", "RESPONSE-BAD-INPUT"),
        # What a spreadsheet makes of a date.
        ("2025-01-01,,45989,", "RESPONSE-BAD-INPUT"),
        (",,50,", "RESPONSE-DATE-ORDER"),
        (",,200,300", "RESPONSE-DATE-ORDER"),
        ("100,,,", "RESPONSE-DATE-ORDER"),
        ("10,5,,", "RESPONSE-DATE-ORDER"),
        (",-5,,", "RESPONSE-DATE-ORDER"),
    ],
)
def test_dates_that_cannot_be_meant_so_are_refused(tmp_path, cells, code):
    assert code_of(tmp_path, cells) == code


def test_every_subject_that_was_read_has_a_row_in_the_file(tmp_path):
    found = judged(tmp_path, "subject_id,death_date\ns1,90\n", rows_of(TWO_VISITS))
    (failed,) = found.best
    assert (failed["subject_id"], failed["error_code"]) == ("S1", "RESPONSE-NO-SUBJECT")


def test_arms_say_who_is_not_among_their_subjects(tmp_path):
    rows = [*rows_of(TWO_VISITS), *rows_of(TWO_VISITS, "S2"), *rows_of(["T1=5", "T1=5"], "S3")]
    subjects = "subject_id,arm,analysis_set\nS1,A,\nS2,,\nS3,A,\nS4,B,\nS5,B,no\n"
    found = judged(tmp_path, subjects, rows)
    rates = {
        row["arm"]: (row["n"], row.get("estimate"), row["reason"])
        for row in found.endpoints
        if row["level"] == "arm" and row["endpoint"] == "ORR"
    }
    assert rates == {
        "A": (1, 1.0, "1 subject not judged and left out"),
        "B": (0, None, "nobody is judged; 1 subject not judged and left out"),
        "": (2, 1.0, "2 subjects not judged and left out"),
    }
    keys = [
        (row["endpoint"], row["level"], row["arm"], row.get("subject_id"))
        for row in found.endpoints
    ]
    assert len(set(keys)) == len(keys)


def test_a_reader_who_did_not_read_everybody_says_so(tmp_path):
    rows = [named(row, reader="anna") for row in [*rows_of(TWO_VISITS), *rows_of(TWO_VISITS, "S2")]]
    rows += [named(row, reader="ben") for row in rows_of(TWO_VISITS)]
    found = judged(tmp_path, "subject_id\nS1\nS2\n", rows)
    said = {
        row["reader"]: row["reason"]
        for row in found.endpoints
        if row["level"] == "arm" and row["endpoint"] == "ORR"
    }
    assert said == {"anna": "", "ben": "1 subject not judged and left out"}


@pytest.mark.parametrize("name", ["LN1", "Neck", "node1", "ax_lymph", "nodule"])
def test_a_name_that_may_mean_a_node_is_not_guessed(name):
    found = outcome_of(rows_of([f"{name}=20", f"{name}=12"]))
    assert found.error is not None
    assert found.error.code == "RESPONSE-BAD-INPUT"
    assert name in found.error.message


@pytest.mark.parametrize(
    ("name", "is_node"),
    [("N1", True), ("n2", True), ("N_ax", True), ("T1", False), ("liver", False)],
)
def test_a_name_says_whether_a_lesion_is_a_node(name, is_node):
    found = outcome_of(rows_of([f"{name}=20", f"{name}=12"]))
    assert found.course.visits[0].lesions[0].is_node is is_node


@pytest.mark.parametrize(
    ("read", "header", "wanted"),
    [
        (read_subjects, "subject_id,deathdate", "death_date"),
        (read_subjects, "subject_id,New_Therapy_Date", "new_therapy_date"),
        (read_subjects, "subject_id,analysisset", "analysis_set"),
        (read_rows, "subject_id,timepoint,day,target,new_lesions", "new_lesion"),
        (read_rows, "subject_id,timepoint,day,Target", "target"),
        (read_ledger, "subject_id,timepoint,lesion_id,role,state,isnode", "is_node"),
    ],
)
def test_a_column_that_is_nearly_called_so_is_not_passed_over(tmp_path, read, header, wanted):
    path = tmp_path / "table.csv"
    path.write_text(f"{header}\n{','.join('1' for _ in header.split(','))}\n")
    with pytest.raises(TableError, match=wanted) as caught:
        read(path)
    assert caught.value.code == "TABLE-COLUMNS"


def test_other_columns_are_left_alone(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("subject_id,age,death_date,death_dates,note\nS1,60,90,x,-\n")
    assert read_subjects(path)["S1"].dates["death_date"] == 90
    path.write_text("subject_id,timepoint,day,target,targets,days,remark\nS1,BL,0,30,1,x,-\n")
    assert read_rows(path)[0]["target"] == "30"
