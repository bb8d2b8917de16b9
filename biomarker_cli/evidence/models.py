"""What a feature adds to the covariates: nested regression models by statsmodels.

===============  ==============================================================
logistic         binary endpoint; log odds ratio
proportional     ordinal endpoint, proportional odds; log odds ratio
linear           continuous endpoint; slope
cox              time to event, ties by Efron; log hazard ratio
===============  ==============================================================

Each gives the coefficient of the feature as it is passed in, and the likelihood-ratio test
against the model without it, on the same subjects.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy import stats

from biomarker_cli.evidence.errors import AssociationError, NotEstimableError
from biomarker_cli.model.arrays import BoolArray, FloatArray, IntArray

LARGEST_COEFFICIENT = 15.0
"""Of a log odds or log hazard per SD: beyond it the data separate and there is no maximum."""

_LARGEST_SCORE = 1e-4
"""Slope of the log likelihood at its maximum, per subject."""


@dataclass(frozen=True)
class Gain:
    """What a feature adds.

    Attributes
    ----------
    coefficient, se : float
        Of the feature, given the covariates.
    chi2 : float
        Likelihood-ratio statistic of one degree of freedom.
    p_value : float
    method : str
        ``chi2``, or ``f`` where the exact distribution is known.
    n_parameters : int
        Coefficients of the larger model without intercepts.
    """

    coefficient: float
    se: float
    chi2: float
    p_value: float
    method: str
    n_parameters: int


def require_statsmodels() -> None:
    """Refuse to begin without the package of the models.

    Raises
    ------
    AssociationError
        ``EVIDENCE-NO-STATSMODELS``.
    """
    if find_spec("statsmodels") is None:
        raise AssociationError(
            "EVIDENCE-NO-STATSMODELS",
            "the models need statsmodels, which is not installed",
            hint="pip install 'biomarker-cli[evidence]'",
        )


def logistic_gain(has_endpoint: BoolArray, feature: FloatArray, covariates: FloatArray) -> Gain:
    """Return what a feature adds to a logistic regression.

    Parameters
    ----------
    has_endpoint : ndarray of bool, shape (n,)
    feature : ndarray, shape (n,)
    covariates : ndarray, shape (n, k)
        Without an intercept.

    Raises
    ------
    NotEstimableError
        Where a class is empty, columns follow from one another, or values separate classes.
    """
    from statsmodels.discrete.discrete_model import Logit

    if has_endpoint.all() or not has_endpoint.any():
        raise NotEstimableError("every subject has the same endpoint")
    smaller = np.column_stack((np.ones(len(feature)), covariates))
    larger = np.column_stack((smaller, feature))
    _require_full_rank(larger)

    def fit(design: FloatArray) -> Any:
        model = Logit(has_endpoint.astype(float), design)
        found = model.fit(disp=0, maxiter=100, warn_convergence=False)
        _require_maximum(found.params, model.score(found.params), len(feature))
        return found

    with _quiet():
        before, after = fit(smaller), fit(larger)
    return _gain(after, -1, before.llf, covariates)


def ordinal_gain(level: IntArray, feature: FloatArray, covariates: FloatArray) -> Gain:
    """Return what a feature adds to a regression of proportional odds.

    Parameters
    ----------
    level : ndarray of int, shape (n,)
        Place of the endpoint in its order.
    feature, covariates
        As `logistic_gain`.

    Raises
    ------
    NotEstimableError
        As `logistic_gain`.
    """
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    counts = np.unique(level, return_counts=True)[1]
    if len(counts) < 2:
        raise NotEstimableError("every subject has the same endpoint")
    # Levels that nobody has would have no threshold.
    places = np.unique(level, return_inverse=True)[1]
    design = np.column_stack((feature, covariates))
    _require_full_rank(np.column_stack((np.ones(len(feature)), design)))

    def fit(columns: FloatArray) -> Any:
        model = OrderedModel(places, columns, distr="logit")
        near = model.fit(method="bfgs", disp=0, maxiter=500, warn_convergence=False)
        found = model.fit(start_params=near.params, method="newton", disp=0, maxiter=50)
        _require_maximum(found.params, model.score(found.params), len(feature))
        return found

    with _quiet():
        # Thresholds alone: the shares of the levels.
        alone = float((counts * np.log(counts / counts.sum())).sum())
        before = fit(covariates).llf if covariates.shape[1] else alone
        after = fit(design)
    return _gain(after, 0, before, covariates)


def linear_gain(endpoint: FloatArray, feature: FloatArray, covariates: FloatArray) -> Gain:
    """Return what a feature adds to a linear regression; the test is exact, by F.

    Parameters
    ----------
    endpoint : ndarray, shape (n,)
    feature, covariates
        As `logistic_gain`.

    Raises
    ------
    NotEstimableError
        Where nothing varies, columns follow from one another, or no degree of freedom is left.
    """
    from statsmodels.regression.linear_model import OLS

    smaller = np.column_stack((np.ones(len(feature)), covariates))
    larger = np.column_stack((smaller, feature))
    _require_full_rank(larger)
    freedom = len(feature) - larger.shape[1]
    if freedom < 1:
        raise NotEstimableError("as many coefficients as subjects")
    with _quiet():
        before, after = OLS(endpoint, smaller).fit(), OLS(endpoint, larger).fit()
    if after.ssr <= 1e-20 * float((endpoint**2).sum()):
        raise NotEstimableError("the endpoint follows from the columns, or does not vary")
    f = (before.ssr - after.ssr) / (after.ssr / freedom)
    return Gain(
        float(after.params[-1]),
        float(after.bse[-1]),
        float(len(feature) * math.log(before.ssr / after.ssr)),
        float(stats.f.sf(f, 1, freedom)),
        "f",
        covariates.shape[1] + 1,
    )


@dataclass(frozen=True)
class Survival:
    """Times to an event or to the end of observation.

    Attributes
    ----------
    time : ndarray, shape (n,)
        Above 0.
    has_event : ndarray of bool, shape (n,)
    strata : ndarray, shape (n,), or None
        Groups of a baseline hazard of their own.
    """

    time: FloatArray
    has_event: BoolArray
    strata: IntArray | None = None


def cox_gain(survival: Survival, feature: FloatArray, covariates: FloatArray) -> Gain:
    """Return what a feature adds to a regression of proportional hazards.

    Parameters
    ----------
    survival : Survival
    feature, covariates
        As `logistic_gain`.

    Raises
    ------
    NotEstimableError
        Where nobody has an event, or values order the events without exception.
    """
    from statsmodels.duration.hazard_regression import PHReg

    if not survival.has_event.any():
        raise NotEstimableError("nobody has an event")
    design = np.column_stack((feature, covariates))
    _require_full_rank(np.column_stack((np.ones(len(feature)), design)))

    def model_of(columns: FloatArray) -> Any:
        return PHReg(
            survival.time,
            columns,
            status=survival.has_event.astype(float),
            strata=survival.strata,
            ties="efron",
        )

    def fit(columns: FloatArray) -> Any:
        model = model_of(columns)
        found = model.fit(disp=0)
        _require_maximum(found.params, model.score(found.params), len(feature))
        return found

    with _quiet():
        if covariates.shape[1]:
            before = float(fit(covariates).llf)
        else:
            before = float(model_of(design).loglike(np.zeros(1)))
        after = fit(design)
    return _gain(after, 0, before, covariates)


def _gain(after: Any, place: int, llf_before: float, covariates: FloatArray) -> Gain:
    # Rounding may leave it a hair below 0.
    chi2 = max(2.0 * float(after.llf - llf_before), 0.0)
    se = float(after.bse[place])
    if not math.isfinite(se) or se <= 0:
        raise NotEstimableError("the likelihood has no curvature at its maximum")
    p_value = float(stats.chi2.sf(chi2, 1))
    return Gain(float(after.params[place]), se, chi2, p_value, "chi2", covariates.shape[1] + 1)


def _require_full_rank(design: FloatArray) -> None:
    """Refuse columns that follow from one another, whatever their units are."""
    spread = np.linalg.norm(design, axis=0)
    if (spread == 0).any() or np.linalg.matrix_rank(design / spread) < design.shape[1]:
        raise NotEstimableError("feature and covariates follow from one another, or do not vary")


def _require_maximum(parameters: FloatArray, score: FloatArray, n_subjects: int) -> None:
    if not np.isfinite(parameters).all() or np.abs(parameters).max() > LARGEST_COEFFICIENT:
        raise NotEstimableError("the values separate the endpoint: the likelihood has no maximum")
    if np.abs(score).max() > _LARGEST_SCORE * n_subjects:
        raise NotEstimableError("the fit did not converge")


@contextmanager
def _quiet() -> Iterator[None]:
    """Turn what the library warns of, or stumbles over, into what a row can hold."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    except (np.linalg.LinAlgError, FloatingPointError, ValueError, IndexError) as error:
        raise NotEstimableError("the values separate the endpoint, or the fit failed") from error
