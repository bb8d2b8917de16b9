"""How many subjects a trial needs, given the measurement error of what it measures.

The change of a subject from baseline is seen with the noise of two measurements: its
observed SD is sqrt(between^2 + 2 wSD^2). Ratio features are taken by their logarithm, in
which a change of some percent is one number whatever the size, and noise is alike.

References
----------
Cohen 1988, Statistical Power Analysis (0.5 gives 64 in each arm); Donner and Klar 2000
(design effect of clusters); Obuchowski and Bullen 2018, Stat Methods Med Res 27:3212.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from biomarker_cli.multicentre.errors import SampleSizeError
from biomarker_cli.multicentre.repeatability import upper_factor

MOST = 10_000_000
"""Subjects; what needs more cannot be shown."""

_FEWEST = 2


@dataclass(frozen=True)
class TrialDesign:
    """What a trial shall show, and how surely.

    Attributes
    ----------
    power : float
        Probability to find the effect where it is there.
    alpha : float
        Two-sided probability to find one where there is none.
    arms : int
        1: change from baseline; 2: difference of the change between two arms alike in size.
    sites : int
        0 where they play no part.
    icc : float
        Part of the variance of a subject that its site has in common.
    loss : float
        Part of the subjects without a usable value.
    """

    power: float = 0.8
    alpha: float = 0.05
    arms: int = 2
    sites: int = 0
    icc: float = 0.0
    loss: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < self.power < 1:
            raise SampleSizeError(
                "SAMPLE-SIZE-ASKED",
                f"expected 0 < alpha < power < 1, found {self.alpha:g} and {self.power:g}",
            )
        if not 0 <= self.loss < 1:
            raise SampleSizeError(
                "SAMPLE-SIZE-ASKED", f"expected a loss of 0 to below 1, found {self.loss:g}"
            )
        if not 0 <= self.icc < 1 or self.sites < 0:
            raise SampleSizeError(
                "SAMPLE-SIZE-ASKED",
                f"expected sites and an ICC of 0 to below 1, found {self.sites} and {self.icc:g}",
            )
        if self.icc and not self.sites:
            raise SampleSizeError(
                "SAMPLE-SIZE-ASKED",
                "an ICC of sites says something with their number only",
                hint="Say --sites.",
            )


@dataclass(frozen=True)
class SampleSize:
    """Subjects in each arm.

    Attributes
    ----------
    effect : float
        Standardised: the change over the SD of what is observed.
    per_arm : int
        With a value of every one of them, one site.
    with_sites : int
        The same where subjects of one site are alike.
    to_recruit : int
        The same where some are lost.
    """

    effect: float
    per_arm: int
    with_sites: int
    to_recruit: int


def sample_size(effect: float, design: TrialDesign) -> SampleSize:
    """Return how many subjects each arm needs for a standardised effect.

    Raises
    ------
    SampleSizeError
        ``SAMPLE-SIZE-ASKED``; ``SAMPLE-SIZE-UNREACHABLE`` where no number is enough.
    """
    if not (math.isfinite(effect) and effect > 0):
        raise SampleSizeError("SAMPLE-SIZE-ASKED", f"expected an effect above 0, found {effect:g}")
    alone = _fewest(effect, design)
    total = _with_sites(alone * design.arms, design)
    per_arm = math.ceil(total / design.arms)
    return SampleSize(effect, alone, per_arm, math.ceil(per_arm / (1 - design.loss) - 1e-9))


def observed_effect(change_percent: float, between_percent: float, wsd_log: float) -> float:
    """Return the standardised effect of a change that is seen through measurement error.

    Parameters
    ----------
    change_percent : float
        Mean change that shall be seen, above -100.
    between_percent : float
        SD of the true changes of subjects, in percent.
    wsd_log : float
        Within-subject SD of the logarithm; 0 for no measurement error.

    Raises
    ------
    SampleSizeError
        ``SAMPLE-SIZE-ASKED``.
    """
    if not (math.isfinite(change_percent) and change_percent > -100 and change_percent):
        raise SampleSizeError(
            "SAMPLE-SIZE-ASKED",
            f"expected a change above -100 % that is not 0, found {change_percent:g}",
        )
    if not (math.isfinite(between_percent) and between_percent >= 0):
        raise SampleSizeError(
            "SAMPLE-SIZE-ASKED", f"expected an SD of 0 or more, found {between_percent:g}"
        )
    between = math.log1p((between_percent / 100) ** 2)
    sd = math.sqrt(between + 2 * wsd_log**2)
    if not sd:
        raise SampleSizeError(
            "SAMPLE-SIZE-ASKED",
            "without any spread one subject is enough",
            hint="Say how unlike the changes of subjects are with --between-sd.",
        )
    return abs(math.log1p(change_percent / 100)) / sd


def power_of(n: int, effect: float, alpha: float, arms: int) -> float:
    """Return the power of a two-sided t test with n subjects in each arm."""
    from scipy.special import nctdtr, stdtrit

    degrees = arms * (n - 1)
    shift = effect * math.sqrt(n / arms)
    critical = float(stdtrit(degrees, 1 - alpha / 2))
    above = 1 - float(nctdtr(degrees, shift, critical))
    below = float(nctdtr(degrees, shift, -critical))
    return above + (0.0 if math.isnan(below) else below)


def _fewest(effect: float, design: TrialDesign) -> int:
    """Return the smallest n whose power is enough."""
    low, high = _FEWEST - 1, _FEWEST
    while power_of(high, effect, design.alpha, design.arms) < design.power:
        low, high = high, 2 * high
        if high > MOST:
            raise SampleSizeError(
                "SAMPLE-SIZE-UNREACHABLE",
                f"an effect of {effect:.3g} needs more than {MOST} subjects in each arm",
                hint="The noise is much larger than the change: measure it better.",
            )
    while high - low > 1:
        middle = (low + high) // 2
        if power_of(middle, effect, design.alpha, design.arms) < design.power:
            low = middle
        else:
            high = middle
    return high


def _with_sites(total: int, design: TrialDesign) -> float:
    """Return the subjects of all arms where those of one site are alike.

    N = N0 (1 + (N / K - 1) R), solved for N.
    """
    if not design.icc:
        return total
    left = 1 - total * design.icc / design.sites
    if left <= 0:
        least = math.floor(total * design.icc) + 1
        raise SampleSizeError(
            "SAMPLE-SIZE-UNREACHABLE",
            f"with {design.sites} sites and an ICC of {design.icc:g} no number of subjects is "
            "enough: each further one of a site tells less",
            hint=f"It needs {least} sites or more.",
        )
    # Fewer than one subject at each site would gain by clustering: there is no such gain.
    return max(float(total), total * (1 - design.icc) / left)


def retest_subjects(percent: float, repeats: int = 2) -> int:
    """Return how many subjects a test-retest study needs for an upper limit of wSD.

    Parameters
    ----------
    percent : float
        With 95 % confidence (one-sided) the true wSD shall be no more than this above
        the one that is found.
    repeats : int
        Measurements of each subject.

    Raises
    ------
    SampleSizeError
        ``SAMPLE-SIZE-ASKED``, ``SAMPLE-SIZE-UNREACHABLE``.
    """
    if not (math.isfinite(percent) and percent > 0) or repeats < 2:
        raise SampleSizeError(
            "SAMPLE-SIZE-ASKED",
            f"expected an upper limit above 0 % and 2 repeats or more, found {percent:g} and "
            f"{repeats}",
        )
    wanted = 1 + percent / 100
    low, high = 1, 2
    while upper_factor(high * (repeats - 1)) > wanted:
        low, high = high, 2 * high
        if high > MOST:
            raise SampleSizeError(
                "SAMPLE-SIZE-UNREACHABLE", f"{percent:g} % needs more than {MOST} subjects"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (middle, high) if upper_factor(middle * (repeats - 1)) > wanted else (low, middle)
        )
    return high
