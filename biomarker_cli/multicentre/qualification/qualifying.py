"""Run the suites, and say what they found together."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from biomarker_cli.model.packages import REFERENCE_ENGINE, version_of
from biomarker_cli.multicentre.errors import QualificationError
from biomarker_cli.multicentre.qualification.bench import Bench, Suite
from biomarker_cli.multicentre.qualification.checks import KnownCheck, SuiteResult
from biomarker_cli.multicentre.qualification.ct_phantom import ct_phantom_lacks
from biomarker_cli.multicentre.qualification.diagnosing import Cause, diagnose
from biomarker_cli.tables.certificates import FAILED, PASSED

_SUITES = MappingProxyType(
    {
        "ibsi-1": "ibsi1",
        "ibsi-2": "ibsi2",
        "suv": "suv",
        "adc": "adc",
        "regions": "regions",
        "engines": "engines",
        "tables": "tables",
    }
)
"""Name -> module."""

SUITES = tuple(_SUITES)
"""In the order in which they run."""

NOTHING = "nothing_measured"
"""Verdict where every suite that was asked for lacks what it needs."""


@dataclass(frozen=True)
class QualificationRequest:
    """What is asked for.

    Attributes
    ----------
    suites : tuple of str
        Empty for all.
    data : Path or None
        Folder of the reference data that cannot be shipped.
    engine : str
        The one engine of radiomics that is qualified; empty for all that are installed.
    """

    suites: tuple[str, ...] = ()
    data: Path | None = None
    engine: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether every suite and engine is asked for."""
        return not self.engine and set(self.suites or SUITES) == set(SUITES)


@dataclass(frozen=True)
class Qualification:
    """What the suites found.

    Attributes
    ----------
    request : QualificationRequest
    suites : tuple of SuiteResult
    """

    request: QualificationRequest
    suites: tuple[SuiteResult, ...]

    @property
    def checks(self) -> list[KnownCheck]:
        """Those of all suites."""
        return [check for suite in self.suites for check in suite.checks]

    @cached_property
    def failures(self) -> list[KnownCheck]:
        """The checks that are out of tolerance, the worst first."""
        bad = [check for suite in self.suites for check in suite.failures]
        return sorted(bad, key=lambda check: -check.excess)

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        """What is wrong, as far as the numbers tell."""
        return diagnose(self.checks)

    @property
    def verdict(self) -> str:
        """``within``, ``out_of_tolerance`` or ``nothing_measured``."""
        if not self.checks:
            return NOTHING
        return FAILED if self.failures else PASSED


def qualify(
    request: QualificationRequest, progress: Callable[[int, int], None] | None = None
) -> Qualification:
    """Run the suites.

    Parameters
    ----------
    request : QualificationRequest
    progress : callable, optional
        Called with suites done and suites in all.

    Raises
    ------
    QualificationError
        ``VERIFY-DATA``, ``VERIFY-ENGINE`` where what was named is not there.
    """
    _require_what_was_named(request)
    names = [name for name in SUITES if name in (request.suites or SUITES)]
    with tempfile.TemporaryDirectory(prefix="biomarker-verify-") as folder:
        bench = Bench(Path(folder), request.data, request.engine)
        results = _run(names, bench, progress)
    return Qualification(request, tuple(results))


def _run(
    names: Sequence[str], bench: Bench, progress: Callable[[int, int], None] | None
) -> list[SuiteResult]:
    results = []
    for done, name in enumerate(names):
        if progress is not None:
            progress(done, len(names))
        run: Suite = import_module(f"{__package__}.suites.{_SUITES[name]}").run
        results.append(run(bench.of_suite(name)))
    return results


def _require_what_was_named(request: QualificationRequest) -> None:
    """Refuse what was asked for by name and is not there: it would pass by being skipped."""
    lacks = ct_phantom_lacks(request.data)
    if request.data is not None and lacks:
        raise QualificationError(
            "VERIFY-DATA",
            f"the reference data are incomplete: {lacks}",
            where=str(request.data),
            hint="Name the folder that holds ibsi/, or leave --data out: those suites are "
            "then told as skipped.",
        )
    if request.engine == "pyradiomics" and version_of(REFERENCE_ENGINE) is None:
        raise QualificationError(
            "VERIFY-ENGINE",
            f"the engine pyradiomics is not installed ({REFERENCE_ENGINE})",
            hint=f"pip install {REFERENCE_ENGINE}, which needs a C compiler, or verify the "
            "native engine.",
        )
