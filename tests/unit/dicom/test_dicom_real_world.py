"""Mappings of stored values to coded units, as images beside parametric maps have them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.real_world import LinearMapping, linear_mappings


def item(slope: Any = 2.0, intercept: Any = 1.0, unit: str = "mm2/s", scheme: str = "UCUM"):
    mapping, code = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator = unit, scheme
    mapping.MeasurementUnitsCodeSequence = Sequence([code])
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = slope, intercept
    return mapping


def header(*items: Dataset, **elements: Any) -> FrameHeader:
    dataset = Dataset()
    if items:
        dataset.RealWorldValueMappingSequence = Sequence(items)
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return FrameHeader(dataset)


def test_every_linear_mapping_is_told_with_its_unit():
    found = linear_mappings(header(item(), item(3.0, 0.0, "g/ml{SUVbw}"), item(scheme="99X")))
    assert found == (
        LinearMapping(2.0, 1.0, "mm2/s", "UCUM"),
        LinearMapping(3.0, 0.0, "g/ml{SUVbw}", "UCUM"),
        LinearMapping(2.0, 1.0, "mm2/s", "99X"),
    )


@pytest.mark.parametrize(
    "absent",
    ["RealWorldValueSlope", "RealWorldValueIntercept", "MeasurementUnitsCodeSequence"],
)
def test_what_is_not_linear_or_has_no_unit_is_passed_over(absent):
    broken = item()
    delattr(broken, absent)
    assert linear_mappings(header(broken, item(5.0))) == (LinearMapping(5.0, 1.0, "mm2/s", "UCUM"),)


def test_an_image_without_mappings_has_none():
    assert linear_mappings(header()) == ()


@pytest.mark.parametrize(
    ("slope", "intercept", "maps"),
    [(2.0, 0.0, True), (0.0, 1.0, False), (math.nan, 0.0, False), (1.0, math.inf, False)],
)
def test_a_mapping_that_maps_to_nothing_is_told(slope, intercept, maps):
    (found,) = linear_mappings(header(item(slope, intercept)))
    assert found.maps is maps


def test_a_mapping_is_one_of_stored_values_not_of_rescaled_ones():
    stored = np.array([[0.0, 7.0, 100.0]])
    frame = header(item(0.5, 3.0), RescaleSlope=4.0, RescaleIntercept=-8.0)
    (mapping,) = linear_mappings(frame)
    np.testing.assert_array_equal(mapping.of_rescaled(stored * 4.0 - 8.0, frame), stored / 2 + 3)


def test_without_a_rescale_values_are_the_stored_ones():
    frame = header(item(0.5, 3.0))
    (mapping,) = linear_mappings(frame)
    np.testing.assert_array_equal(mapping.of_rescaled(np.array([[4.0]]), frame), [[5.0]])
