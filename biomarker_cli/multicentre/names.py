"""Names: which case or ROI of B is which of A, where their ids do not say so.

A CSV with the columns ``kind`` (case or roi), ``a`` and ``b``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from biomarker_cli.multicentre.errors import ComparisonFileError
from biomarker_cli.tables.cells import unescape_cell

COLUMNS = ("kind", "a", "b")


@dataclass(frozen=True)
class KnownNames:
    """The cases and ROIs that a side has."""

    cases: frozenset[str]
    rois: frozenset[str]

    @classmethod
    def of(cls, cases: Iterable[str], rois: Iterable[str]) -> KnownNames:
        """Return those of a side."""
        return cls(frozenset(cases), frozenset(rois))


@dataclass(frozen=True)
class Names:
    """What is called otherwise in B.

    Attributes
    ----------
    cases, rois : dict of str to str
        Name in B -> name in A.
    """

    cases: dict[str, str] = field(default_factory=dict)
    rois: dict[str, str] = field(default_factory=dict)

    def require_known(self, a: KnownNames, b: KnownNames) -> None:
        """Refuse a name that a side does not have: it would never be used.

        Raises
        ------
        ComparisonFileError
            ``COMPARE-NAMES``.
        """
        for kind, names in (("case", self.cases), ("roi", self.rois)):
            sides = (("A", names.values(), a), ("B", names.keys(), b))
            for side, named, known in sides:
                there = known.cases if kind == "case" else known.rois
                for name in named:
                    if name not in there:
                        raise ComparisonFileError(
                            "COMPARE-NAMES", f"{side} has no {kind} {name!r}, which is named"
                        )


def load_names(path: Path) -> Names:
    """Read a file of names.

    Raises
    ------
    ComparisonFileError
        ``COMPARE-NAMES``.
    """
    names = Names()
    by_kind = {"case": names.cases, "roi": names.rois}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.DictReader(stream)
            columns = list(rows.fieldnames or ())
            if any(columns.count(name) != 1 for name in COLUMNS):
                raise _invalid(path, 1, f"expected the columns {', '.join(COLUMNS)}, each once")
            for row in rows:
                kind, one, other = (unescape_cell((row[name] or "").strip()) for name in COLUMNS)
                known = by_kind.get(kind)
                if known is None or not one or not other:
                    raise _invalid(path, rows.line_num, "expected case or roi, and two names")
                if known.setdefault(other, one) != one:
                    raise _invalid(path, rows.line_num, f"{other!r} of B is named twice")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _invalid(path, 1, f"not readable as CSV: {error}") from error
    return names


def _invalid(path: Path, line: int, what: str) -> ComparisonFileError:
    return ComparisonFileError("COMPARE-NAMES", what, where=f"{path.name}:{line}")
