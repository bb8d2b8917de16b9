"""What the shipped limits call failed, and what they must not."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from synthetic_registration import (
    body,
    far_motion,
    months_later,
    moved,
    quick_protocol,
)

from biomarker_cli.imaging.volume import Volume
from biomarker_cli.registration.registering import Registration, register
from biomarker_cli.registration.rules import FigureLimit

_AGAIN = ("restart_spread_mm", "restart_gain", "inverse_consistency_mm")
WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
TRUE_PAIRS = range(8)
SEEDS = TRUE_PAIRS if WHOLE else (0, 1)


def _pair(seed: int) -> tuple[Volume, Volume]:
    later = months_later(body(seed, noise_seed=2), seed)
    return body(seed), moved(later, far_motion(seed))


def _registered(fixed: Volume, moving: Volume) -> Registration:
    """Return what the limits say of one alignment, without those of further ones."""
    protocol = quick_protocol(**dict.fromkeys(_AGAIN, FigureLimit()))
    return register(fixed, moving, protocol)


@pytest.mark.parametrize("seed", TRUE_PAIRS)
def test_two_timepoints_of_a_body_are_never_failed(seed):
    found = register(*_pair(seed), quick_protocol())
    assert found.status != "failed", found.rois


@pytest.mark.parametrize("seed", SEEDS)
def test_another_patient_is_failed(seed):
    fixed, _ = _pair(seed)
    _, other = _pair(seed + 50)
    assert _registered(fixed, other).rois[0].verdicts["similarity"] == "failed"


@pytest.mark.parametrize("seed", SEEDS)
def test_left_and_right_exchanged_is_failed(seed):
    fixed, moving = _pair(seed)
    flipped = replace(moving, array=moving.array[:, :, ::-1].copy())
    assert _registered(fixed, flipped).rois[0].verdicts["mirror_gain"] == "failed"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_start_70_mm_off_is_failed(seed):
    fixed = body(seed)
    away = np.eye(4)
    away[seed % 3, 3] = 70.0 if seed % 2 else -70.0
    assert _registered(fixed, moved(body(seed, noise_seed=2), away)).status == "failed"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1] if WHOLE else [0])
def test_two_timepoints_of_a_round_body_are_never_failed(seed):
    radii_mm = (42.0, 42.0, 44.0)
    later = months_later(body(seed, noise_seed=2, radii_mm=radii_mm), seed)
    pair = body(seed, radii_mm=radii_mm), moved(later, far_motion(seed))
    found = register(*pair, quick_protocol())
    assert found.status != "failed", found.rois
