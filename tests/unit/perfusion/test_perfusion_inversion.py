"""T1 from inversion times: exact on exact signals, whatever the sign, nothing where none is."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.perfusion.inversion import fit_inversion

TI_S = np.array([0.05, 0.15, 0.4, 0.8, 1.2, 1.8, 2.5, 4.0])
T1_S = np.array([0.15, 0.3, 0.7, 1.2, 2.0])


def recovery(t1_s, efficiency=2.0, tr_s=8.0):
    return 1000.0 * (
        1.0 - efficiency * np.exp(-TI_S[:, None] / t1_s) + np.exp(-tr_s / np.asarray(t1_s))
    )


@pytest.mark.parametrize("of_sign", [np.abs, np.asarray])
@pytest.mark.parametrize("efficiency", [2.0, 1.7])
@pytest.mark.parametrize("tr_s", [20.0, 5.0])
def test_recovery_gives_t1_whatever_sign_inversion_and_repetition(of_sign, efficiency, tr_s):
    signal = of_sign(recovery(T1_S, efficiency, tr_s))
    found = fit_inversion(signal, TI_S, look_locker=False)
    assert found.t1_s == pytest.approx(T1_S, rel=1e-6)
    assert found.residual == pytest.approx(0.0, abs=1e-4)


def test_look_locker_corrects_what_its_readouts_shorten():
    t1, flip, spacing = 1.2, np.radians(8.0), 0.02
    shortened = 1.0 / (1.0 / t1 - np.log(np.cos(flip)) / spacing)
    a = 1000.0 * shortened / t1
    signal = np.abs(a - (1000.0 + a) * np.exp(-TI_S / shortened))[:, None]
    assert fit_inversion(signal, TI_S, look_locker=True).t1_s[0] == pytest.approx(t1, rel=1e-6)
    plain = fit_inversion(signal, TI_S, look_locker=False).t1_s[0]
    assert plain == pytest.approx(shortened, rel=1e-6)


def test_a_saturation_recovery_that_was_never_negative_is_fitted():
    signal = 1000.0 * (1.0 - np.exp(-TI_S[:, None] / T1_S))
    assert fit_inversion(signal, TI_S, look_locker=False).t1_s == pytest.approx(T1_S, rel=1e-6)


@pytest.mark.parametrize(
    "signal",
    [
        np.zeros(len(TI_S)),
        np.full(len(TI_S), 500.0),
        np.exp(-TI_S),
        TI_S,
        np.where(TI_S == 0.4, np.nan, recovery([1.0])[:, 0]),
    ],
    ids=["air", "constant", "falling", "straight", "padded"],
)
@pytest.mark.parametrize("look_locker", [True, False])
def test_what_does_not_recover_has_no_t1(signal, look_locker):
    assert np.isnan(fit_inversion(signal[:, None], TI_S, look_locker=look_locker).t1_s[0])


def test_noise_moves_t1_by_as_much_as_it_should():
    rng = np.random.default_rng(5)
    signal = np.abs(recovery(np.full(500, 1.0)) + rng.normal(0.0, 10.0, (len(TI_S), 500)))
    found = fit_inversion(signal, TI_S, look_locker=False).t1_s
    assert np.isfinite(found).all()
    assert np.median(found) == pytest.approx(1.0, rel=0.005)
    assert np.std(found) < 0.05
