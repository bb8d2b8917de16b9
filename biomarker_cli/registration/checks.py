"""Figures of a registration against the limits of its protocol."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from biomarker_cli.registration.rules import FigureLimit

Verdict = Literal["ok", "review", "failed"]

VERDICTS: tuple[Verdict, ...] = ("ok", "review", "failed")
"""The worst last."""

LOW_IS_BAD = frozenset({"overlap_percent", "similarity", "deformed_similarity", "jacobian_min"})
"""Figures that a limit holds from below; all others are held from above."""


def verdict_of(name: str, value: float | None, limit: FigureLimit) -> Verdict:
    """Return what a figure says of the registration.

    A figure that has a limit and no value is a failure: what could not be computed was
    not checked. The limit itself is still within.
    """
    if limit.review is None and limit.fail is None:
        return "ok"
    if value is None:
        return "failed"
    sign = -1.0 if name in LOW_IS_BAD else 1.0
    if limit.fail is not None and sign * value > sign * limit.fail:
        return "failed"
    if limit.review is not None and sign * value > sign * limit.review:
        return "review"
    return "ok"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst of some verdicts; ok where there is none."""
    return max(verdicts, key=VERDICTS.index, default="ok")


def told(verdicts: Mapping[str, Verdict]) -> str:
    """Return the checks that are not ok as ``name:verdict``, sorted, joined by ``;``."""
    return ";".join(f"{name}:{one}" for name, one in sorted(verdicts.items()) if one != "ok")
