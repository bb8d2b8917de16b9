"""The same files give the same bytes of measurements.csv, whatever does the work."""

from __future__ import annotations

import csv

import pytest
import yaml

CHANGES = [
    {"filter": "pyradiomics_log", "sigma_mm": [2.0, 5.0]},
    {"filter": "pyradiomics_wavelet"},
    {"filter": "square_root"},
]
# Workers, and threads that the libraries below may take.
RUNS = [(1, 1), (2, 1), (1, 2), (2, 2), (2, 2)]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@pytest.fixture
def filtered_study(sample_copy, sample_dir):
    """The CT cases of the sample trial, measured on filtered images."""
    source = sample_dir.parent / "protocols/analysis/pyradiomics-default/1.0.0.yaml"
    protocol = yaml.safe_load(source.read_text(encoding="utf-8"))
    protocol["id"] = "filtered"
    protocol["radiomics"]["images"] += CHANGES
    target = sample_copy / "filtered.yaml"
    target.write_text(yaml.safe_dump(protocol), encoding="utf-8")
    path = sample_copy / "study.yaml"
    study = yaml.safe_load(path.read_text(encoding="utf-8"))
    study["roles"] = {"ct": {"analyses": ["filtered.yaml"], "rois": ["GTV", "NODE"]}}
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    cases = sample_copy / "cases.csv"
    with cases.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    role = rows[0].index("role")
    with cases.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([rows[0], *(row for row in rows[1:] if row[role] == "ct")])
    return path


def test_workers_threads_and_repetition_do_not_move_a_byte(filtered_study, biomarker, tmp_path):
    tables = []
    for number, (jobs, threads) in enumerate(RUNS):
        folder = tmp_path / f"run{number}"
        limits = dict.fromkeys(THREADS, str(threads))
        done = biomarker("run", filtered_study, "-o", folder, "--jobs", jobs, **limits)
        assert done.returncode == 0, done.stderr
        tables.append((folder / "measurements.csv").read_bytes())
    assert tables[0].count(b"log-sigma-5-0-mm-3D") > 100
    assert tables[0].count(b"wavelet-HHH") > 100
    assert all(table == tables[0] for table in tables)
