"""The examples for clusters run as they stand: by Slurm and by Snakemake, on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from cluster_processes import CHECKOUT, only_in_full, python_path, tables_of
from slurm_machine import SlurmMachine

EXAMPLES = CHECKOUT / "examples" / "cluster"
N_SHARDS = 3


@pytest.fixture(scope="module")
def path_with_program(tmp_path_factory) -> str:
    """Return a PATH on which ``biomarker`` and ``dask`` are those of these tests."""
    folder = tmp_path_factory.mktemp("bin")
    for name, module in (("biomarker", "biomarker_cli"), ("dask", "dask")):
        program = folder / name
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH="{python_path()}" exec "{sys.executable}" -m {module} "$@"\n'
        )
        program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="module")
def whole(small_study, path_with_program, tmp_path_factory) -> dict[str, str]:
    """Digests of the tables of the study, measured by one run."""
    out = tmp_path_factory.mktemp("whole") / "out"
    subprocess.run(
        ["biomarker", "run", small_study, "-o", out, "--quiet", "--jobs", "2"],
        check=True,
        env={**os.environ, "PATH": path_with_program},
    )
    return tables_of(out)


@pytest.fixture(scope="module")
def slurm(slurm_programs, tmp_path_factory) -> Iterator[SlurmMachine]:
    """Slurm, with this machine as its only node."""
    machine = SlurmMachine(tmp_path_factory.mktemp("slurm"))
    try:
        machine.start()
        yield machine
    finally:
        machine.stop()


def test_a_slurm_array_of_three_shards_and_a_merge_give_the_tables_of_one_run(
    slurm, small_study, path_with_program, whole, tmp_path
):
    env, study, out = {"PATH": path_with_program}, small_study, tmp_path / "out"
    array = EXAMPLES / "slurm_shards.sh"
    # One shard is lost, as by a node that dies, and submitted again by its number.
    job = slurm.submit("--array=1,3", array, study, out, cwd=tmp_path, **env)
    slurm.submit(
        f"--dependency=afterany:{job}", EXAMPLES / "slurm_merge.sh", out, cwd=tmp_path, **env
    )
    slurm.wait_until_done(120)
    assert sorted(p.name for p in (out / "shards").glob("*.json")) == ["1-of-3.json", "3-of-3.json"]
    logs = "".join(p.read_text() for p in tmp_path.glob("biomarker-merge-*.log"))
    assert "SHARD-MISSING" in logs
    assert not (out / "measurements.csv").exists()

    job = slurm.submit("--array=2", array, study, out, cwd=tmp_path, **env)
    slurm.submit(
        f"--dependency=afterany:{job}", EXAMPLES / "slurm_merge.sh", out, cwd=tmp_path, **env
    )
    slurm.wait_until_done(120)
    assert tables_of(out) == whole


@only_in_full
def test_dask_within_a_slurm_job_gives_the_tables_of_one_run(
    slurm, small_study, path_with_program, whole, tmp_path
):
    out = tmp_path / "out"
    slurm.submit(
        EXAMPLES / "slurm_dask.sh", small_study, out,
        cwd=tmp_path, PATH=path_with_program,
    )  # fmt: skip
    slurm.wait_until_done(180)
    logs = "".join(p.read_text() for p in tmp_path.glob("biomarker-dask-*.log"))
    assert "4 cases: 4 measured" in logs, logs
    # Two tasks, two workers, and both were given cases.
    assert logs.count("Starting established connection") >= 2
    assert tables_of(out) == whole


def test_snakemake_gives_the_tables_of_one_run(
    snakemake, small_study, path_with_program, whole, tmp_path
):
    out = tmp_path / "out"
    command = [
        snakemake, "--snakefile", EXAMPLES / "Snakefile", "--cores", "2",
        "--directory", tmp_path, "--config",
        f"study={small_study}", f"results={out}", f"shards={N_SHARDS}",
    ]  # fmt: skip
    env = {**os.environ, "PATH": path_with_program, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert tables_of(out) == whole
    # Nothing changed, nothing done.
    again = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert "Nothing to be done" in again.stdout + again.stderr


@pytest.mark.parametrize("name", ["slurm_shards.sh", "slurm_merge.sh", "slurm_dask.sh"])
def test_the_scripts_are_valid_shell(name):
    done = subprocess.run(["bash", "-n", EXAMPLES / name], capture_output=True, check=False)
    assert done.stderr == b""


def test_the_array_has_as_many_tasks_as_the_script_has_shards():
    text = (EXAMPLES / "slurm_shards.sh").read_text()
    (last,) = re.findall(r"^#SBATCH --array=1-(\d+)$", text, re.MULTILINE)
    (shards,) = re.findall(r"^SHARDS=(\d+)$", text, re.MULTILINE)
    assert last == shards
    # Right only for an array that was submitted whole.
    assert "$SLURM_ARRAY_TASK_COUNT" not in text
    assert "${SLURM_ARRAY_TASK_COUNT" not in text


@pytest.mark.parametrize("name", ["slurm_shards.sh", "slurm_dask.sh"])
def test_slurm_scripts_share_out_cores_and_hear_of_the_end_of_their_time(name):
    text = (EXAMPLES / name).read_text()
    for variable in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
    ):
        assert f"{variable}=1" in text
    assert "#SBATCH --signal=B:TERM@60" in text
    # The signal reaches the shell alone: the program has to be in its place.
    assert re.search(r"^exec biomarker run ", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["Snakefile", "main.nf", "slurm_shards.sh", "slurm_dask.sh"])
def test_examples_name_options_that_the_program_has(name, path_with_program):
    text = (EXAMPLES / name).read_text()
    used = set(re.findall(r"(?<=\s)--(?:shard|jobs|quiet|executor|scheduler)\b", text))
    shown = subprocess.run(
        ["biomarker", "run", "--help"],
        env={**os.environ, "PATH": path_with_program},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert used
    assert all(option in shown for option in used)
