"""The rules of intravoxel incoherent motion, one test each, from files to maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from synthetic_dwi import SHAPE, Change, Spec, candidates, write_dwi

from biomarker_cli.diffusion.dwi_set import assemble
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.fitting import fit_line_weighted_by_itself, fit_wls
from biomarker_cli.diffusion.ivim import refit_ivim
from biomarker_cli.diffusion.ivim_refit import refit_amplitudes
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.diffusion.shells import split_by_applied_b

LIVER_D, LIVER_F, LIVER_D_STAR = 1.5e-3, 0.11, 0.1
REFIT = {"diffusion_from": 200, "pseudo_diffusion": [5e-3, 0.2], "method": "refit"}
X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def liver(b: float) -> np.ndarray:
    decay = LIVER_F * np.exp(-b * LIVER_D_STAR) + (1 - LIVER_F) * np.exp(-b * LIVER_D)
    return np.full(SHAPE, 8000.0 * decay)


def rules(**changes: object) -> AdcRules:
    return AdcRules.model_validate(
        {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["mean"], **changes}
    )


def maps(folder: Path, **ivim: object) -> dict[str, np.ndarray]:
    found = diffusion_maps(candidates(folder), rules(ivim={**REFIT, **ivim}))
    return {one.image: one.volume.as_float64() for one in found}


def test_b_of_0_1_and_2_are_three_samples_of_the_perfusion(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(b, array=liver(b)) for b in (0, 1, 2, 5, 10, 20, 50, 100)])
    write_dwi(tmp_path, [Spec(b, array=liver(b)) for b in (200, 400, 600, 800)], series="dwi2")
    found = maps(tmp_path)
    np.testing.assert_allclose(found["ivim_d"], LIVER_D, rtol=1e-4)
    np.testing.assert_allclose(found["ivim_f"], LIVER_F, rtol=2e-3)
    np.testing.assert_allclose(found["ivim_dstar"], LIVER_D_STAR, rtol=5e-3)
    # As one shell they cost 6 % of f where the first row is taken for b = 0.
    intercept = maps(tmp_path, method="segmented", pseudo_diffusion=[3e-3, 0.3])
    assert np.median(intercept["ivim_f"]) < 0.97 * LIVER_F


@pytest.mark.parametrize(
    ("b", "n_nominal", "applied"),
    [
        ((0, 1, 2, 800), 2, [0, 1, 2, 800]),
        ((0, 0.001, 0.004, 800), 2, [0.005 / 3, 800]),
        ((0, 0.4, 800), 2, [0.2, 800]),
        ((0, 0.6, 800), 2, [0, 0.6, 800]),
        ((0, 100, 103, 800), 3, [0, 100, 103, 800]),
        ((0, 100, 101, 800), 3, [0, 100.5, 800]),
        ((0, 800, 810, 1000), 3, [0, 805, 1000]),
    ],
)
def test_applied_b_values_are_one_within_half_a_unit_or_two_percent(
    tmp_path: Path, b: tuple[float, ...], n_nominal: int, applied: list[float]
) -> None:
    write_dwi(tmp_path, [Spec(value) for value in b])
    shells = assemble(candidates(tmp_path)).shells
    assert len(shells) == n_nominal
    np.testing.assert_allclose([s.actual for s in split_by_applied_b(shells)], applied)


def test_directions_of_one_b_value_are_never_torn_apart_by_their_applied_b(
    tmp_path: Path,
) -> None:
    directions = [Spec(b, direction=d) for b, d in ((100, X), (103, Y), (100, Z))]
    write_dwi(tmp_path, [Spec(0), *directions, Spec(800, direction=X)])
    shells = assemble(candidates(tmp_path)).shells
    assert split_by_applied_b(shells) == shells


def test_two_applied_b_values_with_the_same_directions_are_two(tmp_path: Path) -> None:
    directions = [Spec(b, direction=d) for b in (100, 103) for d in (X, Y, Z)]
    write_dwi(tmp_path, [Spec(0), *directions])
    split = split_by_applied_b(assemble(candidates(tmp_path)).shells)
    assert [(s.actual, len(s.groups)) for s in split] == [(0, 1), (100, 3), (103, 3)]


def test_weights_come_from_the_fitted_line_not_from_the_samples() -> None:
    """Weights S^2 of noisy samples read D low by 6 % at an SNR of 20; those of the line do not."""
    rng = np.random.default_rng(19)
    b = np.array([200.0, 250, 350, 400, 550, 700, 850, 1000])
    d = np.full(4000, 2.0e-3)
    channel = np.exp(-b[:, None] * d) + rng.normal(0, 0.05, (len(b), d.size))
    signal = np.hypot(channel, rng.normal(0, 0.05, channel.shape))
    line, _ = fit_line_weighted_by_itself(np.log(signal), b)
    samples, _ = fit_wls(np.log(signal), b)
    assert abs(np.median(line) / 2.0e-3 - 1) < 0.025
    assert np.median(samples) / 2.0e-3 - 1 < -0.04


def test_f_is_never_clamped(tmp_path: Path) -> None:
    """Clamped noise of no perfusion reads 0.014."""
    rng = np.random.default_rng(7)
    b_values = (0, 10, 20, 50, 100, 200, 400, 600, 800)
    write_dwi(
        tmp_path,
        [
            Spec(b, array=8000 * np.exp(-b * 1.5e-3) * (1 + rng.normal(0, 0.02, SHAPE)))
            for b in b_values
        ],
    )
    found = maps(tmp_path)
    assert (found["ivim_f"] < 0).mean() > 0.2
    assert np.isnan(found["ivim_dstar"][found["ivim_f"] <= 0.001]).all()
    assert np.isfinite(found["ivim_dstar"][found["ivim_f"] > 0.001]).any()


def test_nominal_b_values_are_those_of_nominal_shells(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(b, array=liver(b)) for b in (0, 1, 2, 50, 200, 400, 800)])
    asked = rules(ivim=REFIT, b_value="nominal")
    found = {one.image: one for one in diffusion_maps(candidates(tmp_path), asked)}
    fitted = found["ivim_d"].signals
    assert fitted is not None
    np.testing.assert_array_equal(fitted.b, [0, 50, 200, 400, 800])


def test_two_applied_b_values_of_one_nominal_one_are_no_two_of_the_tissue(tmp_path: Path) -> None:
    """A line through 200 and 204.5 would be no D."""
    write_dwi(tmp_path, [Spec(b, array=liver(b)) for b in (0, 10, 50, 200, 204.5)])
    assert [shell.nominal for shell in assemble(candidates(tmp_path)).shells][-1] == 200
    with pytest.raises(AdcError) as caught:
        maps(tmp_path)
    assert caught.value.code == "ADC-B-SET"


def test_signals_that_no_tissue_has_leave_no_warning_and_no_number() -> None:
    b = np.array([0.0, 10, 50, 200, 400, 800])
    wild = np.random.default_rng(1).uniform(-600, 600, (len(b), 300))
    grows, falls = b[:, None] * 0.5, -b[:, None] * 0.4
    fit = refit_ivim(np.hstack([wild, grows, falls]), b, b >= 200, (5e-3, 0.2))
    assert fit.pseudo_diffusion is not None
    assert np.isnan(fit.pseudo_diffusion[-2:]).all()
    found = fit.pseudo_diffusion[np.isfinite(fit.pseudo_diffusion)]
    assert ((found > 5e-3) & (found < 0.2)).all()


@pytest.mark.parametrize(("d_star", "is_found"), [(5.9e-3, False), (6.2e-3, True)])
def test_d_star_is_searched_from_one_and_a_half_times_d(d_star: float, is_found: bool) -> None:
    """Closer to D than that, the two amplitudes are those of noise."""
    b = np.array([0.0, 50, 100, 150, 200, 400, 5000, 6000])
    d = 4.0e-3
    signal = 0.3 * np.exp(-b * d_star) + 0.7 * np.exp(-b * d)
    found = refit_amplitudes(signal[:, None], b, np.array([d]), (5e-3, 0.2))
    assert np.isfinite(found.pseudo_diffusion[0]) == is_found
    if is_found:
        assert found.pseudo_diffusion[0] == pytest.approx(d_star, rel=1e-3)


@pytest.mark.parametrize(("f", "is_found"), [(0.0009, False), (0.0011, True), (-0.1, False)])
def test_a_thousandth_of_perfusion_has_no_d_star(f: float, is_found: bool) -> None:
    b = np.array([0.0, 10, 20, 50, 100, 200, 400, 800])
    signal = f * np.exp(-b * 0.05) + (1 - f) * np.exp(-b * 1e-3)
    found = refit_amplitudes(signal[:, None], b, np.array([1e-3]), (5e-3, 0.2))
    assert found.fraction[0] == pytest.approx(f, abs=1e-6)
    assert np.isfinite(found.pseudo_diffusion[0]) == is_found


def test_a_refit_without_a_search_range_is_refused() -> None:
    with pytest.raises(ValueError, match="needs pseudo_diffusion"):
        rules(ivim={"diffusion_from": 200, "method": "refit"})


def test_the_weights_are_the_squared_signal_of_the_fitted_line() -> None:
    """The variance of ln S is 1 / S^2: the line is the one that its own weights give."""
    b = np.array([200.0, 400, 600, 800, 1000])
    noisy = np.log(100 * np.exp(-b * 1.5e-3)) + np.array([0.02, -0.05, 0.04, 0.08, -0.1])
    (d,), (log_s0,) = fit_line_weighted_by_itself(noisy[:, None], b)
    slope, intercept = np.polyfit(b, noisy, 1, w=np.exp(log_s0 - b * d))
    assert (-slope, intercept) == pytest.approx((d, log_s0), rel=1e-4)


def test_a_b_0_that_was_applied_as_1_25_costs_nothing(tmp_path: Path) -> None:
    """UIH writes both; with an intercept against it f reads low by 6 %."""

    def applied_and_console(console: float) -> Change:
        def change(dataset: Dataset) -> None:
            applied = float(dataset.DiffusionBValue)
            del dataset.DiffusionBValue
            dataset.Manufacturer = "UIH"
            dataset.add_new((0x0065, 0x0010), "LO", "Image Private Header")
            dataset.add_new((0x0065, 0x1009), "FD", applied)
            dataset.add_new((0x0065, 0x100A), "FD", console)

        return change

    pairs = [(1.25, 0.0)] + [(0.93 * b, b) for b in (10.0, 20, 50, 100, 300, 400, 600, 800)]
    write_dwi(
        tmp_path,
        [Spec(b, array=liver(b), change=applied_and_console(console)) for b, console in pairs],
    )
    found = maps(tmp_path)
    np.testing.assert_allclose(found["ivim_f"], LIVER_F, rtol=2e-3)
    np.testing.assert_allclose(found["ivim_d"], LIVER_D, rtol=1e-4)
    assert np.median(maps(tmp_path, method="segmented")["ivim_f"]) < 0.97 * LIVER_F
