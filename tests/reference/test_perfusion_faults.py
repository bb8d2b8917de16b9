"""What a wrong number of the chain does to Ktrans, ve and vp: the physics of the model.

Relative changes measured on a curve of Ktrans 0.2 /min, ve 0.3, vp 0.02 with the input
function of Parker et al., frames every second for 5.5 min.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from biomarker_cli.perfusion.exchange_models import FitBounds, fit_model, tissue_curve
from biomarker_cli.perfusion.input_curve import InputCurve, population_curve
from biomarker_cli.perfusion.population_inputs import POPULATION_INPUTS
from biomarker_cli.perfusion.spoiled_echo import concentration, spoiled_signal

KTRANS, VE, VP = 0.2, 0.3, 0.02
T10_S, R1, TR_S, FLIP = 1.4, 4.5, 0.005, math.radians(15.0)
MINUTES = np.arange(331) / 60.0
ONSET_MIN = 0.5


def plasma(haematocrit=0.42, onset_min=ONSET_MIN, name="parker_blood"):
    return population_curve(
        POPULATION_INPUTS[name],
        onset_min=onset_min,
        end_min=float(MINUTES[-1]) + 1.0,
        haematocrit=haematocrit,
    )


TISSUE = tissue_curve(plasma().on_frames(MINUTES), KTRANS, VE, VP)


def changes(tissue=TISSUE, curve=None, model="etofts"):
    """Return the relative changes of Ktrans, ve and vp."""
    on_frames = (curve or plasma()).on_frames(MINUTES)
    fit = fit_model(on_frames, tissue[None], model, FitBounds())
    return (
        fit.transfer_per_min[0] / KTRANS - 1,
        fit.ve[0] / VE - 1,
        fit.vp[0] / VP - 1,
    )


def measured_tissue(*, t10_s=T10_S, r1=R1, flip=FLIP):
    """Return the concentration that is measured with these in place of the true ones."""
    signal = spoiled_signal(1.0 / T10_S + R1 * TISSUE, 1.0, TR_S, FLIP)
    return concentration(signal, signal[0], t10_s, tr_s=TR_S, flip_rad=flip, relaxivity_per_s_mm=r1)


def test_the_chain_without_a_fault_gives_the_truth():
    assert np.allclose(changes(measured_tissue()), 0.0, atol=1e-6)


def test_forgotten_haematocrit():
    blood = InputCurve("blood", plasma().minutes, plasma().plasma_mm * (1 - 0.42))
    assert changes(curve=blood) == pytest.approx((0.724, 0.724, 0.724), abs=0.002)


def test_another_haematocrit():
    assert changes(curve=plasma(haematocrit=0.45))[0] == pytest.approx(-0.052, abs=0.002)


@pytest.mark.parametrize(("late_s", "ktrans", "vp"), [(3.0, -0.036, 0.36), (-3.0, 0.078, -0.72)])
def test_an_input_function_that_is_late_or_early(late_s, ktrans, vp):
    found = changes(curve=plasma(onset_min=ONSET_MIN + late_s / 60.0))
    assert found[0] == pytest.approx(ktrans, abs=0.025)
    assert found[2] == pytest.approx(vp, abs=0.12)


def test_plasma_volume_left_out():
    assert changes(model="tofts")[0] == pytest.approx(0.16, abs=0.04)


@pytest.mark.parametrize(("factor", "expected"), [(1.1, -0.115), (0.9, 0.15)])
def test_wrong_t10(factor, expected):
    found = changes(measured_tissue(t10_s=factor * T10_S))[0]
    assert found == pytest.approx(expected, abs=0.02)


def test_wrong_relaxivity():
    assert changes(measured_tissue(r1=3.6))[0] == pytest.approx(0.25, abs=1e-3)


@pytest.mark.parametrize(("tr_s", "expected"), [(0.004, -0.065), (0.005, -0.079)])
def test_a_low_flip_angle(tr_s, expected):
    # The scanner says 15 degrees and applies 13.5.
    signal = spoiled_signal(1.0 / T10_S + R1 * TISSUE, 1.0, tr_s, 0.9 * FLIP)
    found = concentration(
        signal, signal[0], T10_S, tr_s=tr_s, flip_rad=FLIP, relaxivity_per_s_mm=R1
    )
    assert changes(found)[0] == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize(
    ("interval_s", "lowest", "highest"),
    [(3, 0.0007, 0.0016), (6, -0.0024, 0.0105), (9, -0.080, 0.124), (12, -0.220, 0.453)],
)
def test_frames_that_are_far_apart(interval_s, lowest, highest):
    # An input function that is measured at the frames, the bolus at every place between them.
    found = []
    for phase_s in range(interval_s):
        minutes = np.arange(phase_s, 331, interval_s) / 60.0
        tissue = np.interp(minutes, MINUTES, TISSUE)
        sampled = InputCurve("sampled", minutes, plasma().at(minutes)).on_frames(minutes)
        fit = fit_model(sampled, tissue[None], "etofts", FitBounds())
        found.append(float(fit.transfer_per_min[0]) / KTRANS - 1)
    assert min(found) == pytest.approx(lowest, abs=0.001)
    assert max(found) == pytest.approx(highest, abs=0.001)


def test_a_population_without_a_first_pass_is_not_exchangeable():
    found = changes(curve=plasma(name="weinmann_plasma"))[0]
    assert abs(found) > 0.5
