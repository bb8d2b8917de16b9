"""Planning within the time limit of a case: what cannot be indexed in time is told by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.model.errors import BiomarkerError, CaseError
from biomarker_cli.study.workers import answers


def late(groups: Iterable[tuple[Path, ...]], jobs: int, limit_s: float) -> set[tuple[Path, ...]]:
    """Return the groups of paths that cannot be indexed within a time.

    A worker indexes each group first, so that a file on which the index would hang
    ends that worker and not the run; the index of the user keeps what it has read.

    Parameters
    ----------
    groups : iterable of tuple of Path
        Those of one case each, which exist.
    jobs : int
        Worker processes.
    limit_s : float
        For one group.
    """
    asked = list(dict.fromkeys(group for group in groups if group))
    # However a worker ended: what it met would end the run as well.
    return {asked[index] for index, answer in answers(asked, jobs, _index, limit_s) if answer.end}


def _index(paths: tuple[Path, ...]) -> None:
    try:
        scan(paths, index=FileIndex.of_user())
    except BiomarkerError:
        return  # planning says so


def too_late(what: str) -> CaseError:
    """Return the refusal of a case whose files cannot be indexed in time."""
    return CaseError(
        "CASE-TIMEOUT",
        f"the files of the case could not be indexed within the time of a case: {what}",
        hint="Raise --timeout-per-case, or look for a damaged file with `biomarker scan`.",
    )
