"""Facts of series that follow a process in time: phases, resolution, duration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from datetime import datetime
from typing import Any

import numpy as np

from biomarker_cli.acquisition.facts.elements import plain
from biomarker_cli.acquisition.facts.registry import FACTS, Reading, missing, one
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.dicom.times import parse_datetime, parse_time

_PHASE_KEYS = (
    ("TemporalPositionIdentifier", "(0020,0100)"),
    ("TemporalPositionIndex", "(0020,9128)"),
    ("TriggerTime", "(0018,1060)"),
    ("FrameAcquisitionDateTime", "(0018,9074)"),
    ("AcquisitionTime", "(0008,0032)"),
    ("ContentTime", "(0008,0033)"),
    ("AcquisitionNumber", "(0020,0012)"),
)
"""What may tell the phases of a series apart, the first that does counts."""

_TIME_KEYS = (
    ("FrameAcquisitionDateTime", "(0018,9074)"),
    ("AcquisitionDateTime", "(0008,002A)"),
    ("AcquisitionTime", "(0008,0032)"),
    ("TriggerTime", "(0018,1060)"),
    ("ContentTime", "(0008,0033)"),
)
"""What may say when a phase was acquired, the first that differs between phases counts."""


def _positions(series: SeriesHeaders) -> list[Hashable]:
    found: list[Hashable] = []
    for value in series.column("ImagePositionPatient"):
        place = plain(value)
        told = isinstance(place, tuple) and all(isinstance(v, float) for v in place)
        found.append(tuple(round(v, 2) for v in place) if told else None)
    return found


def _phases(series: SeriesHeaders) -> tuple[dict[Hashable, list[int]], str]:
    """Return the frames of each phase and the element that tells them apart.

    A key counts where each of its values has one frame at every position.
    """
    positions = _positions(series)
    n_positions = len(set(positions))
    if None in positions or len(positions) <= n_positions:
        return {}, ""
    for keyword, tag in _PHASE_KEYS:
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for index, value in enumerate(series.column(keyword)):
            groups[str(value) if value is not None else None].append(index)
        if None in groups and len(groups) > 1:
            # Some frames lack what tells the others apart: nothing else may stand in for it.
            return {}, tag
        if len(groups) < 2:
            continue
        complete = all(
            len(members) == n_positions == len({positions[i] for i in members})
            for members in groups.values()
        )
        if complete:
            return dict(groups), tag
    return {}, ""


def _seconds(value: Any, keyword: str) -> float | None:
    if value is None:
        return None
    try:
        if keyword == "TriggerTime":
            return float(value) / 1000.0
        if keyword.endswith("DateTime"):
            return (parse_datetime(value).at - datetime(1970, 1, 1)).total_seconds()
        clock = parse_time(value).time
    except ValueError:
        return None
    return clock.hour * 3600.0 + clock.minute * 60.0 + clock.second + clock.microsecond / 1e6


def _phase_times(series: SeriesHeaders) -> tuple[list[float], tuple[str, ...], str]:
    """Return when each phase began (s), the tags used, and why not where it is empty."""
    phases, phase_tag = _phases(series)
    if not phases:
        tags = (phase_tag or "(0020,0100)", "(0008,0032)")
        return [], tags, "the series has no phases that can be told apart"
    for keyword, tag in _TIME_KEYS:
        column = [_seconds(value, keyword) for value in series.column(keyword)]
        if all(value is None for value in column):
            continue
        if any(value is None for value in column):
            return [], (phase_tag, tag), f"{keyword} is missing in some slices"
        seconds = [value for value in column if value is not None]
        starts = sorted(min(seconds[i] for i in members) for members in phases.values())
        if len(set(starts)) == len(phases):
            return starts, tuple(dict.fromkeys((phase_tag, tag, "(0020,0032)"))), ""
    return [], (phase_tag, "(0008,0032)"), "no time tells the phases apart"


@FACTS.define(
    "n_temporal_positions",
    "1",
    "Number of phases: groups of frames, one at every slice position, told apart by "
    "TemporalPositionIdentifier, else trigger, acquisition or content time.",
    "MR",
    "CT",
)
def n_temporal_positions(series: SeriesHeaders) -> Reading:
    """Return the number of phases, 1 where no position repeats."""
    positions = _positions(series)
    if None in positions:
        return missing(("(0020,0032)",), "a slice has no position", positions.count(None))
    if len(set(positions)) == len(positions):
        return one(1.0, ("(0020,0032)",))
    phases, tag = _phases(series)
    if not phases:
        return missing(("(0020,0100)",), "slices share positions, but no element tells phases")
    return one(float(len(phases)), (tag, "(0020,0032)"))


@FACTS.define(
    "temporal_resolution_s",
    "s",
    "Median time from the start of a phase to that of the next, from frame acquisition, "
    "acquisition, trigger or content times.",
    "MR",
)
def temporal_resolution_s(series: SeriesHeaders) -> Reading:
    """Return the median time between phases."""
    starts, tags, why = _phase_times(series)
    if len(starts) < 2:
        return missing(tags, why)
    return one(round(float(np.median(np.diff(starts))), 3), tags)


@FACTS.define(
    "observation_time_s",
    "s",
    "Time from the start of the first phase to the end of the last: the span of the starts "
    "plus one temporal resolution.",
    "MR",
)
def observation_time_s(series: SeriesHeaders) -> Reading:
    """Return how long the series was observed."""
    starts, tags, why = _phase_times(series)
    if len(starts) < 2:
        return missing(tags, why)
    step = float(np.median(np.diff(starts)))
    return one(round(starts[-1] - starts[0] + step, 3), tags)
