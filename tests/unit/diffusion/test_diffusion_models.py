"""IVIM and kurtosis against signals that were made by their own equations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic_dwi import ADC_MM2_S, S0, Spec, candidates, write_dwi

from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.ivim import fit_ivim
from biomarker_cli.diffusion.kurtosis import fit_kurtosis
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.rules import AdcRules

B = np.array([0.0, 10, 20, 40, 80, 110, 200, 400, 600, 800])


def ivim_signal(f: np.ndarray, d: np.ndarray, d_star: np.ndarray) -> np.ndarray:
    b = B[:, None]
    return np.log(500.0 * (f * np.exp(-b * d_star) + (1 - f) * np.exp(-b * d)))


def test_ivim_segmented_recovers_known_parameters() -> None:
    rng = np.random.default_rng(2)
    f, d = rng.uniform(0.05, 0.3, 300), rng.uniform(0.5e-3, 2e-3, 300)
    d_star = rng.uniform(30e-3, 0.2, 300)
    fit = fit_ivim(ivim_signal(f, d, d_star), B, B >= 200, (3e-3, 0.3))
    # exp(-200 x 0.03) = 0.25 % of f is still there at the lowest b of the tissue segment.
    np.testing.assert_allclose(fit.diffusion, d, rtol=5e-3)
    np.testing.assert_allclose(fit.fraction, f, atol=2e-3)
    assert fit.pseudo_diffusion is not None
    np.testing.assert_allclose(fit.pseudo_diffusion, d_star, rtol=0.05)


def test_ivim_without_perfusion_gives_zero_and_no_pseudo_diffusion() -> None:
    signal = np.log(500.0) - B[:, None] * np.array([1e-3, 2e-3])
    signal[0] -= 1e-6  # f just below zero
    fit = fit_ivim(signal, B, B >= 200, (3e-3, 0.3))
    np.testing.assert_allclose(fit.fraction, 0.0, atol=1e-5)
    assert fit.pseudo_diffusion is not None
    assert np.isnan(fit.pseudo_diffusion).all()


def test_a_pseudo_diffusion_outside_the_search_range_is_not_reported_as_its_limit() -> None:
    f, d, d_star = np.array([0.2]), np.array([1e-3]), np.array([0.1])
    fit = fit_ivim(ivim_signal(f, d, d_star), B, B >= 200, (3e-3, 0.05))
    assert fit.pseudo_diffusion is not None
    assert np.isnan(fit.pseudo_diffusion[0])


@pytest.mark.parametrize(
    ("d_star", "is_found"), [(0.0102, True), (0.0098, False), (0.048, True), (0.052, False)]
)
def test_a_pseudo_diffusion_is_found_up_to_the_limits_of_its_search(
    d_star: float, is_found: bool
) -> None:
    # Perfusion has decayed where D is fitted, so that the search meets its own model.
    b = np.array([0.0, 20, 40, 60, 80, 100, 2000, 3000])
    f, d = 0.2, 1e-4
    signal = np.log(500.0 * (f * np.exp(-b * d_star) + (1 - f) * np.exp(-b * d)))[:, None]
    found = fit_ivim(signal, b, b >= 2000, (0.01, 0.05)).pseudo_diffusion
    assert found is not None
    assert np.isfinite(found[0]) == is_found
    if is_found:
        assert found[0] == pytest.approx(d_star, rel=1e-3)


def test_ivim_keeps_nan_where_the_signal_has_none() -> None:
    signal = ivim_signal(np.array([0.1, 0.1]), np.full(2, 1e-3), np.full(2, 0.05))
    signal[3, 1] = np.nan
    fit = fit_ivim(signal, B, B >= 200, (3e-3, 0.3))
    assert fit.pseudo_diffusion is not None
    assert np.isfinite(fit.pseudo_diffusion[0])
    assert np.isnan(fit.pseudo_diffusion[1])


def test_kurtosis_recovers_known_parameters() -> None:
    b = np.array([0.0, 500, 1000, 1500, 2000])
    d, k = np.array([0.8e-3, 1.2e-3, 1.6e-3]), np.array([0.4, 0.9, 0.0])
    log_signal = np.log(900.0) - b[:, None] * d + (b[:, None] * d) ** 2 * k / 6
    fit = fit_kurtosis(log_signal, b)
    found_d, found_k = fit.diffusion, fit.kurtosis
    np.testing.assert_allclose(found_d, d, rtol=1e-9)
    np.testing.assert_allclose(found_k, k, atol=1e-8)


def test_kurtosis_is_nan_where_d_is_not_positive() -> None:
    b = np.array([0.0, 1000, 2000])
    fit = fit_kurtosis(np.array([[1.0], [1.2], [1.5]]), b)
    found_d, found_k = fit.diffusion, fit.kurtosis
    assert found_d[0] < 0
    assert np.isnan(found_k[0])


def rules(**changes: object) -> AdcRules:
    return AdcRules.model_validate(
        {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["mean"], **changes}
    )


def test_an_analysis_of_several_maps_names_each(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(b) for b in (0, 50, 200, 500, 1000)])
    asked = rules(
        further=[
            {
                "image": "adc_b100plus",
                "estimator": "wls",
                "b_set": {"kind": "range", "min": 100},
            }
        ],
        ivim={"diffusion_from": 200, "pseudo_diffusion": [3e-3, 0.3]},
        kurtosis={"b_max": 1000},
    )
    maps = {m.image: m for m in diffusion_maps(candidates(tmp_path), asked)}
    assert list(maps) == [
        "adc",
        "adc_b100plus",
        "ivim_d",
        "ivim_f",
        "ivim_dstar",
        "dki_d",
        "dki_k",
    ]
    for image in ("adc", "adc_b100plus", "ivim_d"):
        np.testing.assert_allclose(maps[image].volume.array, ADC_MM2_S, rtol=5e-4)
    np.testing.assert_allclose(maps["ivim_f"].volume.array, 0.0, atol=1e-3)
    assert maps["dki_k"].volume.quantity.unit == "1"
    assert maps["adc_b100plus"].derivation["estimator"] == "wls"
    assert [s["nominal"] for s in maps["adc_b100plus"].derivation["shells"]] == [200, 500, 1000]


@pytest.mark.parametrize(
    ("b", "changes"),
    [
        ((50, 200, 800), {"ivim": {"diffusion_from": 200}}),
        ((0, 50, 800), {"ivim": {"diffusion_from": 200}}),
        ((0, 800), {"kurtosis": {"b_max": 2500}}),
        ((0, 800, 3000), {"kurtosis": {"b_max": 2500}}),
    ],
)
def test_models_refuse_a_series_without_their_b_values(
    tmp_path: Path, b: tuple[float, ...], changes: dict[str, object]
) -> None:
    write_dwi(tmp_path, [Spec(value) for value in b])
    with pytest.raises(AdcError) as caught:
        diffusion_maps(candidates(tmp_path), rules(**changes))
    assert caught.value.code == "ADC-B-SET"


def test_repeats_of_b0_are_averaged_before_the_fit(tmp_path: Path) -> None:
    pair = [Spec(0, array=np.full(ADC_MM2_S.shape, S0 * factor)) for factor in (0.5, 1.5)]
    write_dwi(tmp_path, [pair[0], Spec(0.001, array=pair[1].array), Spec(800)])
    (adc,) = diffusion_maps(candidates(tmp_path), rules())
    np.testing.assert_allclose(adc.volume.array, ADC_MM2_S, rtol=5e-4)
