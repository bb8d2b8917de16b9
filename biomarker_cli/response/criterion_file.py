"""The typed file of a response criterion, format ``biomarker-response/1``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from biomarker_cli.protocol.document import (
    ID_PATTERN,
    Change,
    Source,
    Strict,
)
from biomarker_cli.response.expressions import Expression, ExpressionError

VISIT_NAMES = frozenset(
    {
        *("day", "index", "n_lesions", "n_missing", "sum", "measured_sum", "greatest"),
        *("baseline", "nadir", "non_target", "new", "n_new", "n_fresh", "n_further", "new_sum"),
        *("target", "pending", "days_since_pending", "measurable", "confirmed"),
    }
)
"""Names that the engine gives every visit."""

LESION_NAMES = frozenset({"value", "longest", "short", "product", "is_node", "state"})
"""Names inside a condition over lesions."""


def _exact(value: Any) -> Any:
    """Return a number of YAML as the decimal that the file shows."""
    return Decimal(repr(value)) if isinstance(value, int | float) else value


Exact = Annotated[Decimal, BeforeValidator(_exact), PlainSerializer(str)]


class CallRule(Strict):
    """One line of a criterion: a condition, and the call where it holds.

    Attributes
    ----------
    id : str
        Stands as the reason on the row.
    call : str
    when : str
        Condition; rules are asked in their order, and the first that holds calls.
    why : str
        The rule in words.
    flags : tuple of str
        Put on a row that it calls.
    persisted : bool
        The call is kept from before: it confirms nothing.
    """

    id: str
    call: str
    when: str = "True"
    why: str = ""
    flags: tuple[str, ...] = ()
    persisted: bool = False


class FlagRule(Strict):
    """A flag on the rows of a visit for which its condition holds."""

    flag: str = Field(pattern=r"^[a-z0-9_]+$")
    when: str
    means: str


class TargetRules(Strict):
    """What a target lesion is, and which of its numbers is summed.

    Attributes
    ----------
    node, other : str
        Size of a node, and of any other lesion.
    decimals : int
        To which a reading is rounded, half up, before it is summed.
    too_small : number or None
        Diameter of a lesion that is there and too small to measure.
    measurable_node, measurable_other : str
        Condition at baseline.
    not_measurable : str
        What becomes of a subject whose target is not.
    unnamed : str
        What a lesion is whose table gives diameters without a name.
    """

    node: Literal["short", "longest", "product", "value"] = "value"
    other: Literal["longest", "product", "value"] = "value"
    unit: str = "mm"
    decimals: int = Field(default=1, ge=0, le=6)
    too_small: Exact | None = None
    measurable_node: str = ""
    measurable_other: str = ""
    not_measurable: Literal["error", "NE"] = "error"
    unnamed: Literal["node", "other"] = "other"
    most: int = 0
    most_per_organ: int = 0


class InputKey(Strict):
    """A key of ``extra`` and what may stand behind it.

    Attributes
    ----------
    type : str
        ``mean_sd`` is ``2.0+-0.2`` and gives a second name, with ``_sd`` behind it.
    """

    type: Literal["number", "mean_sd", "word"]
    what: str
    unit: str = ""
    decimals: int = Field(default=6, ge=0, le=9)
    words: tuple[str, ...] = ()


class Parameter(Strict):
    """A whole number that a study may set, for all or for one subject.

    Attributes
    ----------
    implies : mapping of str to str
        Choices of policies where it is set.
    """

    default: int
    unit: str = ""
    what: str
    implies: Mapping[str, str] = {}


class PolicyDefault(Strict):
    """Another default of a policy, where another policy was chosen."""

    policy: str
    chosen: str
    then: str


class Policy(Strict):
    """What the papers leave open: its default and the other choices."""

    default: str
    choices: Mapping[str, str] = Field(min_length=2)
    where: tuple[PolicyDefault, ...] = ()


class PendingRules(Strict):
    """Calls that wait for a later visit.

    Attributes
    ----------
    calls : tuple of str
        Each opens a block; the same one again goes on with it.
    confirmed : tuple of str
        Calls that end such a block by confirming it, dated by the block's first visit.
    kept_by : tuple of str
        Calls that leave the block open.
    events : tuple of str
        Waiting calls that are progression where no later visit says more.
    """

    calls: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()
    kept_by: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


class BestRules(Strict):
    """How the best response follows from the visits.

    Attributes
    ----------
    order : tuple of str
        Every call, the best first.
    responses : tuple of str
        Calls that are a response.
    confirmed_by : mapping
        Response, and the calls that confirm it.
    stable : tuple of str
        Calls that need the shortest time from the reference date.
    lone_response : str
        What a response that is not confirmed counts as, after that time.
    progression : tuple of str
        Calls behind which nothing counts.
    between : tuple of str
        Calls that may stand between a response and its confirmation.
    accepted_once : tuple of str
        Calls that a policy may accept between them.
    counts_as : mapping
        What a waiting call counts as.
    """

    order: tuple[str, ...] = Field(min_length=2)
    responses: tuple[str, ...]
    confirmed_by: Mapping[str, tuple[str, ...]] = {}
    stable: tuple[str, ...] = ()
    lone_response: str = ""
    progression: tuple[str, ...]
    not_evaluable: str = "NE"
    between: tuple[str, ...] = ("NE",)
    accepted_once: tuple[str, ...] = ()
    counts_as: Mapping[str, str] = {}


class RegionInput(Strict):
    """An input that is measured in a region of its own, such as the liver."""

    roi: str
    mean: str
    sd: str = ""


class Reads(Strict):
    """Which rows of a run are read.

    Attributes
    ----------
    analyses : tuple of str
        Ids of analyses that are accepted, of any version.
    features : mapping of str to str
        Feature of each number: longest, short, value, or a key of `inputs`, which is then
        the mean of the targets.
    regions : mapping of str to RegionInput
        Inputs of regions that are no lesions.
    facts : mapping of str to str
        Inputs that are facts of the acquisition.
    measurable_from : str
        Feature that is the smallest diameter of a measurable lesion on such slices.
    same_facts : mapping of str to str
        Facts that must be those of the baseline, and what becomes of a visit where not.
    """

    analyses: tuple[str, ...] = ()
    features: Mapping[str, str] = {}
    regions: Mapping[str, RegionInput] = {}
    facts: Mapping[str, str] = {}
    measurable_from: str = ""
    same_facts: Mapping[str, Literal["NE", "flag"]] = {}


class CriterionVisit(Strict):
    """One visit of a test that stands in a criterion."""

    timepoint: str
    day: int
    target: str = ""
    non_target: str = "none"
    new_lesion: str = "no"
    new_lesion_sizes: str = ""
    extra: str = ""
    expect: str = ""


class CriterionTest(Strict):
    """A sequence with the calls that must come out."""

    title: str
    visits: tuple[CriterionVisit, ...] = Field(min_length=1)
    best: str = ""
    best_confirmed: str = ""
    progression_day: int | None = None


class CriterionFile(Strict):
    """A file ``biomarker-response/1``."""

    format: Literal["biomarker-response/1"]
    id: str = Field(pattern=ID_PATTERN)
    version: str
    status: Literal["draft", "active", "retired"]
    title: str
    description: str = ""
    extends: str = ""
    source: tuple[Source, ...]
    changelog: tuple[Change, ...]
    labels: tuple[str, ...] = ()
    reads: Reads = Reads()
    targets: TargetRules = TargetRules()
    inputs: Mapping[str, InputKey] = {}
    parameters: Mapping[str, Parameter] = {}
    policies: Mapping[str, Policy] = {}
    assessed: str
    good_is: Literal["lower", "higher"] = "lower"
    quantities: Mapping[str, str] = {}
    target: tuple[CallRule, ...] = ()
    overall: tuple[CallRule, ...] = Field(min_length=1)
    undecided: str = "NE"
    flags: tuple[FlagRule, ...] = ()
    pending: PendingRules = PendingRules()
    best: BestRules
    tests: tuple[CriterionTest, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_whole(self) -> CriterionFile:
        for problem in _problems(self):
            raise ValueError(problem)
        return self


def _problems(file: CriterionFile) -> Iterator[str]:
    """Yield what contradicts itself in a criterion."""
    ids = [rule.id for rule in (*file.target, *file.overall)]
    if len(set(ids)) < len(ids):
        yield f"a rule id stands twice: {next(i for i in ids if ids.count(i) > 1)}"
    calls = {*file.best.order, *file.pending.calls}
    strange = {rule.call for rule in file.overall} | {file.undecided, file.best.not_evaluable}
    if strange - calls:
        yield f"best.order or pending.calls lack {', '.join(sorted(strange - calls))}"
    known = known_names(file)
    for place, text, is_lesion in _conditions(file):
        try:
            expression = Expression.parse(text)
        except ExpressionError as error:
            yield f"{place}: {error}"
            continue
        unknown = expression.names - known - (LESION_NAMES if is_lesion else frozenset())
        unknown |= expression.member_names - known - LESION_NAMES
        if unknown:
            yield f"{place}: unknown name {', '.join(sorted(unknown))}"
    for name, policy in file.policies.items():
        chosen = {policy.default, *(one.then for one in policy.where)}
        if not chosen <= policy.choices.keys():
            yield f"policies.{name}: the default is none of its choices"


def known_names(file: CriterionFile) -> frozenset[str]:
    """Return every name that a condition of the file may read."""
    return frozenset(
        {
            *VISIT_NAMES,
            *file.inputs,
            *(f"{name}_sd" for name, key in file.inputs.items() if key.type == "mean_sd"),
            *file.parameters,
            *(f"policy.{name}" for name in file.policies),
            *file.quantities,
        }
    )


def _conditions(file: CriterionFile) -> Iterator[tuple[str, str, bool]]:
    """Yield every condition with its place, and whether it is asked of one lesion."""
    yield from ((f"quantities.{name}", text, False) for name, text in file.quantities.items())
    yield from ((rule.id, rule.when, False) for rule in (*file.target, *file.overall))
    yield from ((rule.flag, rule.when, False) for rule in file.flags)
    yield "assessed", file.assessed, False
    for name in ("measurable_node", "measurable_other"):
        text = getattr(file.targets, name)
        if text:
            yield f"targets.{name}", text, True
