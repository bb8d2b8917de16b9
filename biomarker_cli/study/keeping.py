"""What a study keeps of its cases beside their results: what is missing, and who makes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.case.keeping import KeepLater, KeepOrder, Kept, finish, remove_kept
from biomarker_cli.case.result import CaseStatus
from biomarker_cli.case.running import keep_case, run_case
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.file_names import file_stem
from biomarker_cli.study.keys import result_key
from biomarker_cli.study.store import ResultStore
from biomarker_cli.tables.kept import KEPT_FOLDER, case_folder, missing_kinds, read_index

if TYPE_CHECKING:
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.case.result import CaseResult
    from biomarker_cli.study.packed import ResultHead


@dataclass(frozen=True)
class Keeping:
    """What a study keeps, and where.

    Attributes
    ----------
    run : Path
        Folder of the run (``-o``).
    kinds : frozenset of str
        Of `tables.kept.KINDS`; empty where the study keeps nothing.
    """

    run: Path
    kinds: frozenset[str] = frozenset()

    def missing(self, head: ResultHead) -> tuple[str, ...]:
        """Return which kinds a stored result lacks; one without regions lacks none."""
        if not self.kinds or head.status not in {CaseStatus.MEASURED, CaseStatus.PARTIAL}:
            return ()
        return missing_kinds(case_folder(self.run, head.case_id), head.key, self.kinds)

    def measured(self, plan: CasePlan) -> CasePlan:
        """Return the plan of a case that is to be measured, with what is kept of it."""
        if not self.kinds:
            return plan
        return replace(plan, keep=KeepOrder(self._folder(plan), self.kinds))

    def later(self, plan: CasePlan, head: ResultHead) -> CasePlan:
        """Return the plan of a case whose result stands, with what is missing beside it."""
        missing = frozenset(self.missing(head))
        return replace(plan, keep=KeepLater(self._folder(plan), missing, head.key))

    def _folder(self, plan: CasePlan) -> Path:
        # A worker elsewhere has another working directory.
        return case_folder(self.run.absolute(), plan.case_id)

    def remove_others(self, case_ids: Iterable[str]) -> None:
        """Remove what is kept of cases that have left the study."""
        folder = self.run / KEPT_FOLDER
        if not folder.is_dir():
            return
        stems = {file_stem(case_id) for case_id in case_ids}
        for path in folder.iterdir():
            if path.name not in stems and self._is_of_run(path):
                remove_kept(path)

    def _is_of_run(self, folder: Path) -> bool:
        """Tell whether something below ``kept`` is of a case that the run has measured."""
        if folder.is_symlink() or not folder.is_dir():
            return False
        if ResultStore(self.run).holds(folder.name):
            return True
        # Several runs may keep on one large disk, by a link; else only a run that died
        # leaves an index without a result.
        return not folder.parent.is_symlink() and _has_index(folder)


def _has_index(folder: Path) -> bool:
    try:
        read_index(folder)
    except BiomarkerError:
        return False
    return True


NOTHING_KEPT = Keeping(Path())
"""Of a study that keeps nothing."""


def why_missing(kinds: Iterable[str]) -> str:
    """Return the reason for which a case is looked at again, though its result stands."""
    return f"kept {' and '.join(kinds)} are missing"


def run_or_keep(plan: CasePlan) -> CaseResult:
    """Measure a case and keep what is asked for; of one that was measured, keep it alone.

    Parameters
    ----------
    plan : CasePlan

    Returns
    -------
    CaseResult
        What was kept of the case has its index.
    """
    if isinstance(plan.keep, KeepLater):
        result = keep_case(plan)
        # One whose files cannot be read any more has nothing to keep, which is to be said.
        result = replace(result, kept=result.kept or Kept())
    else:
        result = run_case(plan)
    if plan.keep is None or result.kept is None:
        return result
    key = "" if result.met_change else result_key(plan, result.inputs)
    return replace(result, kept=finish(plan.keep, result.kept, plan.case_id, key))
