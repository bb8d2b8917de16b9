"""Activity concentration at one moment: the factors, the moment, what has none."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from synthetic_pet import HALF_LIFE_S, pet_volume, with_item

from biomarker_cli.pet.activity import activity_factors
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError

CORRECTED = ["ATTN", "SCAT", "DECY"]
UNCORRECTED = ["ATTN", "SCAT"]


def factors_of(change=lambda dataset, index: None, **elements):
    volume = pet_volume(change=change, **{"CorrectedImage": CORRECTED, **elements})
    return activity_factors(volume.frames, Derivation())


def test_an_image_corrected_to_its_start_is_taken_as_it_stands():
    found = factors_of()
    assert found.factors.tolist() == [1.0, 1.0, 1.0]
    assert found.reference == datetime(2025, 1, 1, 11)
    assert found.half_life_s == HALF_LIFE_S


def test_an_image_corrected_to_the_injection_is_compared_at_the_injection():
    found = factors_of(DecayCorrection="ADMIN")
    assert found.factors.tolist() == [1.0, 1.0, 1.0]
    assert found.reference == datetime(2025, 1, 1, 10)
    assert found.half_life_s == HALF_LIFE_S


def test_corrected_to_an_injection_without_date_there_is_no_moment():
    undated = with_item(RadiopharmaceuticalStartDateTime=None)
    with pytest.raises(SuvError) as caught:
        factors_of(undated, DecayCorrection="ADMIN")
    assert caught.value.code == "SUV-NO-INJECTION-TIME"


def test_uncorrected_frames_are_brought_to_the_start_of_the_first():
    """Each frame holds its mean activity: integrated by hand over 40 min of F-18."""
    duration_s = 2400.0

    def change(dataset, index):
        dataset.ActualFrameDuration = str(int(1000 * duration_s))
        dataset.AcquisitionTime = ("114000", "110000", "122000")[index]

    found = factors_of(change, DecayCorrection="NONE", CorrectedImage=UNCORRECTED)
    within = (np.arange(100_000) + 0.5) / 100_000 * duration_s
    starts = np.array([2400.0, 0.0, 4800.0])
    means = [float(np.mean(2.0 ** (-(start + within) / HALF_LIFE_S))) for start in starts]
    assert found.factors == pytest.approx(1.0 / np.array(means), rel=1e-8)
    assert found.reference == datetime(2025, 1, 1, 11)


@pytest.mark.parametrize("units", ["GML", "CNTS", ""])
def test_only_becquerels_per_millilitre_are_an_activity(units):
    with pytest.raises(SuvError) as caught:
        factors_of(Units=units)
    assert caught.value.code == "SUV-UNITS"
