"""Evaluate a protocol on the series of one or more studies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from biomarker_cli.acquisition.checks import expected_text
from biomarker_cli.acquisition.examined import Examined, from_headers
from biomarker_cli.acquisition.judging import (
    ConditionVerdict,
    Verdict,
    guarded,
    judge_conditions,
    judge_reading,
    judge_series,
    merged,
    read_for,
    replace_fields,
)
from biomarker_cli.acquisition.measured import MeasuredFact, assign_measured
from biomarker_cli.acquisition.protocol import AcquisitionProtocol
from biomarker_cli.acquisition.results import CheckResult, Outcome
from biomarker_cli.acquisition.rules import Check, Rule
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.model.shifted_dates import SAID

SCOPES = ("series", "study", "subject", "cohort")
"""What rows of checks.csv are about; instance and frame rules give series rows."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A series that the protocol speaks about."""

    series: Examined
    doubt: str = ""
    """Why it is not certain that the protocol speaks about it."""


def evaluate(
    protocol: AcquisitionProtocol,
    series: Sequence[SeriesHeaders],
    scopes: Iterable[str] = SCOPES,
    measured: Sequence[MeasuredFact] = (),
) -> list[CheckResult]:
    """Return the outcome of every rule on every scope.

    Parameters
    ----------
    protocol : AcquisitionProtocol
    series : sequence of SeriesHeaders
        Of one case, one study, or a whole cohort: rules over subject and cohort
        compare what is given.
    scopes : iterable of str
        Which of `SCOPES` to judge_reading.
    measured : sequence of MeasuredFact
        What no header tells, such as the recovery of a phantom.

    Returns
    -------
    list of CheckResult
        Ordered by series, then rule; wider scopes behind.

    Raises
    ------
    ProtocolError
        ``MEASURED-SERIES``, ``MEASURED-UNUSED``.
    """
    examined = [from_headers(s) for s in series]
    if measured:
        examined = _with_measured(protocol, series, examined, measured)
    return evaluate_examined(protocol, examined, scopes)


def _with_measured(
    protocol: AcquisitionProtocol,
    series: Sequence[SeriesHeaders],
    examined: Sequence[Examined],
    measured: Sequence[MeasuredFact],
) -> list[Examined]:
    """Return the series with what was measured on them."""
    members = {m.series.series_uid for m in _members(protocol, examined)[0]}
    asked = [rule.fact for rule in protocol.content.rules if isinstance(rule.fact, str)]
    told = assign_measured(measured, [s for s in series if s.series_uid in members], asked)
    return [from_headers(s, told.get(s.series_uid, {})) for s in series]


def evaluate_examined(
    protocol: AcquisitionProtocol, series: Sequence[Examined], scopes: Iterable[str] = SCOPES
) -> list[CheckResult]:
    """Return the outcome of every rule on series from headers or test cases."""
    wanted = frozenset(scopes)
    members, outside = _members(protocol, series)
    results: list[CheckResult] = []
    if "series" in wanted:
        of_series = [*_outside(protocol, outside), *_series_results(protocol, members)]
        results += _worst_of_each(of_series)
    if "study" in wanted:
        results += _missing_roles(protocol, members, [one for one in series if one not in outside])
        results += _study_results(protocol, members)
    if "subject" in wanted:
        results += _subject_results(protocol, members)
    if "cohort" in wanted:
        results += _cohort_results(protocol, members)
    return results


def _members(
    protocol: AcquisitionProtocol, series: Sequence[Examined]
) -> tuple[list[_Member], list[Examined]]:
    """Return the series that the protocol speaks about, with their roles, and the others."""
    members: list[_Member] = []
    outside: list[Examined] = []
    for one in series:
        applies = judge_conditions(protocol.content.applies_to.when, one)
        if applies.holds is False:
            outside.append(one)
        elif not protocol.content.roles:
            members.append(_Member(one, applies.reason))
        else:
            found = _with_role(protocol, one)
            if found is not None:
                members.append(found)
    return members, outside


def _with_role(protocol: AcquisitionProtocol, one: Examined) -> _Member | None:
    """Return the series under the role it was given, or the first whose conditions it meets."""
    if one.role in protocol.content.roles:
        return _Member(one)
    for name, role in protocol.content.roles.items():
        if role.when and judge_conditions(role.when, one).holds:
            return _Member(replace(one, role=name, read_fact=one.read))
    return None


def _result(
    protocol: AcquisitionProtocol, rule: Rule, scope: str, series_uid: str, verdict: Verdict
) -> CheckResult:
    header = protocol.document.header
    return CheckResult(
        scope=scope,
        series_uid=series_uid,
        protocol_id=header.id,
        protocol_version=header.version,
        protocol_sha256=protocol.document.sha256,
        rule_id=rule.id,
        severity=rule.severity,
        outcome=verdict.outcome,
        observed=verdict.observed,
        expected=verdict.expected or expected_text(rule.check, rule.tolerance),
        unit=rule.unit,
        tags=";".join(verdict.tags),
        title=rule.title,
        level=rule.level,
        fix=rule.fix,
        why=rule.why,
        section=rule.section,
        n_missing=verdict.n_missing,
        reason=verdict.reason,
    )


def _over_series(protocol: AcquisitionProtocol) -> list[Rule]:
    return [r for r in protocol.content.rules if r.over in {"instance", "frame", "series"}]


def _outside(protocol: AcquisitionProtocol, outside: Sequence[Examined]) -> Iterator[CheckResult]:
    verdict = Verdict(Outcome.NOT_APPLICABLE, reason="the protocol does not speak of such a series")
    for one in outside:
        for rule in _over_series(protocol):
            yield _result(protocol, rule, "series", one.series_uid, verdict)


def _series_results(
    protocol: AcquisitionProtocol, members: Sequence[_Member]
) -> Iterator[CheckResult]:
    for member in members:
        one = member.series
        for rule in _over_series(protocol):
            if rule.role and rule.role != one.role:
                continue
            verdict = _judge_one(rule, member)
            yield _result(protocol, rule, "series", one.series_uid, verdict)


_GRAVITY = (Outcome.NOT_APPLICABLE, Outcome.PASS, Outcome.NOT_EVALUABLE, Outcome.FAIL)


def _worst_of_each(results: Iterable[CheckResult]) -> list[CheckResult]:
    """Return one row per series and rule, the worst; one UID may stand in two studies."""
    kept: dict[tuple[str, str], CheckResult] = {}
    for result in results:
        first = kept.setdefault((result.series_uid, result.rule_id), result)
        if _GRAVITY.index(result.outcome) > _GRAVITY.index(first.outcome):
            kept[result.series_uid, result.rule_id] = result
    return list(kept.values())


def _judge_one(rule: Rule, member: _Member) -> Verdict:
    condition = judge_conditions(rule.when, member.series)
    if condition.holds is False:
        return Verdict(Outcome.NOT_APPLICABLE, reason="the condition of the rule does not hold")
    doubt = _doubt(rule, member, condition)
    return doubt or judge_series(rule, member.series)


def _doubt(rule: Rule, member: _Member, condition: ConditionVerdict) -> Verdict | None:
    """Return the verdict of a rule of which it is not certain that it speaks about a series."""
    if condition.holds is None:
        why = f"the condition of {rule.id} cannot be decided: {condition.reason}"
    elif member.doubt:
        why = f"the condition of the protocol cannot be decided: {member.doubt}"
    else:
        return None
    return Verdict(Outcome.NOT_EVALUABLE, reason=why)


def _missing_roles(
    protocol: AcquisitionProtocol, members: Sequence[_Member], series: Sequence[Examined]
) -> Iterator[CheckResult]:
    """Yield a row for every rule of a role that no series of a study has.

    `series` are those that the protocol may speak of: a study without any, such
    as the CT of the same patient, lacks nothing.
    """
    studies = dict.fromkeys(one.study_uid for one in series)
    for study_uid in studies:
        present = {m.series.role for m in members if m.series.study_uid == study_uid}
        for name, role in protocol.content.roles.items():
            if not role.required or name in present:
                continue
            verdict = Verdict(
                Outcome.MISSING_SERIES, reason=f"study {study_uid} has no series for role {name}"
            )
            for rule in protocol.content.rules:
                if rule.role == name:
                    yield _result(protocol, rule, "study", "", verdict)


def _grouped(rule: Rule, members: Sequence[_Member], key: str) -> dict[str, list[_Member]]:
    groups: dict[str, list[_Member]] = defaultdict(list)
    for member in members:
        if not rule.role or member.series.role == rule.role:
            groups[str(getattr(member.series, key))].append(member)
    return groups


def _judge_together(rule: Rule, members: Sequence[_Member]) -> Verdict:
    """Judge the facts of several series as one."""
    told = [(m, judge_conditions(rule.when, m.series)) for m in members]
    doubts = (_doubt(rule, member, condition) for member, condition in told)
    if doubt := next(filter(None, doubts), None):
        return doubt
    chosen = [m.series for m, condition in told if condition.holds]
    if not chosen:
        return Verdict(Outcome.NOT_APPLICABLE, reason="the condition of the rule does not hold")
    return guarded(
        lambda: judge_reading(rule, merged([read_for(rule, one)[1] for one in chosen], rule.check))
    )


def _study_results(
    protocol: AcquisitionProtocol, members: Sequence[_Member]
) -> Iterator[CheckResult]:
    for rule in protocol.content.rules:
        if rule.over != "study":
            continue
        for group in _grouped(rule, members, "study_uid").values():
            uids = ";".join(m.series.series_uid for m in group)
            yield _result(protocol, rule, "study", uids, _judge_together(rule, group))


def _subject_results(
    protocol: AcquisitionProtocol, members: Sequence[_Member]
) -> Iterator[CheckResult]:
    for rule in protocol.content.rules:
        if rule.over != "subject":
            continue
        for subject, group in _grouped(rule, members, "subject").items():
            if rule.check.kind != "same_as_baseline":
                verdict = _judge_together(rule, group) if subject else _nameless()
                uids = ";".join(m.series.series_uid for m in group)
                yield _result(protocol, rule, "subject", uids, verdict)
                continue
            for member in group:
                verdict = _against_baseline(rule, member, group) if subject else _nameless()
                yield _result(protocol, rule, "subject", member.series.series_uid, verdict)


def _nameless() -> Verdict:
    return Verdict(Outcome.NOT_EVALUABLE, reason="the series do not say whose they are (PatientID)")


def _against_baseline(rule: Rule, member: _Member, group: Sequence[_Member]) -> Verdict:
    """Compare a series with the first examination of the same subject."""
    if len({m.series.study_uid for m in group}) < 2:
        return Verdict(Outcome.NOT_APPLICABLE, reason="the subject has one examination")
    if any(not m.series.date for m in group):
        return Verdict(Outcome.NOT_EVALUABLE, reason="an examination has no readable StudyDate")
    if len({m.series.is_shifted for m in group}) > 1:
        return Verdict(Outcome.NOT_EVALUABLE, reason=f"of some examinations {SAID}")
    first = min(m.series.date for m in group)
    baseline = [m for m in group if m.series.date == first]
    if member.series.date == first:
        return Verdict(Outcome.NOT_APPLICABLE, reason="this is the baseline")
    at_baseline = guarded(
        lambda: judge_reading(
            replace_fields(rule, check=Check(constant=True)),
            merged([read_for(rule, m.series)[1] for m in baseline], rule.check),
        )
    )
    if at_baseline.outcome is not Outcome.PASS:
        why = at_baseline.reason or "its series differ among themselves"
        return Verdict(
            Outcome.NOT_EVALUABLE, tags=at_baseline.tags, reason=f"no one baseline value: {why}"
        )
    pair = [_Member(baseline[0].series, baseline[0].doubt), member]
    verdict = _judge_together(replace_fields(rule, check=Check(constant=True)), pair)
    return Verdict(
        verdict.outcome,
        verdict.observed,
        f"as at baseline: {at_baseline.observed}",
        verdict.tags,
        verdict.n_missing,
        verdict.reason,
    )


def _cohort_results(
    protocol: AcquisitionProtocol, members: Sequence[_Member]
) -> Iterator[CheckResult]:
    for rule in protocol.content.rules:
        if rule.over != "cohort":
            continue
        chosen = [m for m in members if not rule.role or m.series.role == rule.role]
        if not chosen:
            continue
        yield _result(protocol, rule, "cohort", "", _judge_together(rule, chosen))
