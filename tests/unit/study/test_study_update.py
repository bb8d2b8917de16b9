"""`init --update`: new examinations behind rows that stay, byte for byte, as people left them."""

from __future__ import annotations

import csv
import io
import shutil
import stat

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid
from synthetic_segmentations import Roi, structure_set
from synthetic_series import axial, write_series

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.study import appending, updating
from biomarker_cli.study.initialise import initialise_study
from biomarker_cli.study.study_file import load_study
from biomarker_cli.study.updating import update_study


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "archive"


@pytest.fixture
def study(tmp_path):
    return tmp_path / "study"


@pytest.fixture
def series(archive):
    def write(folder: str, **elements: str):
        study_uid = generate_uid(entropy_srcs=["study", folder])

        def change(_index, dataset):
            dataset.StudyInstanceUID = study_uid
            for keyword, value in {"PatientID": "1", "StudyDate": "20250101", **elements}.items():
                setattr(dataset, keyword, value)

        return write_series(
            archive / folder, axial(0, 3, 6), series=folder.replace("/", "_"), change=change
        )

    return write


@pytest.fixture
def started(archive, study, series):
    """Start a study of two patients."""
    series("a", PatientID="1")
    series("b", PatientID="2")
    initialise_study(archive, output=study)


def rows_of(study):
    with (study / "cases.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def ids(rows):
    return [(r["site_id"], r["subject_id"], r["timepoint"], r["role"]) for r in rows]


def link_of(study):
    with (study / "subject_link.csv").open(newline="") as stream:
        return [(r["subject_id"], r["patient_id"]) for r in csv.DictReader(stream)]


def test_new_examinations_stand_behind_the_rows(archive, study, series, started):
    before = (study / "cases.csv").read_bytes()
    series("c", PatientID="1", StudyDate="20250601")
    series("d", PatientID="3")
    report = update_study(archive, output=study)
    assert (study / "cases.csv").read_bytes().startswith(before)
    assert ids(rows_of(study))[2:] == [("SITE", "S0001", "T2", "ct"), ("SITE", "S0003", "T1", "ct")]
    assert (report.n_subjects, report.n_cases) == (1, 2)
    assert link_of(study)[2:] == [("S0001", "1"), ("S0003", "3")]
    assert stat.S_IMODE((study / "subject_link.csv").stat().st_mode) == 0o600
    assert len(load_study(study / "study.yaml").entries) == 4


def test_an_update_without_anything_new_writes_nothing(archive, study, started):
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in study.iterdir()}
    report = update_study(archive, output=study)
    assert (report.n_subjects, report.n_cases) == (0, 0)
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in study.iterdir()} == before


def test_a_second_update_adds_nothing(archive, study, series, started):
    series("c", PatientID="3")
    update_study(archive, output=study)
    once = {p: p.read_bytes() for p in study.iterdir()}
    assert update_study(archive, output=study).n_cases == 0
    assert {p: p.read_bytes() for p in study.iterdir()} == once


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ended", [True, False])
def test_what_a_spreadsheet_saved_stays_byte_for_byte(
    archive, study, series, started, line_end, mark, separator, ended
):
    table = list(csv.reader(io.StringIO((study / "cases.csv").read_text())))
    table[0] = [*table[0], "My Notes"]
    table[1:] = [[*row, f'say "hi"{separator} =1+1'] for row in table[1:]]
    text = io.StringIO()
    csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator=line_end).writerows(
        table
    )
    content = mark + text.getvalue().encode() + f"# a remark{line_end}{line_end}".encode()
    if not ended:
        content = content.rstrip() + separator.encode()
    (study / "cases.csv").write_bytes(content)
    series("c", PatientID="3")
    update_study(archive, output=study)
    now = (study / "cases.csv").read_bytes()
    assert now.startswith(content)
    added = now[len(content) :].decode()
    assert added.removeprefix(line_end).count(line_end) == 1
    assert added.endswith(line_end)
    cells = next(csv.reader([added.strip("\r\n")], delimiter=separator))
    assert cells[:4] == ["SITE", "S0003", "T1", "ct"]
    assert len(cells) == len(table[0])


def test_edited_rows_say_who_is_who_and_not_the_link(archive, study, series, started):
    path = study / "cases.csv"
    path.write_text(path.read_text().replace("SITE,S0001,T1", "NORTH,ANNA,baseline"))
    series("c", PatientID="1", StudyDate="20250601")
    update_study(archive, output=study)
    assert ids(rows_of(study)) == [
        ("NORTH", "ANNA", "baseline", "ct"),
        ("SITE", "S0002", "T1", "ct"),
        ("NORTH", "ANNA", "T2", "ct"),
    ]
    assert ("ANNA", "1") in link_of(study)


def test_numbers_that_were_given_out_are_not_given_out_again(archive, study, series, started):
    lines = (study / "cases.csv").read_text().splitlines(keepends=True)
    (study / "cases.csv").write_text("".join(lines[:-1]))  # S0002 was taken out
    series("c", PatientID="3")
    update_study(archive, output=study)
    assert [r["subject_id"] for r in rows_of(study)] == ["S0001", "S0003"]


def test_a_row_that_was_taken_out_does_not_come_back(archive, study, started):
    lines = (study / "cases.csv").read_text().splitlines(keepends=True)
    (study / "cases.csv").write_text("".join(lines[:-1]))
    assert update_study(archive, output=study).n_cases == 0


def test_rows_without_series_uid_are_known_by_their_folder(archive, study, series, started):
    (study / "subject_link.csv").write_text("subject_id,patient_id,study_uids\nS0009,x,\n")
    (study / "cases.csv").write_text(
        "site_id,subject_id,timepoint,role,image,mask\n"
        f"N,P1,T1,ct,{archive}/a,\nN,P2,T1,ct,{archive}/b/,\n"
    )
    series("c", PatientID="2", StudyDate="20250601")
    update_study(archive, output=study)
    assert ids(rows_of(study))[2:] == [("N", "P2", "T2", "ct")]


def test_an_older_examination_gets_a_later_number_and_is_told(archive, study, series, started):
    series("c", PatientID="1", StudyDate="20200101")
    report = update_study(archive, output=study)
    assert ids(rows_of(study))[2] == ("SITE", "S0001", "T2", "ct")
    assert "S0001 has an examination older than one in the list" in report.remarks.doubtful[0]


def test_another_examination_of_a_known_date_has_its_timepoint(archive, study, series, started):
    series("c", PatientID="1", StudyDate="20250101")
    report = update_study(archive, output=study)
    # One role of one timepoint is one case: the second is named.
    assert "a second ct of S0001/T1" in report.remarks.left_out[0]


def test_a_role_that_the_study_has_not_is_named_and_not_added(archive, study, series, started):
    series("c", PatientID="3", Modality="PT", Units="BQML")
    before = (study / "cases.csv").read_bytes()
    report = update_study(archive, output=study)
    assert (study / "cases.csv").read_bytes() == before
    assert (
        "of the role pet, which study.yaml has not: add `pet: acquisition:"
        in (report.remarks.left_out[0])
    )
    load_study(study / "study.yaml")


def test_a_study_file_edited_by_hand_is_read_and_never_written(archive, study, series, started):
    path = study / "study.yaml"
    text = "# mine\n" + path.read_text().replace("cases: cases.csv", "cases: 'list.csv'  # moved")
    path.write_text(text)
    (study / "cases.csv").rename(study / "list.csv")
    series("c", PatientID="3")
    update_study(archive, output=study)
    assert path.read_text() == text
    assert "S0003" in (study / "list.csv").read_text()
    assert not (study / "cases.csv").exists()


def test_two_persons_under_one_patient_id_are_not_joined(archive, study, series):
    series("a", PatientName="DOE^JOHN", PatientBirthDate="19500101")
    initialise_study(archive, output=study)
    series("b", PatientName="ROE^JANE", PatientBirthDate="19880808", StudyDate="20250601")
    update_study(archive, output=study)
    # Nothing but the PatientID speaks for S0001, and the headers speak against it.
    assert [r["subject_id"] for r in rows_of(study)] == ["S0001", "S0002"]
    assert link_of(study) == [("S0001", "1"), ("S0002", "1")]


def test_two_centres_with_one_patient_id_stay_apart(archive, study, series):
    series("A/a", PatientID="7")
    initialise_study(archive, output=study, site_from="{site}/*")
    series("B/b", PatientID="7", StudyDate="20250601")
    series("A/c", PatientID="7", StudyDate="20250601")
    update_study(archive, output=study, site_from="{site}/*")
    assert ids(rows_of(study)) == [
        ("A", "S0001", "T1", "ct"),
        ("A", "S0001", "T2", "ct"),
        ("B", "S0002", "T1", "ct"),
    ]


def test_whose_examination_it_is_is_not_guessed(archive, study, series):
    series("A/a", PatientID="7")
    series("B/b", PatientID="7")
    initialise_study(archive, output=study, site_from="{site}/*")
    series("c/c", PatientID="7", StudyDate="20250601")
    report = update_study(archive, output=study)
    assert len(rows_of(study)) == 2
    assert "S0001 or S0002: add its row by hand" in report.remarks.left_out[0]


def test_a_patient_whose_files_have_gone_is_known_by_the_link(archive, study, series, started):
    shutil.rmtree(archive / "a")
    series("c", PatientID="1", StudyDate="20250601")
    report = update_study(archive, output=study)
    assert ids(rows_of(study))[2] == ("SITE", "S0001", "T2", "ct")
    assert "by its PatientID alone" in report.remarks.doubtful[0]


def test_a_link_that_is_lost_stops_the_update(archive, study, series, started):
    (study / "subject_link.csv").unlink()
    series("c", PatientID="3")
    before = (study / "cases.csv").read_bytes()
    with pytest.raises(BiomarkerError) as caught:
        update_study(archive, output=study)
    assert caught.value.code == "STUDY-NO-LINK"
    assert (study / "cases.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("subject_link.csv", b"", "STUDY-NO-LINK"),
        ("subject_link.csv", b"\x00\xff\xfe", "STUDY-NO-LINK"),
        ("subject_link.csv", b"subject_id,patient_id\nS0001,1\n", "STUDY-NO-LINK"),
        ("cases.csv", b"", "STUDY-CASES"),
        ("cases.csv", b"a,b\n1,2\n", "STUDY-CASES"),
        ("cases.csv", b'site_id,subject_id,timepoint,role,image,mask\n"open,1\n', "STUDY-CASES"),
        ("cases.csv", b"site_id,subject_id,timepoint,role,image,mask,mask\n", "STUDY-CASES"),
        (
            "cases.csv",
            "site_id,subject_id,timepoint,role,image,mask\n".encode("utf-16"),
            "STUDY-CASES",
        ),
        ("cases.csv", b"site_id,subject_id,timepoint,role,image,mask\nM\xfcller", "STUDY-CASES"),
        ("study.yaml", b"", "STUDY-INVALID"),
        ("study.yaml", b"cases: [", "STUDY-INVALID"),
    ],
)
def test_lists_that_cannot_be_read_stop_the_update(
    archive, study, series, started, name, content, code
):
    (study / name).write_bytes(content)
    series("c", PatientID="3")
    before = {p: p.read_bytes() for p in study.iterdir()}
    with pytest.raises(BiomarkerError) as caught:
        update_study(archive, output=study)
    assert caught.value.code == code
    assert caught.value.exit_code == 2
    assert {p: p.read_bytes() for p in study.iterdir()} == before


def test_without_a_study_there_is_nothing_to_update(archive, study, series):
    series("a")
    with pytest.raises(BiomarkerError) as caught:
        update_study(archive, output=study)
    assert caught.value.code == "STUDY-NOT-FOUND"


def test_a_list_that_changes_meanwhile_is_not_written_over(
    archive, study, series, started, monkeypatch
):
    series("c", PatientID="3")
    real = updating.propose

    def propose(*arguments):
        (study / "cases.csv").write_text("somebody else saved it\n")
        return real(*arguments)

    monkeypatch.setattr(updating, "propose", propose)
    with pytest.raises(BiomarkerError) as caught:
        update_study(archive, output=study)
    assert caught.value.code == "STUDY-CHANGED"
    assert (study / "cases.csv").read_text() == "somebody else saved it\n"
    assert link_of(study) == [("S0001", "1"), ("S0002", "2")]
    assert not list(study.glob("*.part"))


def test_an_update_that_stopped_between_its_files_is_made_whole_by_the_next(
    archive, study, series, started, monkeypatch
):
    series("c", PatientID="3")
    series("d", PatientID="1", StudyDate="20250601")
    with monkeypatch.context() as patch:
        real = appending.replace_kept

        def replace(kept, content):
            if kept.path.name == "subject_link.csv":
                raise OSError(28, "No space left on device")
            real(kept, content)

        patch.setattr(updating, "replace_kept", replace)
        with pytest.raises(OSError, match="No space"):
            update_study(archive, output=study)
    rows = ids(rows_of(study))
    assert len(rows) == 4
    assert update_study(archive, output=study).n_cases == 0
    assert ids(rows_of(study)) == rows
    assert sorted(link_of(study)[2:]) == [("S0001", "1"), ("S0003", "3")]


def test_a_patient_id_that_a_spreadsheet_would_run_is_one_patient(archive, study, series):
    series("a", PatientID="=1+1")
    initialise_study(archive, output=study)
    series("b", PatientID="=1+1", StudyDate="20250601")
    update_study(archive, output=study)
    assert [r["subject_id"] for r in rows_of(study)] == ["S0001", "S0001"]
    assert "\nS0001,'=1+1," in (study / "subject_link.csv").read_text()


def test_a_segmentation_that_came_for_a_waiting_case_is_told_and_its_row_stays(
    archive, study, series, started
):
    uid = dcmread(archive / "a" / "a_000.dcm").SeriesInstanceUID
    dataset = structure_set([Roi("GTV")], referenced_series=[uid])
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.save_as(archive / "rt.dcm", enforce_file_format=True)
    before = (study / "cases.csv").read_bytes()
    report = update_study(archive, output=study)
    assert (study / "cases.csv").read_bytes() == before
    assert report.remarks.waiting == [
        f"S0001/T1/ct, whose row stays as it is: {archive / 'rt.dcm'}"
    ]


def test_names_of_folders_that_a_list_cannot_hold_are_left_out(archive, study, series, started):
    for name in ("x;y", "x\ny", "x\x1b[31m", "=cmd|'calc'!A1"):
        series("c", PatientID=f"p{name[:2]}")
        (archive / "c").rename(archive / name)
        update = update_study(archive, output=study)
        if name.startswith("="):
            assert update.n_cases == 1
        else:
            assert update.n_cases == 0
            assert update.remarks.left_out[0].isprintable()
        shutil.rmtree(archive / name)
    assert rows_of(study)[-1]["image"] == str(archive / "=cmd|'calc'!A1")


def test_the_rights_of_a_list_stay(archive, study, series, started):
    (study / "cases.csv").chmod(0o640)
    (study / "real.csv").write_bytes((study / "cases.csv").read_bytes())
    series("c", PatientID="3")
    update_study(archive, output=study)
    assert stat.S_IMODE((study / "cases.csv").stat().st_mode) == 0o640


def test_a_list_that_is_a_link_stays_one(archive, study, series, started, tmp_path):
    (study / "cases.csv").rename(study / "real.csv")
    (study / "cases.csv").symlink_to("real.csv")
    series("c", PatientID="3")
    update_study(archive, output=study)
    assert (study / "cases.csv").is_symlink()
    assert "S0003" in (study / "real.csv").read_text()
