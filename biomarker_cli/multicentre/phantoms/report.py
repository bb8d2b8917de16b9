"""A judgement as lines for people, and as a sealed file that a passport takes up."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, get_args

from biomarker_cli.model.version import __version__
from biomarker_cli.model.wording import counted
from biomarker_cli.multicentre.phantoms.judging import JudgedRow, Judgement, Outcome
from biomarker_cli.tables.sealed_files import sealed

FORMAT = "biomarker-phantom-judgement/1"

WIDTH = 80
_INDENT = " " * 6


def judgement_json(judgement: Judgement) -> dict[str, Any]:
    """Return a judgement for JSON, with its digest."""
    rows = []
    for row in judgement.rows:
        content = asdict(row) | {"deviation": row.deviation}
        del content["half_digit"]
        rows.append(content)
    return sealed(
        {
            "format": FORMAT,
            "software": __version__,
            "phantom": judgement.phantom,
            "sheet": judgement.sheet,
            "passed": judgement.is_passed,
            "info": dict(judgement.info),
            "unsaid": list(judgement.unsaid),
            "rows": rows,
            "mistake": judgement.explained_by[0].name if len(judgement.explained_by) == 1 else "",
            "explained_by": [
                {"name": one.name, "says": one.says, "next_step": one.next_step}
                for one in judgement.explained_by
            ],
        }
    )


def text_lines(judgement: Judgement) -> Iterator[str]:
    """Return a judgement for people, 80 columns wide."""
    info = judgement.info
    who = " ".join(filter(None, (info.get("program"), info.get("version"))))
    measured = ", ".join(filter(None, (who, info.get("date"), info.get("operator"))))
    yield from _wrapped(f"{judgement.phantom}: {measured or 'not said what measured it'}", "")
    if info.get("settings"):
        yield from _wrapped(f"settings: {info['settings']}", "")
    if judgement.unsaid:
        yield from _wrapped(f"the sheet does not say: {', '.join(judgement.unsaid)}", "")
    yield ""
    for row in judgement.rows:
        if row.outcome != "not_given":
            yield from _row(row)
    yield ""
    yield ", ".join(f"{judgement.count(one)} {one.replace('_', ' ')}" for one in get_args(Outcome))
    by_digit = sum(row.tolerance_from == "last digit" for row in judgement.rows)
    if by_digit:
        yield from _wrapped(
            f"{counted(by_digit, 'number')} judged by the last digit that is given, which is "
            "coarser than the limit: more digits say more",
            "",
        )
    yield from _explanation(judgement)


def _row(row: JudgedRow) -> Iterator[str]:
    yield from _wrapped(f"{row.outcome.replace('_', ' ')}  {row.item}", "")
    if row.truth is None or row.given is None or row.tolerance is None:
        given = f"{row.given:g} {row.unit}: " if row.given is not None else ""
        yield from _wrapped(f"{given}{row.reason}", _INDENT)
        return
    said = (
        f"{row.given:.6g} {row.unit}, true {row.truth:.6g}, off by {row.deviation:+.3g}; "
        f"tolerance {row.tolerance:.3g} ({row.tolerance_from})"
    )
    yield from _wrapped(said, _INDENT)
    yield from _wrapped(row.clause, _INDENT)


def _explanation(judgement: Judgement) -> Iterator[str]:
    found = judgement.explained_by
    if judgement.is_passed or not any(row.outcome == "fail" for row in judgement.rows):
        return
    if not found:
        yield from _wrapped("no known mistake explains all of these numbers", "")
        return
    if len(found) > 1:
        yield from _wrapped(
            f"{len(found)} known mistakes explain all of these numbers; more rows would tell "
            "which one it is:",
            "",
        )
    else:
        yield from _wrapped("one known mistake explains all of these numbers:", "")
    for one in found:
        yield from _wrapped(f"{one.name}: the program {one.says}", "  ")
        yield from _wrapped(f"next: {one.next_step}", "    ")


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
