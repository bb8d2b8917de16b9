"""``keep:`` in a study, as a user meets it: the sample trial with what was measured beside it."""

from __future__ import annotations

import csv
import json
import re
import shutil

import pytest

from biomarker_cli.tables.kept import case_folder, kept_cases, read_index, read_map, read_mask

CASE = "CENTRE_A/S0001/T1/pet"
TABLES = ("measurements", "rois", "cases", "facts", "checks", "features")


def _say(trial, keep):
    path = trial / "study.yaml"
    text = re.sub(r"^keep:.*\n", "", path.read_text(), flags=re.M)
    path.write_text(text + f"keep: {keep}\n")
    return path


@pytest.fixture(scope="module")
def kept_run(biomarker, sample_dir, tmp_path_factory):
    """Folder of a run of the sample trial that keeps all it can."""
    trial = tmp_path_factory.mktemp("kept") / "trial"
    others = shutil.ignore_patterns("*.py", "__pycache__", "response")
    shutil.copytree(sample_dir, trial, ignore=others)
    study, out = _say(trial, "[masks, maps, pictures]"), trial.parent / "out"
    done = biomarker("run", study, "-o", out, "--jobs", 2, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["not_kept"] == []
    return out


def test_the_sample_with_all_that_is_kept(kept_run, sample_run):
    out = kept_run
    for table in TABLES:
        assert (out / f"{table}.csv").read_bytes() == (sample_run / f"{table}.csv").read_bytes()
    assert len(list(kept_cases(out))) == 9
    with (out / "rois.csv").open() as stream:
        rois = {
            (row["case_id"], row["roi_id"]): int(row["n_voxels"])
            for row in csv.DictReader(stream)
            if row["status"] == "ok"
        }
    found = {}
    for folder in kept_cases(out):
        index = read_index(folder)
        for file in index.of_kind("masks"):
            mask = read_mask(folder, file)
            found[index.case_id, file.roi_id] = mask.region.n_voxels
            for one in index.of_kind("maps"):
                assert read_map(folder, one).geometry == mask.region.geometry
        quantities = {one.quantity for one in index.of_kind("maps")}
        expected = {"ct": set(), "pet": {"suvbw"}, "dwi": {"adc"}}
        assert quantities == expected[index.case_id.rpartition("/")[2]]
    assert found == rois


def test_what_is_kept_names_nobody(kept_run, sample_dir):
    from pydicom import dcmread

    out = kept_run
    header = dcmread(next((sample_dir / "centre_a").rglob("pet/image/*.dcm")))
    names = [header.PatientID, header.StudyInstanceUID, header.FrameOfReferenceUID]
    names += [header.SeriesInstanceUID, str(header.PatientName), "rtstruct", str(out)]
    words = [str(word).encode() for word in names if str(word)]
    assert len(words) >= 6
    files = [path for path in (out / "kept").rglob("*") if path.is_file()]
    assert len(files) > 40
    for path in files:
        content = path.read_bytes() + str(path.relative_to(out)).encode()
        assert not [word for word in words if word in content], path
        assert not re.search(rb"(1\.2\.840|2\.25)\.\d{4,}", content), path


def test_a_dry_run_says_what_would_be_made(biomarker, sample_copy, tmp_path):
    out = tmp_path / "out"
    done = biomarker("run", _say(sample_copy, "[masks]"), "-o", out)
    assert done.returncode == 0, done.stderr
    study = _say(sample_copy, "[pictures, masks]")
    done = biomarker("run", study, "-o", out, "--dry-run", "--format", "json")
    rows = json.loads(done.stdout)
    assert {(row["action"], row["reason"]) for row in rows} == {
        ("keep", "kept pictures are missing")
    }
    assert not list(out.rglob("*.svg"))


def test_two_readers_by_the_masks_of_their_runs(biomarker, kept_run, sample_dir, tmp_path):
    runs = [tmp_path / "alice", tmp_path / "bob"]
    for run in runs:
        shutil.copytree(kept_run, run)
    done = biomarker("readers", *runs, "--case", CASE, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert {row["roi_id"]: row["dice"] for row in json.loads(done.stdout)} == {
        "GTV": 1.0,
        "LIVER": 1.0,
    }
    (case_folder(runs[1], CASE) / "masks" / "GTV.mask").write_bytes(b"damaged")
    done = biomarker("readers", *runs, "--case", CASE, "--format", "json")
    assert done.returncode == 5
    assert "masks/GTV.mask" in json.loads(done.stdout)[0]["reason"]
    assert biomarker("readers", *runs, "--case", "A/S1/T1/ct").returncode == 3
    assert biomarker("readers", *runs, "--case", CASE, "--image", sample_dir).returncode == 2
    mask = sample_dir / "centre_a/S0001/T1/dwi/mask.nii.gz"
    assert biomarker("readers", runs[0], f"bob={mask}", "--case", CASE).returncode == 2
