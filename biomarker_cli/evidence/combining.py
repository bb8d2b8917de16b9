"""Combine the estimates of sites: one effect for all, or effects that vary between sites.

References
----------
DerSimonian and Laird 1986, Control Clin Trials 7:177; Higgins and Thompson 2002, Stat Med
21:1539 (I2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.evidence.errors import NotEstimableError
from biomarker_cli.evidence.estimates import Association, two_sided
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.statistics.confidence import NORMAL_975

FEW_SITES = 5
"""Sites below which the variance between sites is poorly known."""


@dataclass(frozen=True)
class Combined:
    """Estimates of sites made one.

    Attributes
    ----------
    fixed, random : tuple of float
        Estimate and standard error, on the scale of the estimates.
    q : float
        Cochran's Q, of k - 1 degrees of freedom.
    tau2 : float
        Variance between sites, by DerSimonian and Laird.
    i2_percent : float
        Part of the variance that lies between sites.
    """

    fixed: tuple[float, float]
    random: tuple[float, float]
    q: float
    tau2: float
    i2_percent: float


def combine(estimates: FloatArray, errors: FloatArray) -> Combined:
    """Return what estimates of sites give together, by inverse variances.

    Parameters
    ----------
    estimates, errors : ndarray, shape (k,)
        With their standard errors; k of two or more.
    """
    weights = errors**-2.0
    fixed = _weighted(estimates, weights)
    q = float((weights * (estimates - fixed[0]) ** 2).sum())
    freedom = len(estimates) - 1
    spread = weights.sum() - (weights**2).sum() / weights.sum()
    tau2 = max(0.0, (q - freedom) / float(spread))
    i2_percent = 100.0 * max(0.0, (q - freedom) / q) if q > 0 else 0.0
    random = _weighted(estimates, 1.0 / (errors**2 + tau2))
    return Combined(fixed, random, q, tau2, i2_percent)


def _weighted(estimates: FloatArray, weights: FloatArray) -> tuple[float, float]:
    total = float(weights.sum())
    return float((weights * estimates).sum()) / total, total**-0.5


def is_combinable(one: Association | None) -> bool:
    """Tell whether a site has an estimate with a standard error on a scale."""
    return one is not None and one.scale is not None and one.se_on_scale > 0


def combined_associations(of_sites: Sequence[Association]) -> dict[str, Association]:
    """Return the fixed and the random effect of one statistic of several sites.

    Parameters
    ----------
    of_sites : sequence of Association
        Those without a scale are left out.

    Raises
    ------
    NotEstimableError
        Where fewer than two have an estimate and a standard error.
    """
    usable = [one for one in of_sites if is_combinable(one)]
    if len(usable) < 2:
        raise NotEstimableError(f"{len(usable)} of the sites with a standard error: two are needed")
    scale = usable[0].scale
    assert scale is not None  # noqa: S101 - chosen so
    found = combine(
        np.array([scale.to(one.value) for one in usable]),
        np.array([one.se_on_scale for one in usable]),
    )
    spread = f"Q {found.q:.4g}, I2 {found.i2_percent:.0f} %, tau2 {found.tau2:.4g}"
    if len(usable) < FEW_SITES:
        spread += f"; {len(usable)} sites tell little of the variance between sites"
    result = {}
    for name, (middle, se) in (("fixed", found.fixed), ("random", found.random)):
        result[name] = Association(
            scale.back(middle),
            scale.back(middle - NORMAL_975 * se),
            scale.back(middle + NORMAL_975 * se),
            two_sided((middle - scale.null) / se),
            "inverse_variance" if name == "fixed" else "dersimonian_laird",
            note=spread,
        )
    return result
