"""Acquired voxel sizes: which direction is the phase, and what of the field it covers."""

from __future__ import annotations

import pytest
from synthetic_acquisitions import instance, series_of

from biomarker_cli.acquisition.facts.mr import (
    acquired_voxel_frequency_mm,
    acquired_voxel_phase_mm,
)

# Height 96 x 2 = 192 mm, width 128 x 3 = 384 mm.
PICTURE = {"Rows": 96, "Columns": 128, "PixelSpacing": [2.0, 3.0]}


def voxel(**elements: object) -> tuple[float, float] | None:
    """Return the acquired size along frequency and along phase, mm."""
    series = series_of([instance(0, "MR", **{**PICTURE, **elements})])
    frequency, phase = acquired_voxel_frequency_mm(series), acquired_voxel_phase_mm(series)
    assert len(frequency.values) == len(phase.values)
    assert (frequency.n_missing, phase.n_missing) == (not frequency.values,) * 2
    return (*frequency.values, *phase.values) if frequency.values else None


@pytest.mark.parametrize(
    ("direction", "matrix", "expected"),
    [
        # AcquisitionMatrix: frequency rows, frequency columns, phase rows, phase columns.
        # Phase along the rows is along the width.
        ("ROW", [64, 0, 0, 96], (192 / 64, 384 / 96)),
        ("COL", [0, 96, 64, 0], (384 / 96, 192 / 64)),
        ("COLUMN", [0, 96, 64, 0], (384 / 96, 192 / 64)),
        ("row", [64, 0, 0, 96], (192 / 64, 384 / 96)),
    ],
)
def test_the_phase_runs_along_its_direction(direction, matrix, expected):
    found = voxel(InPlanePhaseEncodingDirection=direction, AcquisitionMatrix=matrix)
    assert found == pytest.approx(expected)


def test_enhanced_objects_count_the_encoding_steps():
    steps = {
        "MRAcquisitionFrequencyEncodingSteps": 128,
        "MRAcquisitionPhaseEncodingStepsInPlane": 48,
    }
    found = voxel(InPlanePhaseEncodingDirection="COLUMN", **steps)
    assert found == pytest.approx((384 / 128, 192 / 48))


SQUARE = {"Rows": 100, "Columns": 100, "PixelSpacing": [2.0, 2.0]}


@pytest.mark.parametrize(
    ("percent", "along_phase"), [(50, 100.0), (None, 200.0), (100, 200.0), (120, 200.0)]
)
def test_of_a_square_picture_the_phase_covers_its_percentage(percent, along_phase):
    found = voxel(
        InPlanePhaseEncodingDirection="ROW",
        AcquisitionMatrix=[100, 0, 0, 50],
        PercentPhaseFieldOfView=percent,
        **SQUARE,
    )
    assert found == pytest.approx((2.0, along_phase / 50))


def test_a_rectangular_picture_is_not_cut_again():
    found = voxel(
        InPlanePhaseEncodingDirection="COL",
        AcquisitionMatrix=[0, 96, 64, 0],
        PercentPhaseFieldOfView=50,
    )
    assert found == pytest.approx((4.0, 3.0))


@pytest.mark.parametrize(
    "elements",
    [
        {"AcquisitionMatrix": [64, 0, 0, 96]},
        {"InPlanePhaseEncodingDirection": "OTHER", "AcquisitionMatrix": [64, 0, 0, 96]},
        {"InPlanePhaseEncodingDirection": "ROW"},
        {"InPlanePhaseEncodingDirection": "ROW", "AcquisitionMatrix": [0, 0, 0, 96]},
        {"InPlanePhaseEncodingDirection": "ROW", "AcquisitionMatrix": [64, 0, 0, 0]},
        {"InPlanePhaseEncodingDirection": "ROW", "AcquisitionMatrix": [64, 96]},
        {
            "InPlanePhaseEncodingDirection": "ROW",
            "AcquisitionMatrix": [64, 0, 0, 96],
            "PixelSpacing": None,
        },
    ],
)
def test_without_direction_matrix_or_field_there_is_no_size(elements):
    assert voxel(**elements) is None
