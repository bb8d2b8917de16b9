"""``biomarker check`` and ``protocol``: exit codes, files, words."""

from __future__ import annotations

import csv
import json

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from biomarker_cli.acquisition.results import CHECK_COLUMNS


def test_a_broken_rule_exits_4_with_the_fix_and_both_files(biomarker, sample_dir, tmp_path):
    table, junit = tmp_path / "checks.csv", tmp_path / "checks.xml"
    image = sample_dir / "centre_b" / "S0002" / "T1" / "ct"
    done = biomarker("check", image, "--protocol", "recist-ct", "-o", table, "--junit", junit)
    assert done.returncode == 4
    assert "Ask for the reconstruction of 5 mm or less" in done.stdout
    with table.open() as file:
        (row,) = csv.DictReader(file)
    assert tuple(row) == CHECK_COLUMNS
    assert (row["outcome"], row["observed"], row["protocol_version"]) == ("fail", "6", "1.0.0")
    assert 'failures="1"' in junit.read_text()


@pytest.mark.data
def test_what_cannot_be_judged_is_0_and_4_under_strict(biomarker, data_dir):
    folder = data_dir / "headers" / "mr_siemens_avanto_t1_sts001"
    assert biomarker("check", folder, "--protocol", "dwi").returncode == 0
    assert biomarker("check", folder, "--protocol", "dwi", "--strict").returncode == 4


def test_nothing_to_check_exits_3(biomarker, sample_dir):
    image = sample_dir / "centre_b" / "S0002" / "T1" / "dwi"
    assert biomarker("check", image, "--protocol", "recist-ct").returncode == 3


def test_the_lock_holds_what_was_shown(biomarker, sample_dir, tmp_path):
    image = sample_dir / "centre_a" / "S0001" / "T1" / "ct"
    arguments = ("check", image, "--protocol", "recist-ct", "--locked")
    assert biomarker(*arguments, cwd=tmp_path).returncode == 2
    assert biomarker("protocol", "show", "recist-ct", "--lock", cwd=tmp_path).returncode == 0
    assert biomarker(*arguments, cwd=tmp_path).returncode == 0


def test_the_schema_is_json_and_names_the_format(biomarker):
    schema = json.loads(biomarker("protocol", "schema").stdout)
    assert schema["properties"]["format"] == {"const": "biomarker-acquisition/1"}


def test_measured_facts_are_judged_and_refused_by_name(biomarker, sample_dir, tmp_path):
    image = sample_dir / "centre_a" / "S0001" / "T1" / "pet"
    table = tmp_path / "recovery.csv"
    table.write_text("fact,value,unit,source\nphantom_recovery_max_10mm,0.9,1,sheet\n")
    arguments = ("check", image, "--protocol", "earl-1-phantom", "--measured", table)
    done = biomarker(*arguments, "--format", "json")
    assert done.returncode == 4
    rows = {row["rule_id"]: row for row in json.loads(done.stdout)}
    assert (rows["EARL1-RC-MAX-10"]["outcome"], rows["EARL1-RC-MAX-10"]["observed"]) == (
        "fail",
        "0.9",
    )
    assert rows["EARL1-RC-MAX-13"]["outcome"] == "not_evaluable"
    table.write_text("fact,value,unit,source\nphantom_recovery_max_10mm,90,%,sheet\n")
    done = biomarker(*arguments)
    assert done.returncode == 2
    assert "MEASURED-INVALID" in done.stderr
    assert "recovery.csv:2" in done.stderr


@pytest.fixture
def header_only(tmp_path):
    """Write a CT series of three files whose headers say nothing but what they are."""

    def write(**elements):
        folder = tmp_path / "ct"
        folder.mkdir()
        for number in range(3):
            dataset = Dataset()
            dataset.file_meta = FileMetaDataset()
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
            dataset.SOPInstanceUID = f"1.2.3.{number + 1}"
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.1", "1.2.2"
            dataset.Modality, dataset.Rows, dataset.Columns = "CT", 64, 64
            for keyword, value in elements.items():
                setattr(dataset, keyword, value)
            dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
        return folder

    return write


def test_a_header_that_tells_nothing_passes_nothing(biomarker, header_only):
    folder = header_only()
    done = biomarker("check", folder, "--protocol", "base-ct", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert {row["outcome"] for row in json.loads(done.stdout)} == {"not_evaluable"}
    assert biomarker("check", folder, "--protocol", "base-ct", "--strict").returncode == 4


def test_a_file_that_cannot_be_read_is_named_and_breaks_strict(biomarker, header_only):
    folder = header_only(SliceThickness="2.5")
    arguments = ("check", folder, "--protocol", "recist-ct", "--strict")
    assert biomarker(*arguments).returncode == 0
    content = (folder / "2.dcm").read_bytes()
    (folder / "2.dcm").write_bytes(content[: len(content) // 2])
    done = biomarker(*arguments)
    assert done.returncode == 4
    assert "not read: FILE-" in done.stderr
    assert "2.dcm" in done.stderr
    assert biomarker(*arguments[:-1]).returncode == 0


def test_a_folder_of_several_modalities_says_what_was_left_out(biomarker, sample_dir):
    done = biomarker("check", sample_dir / "centre_a" / "S0001" / "T1", "--protocol", "recist-ct")
    assert done.returncode == 0
    assert "2 other series are not what the protocol is for" in done.stdout


def test_a_folder_of_another_modality_names_what_it_found(biomarker, sample_dir):
    done = biomarker(
        "check", sample_dir / "centre_a" / "S0001" / "T1" / "dwi", "--protocol", "base-ct"
    )
    assert done.returncode == 3
    assert "nothing to check: 1 series (MR)" in done.stdout


def test_a_folder_without_dicom_is_nothing_found(biomarker, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    done = biomarker("check", tmp_path, "--protocol", "base-ct")
    assert done.returncode == 3
    assert "error NOTHING-FOUND" in done.stderr
    assert "biomarker scan" in done.stderr


def test_a_study_without_a_role_has_missing_series(biomarker, sample_dir):
    image = sample_dir / "centre_a" / "S0001" / "T1" / "dwi"
    done = biomarker("check", image, "--protocol", "pirads-2.1", "--format", "json")
    rows = {row["rule_id"]: row for row in json.loads(done.stdout)}
    assert rows["PIRADS-DCE-TEMPORAL"]["outcome"] == "missing_series"
    assert "no series for role DCE" in rows["PIRADS-DCE-TEMPORAL"]["reason"]


WAIVER = """\
format: biomarker-waivers/1
waivers:
  - protocol: recist-ct
    versions: ^1.0
    rule: {rule}
    series: "{series}"
    reason: not archived
    approver: physicist
    expires: {expires}
"""


@pytest.mark.parametrize(
    ("rule", "series", "expires", "code", "told"),
    [
        ("RECIST-CT-001", "*", "2999-01-01", 0, "waived until 2999-01-01: not archived"),
        ("RECIST-CT-001", "*", "2020-01-01", 4, "the waiver expired on 2020-01-01"),
        ("RECIST-CT-001", "1.2.3", "2999-01-01", 4, "speaks of no row that needs it"),
        ("RECST-CT-001", "*", "2999-01-01", 2, "Did you mean RECIST-CT-001"),
        ("RECIST-CT-001", "*", "soon", 2, "line 9"),
    ],
)
def test_waivers(biomarker, sample_dir, tmp_path, rule, series, expires, code, told):
    path = tmp_path / "waivers.yaml"
    path.write_text(WAIVER.format(rule=rule, series=series, expires=expires))
    image = sample_dir / "centre_b" / "S0002" / "T1" / "ct"
    done = biomarker("check", image, "--protocol", "recist-ct", "--waivers", path)
    assert done.returncode == code
    assert told in done.stdout + done.stderr


def test_failures_stand_first_and_rules_that_say_the_same_stand_together(biomarker, sample_dir):
    image = sample_dir / "centre_a" / "S0001" / "T1" / "pet"
    done = biomarker("check", image, "--protocol", "earl-1-phantom")
    lines = done.stdout.splitlines()
    outcomes = [line.split()[0] for line in lines if "  EARL1-" in line]
    order = ["fail", "not_evaluable", "pass"]
    assert outcomes == sorted(outcomes, key=order.index)
    assert done.stdout.count("fix   Adjust reconstruction and filter") == 1


def test_an_output_that_exists_is_refused_before_anything_is_read(biomarker, sample_dir, tmp_path):
    table = tmp_path / "checks.csv"
    table.write_text("mine")
    for options in (("-o", table), ("--junit", table)):
        done = biomarker("check", sample_dir, "--protocol", "recist-ct", *options)
        assert done.returncode == 2
        assert "OUTPUT-EXISTS" in done.stderr
        assert done.stdout == ""
    assert table.read_text() == "mine"
    both = ("-o", tmp_path / "x", "--junit", tmp_path / "x")
    assert biomarker("check", sample_dir, "--protocol", "recist-ct", *both).returncode == 2


def test_a_draft_warns_on_stderr_where_stdout_is_for_scripts(biomarker, sample_dir):
    image = sample_dir / "centre_a" / "S0001" / "T1" / "pet"
    done = biomarker("check", image, "--protocol", "dwi@0.1.0", "--format", "json")
    assert "dwi@0.1.0: a draft" in done.stderr
    done = biomarker("check", image, "--protocol", "fdg-pet", "--format", "json")
    assert "fdg-pet@0.1.0: retired" in done.stderr
    assert {"title", "fix", "why", "reason", "n_missing"} <= set(json.loads(done.stdout)[0])
