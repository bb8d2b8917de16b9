"""Whose subject a file is."""

from __future__ import annotations

import pytest

from biomarker_cli.exchange.deidentifying.subjects import Subjects, read_subjects
from biomarker_cli.exchange.deidentifying.values import SubjectKey
from biomarker_cli.exchange.errors import ExchangeError, ObjectRefusedError
from biomarker_cli.tables.errors import TableError

KEY = bytes(range(32))


def listed(tmp_path, text):
    path = tmp_path / "subjects.csv"
    path.write_text(text)
    return read_subjects(path, KEY)


def test_two_ids_of_one_person_get_one_offset(tmp_path):
    subjects = listed(tmp_path, "patient_id,subject_id\n001234,P1\nX-77,P1\n99,P2\n")
    first, second, other = (subjects.of(one, "1.2") for one in ("001234", "X-77", "99"))
    assert first == second == "P1"
    assert SubjectKey(KEY, first).days == SubjectKey(KEY, second).days
    assert SubjectKey(KEY, other).days != SubjectKey(KEY, first).days


def test_without_a_list_the_id_alone_tells_persons_apart():
    subjects = Subjects(KEY)
    assert subjects.of("a", "1.2") == subjects.of("a", "1.3") != subjects.of("b", "1.2")
    assert Subjects(bytes(32)).of("a", "1.2") != subjects.of("a", "1.2")


def test_a_file_without_an_id_is_nobodys(tmp_path):
    with pytest.raises(ObjectRefusedError) as caught:
        Subjects(KEY).of("", "1.2")
    assert caught.value.code == "DEID-NO-PATIENT"
    subjects = listed(tmp_path, "patient_id,study_uid,subject_id\n,1.2.3,P1\n7,,P2\n")
    assert subjects.of("", "1.2.3") == "P1"
    # Without an id the row says nothing of files that have one.
    with pytest.raises(ObjectRefusedError) as caught:
        subjects.of("8", "1.2.3")
    assert caught.value.code == "DEID-NO-SUBJECT"
    both = listed(tmp_path, "patient_id,study_uid,subject_id\n7,1.2,P1\n7,1.3,P2\n7,,P3\n")
    assert [both.of("7", one) for one in ("1.2", "1.3", "1.4")] == ["P1", "P2", "P3"]
    with pytest.raises(ObjectRefusedError) as caught:
        subjects.of("", "1.2.4")
    assert caught.value.code == "DEID-NO-PATIENT"


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ("a,P1\na,P2\n", 3),
        ("a,\n", 2),
        ("a,../P1\n", 2),
        ("a,Doe^Jane\n", 2),
        ("a,=1+1\n", 2),
        (",P1\n", 2),
        ("", 1),
        (f"a,{'P' * 33}\n", 2),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path, rows, line):
    with pytest.raises(ExchangeError) as caught:
        listed(tmp_path, f"patient_id,subject_id\n{rows}")
    assert caught.value.code == "DEID-SUBJECTS"
    assert caught.value.where == f"subjects.csv:{line}"


@pytest.mark.parametrize("subject", ["Doe123", "doe123", "S-DOE123-a"])
def test_a_subject_may_not_say_the_id(tmp_path, subject):
    with pytest.raises(ExchangeError) as caught:
        listed(tmp_path, f"patient_id,subject_id\nDOE123,{subject}\n")
    assert "repeats" in caught.value.message
    assert listed(tmp_path, "patient_id,subject_id\n1,S0001\n").of("1", "") == "S0001"


@pytest.mark.parametrize("text", ["", "patient,subject\na,b\n", "\x00\xff", "patient_id\na\n"])
def test_what_is_no_such_table_is_refused(tmp_path, text):
    with pytest.raises(TableError):
        listed(tmp_path, text)
