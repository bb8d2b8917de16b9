"""``biomarker check`` and ``protocol``: exit codes, files, words."""

from __future__ import annotations

import csv
import json

import pytest

from biomarker_cli.acquisition import CHECK_COLUMNS


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
