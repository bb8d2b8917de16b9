"""Lists of cases as spreadsheets save them: each row is a case, a named row, or a named refusal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomarker_cli.model.file_names import file_stem
from biomarker_cli.study.case_list import read_cases
from biomarker_cli.study.case_names import LONGEST_ID, problem_of_id
from biomarker_cli.study.errors import StudyError

HEADER = "site_id,subject_id,timepoint,role,image,mask,weight_kg"
ROW = "A,001,T1,pet,pet,mask.nii.gz,70"


@pytest.fixture
def read(tmp_path):
    def load(content: str | bytes):
        path = tmp_path / "cases.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_cases(path, ("pet", "ct"))

    return load


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\n{ROW}\n",
        f"\ufeff{HEADER}\r\n{ROW}\r\n",
        f"{HEADER}\r{ROW}\r",
        f"{HEADER}\r\n{ROW}\r\n,,,,,,\r\n\r\n,,,,,,\r\n , ,,,,,\r\n",
        f"{HEADER}\n,,,,,,\n{ROW}\n",
        f"{HEADER},,\n{ROW},,\n",
        f"{HEADER}\n{ROW},,\n",
        f"{HEADER.upper()}\n{ROW}\n",
        f"{HEADER.replace(',', ' , ')}\n{ROW.replace(',', ' , ')}\n",
        f"sep=,\r\n{HEADER}\r\n{ROW}\r\n",
        f"\ufeffSEP=,\r\n{HEADER}\r\n{ROW}\r\n".replace("SEP", "sep"),
        f"{HEADER}\n{ROW.replace('70', chr(160) + '70')}\n",
    ],
)
def test_what_a_spreadsheet_adds_is_understood(read, content):
    (entry,) = read(content)
    assert entry.case_id == "A/001/T1/pet"
    assert (entry.images, entry.mask, entry.refusal) == (("pet",), "mask.nii.gz", None)
    assert entry.form is not None
    assert entry.form.weight_kg == 70.0


@pytest.mark.parametrize(
    ("content", "told", "line"),
    [
        (f"{HEADER}\n{ROW}\n".replace(",", ";"), "semicolons", 1),
        (f"{HEADER}\n{ROW}\n".replace(",", "\t"), "tabs", 1),
        (f"sep=;\n{HEADER}\n{ROW}\n", "semicolons", 1),
        (f"{HEADER.replace('site_id', 'Site')}\n{ROW}\n", "did you mean site_id?", 1),
        (f"{HEADER.replace('weight_kg', 'weight')}\n{ROW}\n", "did you mean weight_kg?", 1),
        (f"{HEADER.replace('subject_id', 'Subject ID')}\n{ROW}\n", "did you mean subject_id?", 1),
        (f"{HEADER},MASK\n{ROW},x\n", "stand twice: 'mask'", 1),
        (f"{HEADER}\n{ROW}\n{ROW.replace('A,', 'A/B,')}\n", "letters, digits", 3),
        (f"{HEADER}\n\n{ROW.replace('001', '')}\n", "subject_id is ''", 3),
        (f"{HEADER}\n{ROW.replace('pet,pet', 'mr,pet')}\n", "no role 'mr'", 2),
        (f"{HEADER}\n{ROW.replace('001', 'CON.1')}\n", "device", 2),
        (f"{HEADER}\n{ROW.replace('001', 'nul')}\n", "device", 2),
        (f"{HEADER}\n{ROW.replace('001', 'x.')}\n", "dot", 2),
        (f"{HEADER}\n{ROW.replace('001', 'x' * 5000)}\n", "at most 64 letters", 2),
        (f"{HEADER}\n{ROW.replace('001', chr(27) + '[31m')}\n", "\\x1b", 2),
        (f'{HEADER}\n{ROW}\nA,2,T1,pet,"pet,m,70\n{ROW}\n', "no CSV", 3),
        (f'{HEADER}\nA,2,T1,pet,"pet,m,70\nB,3,T1,pet,x",m,70\n', "over several lines", 2),
        (f"{HEADER}\n{ROW}\nA,2,T1,pet,{'x' * 200_000},m,70\n", "no CSV", 3),
        (f"{HEADER}\n{ROW}\nZürich{ROW[1:]}\n".encode("cp1252"), "UTF-8", 3),
        (f"{HEADER}\n{ROW}\n".encode("utf-16"), "UTF-8", 1),
        ("", "no list of cases", 1),
    ],
)
def test_a_list_whose_cases_cannot_be_told_is_refused_with_the_line(read, content, told, line):
    with pytest.raises(StudyError) as caught:
        read(content)
    assert caught.value.code == "STUDY-CASES"
    assert told in caught.value.message
    assert caught.value.where == f"cases.csv:{line}"
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (f"A,{'x' * 250},T1,pet,pet,m,70", "subject_id has 250 letters"),
        (f"A,{'x' * (LONGEST_ID + 1)},T1,pet,pet,m,70", "letters"),
        (f"A,2,T1,pet,{'x' * 300},m,70", "too long"),
        (f"A,2,T1,pet,pet;{'ü' * 128},m,70", "too long"),
        (f"A,2,T1,pet,pet,{'x/' * 2100},70", "too long"),
        ("A,2,T1,pet,p\x00et,m,70", "control character U+0000"),
        ("A,2,T1,pet,pet,m\x1b[31m,70", "control character U+001B"),
        ("A,2,T1,pet,pet,m\x9b31m,70", "control character U+009B"),
        ("A,2,T1,pet,,m,70", "no image"),
        ("A,2,T1,pet, ; ,m,70", "no image"),
        ("A,2,T1,pet,pet;/,m,70", "image names the root of the file system"),
        ("A,2,T1,pet,pet,//,70", "mask names the root of the file system"),
        (f"A,2,T1,pet,{'../' * 40},m,70", "image names the root of the file system"),
        ('A,2,T1,pet,pet,m,"70,5"', "weight_kg is '70,5'"),
        ("A,2,T1,pet,pet,m,70 kg", "weight_kg is '70 kg'"),
        ("A,2,T1,pet,CT, thorax,m,70", "more cells than"),
        (f"A,2,T1,pet,pet,m,{'7' * 6000}", "weight_kg"),
        ("A,2,T1,pet,pet,m,nan", "weight_kg"),
    ],
)
def test_a_bad_row_is_its_own_row_and_the_others_go_on(read, row, told):
    first, bad, last = read(f"{HEADER}\n{ROW}\n{row}\n{ROW.replace('A,', 'B,')}\n")
    assert first.refusal is None
    assert last.refusal is None
    assert bad.refusal is not None
    assert bad.refusal.code == "CASE-ENTRY-INVALID"
    assert told in bad.refusal.message
    assert bad.refusal.where == "cases.csv:3"
    assert len(str(bad.refusal)) < 300
    assert str(bad.refusal).isprintable()


@pytest.mark.parametrize("word", ["HU", "hu", ""])
def test_a_word_is_understood_or_its_row_fails(read, word):
    header = f"{HEADER},quantity,other_frame_of_reference"
    row = ROW.replace("pet,pet,", "pet,pet.nii,")
    right, wrong, other = read(
        f"{header}\n{row},{word},TRUE\n{ROW.replace('A,', 'B,')},hounsfield,\n"
        f"{ROW.replace('A,', 'C,')},,yes\n"
    )
    assert (right.quantity, right.other_frame_of_reference) == (word.lower(), True)
    assert "quantity is 'hounsfield'" in wrong.refusal.message
    assert "other_frame_of_reference is 'yes'" in other.refusal.message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("A,001,T1,pet", "A,001,T1,pet"),
        ("A,s1,T1,pet", "a,S1,t1,pet"),
        ("a__b,c,T1,pet", "a,b__c,T1,pet"),
        ("a,b,c__d,pet", "a,b__c,d,pet"),
    ],
)
def test_cases_that_would_share_a_file_are_refused_with_both_lines(read, first, second):
    with pytest.raises(StudyError, match="lines 2 and 3"):
        read(f"{HEADER}\n{first},x,m,70\n{second},y,m,70\n")


@pytest.mark.parametrize("text", ["root:x:0:0:root:/root:/bin/bash\nhunter2\n", "hunter2;x\n"])
def test_a_file_that_is_no_list_is_not_quoted(read, text):
    with pytest.raises(StudyError) as caught:
        read(text)
    assert caught.value.code == "STUDY-CASES"
    assert "root" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@given(
    first=st.lists(st.text("aB_.-1", min_size=1, max_size=90), min_size=4, max_size=4),
    second=st.lists(st.text("aB_.-1", min_size=1, max_size=90), min_size=4, max_size=4),
)
@settings(max_examples=200, deadline=None)
def test_file_names_are_short_and_tell_long_ids_apart(first, second):
    stems = [file_stem("/".join(ids)) for ids in (first, second)]
    for stem in stems:
        assert len(stem.encode()) <= 180
        assert "/" not in stem
    plain = ["__".join(ids).lower() for ids in (first, second)]
    assert (stems[0].lower() == stems[1].lower()) == (plain[0] == plain[1])


@pytest.mark.parametrize("text", ["1", "S0001", "a.b", "a_b-c", "CONtrol", "com", "x" * 250])
def test_ids_that_name_files_everywhere_pass(text):
    assert problem_of_id(text) == ""


@pytest.mark.parametrize("text", ["", "S1\n", " S1", ".a", "-a", "a/b", "aux", "COM1.x", "a."])
def test_ids_that_do_not_are_told_why(text):
    assert problem_of_id(text)
