"""Links of the docs lead somewhere, and their commands and options exist."""

from __future__ import annotations

import ast
import posixpath
import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import click
import pytest
import yaml

from biomarker_cli.cli.main import cli

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path.relative_to(CHECKOUT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "examples/*/README.md", "sample_data/README.md")
    for path in CHECKOUT.glob(pattern)
)
_FENCE = re.compile(r"^\s*(?:```|~~~)(\w*)")
_LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)#?([^)\s]*)\)")
_OPTION = re.compile(r"--?[A-Za-z][\w-]*")
# What a manual writes where the reader says something: ID[@V], FILE..., a|b.
_NOTATION = re.compile(r"[\[\]|…]|\.\.\.|·")


@cache
def lines_of(page: str) -> tuple[tuple[str, str], ...]:
    """Lines of a page, each with the language of its fence ("-" for none named, "" outside)."""
    found, fence = [], ""
    for line in (CHECKOUT / page).read_text(encoding="utf-8").splitlines():
        mark = _FENCE.match(line)
        if mark:
            fence = "" if fence else mark[1] or "-"
        else:
            found.append((line, fence))
    return tuple(found)


@cache
def anchors_of(page: str) -> frozenset[str]:
    """Anchors of the titles of a page, as they are made where the repository is shown."""
    found: list[str] = []
    for line, fence in lines_of(page):
        title = re.match(r"#+ (.*)", line)
        if title and not fence:
            slug = re.sub(r"[^\w\- ]", "", title[1].lower()).replace(" ", "-")
            found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return frozenset(found)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_title(page):
    wrong = []
    for line, fence in lines_of(page):
        for path, anchor in () if fence else _LINK.findall(re.sub(r"`[^`]*`", "", line)):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
            target = target if path else page
            is_there = (CHECKOUT / target).exists()
            if not is_there or (anchor and anchor not in anchors_of(target)):
                wrong.append(f"{path}#{anchor}")
    assert not wrong


def _commands(page: str) -> Iterator[str]:
    """Command lines of the code of a page, continued lines joined and remarks left out."""
    continued = ""
    for line, fence in lines_of(page):
        is_shell = fence in {"-", "sh", "bash", "yaml"} or line.startswith("    biomarker ")
        part = re.sub(r"^\s*(?:\$ |- (?:run: )?)?", "", line)
        if continued or (is_shell and part.startswith("biomarker ")):
            continued += part
            if continued.endswith("\\"):
                continued = continued[:-1]
                continue
            yield re.sub(r"\s(?:#|·|->|>|\(|  ).*", "", continued)
            continued = ""


def _unknown(command: str) -> str:
    """What of a command line does not exist, or empty."""
    words = shlex.split(command)[1:]
    at: click.Command = cli
    context = click.Context(cli, info_name="biomarker")
    while isinstance(at, click.Group) and words and not words[0].startswith("-"):
        choices = words.pop(0).split("|")
        below = [at.get_command(context, name) for name in choices]
        if None in below:
            # A group may have a command that is meant where none is named.
            return "" if getattr(at, "default", "") else f"{command}: no {choices}"
        at = below[0]
        context = click.Context(at, info_name=choices[0], parent=context)
    known = {name for option in at.get_params(context) for name in option.opts}
    unknown = [w for w in words if _OPTION.match(w) and w.partition("=")[0] not in known]
    return f"{command}: {unknown}" if unknown and not _NOTATION.search(command) else ""


@pytest.mark.parametrize("page", [page for page in PAGES if page != "docs/commands.md"])
def test_every_command_of_the_docs_exists_with_its_options(page):
    assert not [wrong for wrong in map(_unknown, _commands(page)) if wrong]


def test_the_check_of_commands_finds_what_does_not_exist():
    assert _unknown("biomarker scan --fresh x") == ""
    assert "--freshly" in _unknown("biomarker scan --freshly x")
    assert "scna" in _unknown("biomarker scna x")
    assert len([c for page in PAGES for c in _commands(page)]) > 100


def _named(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from _named(part)


def test_every_page_has_its_place_on_the_site_once():
    site = yaml.safe_load((CHECKOUT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = {page.removeprefix("docs/") for page in PAGES} - {"README.md"}
    assert sorted(_named(site["nav"])) == sorted(pages)


def _snippets() -> Iterator[tuple[str, str]]:
    """Python of the docs that is no dialogue, which doctest runs."""
    for page in PAGES:
        text = (CHECKOUT / page).read_text(encoding="utf-8")
        for code in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            if not code.startswith(">>>"):
                yield page, code


def test_what_snippets_of_python_import_is_there():
    named = 0
    for page, code in _snippets():
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("biomarker_cli"):
                for name in node.names:
                    assert hasattr(import_module(str(node.module)), name.name), (page, name.name)
                    named += 1
    assert named > 3
