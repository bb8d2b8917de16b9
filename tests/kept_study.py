"""A small study of ADC maps in NIfTI, measured in a moment, whose run keeps what it is told to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from synthetic_protocols import protocol_head

from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.runner import RunOptions, RunReport, StudyRun, run_study
from biomarker_cli.study.study_file import load_study, with_key

GRID = Geometry((6, 20, 22), (1.5, 1.5, 4.0), (-16.0, -15.0, 7.0))
ALL = ("masks", "maps", "pictures")

ANALYSIS = """\
applies_to: {modality: MR}
measure: adc
regions: {gaps: error, cross_series: allow, other_grid: forbid, empty: row}
adc: {estimator: lls, b_set: {kind: all}, statistics: [mean, median]}
"""
STUDY = """\
format: biomarker-study/1
id: kept
roles:
  dwi: {{analyses: [one.yaml]}}
keep: [{keep}]
"""


def adc_map(number: int) -> np.ndarray:
    """Return the values of the image of a case, in mm2/s."""
    return np.random.default_rng(number).normal(1.1e-3, 2e-4, GRID.shape)


def write_study(folder: Path, n_cases: int = 3, keep: Iterable[str] = ALL) -> Path:
    """Write a study of cases with two regions each, and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    head = protocol_head("analysis", "one", "1.0.0", "active")
    (folder / "one.yaml").write_text(head + ANALYSIS)
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    labels[1:5, 4:12, 4:15] = 1
    labels[2:4, 14:18, 5:9] = 2
    write_nifti(labels, GRID, folder / "mask.nii.gz")
    (folder / "mask.labels.csv").write_text("value,name\n1,GTV\n2,MUSCLE\n")
    lines = ["site_id,subject_id,timepoint,role,image,mask,quantity"]
    for number in range(n_cases):
        write_nifti(adc_map(number), GRID, folder / f"i{number}.nii.gz")
        lines.append(f"A,S{number},T1,dwi,i{number}.nii.gz,mask.nii.gz,adc")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    return write_keep(folder, keep)


def write_keep(folder: Path, keep: Iterable[str]) -> Path:
    """Say what the study keeps, and return its file."""
    (folder / "study.yaml").write_text(STUDY.format(keep=", ".join(keep)))
    return folder / "study.yaml"


def run(study_file: Path, out: Path, jobs: int = 1, **options: bool) -> RunReport:
    """Run the study in this process, with an index of its own."""
    study = with_key(load_study(study_file), writes=True)
    index = FileIndex(out.parent / "index")
    due = StudyRun.of_study(study, StudyPlanner(study, index))
    return run_study(due, out, RunOptions(jobs=jobs, **options))


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
