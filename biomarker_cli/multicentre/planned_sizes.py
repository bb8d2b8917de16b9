"""Sample sizes for the features of a repeatability file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.multicentre.change import KnownRepeatability
from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.multicentre.repeats import RC_FACTOR
from biomarker_cli.multicentre.sample_size import (
    SampleSize,
    TrialDesign,
    observed_effect,
    sample_size,
)


@dataclass(frozen=True)
class Noise:
    """Measurement error of one feature.

    Attributes
    ----------
    feature_id, roi_id : str
        Empty where it was said on the command line.
    wsd_log : Estimate
        Within-subject SD of the logarithm.
    n_subjects : int
        That it was found with; 0 for unknown.
    """

    feature_id: str
    roi_id: str
    wsd_log: Estimate
    n_subjects: int = 0


def noise_of_wcv(wcv_percent: float) -> Noise:
    """Return the noise that a within-subject coefficient of variation means."""
    return Noise("", "", Estimate(math.sqrt(math.log1p((wcv_percent / 100) ** 2))))


def noises(known: KnownRepeatability, features: Sequence[str], rois: Sequence[str]) -> list[Noise]:
    """Return the noise of the features of a file that match patterns.

    Raises
    ------
    InputNotFoundError
        ``NOTHING-FOUND`` where none matches, or none is on a ratio scale.
    """
    found = [
        Noise(entry["feature_id"], entry["roi_id"], _of_log(entry), entry["n_subjects"])
        for entry in known.features.values()
        if entry["change_high"] is not None
        and _matches(entry["feature_id"], features)
        and _matches(entry["roi_id"], rois)
    ]
    if not found:
        raise InputNotFoundError(
            "NOTHING-FOUND",
            "the file has no such feature with limits in percent",
            hint="Name it with --feature as the file does; a feature that is not on a ratio scale "
            "takes --effect, the change over the SD of what is observed.",
        )
    return sorted(found, key=lambda noise: (noise.feature_id, noise.roi_id))


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _of_log(entry: Mapping[str, Any]) -> Estimate:
    """Return the SD of the logarithm that the limits of a rise were made of."""
    value, low, high = (
        None if limit is None else math.log1p(limit / 100) / RC_FACTOR
        for limit in entry["change_high"]
    )
    assert value is not None  # noqa: S101 - an entry without limits was left out
    return Estimate(value, low, high)


@dataclass(frozen=True)
class PlannedSize:
    """Subjects for one feature.

    Attributes
    ----------
    noise : Noise
    size : SampleSize
        With the noise as it was found.
    upper : SampleSize or None
        With the upper limit of the noise.
    without_noise : SampleSize or None
        With none: what better measuring could save; None where subjects do not differ.
    """

    noise: Noise
    size: SampleSize
    upper: SampleSize | None
    without_noise: SampleSize | None

    def as_json(self) -> dict[str, Any]:
        """Return it for scripts."""
        return asdict(self)


def planned_sizes(
    found: Sequence[Noise], change_percent: float, between_percent: float, design: TrialDesign
) -> Iterator[PlannedSize]:
    """Yield the sample size of each feature.

    Parameters
    ----------
    found : sequence of Noise
    change_percent, between_percent : float
        See `observed_effect`.
    design : TrialDesign

    Raises
    ------
    SampleSizeError
        ``SAMPLE-SIZE-ASKED``, ``SAMPLE-SIZE-UNREACHABLE``.
    """

    def size(wsd_log: float) -> SampleSize:
        return sample_size(observed_effect(change_percent, between_percent, wsd_log), design)

    for noise in found:
        high = noise.wsd_log.high
        yield PlannedSize(
            noise,
            size(noise.wsd_log.value),
            None if high is None else size(high),
            size(0.0) if between_percent else None,
        )
