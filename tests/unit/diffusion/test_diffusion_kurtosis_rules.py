"""The rules of kurtosis, one test each: b-list, directions, where the expansion fails."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic_dwi import SHAPE, Spec, candidates, write_dwi

from biomarker_cli.diffusion.adc import AdcResult
from biomarker_cli.diffusion.direction_scheme import imbalance
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.kurtosis import fit_kurtosis
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.measuring import map_measurements
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.measurement import Measurement

AXES = np.eye(3)
DIAGONALS = np.array([(1, 1, 0), (1, -1, 0), (1, 0, 1), (1, 0, -1), (0, 1, 1), (0, 1, -1)]) / 2**0.5
G = (1 + np.sqrt(5)) / 2
ICOSAHEDRON = np.array([(0, 1, G), (0, 1, -G), (1, G, 0), (1, -G, 0), (G, 0, 1), (G, 0, -1)])
ICOSAHEDRON /= np.hypot(1, G)
B = (0, 500, 1000, 1500, 2000)


def rules(**kurtosis: object) -> AdcRules:
    return AdcRules.model_validate(
        {
            "estimator": "lls",
            "b_set": {"kind": "all"},
            "statistics": ["mean"],
            "kurtosis": {"b_values": list(B), "directions": "isotropic", **kurtosis},
        }
    )


def signal(b: float, d: float = 1e-3, k: float = 0.8) -> np.ndarray:
    return np.full(SHAPE, 8000 * np.exp(-b * d + (b * d) ** 2 * k / 6))


def specs(b_values: tuple[float, ...], directions: np.ndarray, **truth: float) -> list[Spec]:
    found = []
    for b in b_values:
        image = signal(b, **truth)
        found += [Spec(b, tuple(n), image) for n in directions] if b else [Spec(b, None, image)]
    return found


def fitted(folder: Path, asked: AdcRules) -> dict[str, AdcResult]:
    return {one.image: one for one in diffusion_maps(candidates(folder), asked)}


def rows_of(folder: Path, asked: AdcRules) -> dict[str, Measurement]:
    maps = diffusion_maps(candidates(folder), asked)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    return {row.feature_id: row for row in map_measurements(maps, region, asked)}


def test_k_of_a_balanced_scheme_is_named_mean_of_the_kurtosis_tensor(tmp_path: Path) -> None:
    write_dwi(tmp_path, specs(B, ICOSAHEDRON))
    maps = fitted(tmp_path, rules())
    assert set(maps) == {"adc", "dki_d", "dki_mkt"}
    np.testing.assert_allclose(maps["dki_d"].volume.array, 1e-3, rtol=1e-3)
    np.testing.assert_allclose(maps["dki_mkt"].volume.array, 0.8, rtol=5e-3)
    assert set(fitted(tmp_path, rules(directions="any"))) == {"adc", "dki_d", "dki_k"}


@pytest.mark.parametrize(
    ("directions", "second", "fourth"),
    [
        (ICOSAHEDRON, 0.0, 0.0),
        (-ICOSAHEDRON, 0.0, 0.0),
        (np.vstack([AXES, DIAGONALS, DIAGONALS]), 0.0, 0.0),
        (np.vstack([AXES, DIAGONALS]), 0.0, 0.127),
        (AXES, 0.0, 0.764),
        (AXES[:1], 1.0, 1.0),
    ],
    ids=["icosahedron", "opposite", "1-9-9 weighted 1:2", "1-9-9 alike", "three axes", "one"],
)
def test_the_imbalance_of_a_scheme(directions: np.ndarray, second: float, fourth: float) -> None:
    assert imbalance(directions) == pytest.approx((second, fourth), abs=1e-3)
    turned, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    assert imbalance(directions @ turned) == pytest.approx(imbalance(directions), abs=1e-6)


@pytest.mark.parametrize("directions", [AXES, np.vstack([AXES, DIAGONALS]), DIAGONALS])
def test_a_scheme_by_which_k_turns_with_the_head_is_refused(
    tmp_path: Path, directions: np.ndarray
) -> None:
    write_dwi(tmp_path, specs(B, directions))
    with pytest.raises(AdcError) as caught:
        diffusion_maps(candidates(tmp_path), rules())
    assert caught.value.code == "ADC-DIRECTIONS"
    assert "imbalance" in caught.value.message
    assert "dki_k" in fitted(tmp_path, rules(directions="any"))


@pytest.mark.parametrize(("tilt", "accepted"), [(0.05, True), (0.06, False)])
def test_an_imbalance_up_to_three_hundredths_is_accepted(
    tmp_path: Path, tilt: float, accepted: bool
) -> None:
    directions = ICOSAHEDRON.copy()
    directions[0] += (tilt, 0, 0)
    directions[0] /= np.linalg.norm(directions[0])
    assert (max(imbalance(directions)) <= 0.03) == accepted
    write_dwi(tmp_path, specs((0, 500, 1000), directions))
    asked = rules(b_values=[0, 500, 1000])
    if accepted:
        assert "dki_mkt" in fitted(tmp_path, asked)
        return
    with pytest.raises(AdcError, match="imbalance"):
        fitted(tmp_path, asked)


def test_one_unbalanced_shell_among_balanced_ones_is_refused(tmp_path: Path) -> None:
    write_dwi(tmp_path, specs((0, 500, 1000, 1500), ICOSAHEDRON))
    write_dwi(tmp_path, specs((2000,), ICOSAHEDRON[:5]), series="more")
    with pytest.raises(AdcError, match="b = 2000"):
        diffusion_maps(candidates(tmp_path), rules())


def test_images_without_a_direction_are_refused(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(b, array=signal(b)) for b in B])
    with pytest.raises(AdcError) as caught:
        diffusion_maps(candidates(tmp_path), rules())
    assert caught.value.code == "ADC-DIRECTIONS"


def test_k_is_of_a_fixed_list_of_b_values_and_no_other(tmp_path: Path) -> None:
    """One signal reads K lower the higher its b: another list is another number."""
    write_dwi(tmp_path, specs((*B, 2500), ICOSAHEDRON))
    found = fitted(tmp_path, rules())["dki_mkt"]
    assert [shell.nominal for shell in found.shells] == list(B)
    assert found.derivation["estimator"] == "kurtosis_lls"
    with pytest.raises(AdcError) as caught:
        fitted(tmp_path, rules(b_values=[0, 700, 2000]))
    assert caught.value.code == "ADC-B-SET"


def test_k_depends_on_the_highest_b() -> None:
    b = np.arange(0.0, 2501, 250)
    log_signal = np.log(0.3 * np.exp(-b * 0.4e-3) + 0.7 * np.exp(-b * 1.6e-3))[:, None]
    by_top = [fit_kurtosis(log_signal[b <= top], b[b <= top]).kurtosis[0] for top in (1000, 2500)]
    assert by_top[0] > 1.05 * by_top[1]


def test_b_0_lets_perfusion_in(tmp_path: Path) -> None:
    """Liver reads D 1.58 for 1.40 with b = 0, and 1.40 from b = 200."""

    def liver(b: float) -> np.ndarray:
        tissue = np.exp(-b * 1.4e-3 + (b * 1.4e-3) ** 2 * 0.5 / 6)
        return np.full(SHAPE, 8000 * (0.11 * np.exp(-b * 0.1) + 0.89 * tissue))

    b_values = (0, 200, 500, 1000, 1500)
    write_dwi(tmp_path, [Spec(b, array=liver(b)) for b in b_values])
    with_0 = fitted(tmp_path, rules(b_values=[0, 500, 1000, 1500], directions="any"))
    without = fitted(tmp_path, rules(b_values=[200, 500, 1000, 1500], directions="any"))
    assert np.median(with_0["dki_d"].volume.array) > 1.5e-3
    assert np.median(without["dki_d"].volume.array) == pytest.approx(1.4e-3, rel=2e-3)
    assert np.median(without["dki_k"].volume.array) == pytest.approx(0.5, rel=1e-2)


def test_weights_of_the_fitted_parabola_narrow_d_and_k() -> None:
    rng = np.random.default_rng(11)
    b = np.array(B, dtype=float)
    exact = np.exp(-b * 1e-3 + (b * 1e-3) ** 2 * 0.8 / 6)[:, None]
    noisy = np.hypot(exact + rng.normal(0, 0.02, (5, 4000)), rng.normal(0, 0.02, (5, 4000)))
    plain, weighted = (fit_kurtosis(np.log(noisy), b, rounds) for rounds in (0, 3))
    assert weighted.diffusion.std() < 0.85 * plain.diffusion.std()
    assert weighted.kurtosis.std() < 0.97 * plain.kurtosis.std()


def test_weights_leave_an_exact_parabola_and_hopeless_voxels_as_they_are() -> None:
    b = np.array([0.0, 1000, 2000])
    d, k = np.array([1e-3, 1.5e-3, 1e-3, 1e-3]), np.array([0.8, 0.2, 1.0, 1.0])
    log_signal = 7 - b[:, None] * d + (b[:, None] * d) ** 2 * k / 6
    log_signal[1, 2] = np.nan
    log_signal[:, 3] = (7.0, -400.0, -700.0)  # nothing is left to weigh
    fit = fit_kurtosis(log_signal, b, 3)
    np.testing.assert_allclose(fit.diffusion[:2], d[:2], rtol=1e-9)
    np.testing.assert_allclose(fit.kurtosis[:2], k[:2], atol=1e-8)
    assert np.isnan(fit.diffusion[2:]).all()


@pytest.mark.parametrize(("k", "fails"), [(1.45, False), (1.55, True)])
def test_b_d_k_above_3_is_flagged(tmp_path: Path, k: float, fails: bool) -> None:
    """With b = 2000 and D = 1e-3 the parabola turns at K = 1.5."""
    write_dwi(tmp_path, specs(B, ICOSAHEDRON, k=k))
    rows = rows_of(tmp_path, rules(expansion_flag_above=0.05))
    assert rows["dki_mkt.fit.fraction_b_d_k_above_3"].value == float(fails)
    for image in ("dki_d", "dki_mkt"):
        assert ("kurtosis_out_of_range" in rows[f"{image}.intensity.mean"].flags) == fails
    assert "kurtosis_out_of_range" not in rows["adc.intensity.mean"].flags


@pytest.mark.parametrize(
    "kurtosis",
    [
        {"b_max": 2000},
        {"b_values": None},
        {"b_values": [0, 1000]},
        {"b_values": [0, 1000, 1000]},
        {"b_values": [0, 2000, 1000]},
        {"b_values": [-5, 1000, 2000]},
        {"directions": "most"},
    ],
)
def test_rules_that_say_two_things_or_none_are_refused(kurtosis: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="kurtosis"):
        rules(**kurtosis)


def test_the_weights_are_the_squared_signal_of_the_fitted_parabola() -> None:
    b = np.array([0.0, 500, 1000, 1500, 2000])
    exact = 5 - b * 1.2e-3 + (b * 1.2e-3) ** 2 * 0.7 / 6
    noisy = exact + np.array([0.01, -0.02, 0.03, -0.02, 0.05])
    fit = fit_kurtosis(noisy[:, None], b, 6)
    model = fit.model.predicted(b, np.ones(1, dtype=np.bool_))[:, 0]
    curvature, slope, _ = np.polyfit(b, noisy, 2, w=model)
    assert -slope == pytest.approx(fit.diffusion[0], rel=1e-4)
    assert 6 * curvature / slope**2 == pytest.approx(fit.kurtosis[0], rel=1e-3)


def test_k_that_the_noise_floor_makes_is_flagged(tmp_path: Path) -> None:
    """With K = 0, D = 1.5e-3 and an SNR of 20 the floor bends ln S: K reads up to 0.5."""
    rng = np.random.default_rng(4)
    images = []
    for b in B:
        for n in ICOSAHEDRON if b else [None]:
            channels = rng.normal(0, 400, (2, *SHAPE))
            array = np.hypot(signal(b, 1.5e-3, 0.0) + channels[0], channels[1])
            images.append(Spec(b, n if n is None else tuple(n), array))
    write_dwi(tmp_path, images)
    asked = AdcRules.model_validate(
        {**rules().model_dump(), "noise": {"floor_snr": 3.0, "flag_above": 0.05}}
    )
    rows = rows_of(tmp_path, asked)
    assert 0.05 < rows["dki_mkt.intensity.mean"].value < 0.7
    for image in ("dki_d", "dki_mkt"):
        assert "noise_floor" in rows[f"{image}.intensity.mean"].flags
