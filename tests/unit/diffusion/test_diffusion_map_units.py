"""Every spelling of a unit that an ADC map of a scanner may have."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.map_units import FACTORS, in_mm2_s


def volume_of(array: np.ndarray, *headers: Dataset) -> SimpleNamespace:
    """Return what `in_mm2_s` looks at: values, and the header of each slice."""
    frames = Frames(FrameHeader(header, 0, Path("map.dcm")) for header in headers)
    return SimpleNamespace(as_float64=lambda: array, frames=frames, volume_id="map")


def header(**elements: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


SPELLINGS = {
    1.0: ("mm2/s", "mm^2/s", "mm²/s", "MM2/S", "mm2/sec", " mm2 / s "),
    1e-6: (
        "um2/s",
        "µm2/s",
        "μm²/s",
        "10^-6 mm2/s",
        "10-6mm2/s",
        "x10^-6 mm^2/s",
        "*10-6 mm²/sec",
        "E-6 mm2/s",
        "[10^-6 mm2/s]",
        "(10-6 mm2/s)",
    ),
    1e-3: ("10^-3 mm2/s", "10-3 mm2/s", "x 10-3 mm²/s", "e-3mm2/s"),
}


@pytest.mark.parametrize(
    ("text", "factor"), [(text, factor) for factor, texts in SPELLINGS.items() for text in texts]
)
def test_a_unit_is_known_in_every_spelling(text: str, factor: float) -> None:
    array = np.array([[[0.0, 1.5]]])
    values, how, flags = in_mm2_s(volume_of(array, header(RescaleType=text)), infer=False)
    assert values.ravel() == pytest.approx([0.0, 1.5 * factor])
    assert how == f"RescaleType (0028,1054), {text}"
    assert flags == ()


UCUM = {
    "mm2/s": 1.0,
    "um2/s": 1e-6,
    "um2/ms": 1e-3,
    "10*-3.mm2/s": 1e-3,
    "10*-6.mm2/s": 1e-6,
    "10*-9.m2/s": 1e-3,
    "m2/s": 1e6,
    "cm2/s": 1e2,
}


def real_world(unit: str) -> Dataset:
    code, item = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = unit, "UCUM", unit
    item.MeasurementUnitsCodeSequence = Sequence([code])
    item.RealWorldValueSlope, item.RealWorldValueIntercept = 2.0, 0.0
    return header(
        RescaleSlope="1", RescaleIntercept="0", RealWorldValueMappingSequence=Sequence([item])
    )


@pytest.mark.parametrize("unit", UCUM)
def test_a_mapping_is_known_in_every_unit_of_diffusion(unit: str) -> None:
    values, how, _ = in_mm2_s(volume_of(np.array([[[3.0]]]), real_world(unit)), infer=False)
    assert values.item() == pytest.approx(6.0 * UCUM[unit])
    assert how == f"RealWorldValueMapping (0040,9096), {unit}"


def test_every_unit_of_a_mapping_is_held() -> None:
    assert set(UCUM) == set(FACTORS)


@pytest.mark.parametrize("text", ["mm/s", "1e-05 mm2/s", "US", "2 mm2/s", "mm2"])
def test_what_is_no_unit_of_the_table_is_refused(text: str) -> None:
    with pytest.raises(AdcError) as caught:
        in_mm2_s(volume_of(np.ones((1, 1, 1)), header(RescaleType=text)), infer=False)
    assert caught.value.code == "ADC-MAP-UNIT"


@pytest.mark.parametrize(
    ("comment", "agrees"),
    [
        ("ADC in 10^-6 mm2/s", True),
        ("ADC in um2/s", True),
        ("ADC [mm2/s]", False),
        ("threshold 1e-05 mm2/s", True),
        ("mm2/squared", True),
    ],
)
def test_a_comment_contradicts_by_a_whole_unit_alone(comment: str, agrees: bool) -> None:
    volume = volume_of(np.ones((1, 1, 1)), header(RescaleType="10-6 mm2/s", ImageComments=comment))
    if agrees:
        assert in_mm2_s(volume, infer=False)[0].item() == pytest.approx(1e-6)
        return
    with pytest.raises(AdcError) as caught:
        in_mm2_s(volume, infer=False)
    assert caught.value.code == "ADC-MAP-UNIT-CONFLICT"


@pytest.mark.parametrize(
    ("median", "factor"),
    [
        (50.0, 1e-6),
        (9_999.0, 1e-6),
        (0.05, 1e-3),
        (9.9, 1e-3),
        (5e-5, 1.0),
        (0.0099, 1.0),
        (10_000.0, None),
        (49.9, None),
        (10.0, None),
        (0.049, None),
        (0.01, None),
        (4e-5, None),
    ],
)
def test_the_size_of_the_values_tells_the_unit_within_its_ranges(
    median: float, factor: float | None
) -> None:
    # Zero and less are no fit: they do not count.
    array = np.array([[[0.0, -5.0, -5.0, 0.5 * median, median, 2.0 * median]]])
    volume = volume_of(array, header())
    if factor is None:
        with pytest.raises(AdcError):
            in_mm2_s(volume, infer=True)
        return
    values, how, flags = in_mm2_s(volume, infer=True)
    assert values == pytest.approx(array * factor)
    assert f"x {factor:g} mm2/s" in how
    assert flags == ("unit_inferred:(0028,1054)",)


def test_a_comment_that_contradicts_the_size_of_the_values_is_no_second_choice():
    array = np.full((1, 2, 2), 900.0)
    said = volume_of(array, header(ImageComments="ADC in 10-6 mm2/s"))
    values, _, flags = in_mm2_s(said, infer=True)
    assert values.ravel() == pytest.approx(900e-6)
    assert flags == ("unit_inferred:(0028,1054)",)
    with pytest.raises(AdcError) as caught:
        in_mm2_s(volume_of(array, header(ImageComments="ADC in 10-3 mm2/s")), infer=True)
    assert caught.value.code == "ADC-MAP-UNIT-CONFLICT"
    assert "1e-06" in caught.value.message
