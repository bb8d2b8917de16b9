"""Overrides, the case report form and reference regions on their way through a run."""

from __future__ import annotations

import csv
import json

import pytest
from pydicom import dcmread


def rows_of(text):
    rows = csv.DictReader(text.splitlines())
    return {(row["roi_id"], row["feature_id"]): row for row in rows}


@pytest.fixture
def pet(sample_dir):
    folder = sample_dir / "centre_a" / "S0001" / "T1" / "pet"
    (mask,) = [p for p in folder.iterdir() if p.is_file()]
    first = next(iter(sorted((folder / "image").iterdir())))
    return folder / "image", mask, dcmread(first, stop_before_pixels=True)


def override_file(path, header, weight):
    path.write_text(
        "format: biomarker-overrides/1\noverrides:\n"
        f"  - {{tag: PatientWeight, value: {weight}, reason: paper form, who: physicist, "
        f"series_uid: {header.SeriesInstanceUID}}}\n"
    )
    return path


def test_extract_takes_an_override_and_every_row_says_so(biomarker, pet, tmp_path):
    image, mask, header = pet
    command = ["extract", "suv", "--image", image, "--mask", mask, "--analysis", "fdg-suv"]
    plain = rows_of(biomarker(*command).stdout)
    file = override_file(tmp_path / "o.yaml", header, 1.1 * float(header.PatientWeight))
    done = biomarker(*command, "--overrides", file)
    assert done.returncode == 0, done.stderr
    changed = rows_of(done.stdout)
    key = ("GTV", "suvbw.uptake.max")
    key = key if key in plain else next(k for k in plain if k[1] == "suvbw.uptake.max")
    assert float(changed[key]["value"]) == pytest.approx(1.1 * float(plain[key]["value"]))
    assert all("suv_override:PatientWeight" in row["flags"] for row in changed.values())
    assert not any("suv_override" in row["flags"] for row in plain.values())


def test_overrides_of_other_series_alone_stop_the_command(biomarker, pet, tmp_path):
    image, mask, header = pet
    header.SeriesInstanceUID = "1.2.3"
    file = override_file(tmp_path / "o.yaml", header, 70)
    for command in (
        ("extract", "suv", "--image", image, "--mask", mask, "--analysis", "fdg-suv"),
        ("suv-explain", image),
    ):
        done = biomarker(*command, "--overrides", file)
        assert done.returncode == 2
        assert "OVERRIDE-UNUSED" in done.stderr
        assert done.stdout == ""


def test_an_override_file_that_is_wrong_stops_the_command(biomarker, pet, tmp_path):
    image, mask, _ = pet
    file = tmp_path / "o.yaml"
    file.write_text("format: biomarker-overrides/1\noverrides: [{tag: PatientWeight}]\n")
    done = biomarker(
        "extract", "suv", "--image", image, "--mask", mask, "--analysis", "fdg-suv",
        "--overrides", file,
    )  # fmt: skip
    assert done.returncode == 2
    assert "OVERRIDE-INVALID" in done.stderr


def test_a_study_measures_again_what_an_override_touches(biomarker, sample_copy, tmp_path):
    """The second run repeats the one case whose series the file names."""
    study = sample_copy / "study.yaml"
    text = study.read_text()
    cases = sample_copy / "cases.csv"
    header_row, *rest = cases.read_text().splitlines()
    role = header_row.split(",").index("role")
    cases.write_text("\n".join([header_row, *(r for r in rest if r.split(",")[role] == "pet")]))
    out = tmp_path / "out"
    assert biomarker("run", study, "-o", out).returncode == 0
    before = (out / "measurements.csv").read_text()
    folder = sample_copy / "centre_a" / "S0001" / "T1" / "pet" / "image"
    header = dcmread(next(iter(sorted(folder.iterdir()))), stop_before_pixels=True)
    override_file(sample_copy / "overrides.yaml", header, 1.1 * float(header.PatientWeight))
    study.write_text(text + "\noverrides: overrides.yaml\n")
    done = biomarker("run", study, "-o", out)
    assert done.returncode == 0, done.stderr
    lines = (out / "measurements.csv").read_text().splitlines()
    after = list(csv.DictReader(lines))
    touched = {r["case_id"] for r in after if "suv_override:PatientWeight" in r["flags"]}
    assert len(touched) == 1
    untouched = [line for line in before.splitlines()[1:] if line.split(",")[0] not in touched]
    assert set(untouched) <= set(lines)
    derivations = [p for p in (out / "derivations").rglob("*.json") if "pet" in str(p)]
    audited = [json.loads(p.read_text()) for p in derivations]
    assert any(d["overrides"] for d in audited)
    assert all(d["factor_per_slice"] and d["candidates"] for d in audited)


def test_reference_regions_of_the_same_case_are_used(biomarker, pet):
    image, mask, _ = pet
    done = biomarker(
        "extract", "suv", "--image", image, "--mask", mask, "--analysis", "fdg-percist"
    )
    found = rows_of(done.stdout)
    names = {roi.upper(): roi for roi, _ in found}
    gtv = next(roi for name, roi in names.items() if name.startswith("GTV"))
    if "LIVER" not in names:
        pytest.fail(f"the sample has no region LIVER: {sorted(names)}")
    ratio = found[gtv, "suvbw.uptake.ratio.max_to_liver_mean"]
    lesion = float(found[gtv, "suvbw.uptake.max"]["value"])
    liver = float(found[names["LIVER"], "suvbw.uptake.mean"]["value"])
    assert float(ratio["value"]) == pytest.approx(lesion / liver)
    assert found[gtv, "suvbw.uptake.ratio.max_to_blood_pool_mean"]["status"] == "undefined"


def test_a_refused_series_leaves_its_derivation(biomarker, pet, tmp_path):
    image, mask, header = pet
    file = override_file(tmp_path / "o.yaml", header, 10 * float(header.PatientWeight))
    file.write_text(file.read_text().replace("PatientWeight", "DecayCorrection"))
    out = tmp_path / "out"
    done = biomarker(
        "extract", "suv", "--image", image, "--mask", mask, "--analysis", "fdg-suv",
        "--overrides", file, "-o", out,
    )  # fmt: skip
    assert done.returncode == 6
    (path,) = (out / "derivations").rglob("*.json")
    derivation = json.loads(path.read_text())
    assert derivation["error_code"] == "SUV-NO-DECAY-CORRECTION"
    assert {item["name"] for item in derivation["inputs"]} >= {"weight", "administered activity"}
