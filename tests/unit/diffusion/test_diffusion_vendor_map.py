"""The scanner's ADC map: its unit is coded, or inferred and flagged, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from synthetic_dwi import ADC_MM2_S, Spec, candidates, write_dwi

from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.measuring import map_measurements
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.imaging.region import Region


def rules(**vendor_map: object) -> AdcRules:
    return AdcRules.model_validate(
        {
            "estimator": "lls",
            "b_set": {"kind": "all"},
            "statistics": ["mean"],
            "vendor_map": vendor_map,
        }
    )


def vendor(scale: float, change: Callable[[Dataset], object]) -> Spec:
    """Return an ADC map that stores ADC in mm2/s times `scale`."""

    def as_map(dataset: Dataset) -> None:
        dataset.ImageType = ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]
        change(dataset)

    return Spec(None, array=ADC_MM2_S * scale, change=as_map)


def real_world(unit: str, factor: float) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        code, item = Dataset(), Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = unit, "UCUM", unit
        item.MeasurementUnitsCodeSequence = Sequence([code])
        # From stored values to the unit; the rescale of the file is another scale.
        item.RealWorldValueSlope = float(dataset.RescaleSlope) * factor
        item.RealWorldValueIntercept = 0.0
        item.LUTLabel = "ADC"
        dataset.RealWorldValueMappingSequence = Sequence([item])

    return change


def rescale_type(text: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        dataset.RescaleType = text

    return change


@pytest.mark.parametrize(
    ("unit", "scale", "factor"),
    [
        ("mm2/s", 1e6, 1e-6),
        ("um2/s", 1e6, 1.0),
        ("10*-3.mm2/s", 1e6, 1e-3),
        ("10*-6.mm2/s", 1e6, 1.0),
    ],
)
def test_real_world_value_mapping_goes_before_the_rescale(
    tmp_path: Path, unit: str, scale: float, factor: float
) -> None:
    write_dwi(tmp_path, [vendor(scale, real_world(unit, factor))])
    (found,) = diffusion_maps(candidates(tmp_path), rules(use="measure"))
    np.testing.assert_allclose(found.volume.array, ADC_MM2_S, rtol=1e-4)
    assert "RealWorldValueMapping" in found.derivation["unit_from"]
    assert not any(flag.startswith("unit_inferred") for flag in found.volume.flags)


@pytest.mark.parametrize(
    ("text", "scale"), [("10^-6 mm2/s", 1e6), ("10^-3 mm^2/s", 1e3), ("um2/s", 1e6)]
)
def test_a_unit_in_rescale_type_is_read(tmp_path: Path, text: str, scale: float) -> None:
    write_dwi(tmp_path, [vendor(scale, rescale_type(text))])
    (found,) = diffusion_maps(candidates(tmp_path), rules(use="measure"))
    np.testing.assert_allclose(found.volume.array, ADC_MM2_S, rtol=1e-4)
    assert found.derivation["unit_from"].startswith("RescaleType")


def test_a_unit_that_is_not_coded_is_refused(tmp_path: Path) -> None:
    write_dwi(tmp_path, [vendor(1e6, rescale_type("US"))])
    with pytest.raises(AdcError) as caught:
        diffusion_maps(candidates(tmp_path), rules(use="measure"))
    assert caught.value.code == "ADC-MAP-UNIT"


@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6])
def test_a_unit_is_inferred_only_when_told_and_flagged(tmp_path: Path, scale: float) -> None:
    write_dwi(tmp_path, [vendor(scale, rescale_type("US"))])
    (found,) = diffusion_maps(candidates(tmp_path), rules(use="measure", infer_unit=True))
    np.testing.assert_allclose(found.volume.array, ADC_MM2_S, rtol=1e-4)
    assert "unit_inferred:(0028,1054)" in found.volume.flags


def test_values_between_the_ranges_are_not_inferred(tmp_path: Path) -> None:
    write_dwi(tmp_path, [vendor(2e4, rescale_type("US"))])
    with pytest.raises(AdcError) as caught:
        diffusion_maps(candidates(tmp_path), rules(use="measure", infer_unit=True))
    assert caught.value.code == "ADC-MAP-UNIT"


def test_zero_is_no_fit_not_an_adc_of_zero(tmp_path: Path) -> None:
    array = ADC_MM2_S.copy()
    array[1, 2, 3] = 0.0
    spec = vendor(1e6, rescale_type("10^-6 mm2/s"))
    write_dwi(tmp_path, [Spec(None, array=array * 1e6, change=spec.change)])
    (found,) = diffusion_maps(candidates(tmp_path), rules(use="measure"))
    assert np.isnan(found.volume.array[1, 2, 3])
    assert np.count_nonzero(np.isnan(found.volume.array)) == 1


def both(*changes: Callable[[Dataset], object]) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for one in changes:
            one(dataset)

    return change


def comment(text: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        dataset.ImageComments = text

    return change


def code_of(folder: Path, spec: Spec) -> str:
    write_dwi(folder, [spec])
    with pytest.raises(AdcError) as caught:
        diffusion_maps(candidates(folder), rules(use="measure"))
    return caught.value.code


@pytest.mark.parametrize(
    "change",
    [
        both(rescale_type("mm2/s"), real_world("10*-6.mm2/s", 1.0)),
        both(rescale_type("10^-6 mm2/s"), real_world("mm2/s", 1.0)),
        both(rescale_type("10^-6 mm2/s"), real_world("um2/s", 1.02)),
        both(rescale_type("mm2/s"), comment("ADC in 10^-6 mm^2/s")),
        both(rescale_type("10^-6 mm2/s"), comment("ADC [mm2/s]")),
    ],
)
def test_units_that_contradict_are_refused(tmp_path: Path, change) -> None:
    assert code_of(tmp_path, vendor(1e6, change)) == "ADC-MAP-UNIT-CONFLICT"


@pytest.mark.parametrize(
    "change",
    [
        both(rescale_type("10^-6 mm2/s"), real_world("mm2/s", 1e-6)),
        both(rescale_type("um2/s"), real_world("10*-6.mm2/s", 1.002)),
        both(rescale_type("10^-6 mm2/s"), comment("ADC (10-6 mm2/s), b 0-800")),
        # A spelling that is not in the table says nothing, least of all its last part.
        both(rescale_type("10^-6 mm2/s"), comment("scaled by 1e-06 mm2/s")),
        both(rescale_type("10^-6 mm2/s"), comment("slice 3 of mm2/s2")),
    ],
)
def test_units_that_agree_are_read(tmp_path: Path, change) -> None:
    write_dwi(tmp_path, [vendor(1e6, change)])
    (found,) = diffusion_maps(candidates(tmp_path), rules(use="measure"))
    np.testing.assert_allclose(found.volume.array, ADC_MM2_S, rtol=3e-3)


def test_two_mappings_that_contradict_are_refused_and_the_same_twice_is_one(tmp_path: Path) -> None:
    def twice(factor: float) -> Callable[[Dataset], None]:
        def change(dataset: Dataset) -> None:
            real_world("mm2/s", 1e-6)(dataset)
            first = dataset.RealWorldValueMappingSequence[0]
            real_world("um2/s", factor)(dataset)
            dataset.RealWorldValueMappingSequence.append(first)

        return change

    assert code_of(tmp_path / "apart", vendor(1e6, twice(1e-3))) == "ADC-MAP-UNIT-CONFLICT"
    write_dwi(tmp_path / "same", [vendor(1e6, twice(1.0))])
    (found,) = diffusion_maps(candidates(tmp_path / "same"), rules(use="measure"))
    np.testing.assert_allclose(found.volume.array, ADC_MM2_S, rtol=1e-4)
    # Written slopes are rounded: up to 1 % apart they say the same.
    write_dwi(tmp_path / "rounded", [vendor(1e6, twice(1.008))])
    (found,) = diffusion_maps(candidates(tmp_path / "rounded"), rules(use="measure"))
    np.testing.assert_allclose(found.volume.array, ADC_MM2_S * 1.008, rtol=1e-4)
    assert code_of(tmp_path / "beyond", vendor(1e6, twice(1.012))) == "ADC-MAP-UNIT-CONFLICT"


@pytest.mark.parametrize("factor", [0.0, float("nan"), float("inf")])
def test_a_mapping_to_nothing_is_refused(tmp_path: Path, factor: float) -> None:
    assert code_of(tmp_path, vendor(1e6, real_world("um2/s", factor))) == "ADC-MAP-UNIT"


@pytest.mark.parametrize(("scale", "told"), [(1e6, True), (1e3, True), (1.0, False)])
def test_a_unit_that_lies_is_flagged_by_the_size_of_the_result(
    tmp_path: Path, scale: float, told: bool
) -> None:
    write_dwi(tmp_path, [vendor(scale, rescale_type("mm2/s"))])
    asked = rules(use="measure")
    maps = diffusion_maps(candidates(tmp_path), asked)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    found = map_measurements(maps, region, asked)
    assert all(("implausible" in row.flags) is told for row in found)


def test_an_implausible_map_of_the_scanner_flags_the_comparison_alone(tmp_path: Path) -> None:
    write_dwi(tmp_path / "dwi", [Spec(0), Spec(800)])
    write_dwi(tmp_path / "map", [vendor(1e6, rescale_type("mm2/s"))], series="map")
    asked = rules(use="compare")
    maps = diffusion_maps(candidates(tmp_path), asked)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    found = {row.feature_id: row for row in map_measurements(maps, region, asked)}
    assert "implausible" in found["adc.vendor.median_difference"].flags
    assert "implausible" not in found["adc.intensity.mean"].flags


def test_no_map_and_two_maps_are_refused(tmp_path: Path) -> None:
    write_dwi(tmp_path / "dwi", [Spec(0), Spec(800)])
    with pytest.raises(AdcError) as caught:
        diffusion_maps(candidates(tmp_path), rules(use="measure"))
    assert caught.value.code == "ADC-MAP-MISSING"
    for series in ("one", "two"):
        write_dwi(tmp_path / series, [vendor(1e6, rescale_type("um2/s"))], series=series)
    with pytest.raises(AdcError) as caught:
        diffusion_maps(candidates(tmp_path), rules(use="measure"))
    assert caught.value.code == "ADC-MAP-SEVERAL"


def test_comparison_with_the_fitted_map(tmp_path: Path) -> None:
    write_dwi(tmp_path / "dwi", [Spec(0), Spec(800)])
    shifted = vendor(1e6, rescale_type("um2/s"))
    array = (ADC_MM2_S + 5e-6) * 1e6
    write_dwi(tmp_path / "map", [Spec(None, array=array, change=shifted.change)], series="map")
    asked = rules(use="compare")
    maps = diffusion_maps(candidates(tmp_path), asked)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    rows = {row.feature_id: row for row in map_measurements(maps, region, asked)}
    assert rows["adc.vendor.median_difference"].value == pytest.approx(5e-6, abs=3e-7)
    assert rows["adc.vendor.p95_absolute_difference"].value == pytest.approx(5e-6, abs=5e-7)


def test_an_inferred_unit_flags_the_comparison_and_not_the_fit(tmp_path: Path) -> None:
    write_dwi(tmp_path / "dwi", [Spec(0), Spec(800)])
    write_dwi(tmp_path / "map", [vendor(1e6, rescale_type("US"))], series="map")
    asked = rules(use="compare", infer_unit=True)
    maps = diffusion_maps(candidates(tmp_path), asked)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    rows = {row.feature_id: row for row in map_measurements(maps, region, asked)}
    assert "unit_inferred:(0028,1054)" in rows["adc.vendor.median_difference"].flags
    assert not any("unit_inferred" in flag for flag in rows["adc.intensity.mean"].flags)


def test_comparison_without_a_map_is_undefined_and_says_why(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(0), Spec(800)])
    asked = rules(use="compare")
    maps = diffusion_maps(candidates(tmp_path), asked)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "all", "all")
    rows = {row.feature_id: row for row in map_measurements(maps, region, asked)}
    assert rows["adc.vendor.median_difference"].value is None
    assert maps[0].derivation["vendor_map"].startswith("ADC-MAP-MISSING")
