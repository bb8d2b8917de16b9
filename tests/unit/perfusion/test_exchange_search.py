"""The search of kep ends in the least misfit of the exact convolution."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.perfusion.exchange_models import (
    FitBounds,
    convolved,
    fit_model,
    tissue_curve,
)
from biomarker_cli.perfusion.input_curve import population_curve
from biomarker_cli.perfusion.population_inputs import POPULATION_INPUTS

MINUTES = np.arange(60) * 5.0 / 60.0
CURVE = population_curve(
    POPULATION_INPUTS["parker_blood"],
    onset_min=0.6,
    end_min=float(MINUTES[-1]) + 1.0,
    haematocrit=0.42,
).on_frames(MINUTES, 0.013)


def noisy(n=60, noise=0.01):
    rng = np.random.default_rng(3)
    low, high = [0.02, 0.1, 0.005], [0.5, 0.6, 0.1]
    clean = [tissue_curve(CURVE, *one) for one in rng.uniform(low, high, (n, 3))]
    return np.asarray(clean) + rng.normal(0.0, noise, (n, len(MINUTES)))


def residual_sd(tissue, rate, *, with_plasma):
    """Return the residual of the least squares solution at a rate, without bounds."""
    terms = [convolved(CURVE, rate)]
    if with_plasma:
        terms.append(CURVE.plasma_mm[CURVE.frames])
    basis = np.stack(terms, axis=1)
    left = tissue - basis @ np.linalg.lstsq(basis, tissue, rcond=None)[0]
    return np.sqrt(np.mean(left**2))


@pytest.mark.parametrize("model", ["tofts", "etofts"])
def test_no_rate_beside_the_found_one_leaves_less(model):
    tissue = noisy()
    fit = fit_model(CURVE, tissue, model, FitBounds(1e3, 1e3, 1e3))
    seen = 0
    for i, one in enumerate(tissue):
        kep = fit.transfer_per_min[i] / fit.ve[i]
        exact = tissue_curve(CURVE, fit.transfer_per_min[i], fit.ve[i], fit.vp[i])
        found = fit.residual_sd_mm[i]
        assert np.sqrt(np.mean((one - exact) ** 2)) == pytest.approx(found, rel=1e-7)
        if model == "etofts" and not fit.vp[i] > 0:
            continue
        seen += 1
        near = [residual_sd(one, kep * f, with_plasma=model == "etofts") for f in (0.998, 1.002)]
        assert min(near) > found * (1 - 1e-9)
    assert seen > 40


def test_a_curve_does_not_depend_on_the_others():
    tissue = noisy()
    together = fit_model(CURVE, tissue, "etofts", FitBounds())
    for i in (0, 17, 59):
        alone = fit_model(CURVE, tissue[i : i + 1], "etofts", FitBounds())
        assert alone.transfer_per_min[0] == together.transfer_per_min[i]
        assert alone.residual_sd_mm[0] == together.residual_sd_mm[i]


@pytest.mark.parametrize("kep", [0.012, 0.7, 40.0])
def test_a_curve_without_noise_gives_its_rate(kep):
    tissue = tissue_curve(CURVE, 0.25 * kep, 0.25, 0.03)
    fit = fit_model(CURVE, tissue[None], "etofts", FitBounds(1e3))
    assert fit.transfer_per_min[0] / fit.ve[0] == pytest.approx(kep, rel=1e-5)
    assert fit.vp[0] == pytest.approx(0.03, rel=1e-5)
