"""Phantom rows: bias against a certificate, uniformity, dependence on b."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from synthetic_dwi import SHAPE, Spec, candidates, write_dwi

from biomarker_cli.diffusion.certificate import (
    Certificate,
    pvp_k40_diffusion_mm2_s,
    water_diffusion_mm2_s,
)
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.measuring import map_measurements
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.imaging.region import Region
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind

CERTIFICATE = {
    "phantom": "ice water, serial 1",
    "source": "certificate 1",
    "temperature_c": 0.0,
    "vials": [
        {"roi": "centre", "material": "water"},
        {"roi": "pvp20", "adc_mm2_s": 0.6e-3},
    ],
}


def shipped(**certificate: object) -> AdcRules:
    document = load_document(ProtocolKind.ANALYSIS, "dwi-phantom")
    rules = validate_section(AdcRules, document, "adc")
    data = rules.model_dump()
    if certificate:
        data["phantom"]["certificate"] = certificate
    return AdcRules.model_validate(data)


def rows_of(
    folder: Path, adc: float, roi: str, rules: AdcRules, b: tuple[float, ...] = (0, 500, 900)
) -> dict[str, object]:
    signal = {value: np.full(SHAPE, 5000 * np.exp(-value * adc)) for value in b}
    write_dwi(folder, [Spec(value, array=array) for value, array in signal.items()])
    maps = diffusion_maps(candidates(folder), rules)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, roi, roi)
    return {row.feature_id: row for row in map_measurements(maps, region, rules)}


@pytest.mark.parametrize(
    ("celsius", "expected"), [(0.0, 1.099e-3), (20.0, 2.023e-3), (25.0, 2.299e-3)]
)
def test_water_after_holz(celsius: float, expected: float) -> None:
    assert water_diffusion_mm2_s(celsius) == pytest.approx(expected, rel=2e-3)


def test_a_good_water_vial_passes(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 1.11e-3, "centre", shipped(**CERTIFICATE))
    assert rows["adc.phantom.bias"].value == pytest.approx(1.11e-3 - 1.099e-3, abs=1e-6)
    assert rows["adc.phantom.bias"].unit == "mm2/s"
    assert rows["adc.phantom.bias_pass"].value == 1.0
    assert rows["adc.phantom.b_dependence_pass"].value == 1.0
    assert rows["adc.phantom.within_slice_cv"].value == pytest.approx(0.0, abs=1e-9)
    assert rows["adc.roi_signal.adc"].value == pytest.approx(1.11e-3, rel=1e-4)


def test_a_biased_vial_fails(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 0.65e-3, "pvp20", shipped(**CERTIFICATE))
    assert rows["adc.phantom.bias_percent"].value == pytest.approx(8.33, abs=0.1)
    assert rows["adc.phantom.bias_pass"].value == 0.0


def test_a_vial_that_the_certificate_lacks_has_no_bias(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 0.65e-3, "pvp30", shipped(**CERTIFICATE))
    assert rows["adc.phantom.bias"].value is None
    assert rows["adc.phantom.bias_pass"].value is None
    assert rows["adc.phantom.b_dependence"].value is not None


def test_the_shipped_analysis_has_no_certificate_of_its_own(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 1.1e-3, "centre", shipped())
    assert rows["adc.phantom.bias"].value is None


def test_dependence_on_b_shows_a_signal_that_is_no_exponential(tmp_path: Path) -> None:
    rules = shipped(**CERTIFICATE)
    b = (0, 500, 1000)
    kurtotic = {v: 5000 * np.exp(-v * 1e-3 + (v * 1e-3) ** 2 * 0.6 / 6) for v in b}
    write_dwi(tmp_path, [Spec(v, array=np.full(SHAPE, s)) for v, s in kurtotic.items()])
    maps = diffusion_maps(candidates(tmp_path), rules)
    geometry = maps[0].volume.geometry
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "centre", "centre")
    rows = {row.feature_id: row for row in map_measurements(maps, region, rules)}
    # Two-point ADC is 1e-3 (1 - b 1e-3 K / 6): 0.95e-3 and 0.90e-3.
    assert rows["adc.phantom.b_dependence"].value == pytest.approx(100 * 0.05 / 0.925, rel=0.01)
    assert rows["adc.phantom.b_dependence_pass"].value == 0.0


def test_two_b_values_leave_dependence_undefined(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 1.1e-3, "centre", shipped(**CERTIFICATE), b=(0, 900))
    assert rows["adc.phantom.b_dependence"].value is None


@pytest.mark.parametrize(
    "change",
    [
        {"vials": []},
        {"vials": [{"roi": "a", "adc_mm2_s": 600}]},
        {"vials": [{"roi": "a"}]},
        {"vials": [{"roi": "a", "material": "water", "adc_mm2_s": 1e-3}]},
        {"vials": [{"roi": "a", "material": "water"}, {"roi": "a", "material": "water"}]},
        {"temperature_c": 300.0},
        {"temperature_c": None},
    ],
)
def test_a_bad_certificate_is_refused(change: dict[str, object]) -> None:
    Certificate.model_validate(CERTIFICATE)
    with pytest.raises(ValueError, match="validation error"):
        Certificate.model_validate({**CERTIFICATE, **change})


def test_the_example_of_the_docs_is_a_valid_analysis(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "diffusion.md").read_text()
    (example,) = re.findall(r"```yaml\n([^`]*?id: our-phantom.*?)```", page, re.S)
    path = tmp_path / "our-phantom.yaml"
    path.write_text(example)
    document = load_document(ProtocolKind.ANALYSIS, str(path))
    rules = validate_section(AdcRules, document, "adc")
    assert rules.phantom is not None
    assert rules.phantom.certificate is not None
    assert rules.phantom.certificate.expected_mm2_s("vial_3") == 0.83e-3
    assert rules.phantom.bias_mm2_s == 0.04e-3
    rows = rows_of(tmp_path, 1.1e-3, "centre", rules)
    assert rows["adc.phantom.bias_pass"].value == 1
    assert rows_of(tmp_path, 1.2e-3, "centre", rules)["adc.phantom.bias_pass"].value == 0


@pytest.mark.parametrize(
    ("percent", "celsius", "expected"),
    [(20, 0.0, 0.644e-3), (40, 0.0, 0.299e-3), (10, 20.0, 1.579e-3), (30, 22.0, 0.887e-3)],
)
def test_pvp_k40_follows_from_concentration_and_temperature(
    percent: float, celsius: float, expected: float
) -> None:
    assert pvp_k40_diffusion_mm2_s(percent, celsius) == pytest.approx(expected, rel=2e-3)


def test_the_ratio_of_pvp_k40_to_water_does_not_depend_on_temperature() -> None:
    ratios = [pvp_k40_diffusion_mm2_s(20, t) / water_diffusion_mm2_s(t) for t in (0.0, 22.0, 37.0)]
    assert ratios == pytest.approx([0.586] * 3, rel=1e-9)


def test_a_vial_of_pvp_k40_is_judged_by_its_concentration(tmp_path: Path) -> None:
    vials = [{"roi": "pvp20", "material": "pvp_k40", "weight_percent": 20}]
    rules = shipped(**{**CERTIFICATE, "vials": vials})
    rows = rows_of(tmp_path, 0.65e-3, "pvp20", rules)
    assert rows["adc.phantom.bias"].value == pytest.approx(0.65e-3 - 0.644e-3, abs=1e-6)
    assert rows["adc.phantom.bias_pass"].value == 1.0


@pytest.mark.parametrize(
    "vial",
    [
        {"roi": "a", "material": "pvp_k40"},
        {"roi": "a", "material": "pvp_k40", "weight_percent": 9.9},
        {"roi": "a", "material": "pvp_k40", "weight_percent": 41},
        {"roi": "a", "material": "pvp_k40", "weight_percent": 20, "adc_mm2_s": 6e-4},
        {"roi": "a", "material": "water", "weight_percent": 20},
        {"roi": "a", "adc_mm2_s": 6e-4, "weight_percent": 20},
    ],
)
def test_a_vial_that_says_two_things_or_none_is_refused(vial: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"weight_percent|certified"):
        Certificate.model_validate({**CERTIFICATE, "vials": [vial]})
