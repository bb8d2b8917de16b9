"""The site of the docs is built strictly, and is read without a network."""

from __future__ import annotations

import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FETCHED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src")}


@pytest.fixture(scope="module")
def site(tmp_path_factory, mkdocs) -> Path:
    """The built site; any warning fails the build."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [*mkdocs, "build", "--strict", "--site-dir", str(folder)],
        cwd=CHECKOUT,
        # No address is reached through this proxy: a build that asks a network fails.
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "https_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


class _Fetched(HTMLParser):
    """What a browser fetches to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("rel") not in {"canonical", "next", "prev"}:
            self.found += [v for k, v in attrs if (tag, k) in FETCHED and v is not None]


def test_no_page_fetches_anything_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 60
    for page in pages:
        parser = _Fetched()
        parser.feed(page.read_text(encoding="utf-8"))
        assert len(parser.found) > 3
        for address in parser.found:
            assert not re.match(r"(?:\w+:)?//", address), f"{page.name} fetches {address}"
            if page.name != "404.html":
                assert (page.parent / address.partition("?")[0]).resolve().is_file(), address
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import )['\"]?(?:\w+:)?//", style.read_text())


def test_the_site_is_searched_from_the_disk_without_a_network(site, chromium):
    page = chromium.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((site / "index.html").as_uri())
    page.fill("input.md-search__input", "passport")
    page.wait_for_selector(".md-search-result__item a", timeout=20_000)
    hits = page.eval_on_selector_all(".md-search-result__item a", "all => all.map(a => a.href)")
    assert any("passports.html" in hit for hit in hits)
    page.goto((site / "tutorial.html").as_uri())
    assert page.eval_on_selector("img[src*=tutorial_pet]", "image => image.naturalWidth") > 100
    page.close()
    assert not said
    assert len(asked) > 5
    # The page of an iframe that stands in for a worker is about:blank.
    assert not [a for a in asked if not a.startswith(("file:", "data:", "blob:", "about:"))]
