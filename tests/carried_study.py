"""A study of generated CT bodies: the mask of the first visit is carried to the second.

The second series is the first with other noise, its header moved by a known rigid motion:
a voxel has the same index in both, so that the mask that should come out is known.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import yaml
from synthetic_protocols import protocol_head
from synthetic_registration import GRID, body, motion, moved

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.multicentre.objects.ct import write_ct
from biomarker_cli.multicentre.objects.instances import ObjectGrid, Subject
from biomarker_cli.protocol.locator import ProtocolKind, locate
from biomarker_cli.registration.transform_files import write_tfm

INSIDE = (slice(12, 18), slice(18, 30), slice(22, 34))
NODE = (slice(8, 13), slice(30, 36), slice(20, 27))
FIRST, SECOND = "A/S1/T1/ct", "A/S1/T2/ct"

HEAD = "site_id,subject_id,timepoint,role,image,mask,mask_from,registration"
OWN = "A,S1,T1,ct,one,mask.nii.gz,,"
"""Row of the case whose mask is carried."""


def carried_row(registration: str, image: str = "two") -> str:
    """Return the row of the case that it is carried to."""
    return f"A,S1,T2,ct,{image},,{FIRST},{registration}"


ROWS = (OWN, carried_row("there.tfm;quick.yaml"))
"""The transform is given: nothing is aligned, which takes a second."""

ANALYSIS = """\
extends: radiomics-ct@1.0.0
radiomics: {families: [intensity, morphology], aggregations: [3d]}
"""
STUDY = """\
format: biomarker-study/1
id: carried
roles:
  ct: {analyses: [one.yaml]}
"""


def write_series(folder: Path, name: str, values: np.ndarray, matrix: np.ndarray, **more) -> None:
    """Write a CT series of a body whose header is moved, in a frame of its own."""
    grid_of_body = more.get("grid", GRID)
    place = moved(Volume(values, grid_of_body, HU), matrix).geometry
    axes = place.axes.T.tolist()
    grid = ObjectGrid(place.shape, place.spacing_mm, place.origin_mm, axes[0], axes[1])

    def own_frame(dataset, _index):
        dataset.FrameOfReferenceUID = more.get("frame", f"1.2.3.{sum(name.encode())}")
        dataset.KVP = more.get("kvp", 120)

    subject = Subject(more.get("subject", "one"))
    write_ct(folder / name, grid, values.clip(-1024, 3000), subject, series=name, change=own_frame)


def quick_data(**checks: dict[str, float]) -> dict:
    """Return the shipped rigid protocol without further alignments, as its file has it."""
    data = yaml.safe_load(locate(ProtocolKind.REGISTRATION, "rigid-same-modality").read_text())
    data["id"] = "quick"
    data["rigid"]["sampling"]["points"] = 3000
    for name in ("restart_spread_mm", "restart_gain", "inverse_consistency_mm", "mirror_gain"):
        del data["checks"][name]
    data["checks"] |= checks
    return data


def write_protocol(folder: Path, name: str = "quick", **checks: dict[str, float]) -> None:
    """Write that protocol, with other limits where named."""
    data = quick_data(**checks) | {"id": name}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(data))


def write_masks(folder: Path) -> None:
    """Write the mask of the first visit: two regions with names."""
    labels = np.zeros(GRID.shape, dtype=np.uint8)
    labels[INSIDE] = 1
    labels[NODE] = 2
    write_nifti(labels, GRID, folder / "mask.nii.gz")
    (folder / "mask.labels.csv").write_text("value,name\n1,GTV\n2,NODE\n")


def write_analysis(folder: Path) -> None:
    """Write the protocol that measures the images."""
    head = protocol_head("analysis", "one", "1.0.0", "active")
    (folder / "one.yaml").write_text(head + ANALYSIS)


def write_study(folder: Path, rows: tuple[str, ...] = ROWS, more: str = "") -> Path:
    """Write the study into a folder and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    write_series(folder, "one", body().array, np.eye(4))
    write_series(folder, "two", body(noise_seed=2).array, motion())
    write_masks(folder)
    write_protocol(folder)
    write_tfm(motion(), np.zeros(3), folder / "there.tfm")
    write_analysis(folder)
    return write_list(folder, rows, more)


def write_list(folder: Path, rows: tuple[str, ...], more: str = "") -> Path:
    """Write the list of cases and the study file, and return the latter."""
    (folder / "cases.csv").write_text("\n".join([HEAD, *rows]) + "\n")
    (folder / "study.yaml").write_text(STUDY + more)
    return folder / "study.yaml"


def table(folder: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of a table of a run."""
    with (folder / f"{name}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def tables(folder: Path) -> dict[str, bytes]:
    """Return the tables of a run as they are."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}
