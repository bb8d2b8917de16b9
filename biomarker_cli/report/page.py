"""Put a report into HTML: one file that asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from biomarker_cli.model.wording import bounded, shown
from biomarker_cli.report.acquisition import SYMBOLS

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

LONGEST_TEXT = 400
"""Characters of a text of a table; a longer one ends in its length."""

_IN_SCRIPT = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


class PageWriter:
    """Writes pages with one style and one script, which the policy of each page names."""

    @cached_property
    def _style(self) -> str:
        return _template("report.css")

    @cached_property
    def _script(self) -> str:
        return _template("report.js")

    @cached_property
    def policy(self) -> str:
        """Content security policy: nothing is loaded, our style and our script alone count."""
        return (
            f"default-src 'none'; style-src {_digest(self._style)}; "
            f"script-src {_digest(self._script)}; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        )

    @cached_property
    def _environment(self) -> Environment:
        # 60 ms, which other commands need not wait for.
        from jinja2 import Environment, FunctionLoader, StrictUndefined

        made = Environment(
            loader=FunctionLoader(_template),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        made.filters |= {"text": text, "number": number, "inline": inline}
        return made

    def page(self, title: str, said: Mapping[str, Any], link: Callable[[Any], str]) -> str:
        """Return a page.

        Parameters
        ----------
        title : str
        said : mapping
            What the template shows.
        link : callable
            From the page of a case to its address.
        """
        fixed = {"css": self._style, "js": self._script, "csp": self.policy, "symbols": SYMBOLS}
        template = self._environment.get_template("page.html.j2")
        return template.render({"one": None, **said, **fixed, "title": text(title), "link": link})


def text(value: object) -> str:
    """Return text of a table as a page shows it: on one line, without what nobody sees."""
    return bounded(shown(str(value)), LONGEST_TEXT)


def number(value: object) -> str:
    """Return a number to six digits; a dash for none."""
    try:
        found = float(str(value))
    except ValueError:
        return "–"
    return f"{found:.6g}" if math.isfinite(found) else "–"


def inline(svg: str, title: str) -> Markup:
    """Return a figure of ours as a part of a page, with its name for those who do not see it."""
    from markupsafe import Markup

    return Markup('<svg role="img" aria-label="{}"').format(text(title)) + Markup(  # noqa: S704
        svg.removeprefix("<svg")
    )


def script_json(value: Any) -> Markup:
    """Return JSON that ends no script element, whatever stands in it."""
    from markupsafe import Markup

    # What is no ASCII, line separators among it, becomes an escape.
    return Markup(json.dumps(value, allow_nan=False).translate(_IN_SCRIPT))  # noqa: S704


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _template(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
