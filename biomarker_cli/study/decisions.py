"""What is done with each case of a run, and why, in the words of who wrote the study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from biomarker_cli.case.inputs import known_or_read
from biomarker_cli.case.result import CaseStatus
from biomarker_cli.study.cohort_case import Decision
from biomarker_cli.study.joining import kept_analyses, may_be_kept
from biomarker_cli.study.keeping import NOTHING_KEPT, Keeping, why_missing
from biomarker_cli.study.keys import ANALYSIS, key_of_parts, key_parts
from biomarker_cli.study.store import UnusableResultError

if TYPE_CHECKING:
    from biomarker_cli.study.cohort import Cohort
    from biomarker_cli.study.cohort_case import CohortCase
    from biomarker_cli.study.packed import PackedResult
    from biomarker_cli.study.sources import CaseSource
    from biomarker_cli.study.store import ResultStore

_UNCHANGED = Decision("reuse", "unchanged")
_FAILED = frozenset({CaseStatus.FAILED, CaseStatus.PARTIAL})


@dataclass(frozen=True)
class DecisionRules:
    """What the user asks for beside what has changed.

    Attributes
    ----------
    fresh : bool
        Measure every case anew.
    retry_failed : bool
        Measure failed cases anew although nothing has changed.
    """

    fresh: bool = False
    retry_failed: bool = False


def decide_cases(
    cohort: Cohort,
    source: CaseSource,
    store: ResultStore,
    study_id: str,
    rules: DecisionRules,
    keeping: Keeping = NOTHING_KEPT,
) -> None:
    """Decide for each case whether it is run, re-used or refused, and why.

    Files whose digests nobody knows are read where a result may be kept for them. Where a
    result stands and what the study keeps beside it does not, that alone is made.
    """
    deciding = _Deciding(cohort, source, store, study_id, rules, keeping)
    for case in cohort.cases():
        deciding.decide(case)


class _Deciding:
    def __init__(
        self,
        cohort: Cohort,
        source: CaseSource,
        store: ResultStore,
        study_id: str,
        rules: DecisionRules,
        keeping: Keeping,
    ) -> None:
        self._cohort = cohort
        self._source = source
        self._store = store
        self._study_id = study_id
        self._rules = rules
        self._keeping = keeping

    def decide(self, case: CohortCase) -> None:
        """Decide on one case, and let the cohort know."""
        number = case.number
        if case.refusal is not None:
            self._drop_result(case)
            self._cohort.decide(number, Decision("refuse", case.refusal.code))
            return
        stored, reason, distrusted = self._stored(case)
        kept: tuple[str, ...] = ()
        if stored is not None and not reason:
            reason, kept = self._change(case, stored)
        if stored is None or reason:
            self._drop_result(case)
            self._cohort.decide(number, Decision("run", reason, distrusted, kept))
            return
        if case.seal != stored.seal:
            self._cohort.take_result(number, stored)
        missing = self._keeping.missing(stored.head)
        found = Decision("keep", why_missing(missing)) if missing else _UNCHANGED
        self._cohort.decide(number, found)

    def _drop_result(self, case: CohortCase) -> None:
        if case.has_result:
            self._cohort.drop_result(case.number)

    def _stored(self, case: CohortCase) -> tuple[PackedResult | None, str, bool]:
        """Return what is kept, why it is of no use, and whether that must be looked into."""
        if self._rules.fresh:
            return None, "asked to measure anew", False
        try:
            stored = self._store.load(case.case_id, self._study_id)
        except UnusableResultError as error:
            return None, str(error), True
        if stored is None:
            return None, "not measured before", False
        if not stored.head.key:
            return stored, "its files had changed while it was measured", False
        return stored, "", False

    def _change(self, case: CohortCase, stored: PackedResult) -> tuple[str, tuple[str, ...]]:
        """Return what has changed since a result was stored, and the analyses that have not."""
        survey, head = case.survey, stored.head
        parts = survey.parts or self._read_parts(case)
        is_named_alike = head.names == survey.names
        if head.key != key_of_parts(parts):
            why = "; ".join(changes(head.parts, parts)) or "its key has changed"
            may_be = is_named_alike and may_be_kept(stored)
            kept = kept_analyses(head.parts, parts) if may_be else None
            return (f"{why}; other analyses are kept" if kept else why), kept or ()
        if not is_named_alike:
            return "files were renamed", ()
        if CaseStatus(head.status) in _FAILED and self._rules.retry_failed:
            return f"was {head.status}, retried", ()
        return "", ()

    def _read_parts(self, case: CohortCase) -> dict[str, Any]:
        """Read the files of a case whose digests nobody knows."""
        place = case.place
        planned = self._source.planned(place)
        parts = key_parts(planned.plan, known_or_read(planned.plan))
        self._cohort.update(case.number, replace(case.survey, parts=parts))
        self._source.keep(place, planned)
        return parts


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs between the parts of two keys, by the names that people have for it.

    Parameters
    ----------
    before, now : mapping
        As `key_parts` gives them.
    """
    found: list[str] = []
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            found += _words(name, before.get(name), now.get(name))
    return found


def _words(name: str, before: Any, now: Any) -> Iterator[str]:
    if name.startswith(ANALYSIS):
        yield from _analysis_words(name, before or [], now or [])
    elif name == "program":
        yield f"program {before} -> {now}"
    elif name == "acquisition protocol":
        yield f"{name} {_versions(before)} -> {_versions(now)}"
    else:
        yield name


def _versions(said: Any) -> str:
    """Return the version in what a key says of a protocol; a role without one has a digest."""
    return str(said[0]) if isinstance(said, list) else "none"


def _analysis_words(name: str, before: Sequence[Any], now: Sequence[Any]) -> Iterator[str]:
    """Yield how an analysis of one id differs; each entry is place, id@version, digest, engine."""
    olds, news = ([tuple(entry[1:]) for entry in entries] for entries in (before, now))
    gone = [entry for entry in olds if entry not in news]
    new = [entry for entry in news if entry not in olds]
    if not gone and not new:
        yield "order of the analyses"
    if len(gone) != 1 or len(new) != 1:
        yield from (f"analysis {entry[0]} left out" for entry in gone)
        yield from (f"analysis {entry[0]} added" for entry in new)
        return
    (ident, digest, *engine), (ident_now, digest_now, *engine_now) = gone[0], new[0]
    if ident != ident_now:
        yield f"{name} {ident.partition('@')[2]} -> {ident_now.partition('@')[2]}"
    elif digest != digest_now:
        yield f"content of {name} ({ident})"
    if engine != engine_now:
        yield f"engine of {ident_now} {' '.join(engine)} -> {' '.join(engine_now)}"
