"""ComBat: location and scale of each batch, shrunk towards what its other features say.

A value is y = a + X b + sigma (gamma_batch + sqrt(delta_batch) e): grand mean,
covariates that should survive, and the batch. Arrays are samples by features.

============== ==================================================================
parametric     empirical Bayes, normal and inverse gamma priors over the features
nonparametric  empirical Bayes, the other features of the batch are the prior
no-eb          estimates of each feature by itself
mean-only      parametric, location alone
============== ==================================================================

Priors take all features of a fit together: other features, other numbers.

References
----------
Johnson, Li and Rabinovic 2007, Biostatistics 8:118; Fortin et al. 2018,
NeuroImage 167:104 (covariates, images); Zhang et al. 2018, BMC Bioinformatics
19:262 (mean-only, reference batch).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import FloatArray, IndexArray
from biomarker_cli.multicentre.errors import AgreementError

MODES = ("parametric", "nonparametric", "no-eb", "mean-only")

STOPS = {"usual": 1e-4, "converged": 1e-12}
"""When the iteration of the parametric mode ends: at this change of an estimate.

``usual`` is the rule of the implementations that people compare with: the change of a
location is divided by the location with its sign, so that negative ones never hold it up.
``converged`` gives the solution of the equations.
"""

MOST_ITERATIONS = 10_000

_SAME = 1e-20
"""Variance over the features, in units of sigma, that is rounding."""


@dataclass(frozen=True)
class CombatRules:
    """How to fit.

    Attributes
    ----------
    mode : str
        One of `MODES`.
    reference : str
        Batch that the others are brought to, and that stays as it is; empty for none.
    stop : str
        One of `STOPS`.
    """

    mode: str = "parametric"
    reference: str = ""
    stop: str = "usual"


@dataclass(frozen=True)
class CombatFit:
    """Estimates of a fit of f features, c columns of covariates and b batches.

    Attributes
    ----------
    batches : tuple of str, length b
    reference : str
    grand_mean, variance : ndarray, shape (f,)
    slopes : ndarray, shape (c, f)
    gamma, delta : ndarray, shape (b, f)
        Location and scale of each batch, in units of sigma and sigma squared.
    iterations : tuple of int, length b
        Steps of the parametric mode; 0 elsewhere.
    """

    batches: tuple[str, ...]
    reference: str
    grand_mean: FloatArray
    variance: FloatArray
    slopes: FloatArray
    gamma: FloatArray
    delta: FloatArray
    iterations: tuple[int, ...]


@dataclass(frozen=True)
class Samples:
    """Values to fit or to adjust.

    Attributes
    ----------
    values : ndarray, shape (n, f)
        Without NaN.
    batch : tuple of str, length n
    covariates : ndarray, shape (n, c)
        Numbers; categories as columns of 0 and 1.
    names : tuple of str, length f
        Of the features, for messages.
    """

    values: FloatArray
    batch: tuple[str, ...]
    covariates: FloatArray
    names: tuple[str, ...]


def fit_combat(samples: Samples, rules: CombatRules) -> CombatFit:
    """Estimate the effect of each batch.

    Parameters
    ----------
    samples : Samples
    rules : CombatRules

    Raises
    ------
    AgreementError
        ``COMBAT-INCOMPLETE``, ``COMBAT-BATCHES``, ``COMBAT-BATCH-SMALL``,
        ``COMBAT-REFERENCE``, ``COMBAT-CONSTANT``, ``COMBAT-FEW-FEATURES``,
        ``COMBAT-CONFOUNDED``, ``COMBAT-FEW-SAMPLES``, ``COMBAT-PRIOR``,
        ``COMBAT-NOT-CONVERGED``.
    """
    batches = tuple(sorted(set(samples.batch)))
    _require_usable(samples, rules, batches)
    members = [np.flatnonzero([b == name for b in samples.batch]) for name in batches]
    grand_mean, slopes, variance = _standard(samples, rules, batches, members)
    scaled = (samples.values - grand_mean - samples.covariates @ slopes) / np.sqrt(variance)
    gamma = np.stack([scaled[rows].mean(axis=0) for rows in members])
    delta = np.stack([scaled[rows].var(axis=0, ddof=1) for rows in members])
    if rules.mode == "mean-only":
        delta = np.ones_like(delta)
    iterations = [0] * len(batches)
    for place, rows in enumerate(members):
        if batches[place] == rules.reference:
            gamma[place], delta[place] = 0.0, 1.0
            continue
        shrunk = _shrunk(scaled[rows], gamma[place], delta[place], rules, batches[place])
        gamma[place], delta[place], iterations[place] = shrunk
    return CombatFit(
        batches, rules.reference, grand_mean, variance, slopes, gamma, delta, tuple(iterations)
    )


def adjust(fit: CombatFit, samples: Samples) -> FloatArray:
    """Return the values without the effect of their batch; those of the reference unchanged.

    Parameters
    ----------
    fit : CombatFit
    samples : Samples
        Of batches that the fit knows.

    Raises
    ------
    AgreementError
        ``COMBAT-BATCH-UNKNOWN``, ``COMBAT-INCOMPLETE``.
    """
    _require_complete(samples)
    unknown = sorted(set(samples.batch) - set(fit.batches))
    if unknown:
        raise AgreementError(
            "COMBAT-BATCH-UNKNOWN",
            f"the model knows {', '.join(fit.batches)}, found {', '.join(unknown)}",
            hint="Fit a model with samples of this batch; the effect of another one is no guess.",
        )
    places = [fit.batches.index(name) for name in samples.batch]
    mean = fit.grand_mean + samples.covariates @ fit.slopes
    sigma = np.sqrt(fit.variance)
    scaled = (samples.values - mean) / sigma
    found: FloatArray = (scaled - fit.gamma[places]) / np.sqrt(fit.delta[places]) * sigma + mean
    if fit.reference:
        # Bit by bit what it was, not what the way there and back makes of it.
        kept = np.array([name == fit.reference for name in samples.batch])
        found[kept] = samples.values[kept]
    return found


def _require_complete(samples: Samples) -> None:
    absent = ~np.isfinite(samples.values)
    if absent.any():
        worst = int(absent.sum(axis=0).argmax())
        raise AgreementError(
            "COMBAT-INCOMPLETE",
            f"{int(absent.any(axis=1).sum())} of {len(absent)} samples lack a usable value; "
            f"{samples.names[worst]} most often ({int(absent[:, worst].sum())} times)",
            hint="Leave features out with --feature, or take the samples out of the table; the "
            "columns status, flags and usable say why.",
        )


def _require_usable(samples: Samples, rules: CombatRules, batches: tuple[str, ...]) -> None:
    _require_complete(samples)
    if len(batches) < 2:
        raise AgreementError(
            "COMBAT-BATCHES",
            f"expected two batches, found {', '.join(batches) or 'none'}",
            hint="Name the column that tells centres, scanners or protocols apart with --batch.",
        )
    if rules.reference and rules.reference not in batches:
        raise AgreementError(
            "COMBAT-REFERENCE",
            f"no sample is of the reference {rules.reference}; there are {', '.join(batches)}",
        )
    small = [name for name in batches if samples.batch.count(name) < 2]
    if small:
        raise AgreementError(
            "COMBAT-BATCH-SMALL",
            f"expected two samples of each batch, found one of {', '.join(small)}",
            hint="One sample has no spread: leave it out, or merge batches that are one scanner.",
        )
    if rules.mode != "no-eb" and samples.values.shape[1] < 2:
        raise AgreementError(
            "COMBAT-FEW-FEATURES",
            "empirical Bayes learns from several features, found one",
            hint="Fit more features together, or say --mode no-eb.",
        )
    _require_variance(samples, batches)


def _require_variance(samples: Samples, batches: tuple[str, ...]) -> None:
    for name in batches:
        values = samples.values[[batch == name for batch in samples.batch]]
        alike = np.ptp(values, axis=0) <= 1e-12 * np.abs(values).max(axis=0)
        if alike.any():
            raise AgreementError(
                "COMBAT-CONSTANT",
                f"{samples.names[int(alike.argmax())]} has one value in all samples of {name}",
                hint="A scale cannot be found from it: leave the feature out with --feature.",
            )


def _standard(
    samples: Samples, rules: CombatRules, batches: tuple[str, ...], members: list[IndexArray]
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return grand mean, slopes of covariates, and residual variance of each feature."""
    n, n_batches = len(samples.values), len(batches)
    indicators = np.zeros((n, n_batches))
    for place, rows in enumerate(members):
        indicators[rows, place] = 1.0
    # On one scale, or the rank would depend on the unit of an age.
    centre, spread = _scale_of(samples.covariates)
    design = np.hstack([indicators, (samples.covariates - centre) / spread])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        raise AgreementError(
            "COMBAT-CONFOUNDED",
            "batch and covariates cannot be told apart: one follows from the others",
            hint="Leave the covariate out only if it may be lost with the batch; else there is no "
            "way to harmonise these data.",
        )
    if n <= design.shape[1]:
        raise AgreementError(
            "COMBAT-FEW-SAMPLES",
            f"expected more than {design.shape[1]} samples for as many estimates, found {n}",
        )
    found = np.linalg.lstsq(design, samples.values, rcond=None)[0]
    slopes = found[n_batches:] / spread[:, None]
    # Means of the batches where the covariates are 0.
    levels = found[:n_batches] - centre @ slopes
    residual = samples.values - design @ found
    if rules.reference:
        rows = members[batches.index(rules.reference)]
        level = levels[batches.index(rules.reference)]
        return level, slopes, (residual[rows] ** 2).mean(axis=0)
    shares = np.array([len(rows) / n for rows in members])
    return shares @ levels, slopes, (residual**2).mean(axis=0)


def _scale_of(covariates: FloatArray) -> tuple[FloatArray, FloatArray]:
    spread = covariates.std(axis=0)
    return covariates.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _shrunk(
    scaled: FloatArray, gamma: FloatArray, delta: FloatArray, rules: CombatRules, name: str
) -> tuple[FloatArray, FloatArray, int]:
    """Return location, scale and iterations of one batch, as the mode has them."""
    if rules.mode == "no-eb":
        return gamma, delta, 0
    if rules.mode == "nonparametric":
        return (*_by_other_features(scaled, gamma, delta), 0)
    mean, variance = gamma.mean(), gamma.var(ddof=1)
    if rules.mode == "mean-only":
        # One observation of variance 1 against the prior, as the mode is published.
        return (variance * gamma + mean) / (variance + 1), delta, 0
    return _by_priors(scaled, gamma, delta, rules.stop, name)


def _by_priors(
    scaled: FloatArray, gamma: FloatArray, delta: FloatArray, stop: str, name: str
) -> tuple[FloatArray, FloatArray, int]:
    n = len(scaled)
    gamma_mean, gamma_variance = gamma.mean(), gamma.var(ddof=1)
    mean, variance = delta.mean(), delta.var(ddof=1)
    if not min(gamma_variance, variance) > _SAME:
        raise AgreementError(
            "COMBAT-PRIOR",
            f"all features of {name} have the same location or scale: they make no prior",
            hint="Are the features copies of one another? Say --mode no-eb, or choose features.",
        )
    shape = (2 * variance + mean**2) / variance
    rate = (mean * variance + mean**3) / variance
    old_gamma, old_delta = gamma, delta
    for step in range(1, MOST_ITERATIONS + 1):
        weight = gamma_variance * n
        new_gamma = (weight * gamma + old_delta * gamma_mean) / (weight + old_delta)
        squares = ((scaled - new_gamma) ** 2).sum(axis=0)
        new_delta = (squares / 2 + rate) / (n / 2 + shape - 1)
        moved = np.abs(new_gamma - old_gamma)
        if stop == "usual":
            moved = moved / old_gamma
        change = max(float(moved.max()), float((np.abs(new_delta / old_delta - 1)).max()))
        old_gamma, old_delta = new_gamma, new_delta
        if change <= STOPS[stop]:
            return old_gamma, old_delta, step
    raise AgreementError(
        "COMBAT-NOT-CONVERGED",
        f"the estimates of {name} still change by {change:.1e} after {MOST_ITERATIONS} steps",
    )


def _by_other_features(
    scaled: FloatArray, gamma: FloatArray, delta: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the mean of the other features' estimates, weighted by their likelihood."""
    n, n_features = scaled.shape
    new_gamma, new_delta = np.empty(n_features), np.empty(n_features)
    for feature in range(n_features):
        others = np.arange(n_features) != feature
        g, d = gamma[others], delta[others]
        squares = ((scaled[:, feature, None] - g) ** 2).sum(axis=0)
        # As logarithms: the likelihood of many samples is below the smallest double.
        logs = -n / 2 * np.log(2 * np.pi * d) - squares / (2 * d)
        weights = np.exp(logs - logs.max())
        new_gamma[feature] = (weights * g).sum() / weights.sum()
        new_delta[feature] = (weights * d).sum() / weights.sum()
    return new_gamma, new_delta
