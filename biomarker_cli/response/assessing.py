"""Judge the visits of a subject by the rules of a criterion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from biomarker_cli.response.confirming import Call, confirmation
from biomarker_cli.response.criterion import Criterion, ReadyRule
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.expressions import Expression, ExpressionError, Value
from biomarker_cli.response.policies import parameters_of, policies_of
from biomarker_cli.response.readings import Course, ReadVisit
from biomarker_cli.response.scopes import WHOLE, LesionScope, Setting, VisitScope


@dataclass(frozen=True)
class Assessment:
    """What a criterion calls one visit.

    Attributes
    ----------
    scope : VisitScope
        The values that the rules met.
    target, overall : str
        Calls.
    target_rule, rule : str
        Lines of the criterion that made them; empty where a call was given.
    told : tuple of callable
        Each gives the text of a line; asked for when a row is written.
    value, baseline, nadir : Decimal or None
        Of what the criterion assesses.
    nadir_timepoint : str
    flags : frozenset of str
    persisted : bool
        The call was kept from before, and confirms nothing.
    dated_day : int
        Day that the call is dated: of a confirmed one, the first visit of its block.
    """

    scope: VisitScope
    target: str
    overall: str
    target_rule: str
    rule: str
    told: tuple[Callable[[], str], ...]
    value: Decimal | None
    baseline: Decimal | None
    nadir: Decimal | None
    nadir_timepoint: str
    flags: frozenset[str]
    persisted: bool
    dated_day: int

    @property
    def visit(self) -> ReadVisit:
        """What was read."""
        return self.scope.visit

    @property
    def reason(self) -> str:
        """The lines in words, with the values they met."""
        return "; ".join(filter(None, (tell() for tell in self.told)))


@dataclass(frozen=True)
class Assessed:
    """A course with its calls.

    Attributes
    ----------
    course : Course
    criterion : Criterion
    policies : mapping of str to str
        As they held.
    parameters : mapping of str to int
    baseline : VisitScope or None
    visits : tuple of Assessment
        Of the follow-ups.
    policies_read : frozenset of str
        Those that could have made another call.
    """

    course: Course
    criterion: Criterion
    policies: Mapping[str, str]
    parameters: Mapping[str, int]
    baseline: VisitScope | None
    visits: tuple[Assessment, ...]
    policies_read: frozenset[str]


def assess(
    course: Course,
    criterion: Criterion,
    policies: Mapping[str, str] = {},
    parameters: Mapping[str, int] = {},
    *,
    screened: bool = True,
) -> Assessed:
    """Return the calls of every follow-up of a course.

    Parameters
    ----------
    course : Course
    criterion : Criterion
    policies, parameters : mapping
        Those that the study chose; what the subject itself sets goes before.
    screened : bool
        Whether targets that the criterion does not admit are refused; a simulation of
        an admitted course asks no more.

    Raises
    ------
    ResponseError
        ``RESPONSE-NO-BASELINE``, ``RESPONSE-NOT-MEASURABLE``,
        ``RESPONSE-TOO-MANY-TARGETS``, ``RESPONSE-POLICY-UNSET``, ``RESPONSE-BAD-INPUT``.
    """
    values = parameters_of(criterion, parameters, course.parameters)
    chosen = policies_of(
        criterion, {**policies, **course.policies}, {**parameters, **course.parameters}
    )
    numbers: dict[str, Value] = {name: Decimal(value) for name, value in values.items()}
    setting = Setting(criterion, chosen, numbers)
    history: list[VisitScope] = []
    try:
        if course.has_baseline:
            history.append(_baseline(setting, course.visits[0], screened=screened))
        elif not all(visit.given for visit in course.visits):
            raise ResponseError(
                "RESPONSE-NO-BASELINE",
                "expected one baseline, found none",
                where=course.subject_id,
                hint="The timepoint of the baseline is called BL.",
            )
        state = _State(setting, history)
        visits = tuple(state.judged(visit) for visit in course.followups)
    except ExpressionError as error:
        raise ResponseError(
            "RESPONSE-BAD-INPUT", f"{criterion.ident}: {error}", where=course.subject_id
        ) from error
    baseline = history[0] if course.has_baseline else None
    read = frozenset(setting.policies_read)
    return Assessed(course, criterion, chosen, values, baseline, visits, read)


def _baseline(setting: Setting, visit: ReadVisit, *, screened: bool) -> VisitScope:
    """Return the scope of a baseline whose targets are such as the criterion asks."""
    scope = VisitScope(setting, visit, ())
    if screened:
        _require_few(setting.criterion, visit)
    rules = setting.criterion.file.targets
    small = _not_measurable(scope, setting.criterion.measurable)
    if small and screened and rules.not_measurable == "error":
        condition = (rules.measurable_node, rules.measurable_other)
        raise ResponseError(
            "RESPONSE-NOT-MEASURABLE",
            f"{', '.join(small)}: no target by {setting.criterion.ident}; "
            f"expected of a node {condition[0] or 'any size'}, else {condition[1] or 'any size'}",
            where=visit.timepoint,
        )
    scope.set_value("measurable", not small)
    return scope


def _require_few(criterion: Criterion, visit: ReadVisit) -> None:
    """Refuse more targets than the criterion admits, in all and of one organ."""
    rules = criterion.file.targets
    lesions = [one for one in visit.lesions if one.lesion_id != WHOLE]
    if rules.most and len(lesions) > rules.most:
        raise ResponseError(
            "RESPONSE-TOO-MANY-TARGETS",
            f"expected at most {rules.most} target lesions, found {len(lesions)}",
            where=visit.timepoint,
        )
    # All nodes are one organ.
    named = ["lymph nodes" if one.is_node else one.organ for one in lesions]
    organs = Counter(filter(None, named)) if any(one.organ for one in lesions) else Counter()
    for organ, number in organs.items():
        if rules.most_per_organ and number > rules.most_per_organ:
            raise ResponseError(
                "RESPONSE-TOO-MANY-TARGETS",
                f"expected at most {rules.most_per_organ} targets in {organ}, found {number}",
                where=visit.timepoint,
            )


def _not_measurable(scope: VisitScope, conditions: Mapping[bool, Expression]) -> list[str]:
    found = []
    for name, sizes in scope.lesions.items():
        condition = conditions.get(bool(sizes["is_node"]))
        if condition is None or name == WHOLE:
            continue
        if condition.value(LesionScope(scope, "lesions", name, sizes)) is not True:
            found.append(name)
    return found


class _State:
    """What earlier visits leave for the next one."""

    def __init__(self, setting: Setting, history: list[VisitScope]) -> None:
        self._setting = setting
        self._history = history
        self._pending: VisitScope | None = None
        self._had: frozenset[str] = frozenset()
        self._accepted: frozenset[str] = frozenset()
        self._equivocal: int | None = None
        self._has_ended = False
        self._calls: list[Call] = []

    def judged(self, visit: ReadVisit) -> Assessment:
        """Return the call of the next visit."""
        scope = VisitScope(self._setting, visit, tuple(self._history))
        self._look_back(scope)
        if visit.given:
            target, overall = _Made(""), _Made(visit.given, told=lambda: "given by the table")
        else:
            file = self._setting.criterion.file
            target = self._call(scope, self._setting.criterion.target, "NE")
            scope.set_value("target", target.call or None)
            overall = self._call(scope, self._setting.criterion.overall, file.undecided)
        scope.overall = overall.call
        persisted = target.persisted or overall.persisted
        found = self._assessment(scope, target, overall)
        self._calls.append(Call(overall.call, visit.day, persisted))
        self._remember(scope)
        return found

    def _assessment(self, scope: VisitScope, target: _Made, overall: _Made) -> Assessment:
        flags = {*scope.visit.flags, *overall.flags, *target.flags} | self._flags(scope)
        if self._has_ended:
            flags.add("after_pd")
        nadir = _number(scope.value("nadir"))
        return Assessment(
            scope=scope,
            target=target.call,
            overall=overall.call,
            target_rule=target.rule,
            rule=overall.rule,
            told=(overall.told, target.told),
            value=_number(scope.value(self._setting.criterion.file.assessed)),
            baseline=_number(scope.value("baseline")),
            nadir=nadir,
            nadir_timepoint=self._nadir_timepoint(scope, nadir),
            flags=frozenset(flags),
            persisted=target.persisted or overall.persisted,
            dated_day=self._dated(scope),
        )

    def _look_back(self, scope: VisitScope) -> None:
        """Give a visit what the earlier ones left."""
        scope.had_calls = self._had
        scope.pending = self._pending
        present = scope.present_new()
        scope.set_value("n_fresh", Decimal(len(present - self._accepted)))
        if self._history:
            scope.set_value("measurable", self._history[0].value("measurable"))
        if "confirmed" in self._setting.criterion.names:
            scope.set_value("confirmed", self._is_confirmed())
        if self._pending is None:
            return
        scope.set_value("pending", self._pending.overall)
        scope.set_value("days_since_pending", Decimal(scope.visit.day - self._pending.visit.day))
        further = present - self._pending.present_new()
        scope.set_value("n_further", Decimal(len(further)))

    def _is_confirmed(self) -> bool:
        rules, values = self._setting.criterion.file.best, self._setting.parameters
        days = {name: int(value) for name, value in values.items() if isinstance(value, Decimal)}
        return any(
            confirmation(response, self._calls, rules, days) is not None
            for response in rules.confirmed_by
        )

    def _call(self, scope: VisitScope, rules: Sequence[ReadyRule], undecided: str) -> _Made:
        """Return the call of the first rule that holds; one that cannot be decided ends them."""
        for ready in rules:
            holds = ready.when.value(scope)
            if holds is True:
                return _made(ready, scope)
            if holds is None:
                return _Made(undecided, ready.rule.id, partial(_unknown_text, ready, scope))
        return _Made(undecided, told=lambda: "no rule holds") if rules else _Made("")

    def _flags(self, scope: VisitScope) -> set[str]:
        return {
            flag
            for flag, condition in self._setting.criterion.flags
            if condition.value(scope) is True
        }

    def _dated(self, scope: VisitScope) -> int:
        rules = self._setting.criterion.file
        if scope.overall in rules.pending.confirmed and self._pending is not None:
            return self._pending.visit.day
        if scope.overall in rules.best.progression and scope.visit.new == "yes":
            return self._equivocal if self._equivocal is not None else scope.visit.day
        return scope.visit.day

    def _remember(self, scope: VisitScope) -> None:
        """Keep what the next visit needs."""
        rules = self._setting.criterion.file
        self._history.append(scope)
        self._had |= {scope.overall}
        if scope.visit.new == "equivocal" and self._equivocal is None:
            self._equivocal = scope.visit.day
        elif scope.visit.new == "no":
            self._equivocal = None
        if scope.overall in rules.best.progression:
            self._has_ended = True
        if scope.overall in rules.pending.kept_by:
            return
        if scope.overall not in rules.pending.calls:
            self._pending = None
            self._accepted |= scope.present_new()
        elif self._pending is None or self._pending.overall != scope.overall:
            self._pending = scope

    def _nadir_timepoint(self, scope: VisitScope, nadir: Decimal | None) -> str:
        if nadir is None:
            return ""
        name = self._setting.criterion.file.assessed
        return next(s.visit.timepoint for s in scope.history if s.value(name) == nadir)


@dataclass(frozen=True)
class _Made:
    """A call as a rule makes it."""

    call: str
    rule: str = ""
    told: Callable[[], str] = str
    flags: frozenset[str] = frozenset()
    persisted: bool = False


def _made(ready: ReadyRule, scope: VisitScope) -> _Made:
    rule = ready.rule
    told = partial(_told, ready, scope)
    return _Made(rule.call, rule.id, told, frozenset(rule.flags), persisted=rule.persisted)


def _number(value: Value) -> Decimal | None:
    return value if isinstance(value, Decimal) else None


def _told(ready: ReadyRule, scope: VisitScope) -> str:
    """Return a rule in words, with the numbers that it met."""
    words = ready.rule.why or ready.when.text
    met = [
        f"{name} {_shown(scope.value(name))}"
        for name in sorted(ready.when.names)
        if isinstance(_safe(scope, name), Decimal)
    ]
    return f"{ready.rule.id}: {words}" + (f" ({', '.join(met)})" if met else "")


def _safe(scope: VisitScope, name: str) -> Value:
    try:
        return scope.value(name)
    except ExpressionError:
        return None


def _shown(value: Value) -> str:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _unknown_text(ready: ReadyRule, scope: VisitScope) -> str:
    unknown = [name for name in sorted(ready.when.names) if _safe(scope, name) is None]
    missing = [name for name, sizes in scope.lesions.items() if sizes["value"] is None]
    more = f"; no value of {', '.join(missing)}" if missing else ""
    return f"{ready.rule.id} cannot be decided: unknown {', '.join(unknown) or 'value'}{more}"
