"""One input of each kind: which seed is damaged how, and what it is put through.

An input is told by target, seed number and index alone, so that a worker makes it
itself and a finding can be made again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fuzzing import targets
from fuzzing.elements import damaged_dicom
from fuzzing.mutations import Rng, choice, damaged_inside
from fuzzing.seeds import Seeds, small_trial
from fuzzing.texts import damaged_csv, damaged_yaml


@dataclass(frozen=True)
class Input:
    """A damaged input that lies in a folder, and the call that it is put through."""

    path: Path
    seed: str
    call: Callable[[], str]


Make = Callable[[Path, Seeds, Rng], Input]


def _one(options: dict[str, bytes], rng: Rng) -> tuple[str, bytes]:
    name = choice(rng, sorted(options))
    return name, options[name]


def header(folder: Path, seeds: Seeds, rng: Rng) -> Input:
    name, content = _one(seeds.dicom, rng)
    path = folder / "header.dcm"
    path.write_bytes(damaged_dicom(content, rng))
    return Input(path, name, lambda: targets.header(path))


def pixels(folder: Path, seeds: Seeds, rng: Rng) -> Input:
    name, content = _one(seeds.pixels, rng)
    path = folder / "pixels.dcm"
    path.write_bytes(damaged_dicom(content, rng))
    return Input(path, name, lambda: targets.pixels(path))


def series(folder: Path, seeds: Seeds, rng: Rng) -> Input:
    name = choice(rng, sorted(seeds.series))
    home = folder / "series"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    files = seeds.series[name]
    damaged = choice(rng, sorted(files))
    same_way = rng.random() < 0.2  # the same damage in all files
    state = int(rng.integers(2**32))
    for file, content in files.items():
        if same_way or file == damaged:
            content = damaged_dicom(content, np.random.default_rng(state))
        (home / file).write_bytes(content)
    return Input(home, name, lambda: targets.series(home))


def copy(folder: Path, seeds: Seeds, rng: Rng) -> Input:
    name, content = _one(seeds.dicom, rng)
    home = folder / "copied"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    named = targets.with_a_name(content)
    (home / "source.dcm").write_bytes(damaged_dicom(named, rng))
    return Input(home, name, lambda: targets.copy(home))


def image(folder: Path, seeds: Seeds, rng: Rng) -> Input:
    name, content = _one(seeds.images, rng)
    path = _beside(folder, name, seeds)
    path.write_bytes(damaged_inside(content, rng))
    return Input(path, name, lambda: targets.image(path))


def _beside(folder: Path, name: str, seeds: Seeds) -> Path:
    """Return where a file goes; voxels that lie beside a header are put there."""
    home = folder / "images"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    for voxels in ("a.raw", "a.zraw"):
        (home / voxels).write_bytes(b"\1\0" * 90)
    return home / name


def mask(folder: Path, seeds: Seeds, rng: Rng) -> Input:
    name, content = _one(seeds.masks, rng)
    path = _beside(folder, name, seeds)
    damage = damaged_dicom if name.endswith(".dcm") else damaged_inside
    path.write_bytes(damage(content, rng))
    return Input(path, name, lambda: targets.mask(path, seeds.grids[name]))


def report(folder: Path, seeds: Seeds, rng: Rng) -> Input:
    name, content = _one(seeds.reports, rng)
    path = folder / "report.dcm"
    path.write_bytes(damaged_dicom(content, rng))
    return Input(path, name, lambda: targets.report(path))


def text(folder: Path, seeds: Seeds, rng: Rng) -> Input:
    name, content = _one(seeds.texts, rng)
    is_table = name in {"cases", "measured"}
    for whole in ("study", "cases"):
        (folder / f"{whole}.{'csv' if whole == 'cases' else 'yaml'}").write_bytes(
            seeds.texts[whole]
        )
    path = folder / (f"{name.replace(' ', '_')}.csv" if is_table else f"{name.split()[0]}.yaml")
    path.write_bytes((damaged_csv if is_table else damaged_yaml)(content, rng))
    return Input(path, name, lambda: targets.text(path, name))


MEASURES = {
    "ct": ("radiomics", "pyradiomics-default"),
    "pet": ("suv", "fdg-suv"),
    "dwi": ("adc", "dwi-adc"),
}


def trial_of(folder: Path) -> Path:
    """Return a fresh copy of the small trial in a folder."""
    whole, copy = folder / "whole", folder / "trial"
    if not whole.exists():
        whole.mkdir()
        small_trial(whole)
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(whole, copy)
    return copy


def damage_file(path: Path, rng: Rng) -> None:
    damage = {".dcm": damaged_dicom, ".csv": damaged_csv}.get(path.suffix, damaged_yaml)
    path.write_bytes(damage(path.read_bytes(), rng))


def case(folder: Path, seeds: Seeds, rng: Rng) -> Input:
    trial = trial_of(folder)
    name = choice(rng, sorted(MEASURES))
    measure, analysis = MEASURES[name]
    mask_path = trial / f"{name}.dcm"
    if rng.random() < 0.8:
        damage_file(choice(rng, sorted((trial / name).iterdir())), rng)
    else:
        damage_file(mask_path, rng)
    return Input(trial, name, lambda: targets.single(trial / name, mask_path, measure, analysis))


def study(folder: Path, seeds: Seeds, rng: Rng) -> Input:
    trial = trial_of(folder)
    path = choice(rng, sorted(p for p in trial.rglob("*") if p.is_file()))
    if rng.random() < 0.5:
        path = trial / choice(rng, ("study.yaml", "cases.csv", "recist.yaml", "waivers.yaml"))
    damage_file(path, rng)
    return Input(trial, path.suffix, lambda: targets.study(trial))


TARGETS: dict[str, Make] = {
    "header": header,
    "pixels": pixels,
    "series": series,
    "copy": copy,
    "image": image,
    "mask": mask,
    "report": report,
    "text": text,
    "case": case,
    "study": study,
}


def make_input(target: str, seed: int, index: int, folder: Path, seeds: Seeds) -> Input:
    """Write one input into a folder."""
    rng = np.random.default_rng([seed, *target.encode(), index])
    return TARGETS[target](folder, seeds, rng)
