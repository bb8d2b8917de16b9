"""A list of cases with bad rows still gives its tables; files outside are asked for."""

from __future__ import annotations

import csv
import zipfile

CASES = "site_id,subject_id,timepoint,role,image,mask,weight_kg\n"
STUDY = """\
format: biomarker-study/1
id: rows
cases: {cases}
roles:
  dwi: {{analyses: [dwi-adc@0.1.0]}}
"""


def test_bad_rows_fail_by_themselves_and_the_tables_are_written(biomarker, sample_copy):
    visit = "centre_a/S0001/T1/dwi"
    row = f"{visit}/image,{visit}/mask.nii.gz,"
    (sample_copy / "cases.csv").write_text(
        f"{CASES}A,good,T1,dwi,{row}\n"
        f"A,{'x' * 250},T1,dwi,{row}\n"
        f"A,long,T1,dwi,{'p' * 300},m,\n"
        f"A,nul,T1,dwi,{row}\n".replace("nul", "null").replace("null,T1,dwi,", "null,T1,dwi,a\x00")
        + f"A,form,T1,dwi,{row}seventy\n,,,,,,\n"
    )
    (sample_copy / "study.yaml").write_text(STUDY.format(cases="cases.csv"))
    out = sample_copy / "out"
    done = biomarker("run", sample_copy / "study.yaml", "-o", out, "--jobs", 1)
    assert done.returncode == 5, done.stderr
    with (out / "cases.csv").open(newline="") as stream:
        codes = {r["subject_id"]: (r["status"], r["error_code"]) for r in csv.DictReader(stream)}
    bad = ("failed", "CASE-ENTRY-INVALID")
    assert codes == {
        "good": ("measured", ""),
        "x" * 250: bad,
        "long": bad,
        "null": bad,
        "form": bad,
    }
    status = biomarker("status", out)
    assert status.returncode == 0, status.stderr


def test_a_list_elsewhere_is_read_only_where_its_folder_is_allowed(biomarker, tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "cases.csv").write_text(f"{CASES}A,1,T1,dwi,none,none,\n")
    study = tmp_path / "study" / "study.yaml"
    study.write_text(STUDY.format(cases="../lists/cases.csv"))
    done = biomarker("run", study, "--dry-run")
    assert done.returncode == 2
    assert "STUDY-PATH-OUTSIDE" in done.stderr
    done = biomarker("run", study, "--dry-run", "--allow-path", tmp_path / "lists")
    assert done.returncode == 0, done.stderr


def _facts(folder):
    with (folder / "facts.csv").open(newline="") as stream:
        return {row["fact"]: row["value"] for row in csv.DictReader(stream)}


def test_tables_name_no_scanner_unless_the_study_keeps_them(biomarker, sample_copy):
    visit = "centre_a/S0001/T1/dwi"
    row = f"{visit}/image,{visit}/mask.nii.gz,"
    (sample_copy / "cases.csv").write_text(f"{CASES}A,1,T1,dwi,{row}\n")
    acquisition = (
        "format: biomarker-acquisition/1\nid: device\nversion: 0.1.0\nstatus: draft\n"
        "title: D\nsource: [{doc: none, confirmed: {by: recall}}]\n"
        "changelog: [{version: 0.1.0, date: 2026-11-28, change: first}]\n"
        "rules:\n- {id: D-1, title: d, fact: DeviceSerialNumber, check: {present: true}}\n"
        "- {id: D-2, title: d, fact: station, check: {constant: true}, over: cohort}\n"
    )
    (sample_copy / "device.yaml").write_text(acquisition)
    study = STUDY.format(cases="cases.csv").replace("{an", "{acquisition: device.yaml, an")
    (sample_copy / "study.key").unlink()
    found = {}
    for name, more in (("digest", ""), ("again", ""), ("keep", "device: keep\n")):
        (sample_copy / "study.yaml").write_text(study.replace("roles:", f"{more}roles:"))
        out = sample_copy / name
        done = biomarker("run", sample_copy / "study.yaml", "-o", out, "--jobs", 1)
        assert done.returncode == 0, done.stderr
        found[name] = _facts(out)
    assert found["digest"] == found["again"]
    raw = (found["keep"]["device_serial"], found["keep"]["station"])
    assert all(raw)
    assert not raw[0].startswith("key:")
    for path in (sample_copy / "digest").rglob("*.*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert raw[0] not in text, path
            assert raw[1] not in text, path
    key = (sample_copy / "study.key").read_text().strip()
    manifest = (sample_copy / "digest" / "manifest.json").read_text()
    assert '"key_fingerprint": "' in manifest
    assert key not in manifest


def test_long_names_and_underscores_cost_no_derivation(biomarker, sample_copy):
    """The name of an analysis may be as long as that of a file; ids may hold underscores."""
    long = "a" * 240
    (sample_copy / "long.yaml").write_text(
        f"format: biomarker-analysis/1\nid: {long}\nversion: 0.1.0\nstatus: draft\ntitle: L\n"
        "extends: fdg-suv@1.0.0\nsource: [{doc: none, confirmed: {by: recall}}]\n"
        "changelog: [{version: 0.1.0, date: 2026-11-28, change: first}]\n"
    )
    subjects = {"S__1": "centre_a/S0001/T1/pet", "x" * 64: "centre_a/S0001/T2/pet"}
    rows = [f"{'A' * 64},{s},{'T' * 64},pet,{v}/image,{v}/seg.dcm," for s, v in subjects.items()]
    (sample_copy / "cases.csv").write_text(CASES + "\n".join(rows) + "\n")
    (sample_copy / "study.yaml").write_text(
        "format: biomarker-study/1\nid: rows\nintegrity: flag\n"
        "roles:\n  pet: {analyses: [long.yaml]}\n"
    )
    out = sample_copy / "out"
    done = biomarker("run", sample_copy / "study.yaml", "-o", out, "--jobs", 1)
    assert done.returncode == 0, done.stderr
    assert len(list((out / "derivations").iterdir())) == 2
    again = biomarker("run", sample_copy / "study.yaml", "-o", out, "--jobs", 1)
    assert again.returncode == 0, again.stderr
    done = biomarker(
        "bundle", out, "-o", sample_copy / "b.zip", "--protocol", sample_copy / "long.yaml"
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(sample_copy / "b.zip") as bundle:
        derivations = [bundle.read(n).decode() for n in bundle.namelist() if "derivations" in n]
    assert len(derivations) == 2
    assert all('"day 0 ' in text for text in derivations)
