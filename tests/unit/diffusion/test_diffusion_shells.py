"""Nominal b-values, clusters, and the choice of a b-set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic_dwi import ADC_MM2_S, Spec, candidates, write_dwi

from biomarker_cli.diffusion.adc import adc_maps
from biomarker_cli.diffusion.dwi_set import DwiSet, assemble
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.diffusion.shells import select_shells


def dwi_of(folder: Path, *specs: Spec) -> DwiSet:
    write_dwi(folder, specs)
    return assemble(candidates(folder))


def rules(b_set: dict[str, object], **changes: object) -> AdcRules:
    return AdcRules.model_validate(
        {"estimator": "lls", "b_set": b_set, "statistics": ["mean"], **changes}
    )


def chosen(dwi: DwiSet, b_set: dict[str, object]) -> list[float]:
    return [shell.nominal for shell in select_shells(dwi.shells, rules(b_set).b_set)]


def uih(user: float):
    def change(dataset) -> None:
        dataset.Manufacturer = "UIH"
        applied = float(dataset.DiffusionBValue)
        del dataset.DiffusionBValue
        dataset.add_new((0x0065, 0x0010), "LO", "Image Private Header")
        dataset.add_new((0x0065, 0x1009), "FD", applied)
        dataset.add_new((0x0065, 0x100A), "FD", user)

    return change


def test_philips_repeats_of_b0_are_one_shell(tmp_path: Path) -> None:
    dwi = dwi_of(tmp_path, Spec(0), Spec(0.001), Spec(0.002), Spec(1000, (1, 0, 0)))
    assert [(s.nominal, len(s.volumes), len(s.groups)) for s in dwi.shells] == [
        (0.0, 3, 1),
        (1000.0, 1, 1),
    ]


def test_values_within_two_percent_are_one_shell(tmp_path: Path) -> None:
    dwi = dwi_of(tmp_path, Spec(0), Spec(998, (1, 0, 0)), Spec(1003, (0, 1, 0)))
    assert [s.nominal for s in dwi.shells] == [0.0, 1000.0]
    assert dwi.shells[1].actual == pytest.approx(1000.5)


def test_low_b_values_of_ivim_stay_apart(tmp_path: Path) -> None:
    dwi = dwi_of(tmp_path, *(Spec(b) for b in (0, 10, 20, 30, 800)))
    assert [s.nominal for s in dwi.shells] == [0.0, 10.0, 20.0, 30.0, 800.0]


def test_the_console_value_names_the_shell_and_the_applied_one_is_fitted(tmp_path: Path) -> None:
    dwi = dwi_of(tmp_path, Spec(1.25, change=uih(0.0)), Spec(929.75, change=uih(1000.0)))
    assert [(s.nominal, s.actual) for s in dwi.shells] == [(0.0, 1.25), (1000.0, 929.75)]
    fitted = adc_maps(dwi, rules({"kind": "all"}))[0].volume.array
    np.testing.assert_allclose(fitted, ADC_MM2_S, rtol=2e-4)
    by_console = adc_maps(dwi, rules({"kind": "all"}, b_value="nominal"))[0].volume.array
    np.testing.assert_allclose(by_console, ADC_MM2_S * 0.9285, rtol=2e-4)


@pytest.fixture
def five(tmp_path: Path) -> DwiSet:
    return dwi_of(tmp_path, *(Spec(b) for b in (0, 50, 400, 800, 1400)))


def test_all(five: DwiSet) -> None:
    assert chosen(five, {"kind": "all"}) == [0, 50, 400, 800, 1400]


def test_dwi_adc_takes_the_lowest_b_up_to_100_and_all_up_to_1000(five: DwiSet) -> None:
    assert chosen(five, {"kind": "low_and_high", "low_max": 100, "high_max": 1000}) == [0, 400, 800]


def test_perfusion_free_is_b_from_100(five: DwiSet) -> None:
    assert chosen(five, {"kind": "range", "min": 100}) == [400, 800, 1400]


def test_explicit_list(five: DwiSet) -> None:
    assert chosen(five, {"kind": "list", "values": [50, 800]}) == [50, 800]


@pytest.mark.parametrize(
    "b_set",
    [
        {"kind": "low_and_high", "low_max": 100, "high_max": 300},
        {"kind": "range", "min": 1000},
        {"kind": "list", "values": [0, 600]},
    ],
)
def test_a_series_that_lacks_the_set_is_refused(five: DwiSet, b_set: dict[str, object]) -> None:
    with pytest.raises(AdcError, match="found b = 0, 50, 400, 800, 1400") as caught:
        adc_maps(five, rules(b_set))[0]
    assert caught.value.code == "ADC-B-SET"


def test_volumes_outside_the_set_are_named(five: DwiSet) -> None:
    result = adc_maps(five, rules({"kind": "range", "min": 100, "max": 1000}))[0]
    reasons = [reason for _, reason in result.derivation["left_out"]]
    assert reasons == [f"b = {b} is outside the b-set" for b in (0, 50, 1400)]


def test_opposite_directions_are_repeats_and_others_are_not(tmp_path: Path) -> None:
    """Vectors are told apart to four decimals: scanners write them rounded."""
    one, other = (0.6, 0.8, 0.0), (0.8, 0.6, 0.0)
    back, rounded = (-0.6, -0.8, 0.0), (0.60002, 0.79998, 0.0)

    def acquired(number: int):
        return lambda dataset: setattr(dataset, "AcquisitionNumber", number)

    directions = enumerate((one, other, back, rounded), start=1)
    specs = [Spec(800, direction, change=acquired(n)) for n, direction in directions]
    dwi = dwi_of(tmp_path, Spec(0), *specs)
    groups = dwi.shells[1].groups
    assert [len(group) for group in groups] == [3, 1]
