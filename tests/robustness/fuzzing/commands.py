"""Damaged inputs through the real command line: a process each, whose exit code is never 1."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from fuzzing.jobs import MEASURES, damage_file, trial_of
from fuzzing.mutations import choice
from fuzzing.seeds import CHECKOUT

SECONDS = 60.0
"""A cold start on a busy machine takes some of it."""

COMMANDS = (
    ("scan", "{home}/ct", "{home}/pet", "--fresh"),
    ("check", "{home}/ct", "--protocol", "recist-ct"),
    ("check", "{home}/pet", "--protocol", "fdg-pet", "--format", "json"),
    ("suv-explain", "{home}/pet"),
    ("bvalues", "{home}/dwi"),
    ("protocol", "facts", "{home}/pet", "{home}/dwi"),
    ("protocol", "lint", "{home}/recist.yaml"),
    ("regions", "{home}/ct.dcm", "--image", "{home}/ct", "-o", "{home}/regions"),
    ("regions", "{home}/pet.dcm", "--list"),
    *(
        (
            *("extract", measure, "--image", f"{{home}}/{name}", "--mask", f"{{home}}/{name}.dcm"),
            *("--analysis", analysis, "-o", "{home}/extracted"),
        )
        for name, (measure, analysis) in MEASURES.items()
    ),
    ("run", "{home}/study.yaml", "-o", "{home}/out"),
    ("init", "{home}"),
)


def run_one(folder: Path, seed: int, index: int) -> tuple[tuple[str, ...], int, str]:
    """Damage one file of the small trial and run a command on it.

    Returns
    -------
    arguments : tuple of str
    exit_code : int
    stderr : str
    """
    rng = np.random.default_rng([seed, *b"command", index])
    home = trial_of(folder)
    command = COMMANDS[index % len(COMMANDS)]
    if command[0] == "init":
        for name in ("study.yaml", "cases.csv"):
            (home / name).unlink()
    about = [word.partition("{home}/")[2] for word in command if "{home}/" in word]
    files = [p for name in about for p in _files(home / name) if p.suffix != ".key"]
    if command[0] in {"run", "init"} or not files:
        files = [p for p in home.rglob("*") if p.is_file() and p.suffix != ".key"]
    damage_file(choice(rng, sorted(files)), rng)
    arguments = tuple(word.format(home=home) for word in command)
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "BIOMARKER_CACHE_DIR": str(folder / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "biomarker_cli", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        env=env,
        timeout=SECONDS,
        check=False,
    )
    return arguments, done.returncode, done.stderr


def _files(path: Path) -> list[Path]:
    return [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path] * path.is_file()
