"""The time axis of a dynamic series: index first, seconds second, and both must agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from biomarker_cli.dicom.mr_images import header_number
from biomarker_cli.dicom.phase_times import CLOCK_RULES, INDEX_RULES, SECOND_RULES
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.perfusion.errors import PerfusionError
from biomarker_cli.perfusion.phases import Phase

GAP_FACTOR = 1.5
"""An interval above this multiple of the median is a gap."""

COUNTED_FROM_ONE = frozenset({"temporal_position", "temporal_position_index"})
"""Numbers of phases that begin with 1 (PS3.3 C.7.6.16.2.2.6): first phases that are lost show."""

_HALF_DAY_S = 43200.0
_DAY_S = 86400.0
_CLOCKS_DISAGREE = 0.5
"""Two clocks may differ by this part of the median interval."""


@dataclass(frozen=True)
class TimeAxis:
    """Phases in the order of their acquisition.

    Attributes
    ----------
    phases : tuple of Phase
    seconds : ndarray, shape (n,)
        From the first phase; intervals may be uneven.
    rule, tag : str
        What told the seconds, and the element.
    index_rule : str
        What numbered the phases; empty where nothing did.
    flags : frozenset of str
    """

    phases: tuple[Phase, ...]
    seconds: FloatArray
    rule: str
    tag: str
    index_rule: str
    flags: frozenset[str]

    @property
    def interval_s(self) -> float:
        """Median interval."""
        return float(np.median(np.diff(self.seconds)))

    @property
    def minutes(self) -> FloatArray:
        """Times of the frames from the first one, min."""
        return self.seconds / 60.0


def order_phases(phases: Sequence[Phase]) -> TimeAxis:
    """Put the phases of a dynamic series in order.

    Parameters
    ----------
    phases : sequence of Phase
        Two or more, of one or several series, in any order.

    Raises
    ------
    PerfusionError
        ``DCE-NO-TIMES`` where no element tells when all of them were, and
        ``DCE-PHASES-DISAGREE`` where elements contradict each other.
    """
    if len(phases) < 2:
        raise PerfusionError(
            "DCE-FEW-FRAMES",
            f"expected a series of several phases, found {len(phases)}",
            where=phases[0].series_uid if phases else "",
            hint="Name the dynamic series, and all of them where each phase has its own.",
        )
    several = len({phase.series_uid for phase in phases}) > 1
    rule, seconds = _seconds(phases, several=several)
    order = np.argsort(seconds, kind="stable")
    ordered = [phases[i] for i in order]
    times = seconds[order] - seconds[order[0]]
    tag = ordered[0].seconds[rule].tag
    _require_distinct(ordered, times, tag)
    interval = float(np.median(np.diff(times)))
    _require_short_phases(ordered, rule, float(np.diff(times).min()))
    index_rule, missing = _require_index(ordered, tag)
    _require_clocks(ordered, times, rule, interval, several=several)
    flags = set()
    if np.any(np.diff(times) > GAP_FACTOR * interval):
        flags.add("frame_gap")
    if missing:
        flags.add("frames_missing")
    if rule == "content_time":
        flags.add("phase_times_from_content")
    return TimeAxis(tuple(ordered), times, rule, tag, index_rule, frozenset(flags))


def _seconds(phases: Sequence[Phase], *, several: bool) -> tuple[str, FloatArray]:
    """Return the first rule that tells the phases apart, and what it says of each."""
    rules = CLOCK_RULES if several else SECOND_RULES
    constant = []
    for rule in rules:
        if all(rule in phase.seconds for phase in phases):
            values = np.array([phase.seconds[rule].value for phase in phases])
            if rule in CLOCK_RULES:
                values = _over_midnight(values)
            if len(set(values.tolist())) > 1:
                return rule, values
            constant.append(phases[0].seconds[rule].tag)
    said = f"; {', '.join(constant)} has one value for all" if constant else ""
    raise PerfusionError(
        "DCE-NO-TIMES",
        f"no element tells when each of the {len(phases)} phases was acquired{said}",
        where=phases[0].series_uid,
        hint="Export the series with its acquisition times and private elements; "
        "RepetitionTime is no frame interval.",
    )


def _over_midnight(values: FloatArray) -> FloatArray:
    """Return times of one day that passes midnight in their order."""
    if np.ptp(values) <= _HALF_DAY_S or np.ptp(values) >= _DAY_S:
        return values
    return np.where(values - values.min() < _HALF_DAY_S, values + _DAY_S, values)


def _require_distinct(phases: Sequence[Phase], times: FloatArray, tag: str) -> None:
    same = np.flatnonzero(np.diff(times) <= 0)
    if same.size:
        first = phases[int(same[0])]
        raise PerfusionError(
            "DCE-PHASES-DISAGREE",
            f"{same.size + 1} or more of {len(phases)} phases have one time in {tag}",
            where=f"{first.volume_id}, {phases[int(same[0]) + 1].volume_id}",
            hint="Name one series of the examination, in which each phase stands once.",
        )


def _require_short_phases(phases: Sequence[Phase], rule: str, shortest: float) -> None:
    """Slices of one phase must lie together in time: else places and phases are mixed up."""
    # Slices have content times of their own, which are those of their storage.
    for phase in phases:
        told = phase.seconds[rule]
        if rule != "content_time" and told.spread >= max(shortest, 1e-6):
            raise PerfusionError(
                "DCE-PHASES-DISAGREE",
                f"the slices of one phase differ by {told.spread:g} s in {told.tag}, two phases "
                f"by {shortest:g} s",
                where=phase.volume_id,
                hint="Places and phases of the series are mixed up, or one is named wrongly.",
            )


def _require_index(phases: Sequence[Phase], tag: str) -> tuple[str, bool]:
    """Hold the numbers of the phases against their times, within each series."""
    used, missing = "", False
    counted: list[tuple[float, float]] = []
    by_series = sorted(phases, key=lambda phase: phase.series_uid)
    for _, members in groupby(by_series, key=lambda phase: phase.series_uid):
        series = list(members)
        for rule in INDEX_RULES:
            if len(series) < 2 or not all(rule in phase.indices for phase in series):
                continue
            numbers = [phase.indices[rule].value for phase in series]
            if len(set(numbers)) < len(numbers):
                # One number for all, or for some: it does not number these phases.
                continue
            if numbers != sorted(numbers):
                raise PerfusionError(
                    "DCE-PHASES-DISAGREE",
                    f"{series[0].indices[rule].tag} and {tag} put the phases in different orders",
                    where=series[0].series_uid,
                    hint="Neither is preferred: correct the header at its source.",
                )
            used = rule
            missing |= numbers[-1] - numbers[0] > len(numbers) - 1
            if rule in COUNTED_FROM_ONE:
                counted.append((numbers[0], numbers[-1]))
                missing |= numbers[-1] < (_n_positions(series) or 0.0)
            break
    ends = {0.0, *(last for _, last in counted)}
    return used, missing or any(first - 1.0 not in ends for first, _ in counted)


def _n_positions(series: Sequence[Phase]) -> float | None:
    """Return how many phases the series says it has; it means something beside numbers alone."""
    return header_number(series[0].header, "NumberOfTemporalPositions")


def _require_clocks(
    phases: Sequence[Phase], times: FloatArray, rule: str, interval: float, *, several: bool
) -> None:
    """Hold every other clock that tells the phases apart against the one that was taken."""
    for other in CLOCK_RULES if several else SECOND_RULES:
        if other in {rule, "content_time"} or not all(other in p.seconds for p in phases):
            continue
        values = np.array([phase.seconds[other].value for phase in phases])
        values = _over_midnight(values) if other in CLOCK_RULES else values
        if len(set(values.tolist())) < len(values):
            continue
        apart = np.abs((values - values[0]) - times)
        if apart.max() > _CLOCKS_DISAGREE * interval:
            worst = int(apart.argmax())
            raise PerfusionError(
                "DCE-PHASES-DISAGREE",
                f"{phases[0].seconds[rule].tag} and {phases[0].seconds[other].tag} differ by "
                f"{apart.max():g} s in phase {worst + 1}, the frame interval is {interval:g} s",
                where=phases[worst].volume_id,
                hint="Neither is preferred: correct the header at its source.",
            )
