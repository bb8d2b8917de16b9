"""What becomes of parts that are not alike, kind by kind: refused, left out, or listed.

=================  =========================================================================
analysis           one id@version of an analysis has two contents
version            one analysis stands in two versions
definition         a feature of an analysis was computed by two versions of its definition
engine             an analysis was computed by two engines, or two versions of one
unit               a feature of an analysis and image role stands in two units
acquisition        an acquisition protocol has two versions or contents
study_key          pseudonyms of scanners and UIDs were made with two keys
usable_policy      flags were weighed by two policies
software           versions of the program and its packages, and platforms
certificate        whether the installation was qualified (`biomarker verify`)
image              one image stands under two subjects or visits
subject            one examination (study UID) stands under two subjects
=================  =========================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from biomarker_cli.model.usability import Least
from biomarker_cli.model.wording import quoted
from biomarker_cli.multicentre.errors import PoolError

REFUSE, LEAVE_OUT, LIST = "refuse", "leave_out", "list"

ANSWERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "analysis": (REFUSE, LEAVE_OUT),
        "version": (REFUSE, LEAVE_OUT, LIST),
        "definition": (REFUSE, LEAVE_OUT),
        "engine": (REFUSE, LEAVE_OUT, LIST),
        "unit": (REFUSE, LEAVE_OUT),
        "acquisition": (REFUSE, LIST),
        "study_key": (REFUSE, LIST),
        "usable_policy": (REFUSE, LIST),
        "software": (LIST, REFUSE),
        "certificate": (LIST, REFUSE),
        "image": (REFUSE, LEAVE_OUT),
        "subject": (REFUSE, LEAVE_OUT, LIST),
    }
)
"""Kind -> what may become of it; the first is what does when nothing is said."""

NEED_A_REFERENCE = frozenset({"analysis", "version", "definition", "engine", "unit"})
"""Kinds of which somebody has to say which content holds before the others are left out."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class PoolRules:
    """How runs are pooled.

    Attributes
    ----------
    usable : str
        The least usable rows that go into the pool, as `export wide` has it.
    answers : mapping
        Kind -> answer, where it is not the first of `ANSWERS`.
    like : Path or None
        The part that holds where rows of others are left out.
    name : str
        Of the pool; empty for that of the study, where all parts are of one.
    """

    usable: Least = "caution"
    answers: Mapping[str, str] = field(default_factory=dict)
    like: Path | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.name and not _NAME.fullmatch(self.name):
            raise PoolError(
                "POOL-RULES",
                f"{quoted(self.name)} is no name: expected letters, digits, . _ -",
            )
        asking = sorted(kind for kind in NEED_A_REFERENCE if self.answer(kind) == LEAVE_OUT)
        if asking and self.like is None:
            raise PoolError(
                "POOL-RULES",
                f"nobody can say which rows are left out for {', '.join(asking)}",
                hint="Name the part that holds with --like.",
            )
        if self.like is not None and not asking:
            raise PoolError(
                "POOL-RULES",
                "a part holds where rows of others are left out, and no answer leaves any out",
                hint="Leave --like out, or say --on KIND=leave_out.",
            )

    def answer(self, kind: str) -> str:
        """Return what becomes of a kind."""
        return self.answers.get(kind, ANSWERS[kind][0])


def parse_answers(said: Iterable[str]) -> dict[str, str]:
    """Return the answers that ``KIND=ANSWER`` mean.

    Raises
    ------
    PoolError
        ``POOL-RULES``.
    """
    found: dict[str, str] = {}
    for text in said:
        kind, _, answer = text.partition("=")
        if kind not in ANSWERS:
            raise PoolError(
                "POOL-RULES",
                f"{quoted(kind)} is nothing that parts differ in",
                hint=f"It is one of {', '.join(ANSWERS)}.",
            )
        if answer not in ANSWERS[kind]:
            raise PoolError(
                "POOL-RULES",
                f"{kind} cannot be answered by {quoted(answer)}",
                hint=f"Say {kind}={f' or {kind}='.join(ANSWERS[kind])}.",
            )
        if found.setdefault(kind, answer) != answer:
            raise PoolError("POOL-RULES", f"two answers for {kind}")
    return found
