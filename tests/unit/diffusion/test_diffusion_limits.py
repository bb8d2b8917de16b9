"""Limits of b-sets and of ADC classes: on which side a value lies that is equal to one."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_dwi import Spec, candidates, write_dwi

from biomarker_cli.diffusion.declared import declared_adc
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.measuring import adc_measurements
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.diffusion.shells import Shell, select_shells
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import ADC

GRID = Geometry((1, 2, 5), (1.0, 1.0, 3.0))


def rules_of(**changes: object) -> AdcRules:
    return AdcRules.model_validate(
        {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["mean"], **changes}
    )


def chosen(b_set: dict[str, object], *nominal: float) -> list[float]:
    shells = [Shell(b, b, ()) for b in nominal]
    return [shell.nominal for shell in select_shells(shells, rules_of(b_set=b_set).b_set)]


LOW_AND_HIGH = {"kind": "low_and_high", "low_max": 100, "high_max": 1000}


@pytest.mark.parametrize(
    ("b_set", "nominal", "expected"),
    [
        # The low b may lie on its limit; the high ones lie above it, up to theirs.
        (LOW_AND_HIGH, (100, 500, 800), [100, 500, 800]),
        (LOW_AND_HIGH, (0, 100, 500), [0, 500]),
        (LOW_AND_HIGH, (0, 500, 1000), [0, 500, 1000]),
        (LOW_AND_HIGH, (0, 500, 1001), [0, 500]),
        ({"kind": "range", "min": 100}, (99, 100, 500), [100, 500]),
        ({"kind": "range", "min": 100, "max": 800}, (100, 800, 801), [100, 800]),
        ({"kind": "list", "values": [800, 0]}, (0, 400, 800), [800, 0]),
    ],
)
def test_a_b_value_on_a_limit_is_inside(b_set, nominal, expected):
    assert chosen(b_set, *nominal) == expected


@pytest.mark.parametrize(
    ("b_set", "nominal"),
    [
        (LOW_AND_HIGH, (101, 500)),
        (LOW_AND_HIGH, (0, 100)),
        ({"kind": "range", "min": 100}, (99, 100)),
        ({"kind": "range", "min": 100, "max": 800}, (100, 801)),
    ],
)
def test_a_b_value_beyond_a_limit_is_outside(b_set, nominal):
    with pytest.raises(AdcError) as caught:
        chosen(b_set, *nominal)
    assert caught.value.code == "ADC-B-SET"


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """Volumes whose signal is no single exponential, so that every b-value moves the fit."""
    folder = tmp_path_factory.mktemp("five")
    signals = ((0, 8000.0), (100, 7000.0), (200, 6500.0), (500, 4500.0), (1000, 3000.0))
    write_dwi(folder, [Spec(b, array=np.full((3, 4, 5), signal)) for b, signal in signals])
    return candidates(folder)


def _line(*points: tuple[float, float]) -> float:
    """Return D of the least-squares line through ln S."""
    b, signal = np.array(points).T
    return float(-np.polyfit(b, np.log(signal), 1)[0])


def test_tissue_of_ivim_begins_at_its_limit(five):
    maps = diffusion_maps(five, rules_of(ivim={"diffusion_from": 200}))
    found = next(one for one in maps if one.image == "ivim_d").volume.array
    expected = _line((200, 6500.0), (500, 4500.0), (1000, 3000.0))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_kurtosis_is_fitted_up_to_its_limit(five):
    maps = diffusion_maps(five, rules_of(kurtosis={"b_max": 1000}))
    found = {one.image: one for one in maps}
    assert [shell.nominal for shell in found["dki_d"].shells] == [0, 100, 200, 500, 1000]
    lower = {one.image: one for one in diffusion_maps(five, rules_of(kurtosis={"b_max": 999}))}
    assert [shell.nominal for shell in lower["dki_d"].shells] == [0, 100, 200, 500]


def share_of(values: list[float], **limits: float) -> float:
    """Return the part of a region that an ADC class takes."""
    rules = rules_of(burden=[{"name": "one", **limits}])
    array = np.array(values).reshape(GRID.shape)
    result = declared_adc(Volume(array, GRID, ADC), rules)
    region = Region(np.ones(GRID.shape, dtype=np.bool_), GRID, "GTV", "gtv")
    rows = {row.feature_id: row.value for row in adc_measurements(result, region, rules)}
    assert rows["adc.burden.volume_one"] == pytest.approx(
        rows["adc.burden.fraction_one"] * 10 * 3.0 / 1000
    )
    return rows["adc.burden.fraction_one"]


def test_an_adc_class_holds_its_lower_limit_and_not_its_upper_one():
    values = [0.5e-3] * 1 + [0.6e-3] * 2 + [1.0e-3] * 3 + [1.2e-3] * 4
    assert share_of(values, from_mm2_s=0.6e-3, to_mm2_s=1.2e-3) == pytest.approx(0.5)
    assert share_of(values, to_mm2_s=0.6e-3) == pytest.approx(0.1)
    assert share_of(values, from_mm2_s=1.2e-3) == pytest.approx(0.4)
    assert share_of(values) == 1.0
