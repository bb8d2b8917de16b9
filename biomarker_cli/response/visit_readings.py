"""What the ledger and the run say of a visit beside its targets."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from biomarker_cli.response.criterion import Criterion
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.expressions import Value
from biomarker_cli.response.lesion_readings import VisitRows, lesion_reading
from biomarker_cli.response.measured_run import MeasuredRun
from biomarker_cli.response.readings import LesionReading, rounded

_SEEN = frozenset({"measured", "present", "too_small"})


def strange_rois(run: MeasuredRun, here: VisitRows, criterion: Criterion) -> bool:
    """Tell whether the run has a ROI that no row of the ledger names."""
    named = {row.roi_id for row in here.rows}
    regions = {one.roi for one in criterion.file.reads.regions.values()}
    return bool({row["roi_id"] for row in run.rois_of(here.cases)} - named - regions)


def new_word(run: MeasuredRun, here: VisitRows, criterion: Criterion) -> str | None:
    """Return whether there are new lesions, None where nobody said it.

    Uptake of a lesion that is new on CT is not known where the visit has no scan that a
    criterion of uptake reads.
    """
    file = criterion.file
    if file.targets.other == "value" and not run.has_analysis(here.cases, file.reads.analyses):
        return None
    states = [row.state for row in here.of_role("new")]
    if any(state in _SEEN for state in states):
        return "yes"
    if "equivocal" in states:
        return "equivocal"
    return "no" if states and all(state == "absent" for state in states) else None


def new_lesions_of(
    run: MeasuredRun, here: VisitRows, criterion: Criterion
) -> tuple[LesionReading, ...]:
    """Return the new lesions that are there, or were and are gone."""
    return tuple(
        lesion_reading(run, row, here, criterion)
        for row in here.of_role("new")
        if row.state in _SEEN or (row.state == "absent" and row.lesion_id != NO_NEW)
    )


def others_of(run: MeasuredRun, here: VisitRows, criterion: Criterion) -> tuple[LesionReading, ...]:
    """Return the non-target lesions with their sizes, where the run has them."""
    return tuple(
        lesion_reading(run, replace(row, state="measured"), here, criterion)
        if row.state not in {"absent", "not_evaluable"}
        else lesion_reading(run, row, here, criterion)
        for row in here.of_role("non_target")
    )


NO_NEW = "NEW"
"""Name of the row that says of a visit that there is no new lesion."""


def non_target_word(here: VisitRows, baseline: VisitRows | None) -> str:
    """Return what the non-target lesions are together; ne where one of them has no word."""
    if baseline is None:
        return "present" if here.of_role("non_target") else "none"
    expected = {row.lesion_id for row in baseline.of_role("non_target")}
    strange = {row.lesion_id for row in here.of_role("non_target")} - expected
    if strange:
        raise ResponseError(
            "RESPONSE-LESION-AMBIGUOUS",
            f"{', '.join(sorted(strange))}: no non-target lesion at baseline",
            where=here.timepoint,
            hint="A lesion that came later has the role new.",
        )
    if not expected:
        return "none"
    states = {row.lesion_id: row.state for row in here.of_role("non_target")}
    found = {states.get(name, "") for name in expected}
    for word in ("pd", "increased"):
        if word in found:
            return word
    if found & {"", "not_evaluable"}:
        return "ne"
    if found == {"absent"}:
        return "cr"
    return "unchanged" if found <= {"unchanged", "absent"} else "non_cr_non_pd"


def inputs_of(run: MeasuredRun, here: VisitRows, criterion: Criterion) -> dict[str, Value]:
    """Return the inputs of a criterion that the run has."""
    file = criterion.file
    found: dict[str, Value] = {}
    for name, key in file.inputs.items():
        if name in file.reads.features:
            value = _mean_of_targets(run, here, criterion, file.reads.features[name])
        elif name in file.reads.facts:
            told = run.facts(here.cases, file.reads.facts[name], file.reads.analyses)
            # Two images that differ tell nothing.
            value = _number(next(iter(told))) if len(told) == 1 else None
        elif name in file.reads.regions:
            region = file.reads.regions[name]
            value = _region_value(run, here, criterion, (region.roi, region.mean))
            spread = _region_value(run, here, criterion, (region.roi, region.sd))
            if spread is not None:
                found[f"{name}_sd"] = rounded(spread, key.decimals)
        else:
            continue
        if value is not None:
            found[name] = rounded(value, key.decimals)
    return found


def _region_value(
    run: MeasuredRun, here: VisitRows, criterion: Criterion, place: tuple[str, str]
) -> Decimal | None:
    one = run.value(here.cases, *place, criterion.file.reads.analyses)
    return None if one is None else one.value


def _mean_of_targets(
    run: MeasuredRun, here: VisitRows, criterion: Criterion, feature: str
) -> Decimal | None:
    """Return the mean over the measured targets, None where one of them has no value."""
    rows = [row for row in here.of_role("target") if row.state in {"measured", "split_from"}]
    values = [_region_value(run, here, criterion, (row.roi_id, feature)) for row in rows]
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return sum(known, Decimal(0)) / len(known)


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except ArithmeticError:
        return None
    return value if value.is_finite() and abs(value) < Decimal(10) ** 9 else None


def moved_facts(
    run: MeasuredRun, here: VisitRows, baseline: VisitRows | None, criterion: Criterion
) -> dict[str, str]:
    """Return the facts that are not those of the baseline, and what becomes of the visit."""
    if baseline is None:
        return {}
    found: dict[str, str] = {}
    for name, verdict in criterion.file.reads.same_facts.items():
        before, now = (
            run.facts(visit.cases, name, criterion.file.reads.analyses)
            for visit in (baseline, here)
        )
        if before and now and before != now:
            found[name] = verdict
    return found
