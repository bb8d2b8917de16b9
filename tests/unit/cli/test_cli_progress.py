"""Progress is shown on stderr, where a terminal looks on, and not under ``--quiet``."""

from __future__ import annotations

import ast
import contextlib
import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest
import yaml
from kept_study import write_study
from synthetic_patients import pet

from biomarker_cli.cli.main import cli
from tests.dicomweb_server import serving
from tests.synthetic_pacs import pacs_of

PACKAGE = Path(__file__).parents[3] / "biomarker_cli"
SHOWING = {("biomarker_cli.cli.output", name) for name in ("progress", "stages")}
PACS = pacs_of(n_series=2, n_instances=3)
HIDDEN_CURSOR = "\x1b[?25l"
"""With which a bar begins."""

_VISIT = "{sample}/centre_a/S0001/T1"
_PET = f"{_VISIT}/pet"
_OBJECTS = f"{{kept}}/out --image {_PET}/image --identity keep -o {{new}}"
WAYS = {
    "bvalues": f"{_VISIT}/dwi",
    "check": f"{_PET} --protocol base-pet@1.0.0",
    "deidentify": "{patients} --key {new}.key -o {new}",
    "export joint": "{kept}/out --voxels --registration none -o {new}.parquet",
    "export seg": _OBJECTS,
    "export sr": _OBJECTS,
    "extract": f"suv --image {_PET}/image --mask {_PET}/seg.dcm --analysis fdg-suv",
    "fetch": "archive --sources {sources} --all -o {new}",
    "init": f"{_PET} -o {{new}}",
    "protocol draft": f"{_PET}",
    "protocol facts": f"{_PET}",
    "protocol match": f"{_PET}",
    "protocol sheet": f"base-pet --against {_PET}",
    "readers": f"A={_PET}/seg.dcm B={_PET}/seg.dcm --image {_PET}/image",
    "regions": f"{_PET}/seg.dcm --image {_PET}/image",
    "run": "{kept}/study.yaml -o {new} --jobs 1",
    "scan": f"{_PET}",
    "send": "{objects} archive --sources {sources} -o {new}",
    "suv-explain": f"{_PET}",
    "timepoints": f"{_VISIT}/dwi",
    "verify": "suv",
}
PRODUCTS = {"extract": csv.DictReader, "protocol draft": yaml.safe_load}
"""What these make goes to stdout where no file is named for it, though quiet."""


def commands(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for below, member in command.commands.items():
            yield from commands(member, f"{name} {below}".strip())


COMMANDS = dict(commands(cli))


def options(name: str) -> set[str]:
    return {option for parameter in COMMANDS[name].params for option in parameter.opts}


class Calls:
    """What the functions of the command line call of each other, by the text of the program."""

    def __init__(self) -> None:
        self._named: dict[tuple[str, str], set[tuple[str, str]]] = {}
        self._asked: dict[tuple[str, str], set[str]] = {}
        self._methods: dict[str, set[tuple[str, str]]] = {}
        for path in (PACKAGE / "cli").rglob("*.py"):
            parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
            self._note(".".join(parts).removesuffix(".__init__"), ast.parse(path.read_text()))

    def _note(self, module: str, tree: ast.Module) -> None:
        nodes = [*ast.walk(tree)]
        imported = {
            name.asname or name.name: (node.module, name.name)
            for node in nodes
            if isinstance(node, ast.ImportFrom) and node.module
            for name in node.names
        }
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                for member in node.body:
                    if isinstance(member, ast.FunctionDef):
                        self._methods.setdefault(member.name, set()).add((module, member.name))
            if isinstance(node, ast.FunctionDef):
                here, inner = (module, node.name), [*ast.walk(node)]
                names = {one.id for one in inner if isinstance(one, ast.Name)}
                self._named[here] = {imported.get(name, (module, name)) for name in names}
                self._asked[here] = {one.attr for one in inner if isinstance(one, ast.Attribute)}

    def reaches(self, start: tuple[str, str], ends: set[tuple[str, str]]) -> bool:
        """Tell whether a function may come to one of others."""
        seen, due = set(), [start]
        while due:
            here = due.pop()
            if here in seen or here not in self._named:
                continue
            seen.add(here)
            methods = {one for name in self._asked[here] for one in self._methods.get(name, ())}
            due += [*self._named[here], *methods]
        return bool(ends & seen)


def test_every_command_with_progress_can_be_quiet_and_is_held_here():
    calls = Calls()
    showing = {
        name
        for name, command in COMMANDS.items()
        if (made := command.callback) is not None
        and calls.reaches((made.__module__, made.__name__), SHOWING)
    }
    assert [name for name in sorted(showing) if "--quiet" not in options(name)] == []
    assert sorted(showing) == sorted(WAYS)


class Terminal(io.StringIO):
    """Text that is shown at once."""

    def isatty(self) -> bool:
        return True


def told(words: Sequence[str]) -> tuple[str, str]:
    """Run a command as where stderr is a terminal and stdout is not; return what both got."""
    out, err = io.StringIO(), Terminal()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        cli.main(list(words), standalone_mode=False)
    return out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def places(sample_dir, tmp_path_factory) -> Iterator[dict[str, Path]]:
    """Have what the commands are asked of."""
    root = tmp_path_factory.mktemp("progress")
    study = write_study(root / "kept", n_cases=1)
    told(["run", str(study), "-o", str(root / "kept/out"), "--jobs", "1"])
    pet(root / "patients/a.dcm")
    (root / "objects").mkdir()
    (root / "objects/a.dcm").write_bytes(next(pacs_of(seed=1).contents()))
    with serving(PACS) as server:
        (root / "sources.yaml").write_text(
            "format: biomarker-sources/1\n"
            f"sources:\n  archive: {{kind: dicomweb, url: '{server.url}'}}\n"
        )
        yield {
            "sample": sample_dir,
            "kept": root / "kept",
            "patients": root / "patients",
            "objects": root / "objects",
            "sources": root / "sources.yaml",
        }


@pytest.mark.parametrize("name", WAYS)
def test_progress_goes_to_stderr_alone_and_quiet_shows_none(places, tmp_path, name):
    def words(new: str, *more: str) -> list[str]:
        way = WAYS[name].format(**places, new=tmp_path / new)
        return [*name.split(), *way.split(), *more]

    as_json = ("--format", "json") if "--format" in options(name) else ()
    out, err = told(words("shown", *as_json))
    assert HIDDEN_CURSOR in err
    assert "\x1b" not in out
    if as_json:
        assert json.loads(out)
    out, err = told(words("quiet", "--quiet"))
    assert "\x1b" not in err + out
    if name in PRODUCTS:
        assert list(PRODUCTS[name](io.StringIO(out)))
    else:
        assert out == ""
