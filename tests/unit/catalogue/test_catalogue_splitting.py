"""What counts as one value when a series is split, in which order parts stand, and their names."""

from __future__ import annotations

import pytest
from synthetic_series import axial, write_series

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.splitting import cluster


@pytest.mark.parametrize(
    ("values", "tolerance", "heads"),
    [
        # Steps of a quarter are exact: the limit itself is still the same value.
        ([0.0, 0.25, 0.5, 0.75], 0.25, [0.0, 0.0, 0.5, 0.5]),
        ([-1.0, 1.0], 0.25, [-1.0, 1.0]),
        ([10.0, 10.0625], None, [10.0, 10.0625]),
        # Nothing is no number, however wide the tolerance.
        ([None, 0.0, 0.25], 1.0, [None, 0.0, 0.0]),
        # Vectors agree where every component does.
        ([(0.0, 0.0), (0.25, 0.0), (0.25, 0.5)], 0.25, [(0.0, 0.0), (0.0, 0.0), (0.25, 0.5)]),
        ([(0.0, 1.0), (0.0, -1.0)], 0.25, [(0.0, 1.0), (0.0, -1.0)]),
    ],
)
def test_values_closer_than_the_tolerance_are_one(values, tolerance, heads):
    expected = dict(zip(values, heads, strict=True))
    assert cluster(values, tolerance) == expected
    assert cluster(values[::-1], tolerance) == expected


@pytest.mark.parametrize(
    "ordered",
    [
        [None, -2.0, 0, 3.5, 10.0],
        [None, (0.0, 9.0), (1.0, -1.0), (1.0, 2.0)],
        [None, *(f"kind {n:02d}" for n in range(30))],
        [("a", "b"), ("a", "c"), ("b", "a")],
    ],
)
def test_parts_stand_in_the_order_of_their_values(ordered):
    """Sets have another order in every process: the numbers of the volumes must not."""
    assert list(cluster(set(ordered), None)) == ordered
    assert list(cluster(ordered[::-1], None)) == ordered


def split_by(folder, change):
    write_series(folder, axial(0, 3, 6, 0, 3, 6), change=change)
    return [candidate.split_by for candidate in scan([folder]).volumes]


def test_a_part_is_told_by_what_parts_it(tmp_path):
    def echo_of_some(index, dataset):
        dataset.Modality = "MR"
        if index < 3:
            dataset.EchoTime = 12.5

    def spacing(index, dataset):
        dataset.PixelSpacing = [2.0, 1.0] if index < 3 else [2.5, 1.25]

    def orientation(index, dataset):
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0] if index < 3 else [1, 0, 0, 0, -1, 0]

    assert split_by(tmp_path / "echo", echo_of_some) == ["echo=none", "echo=12.5"]
    assert split_by(tmp_path / "spacing", spacing) == [
        "pixel_spacing=2x1",
        "pixel_spacing=2.5x1.25",
    ]
    assert split_by(tmp_path / "turned", orientation) == ["orientation=1", "orientation=2"]
