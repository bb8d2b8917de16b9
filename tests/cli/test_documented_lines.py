"""Every command line that the documents, the examples and ``--help`` show is one that is taken."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from biomarker_cli.cli.main import cli

CHECKOUT = Path(__file__).parents[2]
_PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*", "Makefile", "sample_data/**/*.md")
    for path in CHECKOUT.glob(pattern)
    if path.is_file() and path.name != "CHANGELOG.md"
)
_LINE = re.compile(r"^\s*(?:\$ |exec )?(?:\S*/)?biomarker (.*)$", re.MULTILINE)
_ENDS = {"|", ">", ">>", "2>", "&&", "||", ";", "&"}


def _leaves(command: click.Command) -> Iterator[click.Command]:
    if isinstance(command, click.Group):
        for member in command.commands.values():
            yield from _leaves(member)
    else:
        yield command


def _epilogs(command: click.Command) -> Iterator[str]:
    yield command.epilog or ""
    if isinstance(command, click.Group):
        for member in command.commands.values():
            yield from _epilogs(member)


def _lines(text: str) -> Iterator[list[str]]:
    """Yield the words of each command line; one with a gap for the reader is none."""
    for said in _LINE.findall(text.replace("\\\n", " ")):
        if re.search(r"\.\.\.|[<[…]|DIR\b|[`|]\w*\|", said):
            continue
        try:
            words = shlex.split(said, comments=True)
        except ValueError:
            continue
        ends = (place for place, word in enumerate(words) if word in _ENDS)
        words = words[: next(ends, len(words))]
        # A sentence that begins with the name of the program.
        if words and words[0] in cli.commands:
            yield words


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch):
    for command in _leaves(cli):
        monkeypatch.setattr(command, "callback", lambda **_: None)


def _refused(words: list[str]) -> str:
    try:
        cli.main(words, standalone_mode=False)
    except click.BadParameter as error:
        # A file of the example, which is not here, or a number of the shell.
        return "" if re.search(r"does not exist|\$", error.message) else error.message
    except click.UsageError as error:
        return error.message
    return ""


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_the_lines_of_a_page_are_taken(page):
    text = page.read_text(encoding="utf-8", errors="replace")
    refused = {shlex.join(words): said for words in _lines(text) if (said := _refused(words))}
    assert refused == {}


def test_the_lines_of_the_help_are_taken():
    lines = [words for epilog in _epilogs(cli) for words in _lines(epilog)]
    assert len(lines) > 100
    assert {shlex.join(words): said for words in lines if (said := _refused(words))} == {}
