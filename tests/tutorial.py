"""A tutorial as it stands in a README: its sections, commands, answers and numbers."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]

_BLOCK = re.compile(r"```(\w+)\n(.*?)```\n?", re.DOTALL)
_EXIT = re.compile(r"\s+# exit (\d+)$")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Step:
    """Commands with the exit code of each, and the lines of what they answer."""

    commands: tuple[tuple[str, int], ...]
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A section: its steps, and its text on one line without code, links and title."""

    steps: tuple[Step, ...]
    prose: str


@dataclass(frozen=True)
class Claim:
    """A passage with places for numbers, as of `str.format`, and where these come from."""

    section: int
    passage: str
    numbers: Callable[[Path], Iterable[object]]

    @property
    def pattern(self) -> str:
        """The passage as an expression that matches it with any numbers."""
        parts = re.split(r"\{[^}]*\}", self.passage)
        return r"\d+(?:\.\d+)?".join(map(re.escape, parts))


def sections(readme: Path) -> list[Section]:
    """Return the sections; the first one is what stands before any title of level two."""
    return [_section(part) for part in re.split(r"^## .*$", readme.read_text(), flags=re.MULTILINE)]


def _section(text: str) -> Section:
    steps: list[Step] = []
    for kind, content in _BLOCK.findall(text):
        if kind == "sh":
            commands = re.sub(r"\\\n\s*", "", content).splitlines()
            steps.append(Step(tuple(map(_command, commands)), ()))
        elif kind == "python":
            steps.append(Step(((f"python - <<'END'\n{content}END", 0),), ()))
        else:
            lines = content.splitlines()
            steps[-1] = Step(
                steps[-1].commands, tuple(" ".join(line.split()) for line in lines if line != "...")
            )
    prose = re.sub(r"`[^`]*`", "code", _BLOCK.sub("", text))
    return Section(tuple(steps), " ".join(re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", prose).split()))


def _command(line: str) -> tuple[str, int]:
    found = _EXIT.search(line)
    return _EXIT.sub("", line), int(found[1]) if found else 0


def run(part: Section, folder: Path, bin_dir: Path) -> Path:
    """Run the commands of a section in a folder; return the folder where they end."""
    for step in part.steps:
        said: list[str] = []
        for command, code in step.commands:
            if command.startswith("cd "):
                folder /= command.removeprefix("cd ")
                continue
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=folder,
                env={**os.environ, "PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}"},
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
            assert "Traceback" not in done.stderr, done.stderr
            said += [" ".join(line.split()) for line in (done.stdout + done.stderr).splitlines()]
        _require_in_order(step.answers, said)
    return folder


def _require_in_order(answers: Iterable[str], said: list[str]) -> None:
    place = 0
    for answer in answers:
        found = [n for n, line in enumerate(said) if n >= place and f" {answer} " in f" {line} "]
        assert found, f"not said, or not here: {answer}\n" + "\n".join(said[place:])
        place = found[0] + 1


def programs(folder: Path) -> Path:
    """Write ``biomarker`` and ``python`` as the installation under test; return the folder."""
    folder.mkdir()
    python = shlex.quote(sys.executable)
    paths = os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH", ""))))
    for name, started in (("python", python), ("biomarker", f"{python} -m biomarker_cli")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(paths)} exec {started} "$@"\n')
        script.chmod(0o755)
    return folder


def unclaimed(part: Section, claims: Iterable[Claim]) -> list[str]:
    """Return the numbers of a text that no claim speaks of, with the words around them."""
    held = [found.span() for claim in claims for found in re.finditer(claim.pattern, part.prose)]
    return [
        part.prose[max(found.start() - 30, 0) : found.end() + 10]
        for found in _NUMBER.finditer(part.prose)
        if not any(start <= found.start() and found.end() <= end for start, end in held)
    ]
