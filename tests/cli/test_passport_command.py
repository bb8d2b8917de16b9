"""A study that asks for passports: flagged or refused by date, without measuring anew."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

HEAD = "site_id,test,device,date,quantity,value,unit,outcome\n"
TESTED_A = "CENTRE_A,pet_phantom,,2024-03-01,calibration,1.02,1,pass\n"
TESTED_B = "CENTRE_B,pet_phantom,,2024-04-15,calibration,0.99,1,pass\n"


def ask(trial: Path, on_missing: str, days: int = 60) -> None:
    study = trial / "study.yaml"
    text = study.read_text().partition("\npassports:")[0]
    requires = f"[{{test: pet_phantom, roles: [pet], max_age_days: {days}}}]"
    text += (
        f"\npassports: {{file: passports.csv, on_missing: {on_missing}, requires: {requires}}}\n"
    )
    study.write_text(text)


def rows_of(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def passport_flags(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows_of(folder, "measurements"):
        own = {flag for flag in row["flags"].split(";") if flag.startswith("passport")}
        found.setdefault(row["case_id"], set()).update(own)
    return {case: flags for case, flags in found.items() if flags}


def n_measured(folder: Path) -> int:
    lines = (folder / "run.jsonl").read_text().splitlines()
    return sum(json.loads(line)["stage"] == "measured" for line in lines)


def test_passports_flag_by_the_date_of_the_examination_and_measure_nothing_anew(
    biomarker, sample_copy, sample_run, tmp_path
):
    out, book = tmp_path / "out", sample_copy / "passports.csv"
    book.write_text(HEAD + TESTED_A)
    ask(sample_copy, "flag")
    done = biomarker("run", sample_copy / "study.yaml", "-o", out)
    assert done.returncode == 0, done.stderr
    missing, stale = {"passport_missing:pet_phantom"}, {"passport_stale:pet_phantom"}
    b = next(
        row["case_id"]
        for row in rows_of(out, "cases")
        if row["case_id"].endswith("T1/pet") and row["site_id"] == "CENTRE_B"
    )
    assert passport_flags(out) == {b: missing, "CENTRE_A/S0001/T2/pet": stale}
    measured = n_measured(out)
    keys = {row["case_id"]: row["result_key"] for row in rows_of(out, "cases")}

    book.write_text(HEAD + TESTED_A + TESTED_B)
    done = biomarker("run", sample_copy / "study.yaml", "-o", out)
    assert done.returncode == 0, done.stderr
    assert passport_flags(out) == {"CENTRE_A/S0001/T2/pet": stale}
    assert n_measured(out) == measured
    assert {row["case_id"]: row["result_key"] for row in rows_of(out, "cases")} == keys

    ask(sample_copy, "flag", days=94)
    assert biomarker("run", sample_copy / "study.yaml", "-o", out).returncode == 0
    assert n_measured(out) == measured
    # With every passport there, the tables are those of a study that asks for none.
    for name in ("measurements", "cases", "rois"):
        assert (out / f"{name}.csv").read_bytes() == (sample_run / f"{name}.csv").read_bytes()


def test_passports_refuse_and_a_later_one_lets_the_case_pass(biomarker, sample_copy, tmp_path):
    out, book = tmp_path / "out", sample_copy / "passports.csv"
    book.write_text(HEAD + TESTED_A)
    ask(sample_copy, "refuse", days=365)
    done = biomarker("run", sample_copy / "study.yaml", "-o", out)
    assert done.returncode == 5, done.stderr
    failed = {r["case_id"]: r["error_code"] for r in rows_of(out, "cases") if r["error_code"]}
    assert set(failed.values()) == {"PASSPORT-MISSING"}
    (case,) = failed
    assert case.startswith("CENTRE_B/")
    assert case.endswith("/pet")
    measured = n_measured(out)
    book.write_text(HEAD + TESTED_A + TESTED_B)
    done = biomarker("run", sample_copy / "study.yaml", "-o", out)
    assert done.returncode == 0, done.stderr
    assert n_measured(out) == measured + 1
    # Out of the limit of the test: what is measured stays stored, and does not leave.
    book.write_text(HEAD + TESTED_A + TESTED_B.replace("pass", "fail"))
    done = biomarker("run", sample_copy / "study.yaml", "-o", out)
    assert done.returncode == 5
    of_case = [row for row in rows_of(out, "measurements") if row["case_id"] == case]
    assert {(row["value"], row["status"]) for row in of_case} == {("", "skipped")}
    book.write_text(HEAD + TESTED_A + TESTED_B)
    assert biomarker("run", sample_copy / "study.yaml", "-o", out).returncode == 0
    assert n_measured(out) == measured + 1


def test_a_bad_file_of_passports_stops_the_run(biomarker, sample_copy, tmp_path):
    ask(sample_copy, "flag")
    done = biomarker("run", sample_copy / "study.yaml", "-o", tmp_path / "out")
    assert (done.returncode, "PASSPORT-INVALID" in done.stderr) == (2, True)
    (sample_copy / "passports.csv").write_text("site,date\n")
    done = biomarker("run", sample_copy / "study.yaml", "-o", tmp_path / "out")
    assert (done.returncode, "PASSPORT-INVALID" in done.stderr) == (2, True)


@pytest.fixture
def judgement(biomarker, tmp_path) -> Path:
    from phantom_runs import filled

    from biomarker_cli.multicentre.phantoms.kinds import phantom_of

    folder = tmp_path / "phantom"
    assert biomarker("phantom", "write", "seg", "-o", folder).returncode == 0
    values = {name: format(value, ".4g") for name, value in phantom_of("seg").truth.items()}
    info = {"program": "Viewer", "version": "3", "date": "2026-02-01"}
    sheet = filled(folder / "sheet.csv", dict(values), info)
    assert biomarker("phantom", "judge", sheet, "-o", tmp_path / "j.json").returncode == 0
    return tmp_path / "j.json"


def test_passports_are_added_shown_and_checked(biomarker, judgement, tmp_path):
    book = tmp_path / "passports.csv"
    add = ("passport", "add", judgement, "--site", "A", "--passports", book)
    done = biomarker(*add)
    assert done.returncode == 0, done.stderr
    assert "A program 2026-02-01: pass" in done.stdout
    assert "1 there already" in biomarker(*add).stderr
    done = biomarker("passport", "add", judgement, "--passports", book)
    assert (done.returncode, "PASSPORT-UNSAID" in done.stderr) == (2, True)
    done = biomarker("passport", "show", book, "--format", "json")
    (row,) = json.loads(done.stdout)
    assert (row["site_id"], row["device"], row["outcome"]) == ("A", "Viewer 3", "pass")
    assert "Viewer 3" in biomarker("passport", "show", book).stdout
    check = ("passport", "check", book, "--test", "program", "--max-age-days", 100)
    for day, code, word in (
        ("2026-02-01", 0, "valid"),
        ("2026-05-12", 0, "valid"),
        ("2026-05-13", 7, "stale"),
        ("2026-01-31", 7, "missing"),
    ):
        done = biomarker(*check, "--at", day)
        assert (done.returncode, word in done.stdout) == (code, True), done.stdout
    assert biomarker(*check, "--at", "1.2.2026").returncode == 2
    assert biomarker("passport", "check", book).returncode == 2


def test_a_study_says_what_is_asked_of_its_sites(biomarker, sample_copy):
    book = sample_copy / "passports.csv"
    book.write_text(HEAD + TESTED_A)
    study = sample_copy / "study.yaml"
    done = biomarker("passport", "check", book, "--study", study)
    assert done.returncode == 2
    assert "asks for no passports" in done.stderr
    ask(sample_copy, "flag", days=60)
    done = biomarker(
        *("passport", "check", book, "--study", study, "--at", "2024-04-20", "--format", "json")
    )
    assert done.returncode == 7
    found = {one["site_id"]: one["state"] for one in json.loads(done.stdout)}
    assert found == {"CENTRE_A": "valid", "CENTRE_B": "missing"}


def test_what_other_commands_write_is_taken_up(biomarker, tmp_path):
    book, certificate = tmp_path / "passports.csv", tmp_path / "certificate.json"
    data = {"BIOMARKER_DATA_DIR": str(tmp_path / "data")}
    done = biomarker("verify", "suv", "--certificate", certificate, **data)
    assert done.returncode == 0, done.stderr
    done = biomarker("passport", "add", certificate, "--site", "A", "--passports", book)
    assert "suite suv" in done.stdout, done.stderr
    table = tmp_path / "repeats.csv"
    table.write_text(
        "subject_id,feature_id,value,repeat_id,unit\n"
        + "".join(
            f"S{n},adc.intensity.mean,{1 + n / 10 + r / 50},{r},mm2/s\n"
            for n in range(5)
            for r in (1, 2)
        )
    )
    done = biomarker("repeatability", table, "-o", tmp_path / "rep")
    assert done.returncode == 0, done.stderr
    source = tmp_path / "rep" / "repeatability.json"
    add = ("passport", "add", source, "--site", "A", "--passports", book)
    assert "PASSPORT-UNSAID" in biomarker(*add).stderr
    assert biomarker(*add, "--date", "2026-01-01").returncode == 0
    rows = {row["quantity"]: row for row in rows_of(tmp_path, "passports")}
    # Two values that lie 0.02 apart: wSD is 0.02 / sqrt(2), and RC is 2.77 times that.
    assert float(rows["adc.intensity.mean RC"]["value"]) == pytest.approx(0.0392, rel=1e-3)
    assert rows["adc.intensity.mean RC"]["unit"] == "mm2/s"
    assert 1.0 < float(rows["adc.intensity.mean wCV"]["value"]) < 1.3
    assert rows["adc.intensity.mean wCV"]["unit"] == "%"
