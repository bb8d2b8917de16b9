"""A check: one number or word that is known, and what this installation gives for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.wording import bounded

Found = float | str | None
"""What was measured: a number, a word such as an error code, or nothing."""

MEASURED = "measured"
"""What stands where a refusal is expected and a number came."""

_PROBLEM_AT_MOST = 200


@dataclass(frozen=True)
class Expected:
    """What is known before anything is measured.

    Attributes
    ----------
    name : str
        Unique within its suite.
    value : float or str
        A number, or a word that must be the same.
    tolerance : float
        Largest distance from a number, in its unit.
    steps : tuple of str
        The steps of the chain that it passes through; the first is the one it tests.
    mistakes : mapping of str to float
        What it would be if this was done instead; only what differs is worth stating.
    follows : mapping of str to float
        Quantity -> power with which the number follows it.
    unit : str
    digits : int
        Significant digits that a measured number is rounded to before it is judged;
        0 for none.
    is_derived : bool
        Whether it is of a whole chain, which everything shows in: it tells the place of a
        mistake only where no other check does.
    """

    name: str
    value: float | str
    tolerance: float = 0.0
    steps: tuple[str, ...] = ()
    mistakes: Mapping[str, float] = field(default_factory=dict)
    follows: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""
    digits: int = 0
    is_derived: bool = False


@dataclass(frozen=True)
class KnownCheck:
    """What a suite found for one expectation.

    Attributes
    ----------
    suite : str
    expected : Expected
    found : float, str or None
    problem : str
        Why there is nothing, as the code said it.
    """

    suite: str
    expected: Expected
    found: Found
    problem: str = ""

    @property
    def deviation(self) -> float:
        """Distance from a known number; infinite where none came, and for another word."""
        known, found = self.expected.value, self.judged
        if isinstance(known, str) or isinstance(found, str) or found is None:
            return 0.0 if known == found else math.inf
        return abs(found - known) if math.isfinite(found) else math.inf

    @property
    def judged(self) -> Found:
        """What is compared: a number to the digits that the rule says."""
        if isinstance(self.found, float) and self.expected.digits:
            return float(f"{self.found:.{self.expected.digits}g}")
        return self.found

    @property
    def excess(self) -> float:
        """Deviation in units of the tolerance; infinite where there is none to have."""
        deviation = self.deviation
        if deviation == 0.0:
            return 0.0
        return deviation / self.expected.tolerance if self.expected.tolerance else math.inf

    @property
    def is_within(self) -> bool:
        """Whether it passes; the difference of two decimals is not exact."""
        return self.excess <= 1.0 + 1e-9


@dataclass(frozen=True)
class SuiteResult:
    """What a suite gave.

    Attributes
    ----------
    name : str
    checks : tuple of KnownCheck
    skipped : tuple of str
        What it did not measure, and for what it lacks.
    """

    name: str
    checks: tuple[KnownCheck, ...]
    skipped: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[KnownCheck, ...]:
        """The checks that are out of tolerance, the worst first."""
        bad = [check for check in self.checks if not check.is_within]
        return tuple(sorted(bad, key=lambda check: -check.excess))

    @property
    def worst(self) -> KnownCheck | None:
        """The check that is furthest out, or nearest to its limit; None where there is none."""
        return max(self.checks, key=lambda check: check.excess, default=None)


def compared(
    suite: str, expected: Sequence[Expected], measure: Callable[[], Mapping[str, Found]]
) -> list[KnownCheck]:
    """Measure, and lay beside each expectation what came.

    Whatever stops the measurement is a finding: each of its expectations then has no value.

    Parameters
    ----------
    suite : str
    expected : sequence of Expected
    measure : callable
        Returns what was found by the names of the expectations.
    """
    try:
        found = measure()
    except BiomarkerError as error:
        return [KnownCheck(suite, one, None, _said(error.code, str(error))) for one in expected]
    except Exception as error:  # noqa: BLE001 - of an altered installation, any may come
        problem = _said(type(error).__name__, str(error))
        return [KnownCheck(suite, one, None, problem) for one in expected]
    return [KnownCheck(suite, one, found.get(one.name)) for one in expected]


def refusal(work: Callable[[], object]) -> str:
    """Return the code that work is refused with, `MEASURED` where it is not refused."""
    try:
        work()
    except BiomarkerError as error:
        return error.code
    return MEASURED


def _said(name: str, text: str) -> str:
    return bounded(f"{name}: {text}", _PROBLEM_AT_MOST)
