"""A dry run changes nothing: every file and folder stays as it was, to the byte and the time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from kept_study import write_study
from synthetic_patients import pet

from biomarker_cli.cli.main import cli
from biomarker_cli.model.exit_codes import ExitCode
from tests.cli.conftest import Run
from tests.dicomweb_server import serving
from tests.synthetic_pacs import pacs_of

PACS = pacs_of(n_series=2, n_instances=3)
LONG_AGO_S = 1_000_000_000


def state_of(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return what the system says of everything below a folder but when it was read."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        now = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        name = path.relative_to(folder).as_posix()
        times = (now.st_mtime_ns, now.st_ctime_ns)
        found[name] = (now.st_mode, now.st_ino, now.st_size, *times, content)
    return found


def leave_half(folder: Path) -> None:
    """Leave what a command that was killed long ago would have left, of every kind."""
    for below in [folder, *(path for path in folder.rglob("*") if path.is_dir())]:
        for name in (".instance.00ff.part", ".study.key.00ff.part", ".measurements.csv.00ff.part"):
            (below / name).write_text("half")
            os.utime(below / name, (LONG_AGO_S, LONG_AGO_S))


def fetched(folder: Path, biomarker: Run) -> list[object]:
    """Fetch one series of two; then one file of it is cut, another one is gone."""
    first, _ = PACS.series
    asked: list[object] = ["fetch", "archive", "-o", "data"]
    assert biomarker(*asked, "--series", first.series_uid, cwd=folder).returncode == ExitCode.DONE
    cut, gone, _ = sorted((folder / "data").rglob("*.dcm"))
    cut.write_bytes(cut.read_bytes()[:-20])
    gone.unlink()
    return [*asked, "--all"]


def fetched_never(folder: Path, _: Run) -> list[object]:
    assert folder.is_dir()
    return ["fetch", "archive", "--all", "-o", "data"]


def sent(folder: Path, biomarker: Run) -> list[object]:
    """Have a folder of what may be sent and what may not, and the table of an earlier sending."""
    (folder / "objects").mkdir()
    for number, content in enumerate(PACS.contents()):
        (folder / f"objects/{number}.dcm").write_bytes(content)
    (folder / "objects/cut.dcm").write_bytes(next(PACS.contents())[:-20])
    asked: list[object] = ["send", "objects", "archive"]
    # All that is whole is held, and the table says so.
    assert biomarker(*asked, cwd=folder).returncode == ExitCode.PARTIAL
    assert (folder / "objects_sent/sent.csv").is_file()
    (folder / "objects/new.dcm").write_bytes(next(pacs_of(seed=1).contents()))
    return asked


def sent_never(folder: Path, _: Run) -> list[object]:
    (folder / "objects").mkdir()
    (folder / "objects/a.dcm").write_bytes(next(PACS.contents()))
    return ["send", "objects", "archive", "-o", "deep/sent"]


def deidentified(folder: Path, biomarker: Run) -> list[object]:
    """Have a key, its link table and copies."""
    pet(folder / "in/a.dcm")
    asked: list[object] = ["deidentify", "in", "--key", "site.key"]
    assert biomarker(*asked, "-o", "copies", cwd=folder).returncode == ExitCode.DONE
    return asked


def deidentified_never(folder: Path, _: Run) -> list[object]:
    pet(folder / "in/a.dcm")
    return ["deidentify", "in", "--key", "keys/site.key", "-o", "deep/copies"]


def run(folder: Path, biomarker: Run) -> list[object]:
    """Have a run whose study has changed since: one case is gone, one image is another."""
    study = write_study(folder / "trial")
    asked: list[object] = ["run", study, "-o", "out", "--jobs", 1]
    assert biomarker(*asked, cwd=folder).returncode == ExitCode.DONE
    cases = folder / "trial/cases.csv"
    cases.write_text("\n".join(cases.read_text().splitlines()[:-1]) + "\n")
    (folder / "trial/i0.nii.gz").write_bytes((folder / "trial/i1.nii.gz").read_bytes())
    kept = sorted((folder / "out").rglob("*.nii.gz"))
    kept[-1].unlink()
    return asked


def run_never(folder: Path, _: Run) -> list[object]:
    study = write_study(folder / "trial", n_cases=1)
    return ["run", study, "-o", "deep/out", "--report", "--fresh"]


def run_in_parts(folder: Path, biomarker: Run) -> list[object]:
    """Have the results of one part of two."""
    study = write_study(folder / "trial", n_cases=4)
    (folder / "trial/study.key").write_text("ab" * 32)
    asked: list[object] = ["run", study, "-o", "out", "--jobs", 1, "--shard"]
    assert biomarker(*asked, "1/2", cwd=folder).returncode == ExitCode.DONE
    return [*asked, "2/2"]


WAYS: dict[str, tuple[Callable[[Path, Run], list[object]], ...]] = {
    "biomarker deidentify": (deidentified, deidentified_never),
    "biomarker fetch": (fetched, fetched_never),
    "biomarker run": (run, run_never, run_in_parts),
    "biomarker send": (sent, sent_never),
}


def commands(
    command: click.Command, name: str = "biomarker"
) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for below, member in command.commands.items():
            yield from commands(member, f"{name} {below}")


def test_every_command_with_dry_runs_is_held_here():
    offer = {
        name
        for name, command in commands(cli)
        if any("--dry-run" in parameter.opts for parameter in command.params)
    }
    assert offer == WAYS.keys()


@pytest.mark.parametrize("way", [way for ways in WAYS.values() for way in ways])
def test_a_dry_run_changes_nothing(biomarker, tmp_path, monkeypatch, way):
    here, scratch = tmp_path / "here", tmp_path / "scratch"
    scratch.mkdir()
    # Whatever else a program may write to lies below: home, settings, data.
    for variable in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "BIOMARKER_DATA_DIR"):
        (here / variable).mkdir(parents=True)
        monkeypatch.setenv(variable, str(here / variable))
    monkeypatch.setenv("BIOMARKER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(scratch))
    with serving(PACS) as server:
        (here / "biomarker-sources.yaml").write_text(
            "format: biomarker-sources/1\n"
            f"sources:\n  archive: {{kind: dicomweb, url: '{server.url}'}}\n"
        )
        asked = way(here, biomarker)
        leave_half(here)
        before = state_of(here)
        dry = biomarker(*asked, "--dry-run", "--format", "json", cwd=here)
    assert dry.returncode in {ExitCode.DONE, ExitCode.PARTIAL}, dry.stderr
    assert json.loads(dry.stdout)
    after = state_of(here)
    assert after.keys() == before.keys()
    assert [name for name in before if before[name] != after[name]] == []
    assert list(scratch.iterdir()) == []
