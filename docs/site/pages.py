"""A hook of MkDocs: the site shows the pages of the repository as they stand there.

The pages are written for the repository: their links lead through its folders, and lists may
follow a line of text at once. Here the pages outside of ``docs/`` join the site, links are
turned to where their targets stand on it, and files that are linked travel with it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

CHECKOUT = Path(__file__).resolve().parents[2]

OUTSIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "RELEASING.md",
    "examples/cluster/README.md",
    "examples/multicentre/README.md",
    "examples/pool/README.md",
    "examples/response/README.md",
    "sample_data/README.md",
)
"""Pages of the site that stand outside of ``docs/``, as paths of the repository."""

_FENCE = re.compile(r"^\s*(```|~~~)")
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)((?:#[^)\s]*)?)(?=\))")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.) ")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give titles the anchors that they have where the repository is shown."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = slugify(case="lower")
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside of ``docs/`` and the files that any page links."""
    for name in OUTSIDE:
        files.append(File.generated(config, name, abs_src_path=str(CHECKOUT / name)))
    linked: set[str] = set()
    for file in files.documentation_pages():
        linked.update(_linked(file))
    for name in sorted(linked):
        if files.get_file_from_path(_on_site(name)) is None and (CHECKOUT / name).is_file():
            files.append(File.generated(config, name, abs_src_path=str(CHECKOUT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links of a page, and part lists from the text before them."""
    del config, files

    def turned(found: re.Match[str]) -> str:
        target = _on_site(_in_repository(page.file.src_uri, found[1]))
        return posixpath.relpath(target, posixpath.dirname(page.file.src_uri) or ".") + found[2]

    return "\n".join(_parted(_outside_of_code(markdown, lambda line: _LINK.sub(turned, line))))


def _linked(file: File) -> Iterator[str]:
    """Paths in the repository of what a page links."""
    for line in file.content_string.splitlines():
        for found in _LINK.finditer(line):
            yield _in_repository(file.src_uri, found[1])


def _in_repository(src_uri: str, link: str) -> str:
    page = src_uri if src_uri in OUTSIDE else f"docs/{src_uri}"
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), link))


def _on_site(path: str) -> str:
    return path.removeprefix("docs/")


def _outside_of_code(markdown: str, change: Callable[[str], str]) -> Iterator[tuple[str, bool]]:
    """Lines with whether they are code; those that are not are changed."""
    fence = ""
    for line in markdown.splitlines():
        mark = _FENCE.match(line)
        if mark and fence in {"", mark[1]}:
            fence = "" if fence else mark[1]
            yield line, True
        else:
            yield (line, True) if fence else (change(line), False)


def _parted(lines: Iterator[tuple[str, bool]]) -> Iterator[str]:
    """Lines with a blank one before a list that follows text at once."""
    before, in_list = "", False
    for line, is_code in lines:
        is_item = not is_code and bool(_ITEM.match(line))
        if is_item and not in_list and before.strip() and not before.startswith("#"):
            yield ""
        in_list = not is_code and (is_item or (in_list and bool(line.strip())))
        before = line
        yield line
