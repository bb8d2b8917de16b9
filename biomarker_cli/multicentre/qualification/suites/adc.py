"""Suite ``adc``: diffusion images in the dialects of vendors, from the file to ADC."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from biomarker_cli.diffusion.adc import AdcResult
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.measuring import adc_measurements
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.imaging.region import Region
from biomarker_cli.multicentre.objects.dwi import DwiObject, Weighting, signal_of, write_dwi
from biomarker_cli.multicentre.objects.instances import Change, unchanged
from biomarker_cli.multicentre.qualification.bench import Bench, candidates
from biomarker_cli.multicentre.qualification.checks import (
    Found,
    KnownCheck,
    SuiteResult,
    compared,
    refusal,
)
from biomarker_cli.multicentre.qualification.truths import adc as truth

NAME = "adc"

_ALL_SHELLS = {"kind": "all"}
_PLAIN = AdcRules.model_validate(
    {"estimator": "lls", "b_set": _ALL_SHELLS, "statistics": truth.STATISTICS}
)
_CURVED = AdcRules.model_validate(
    {
        "estimator": "lls",
        "b_set": _ALL_SHELLS,
        "statistics": ["mean"],
        "further": [
            {"image": f"adc_{name}", "estimator": name, "b_set": _ALL_SHELLS}
            for name in ("two_point", "wls", "nlls")
        ],
        "kurtosis": {"b_max": truth.CURVED_B[-1]},
    }
)
_ONLY_MEAN = {"estimator": "lls", "b_set": _ALL_SHELLS, "statistics": ["mean"]}
_IVIM = AdcRules.model_validate({**_ONLY_MEAN, "ivim": {"diffusion_from": truth.IVIM_FROM}})
_IVIM_REFIT = AdcRules.model_validate(
    {
        **_ONLY_MEAN,
        "ivim": {
            "method": "refit",
            "diffusion_from": truth.IVIM_FROM,
            "pseudo_diffusion": truth.IVIM_SEARCH,
        },
    }
)


def run(bench: Bench) -> SuiteResult:
    """Measure the suite."""
    checks: list[KnownCheck] = []
    for case in truth.CASES:
        checks += compared(NAME, truth.expected_of(case), partial(_case, bench, case))
    checks += compared(NAME, truth.expected_statistics(), partial(_statistics, bench))
    checks += compared(NAME, truth.expected_estimators(), partial(_curved, bench))
    checks += compared(NAME, truth.expected_ivim(), partial(_ivim, bench))
    checks += compared(NAME, [truth.DARK], partial(_dark, bench))
    for one in truth.REFUSED:
        checks += compared(
            NAME,
            [one.expected],
            partial(_refused, bench, one),
        )
    return SuiteResult(NAME, tuple(checks))


def _maps(
    folder: Path,
    volumes: Sequence[Weighting],
    rules: AdcRules,
    dialect: str = "standard",
    change: Change = unchanged,
) -> dict[str, AdcResult]:
    write_dwi(folder, DwiObject(truth.SUBJECT, truth.GRID, volumes), dialect, change)
    return {found.image: found for found in diffusion_maps(candidates(folder), rules)}


def _case(bench: Bench, case: truth.DwiCase) -> Mapping[str, Found]:
    folder = bench.folder / case.name.replace(" ", "_").replace(",", "")
    maps = _maps(folder, case.volumes(), _PLAIN, case.dialect)
    return dict(truth.seen(case, maps["adc"].volume.as_float64()))


def _statistics(bench: Bench) -> Mapping[str, Found]:
    # One direction: how several are combined is no matter here.
    volumes = [
        Weighting(b, signal_of(truth.S0, truth.ADC, b), truth.DIRECTIONS[0] if b else None)
        for b in (0.0, truth.B)
    ]
    found = _maps(bench.folder / "statistics", volumes, _PLAIN)["adc"]
    inside = np.arange(truth.ADC.size).reshape(truth.GRID.shape) < truth.N_INSIDE
    region = Region(inside, found.volume.geometry, "first", "first")
    return {row.feature_id: row.value for row in adc_measurements(found, region, _PLAIN)}


def _uniform(signal: Callable[[float], float], b_values: Sequence[float]) -> list[Weighting]:
    return [
        Weighting(
            b,
            np.full(truth.GRID.shape, truth.S0 * signal(b)),
            truth.DIRECTIONS[0] if b else None,
        )
        for b in b_values
    ]


def _curved(bench: Bench) -> Mapping[str, Found]:
    volumes = _uniform(lambda b: float(np.exp(truth.curved_signal(b))), truth.CURVED_B)
    means = _means(_maps(bench.folder / "curved", volumes, _CURVED))
    found: dict[str, Found] = {
        f"estimator {name}": means[name] for name in ("adc", "adc_two_point", "adc_wls", "adc_nlls")
    }
    return found | {"kurtosis: D": means["dki_d"], "kurtosis: K": means["dki_k"]}


def _ivim(bench: Bench) -> Mapping[str, Found]:
    means = _means(_maps(bench.folder / "ivim", _uniform(truth.ivim_signal, truth.IVIM_B), _IVIM))
    volumes = _uniform(truth.ivim_signal, truth.IVIM_B)
    refit = _means(_maps(bench.folder / "ivim_refit", volumes, _IVIM_REFIT))
    return {
        "IVIM: D": means["ivim_d"],
        "IVIM: f": means["ivim_f"],
        "IVIM refit: D": refit["ivim_d"],
        "IVIM refit: f": refit["ivim_f"],
        "IVIM refit: D*": refit["ivim_dstar"],
    }


def _means(maps: Mapping[str, AdcResult]) -> dict[str, float]:
    return {image: float(one.volume.as_float64().mean()) for image, one in maps.items()}


def _dark(bench: Bench) -> Mapping[str, Found]:
    base, *weighted = truth.CASES[0].volumes()
    dark = np.array(weighted[0].signal)
    dark.ravel()[: truth.N_DARK] = 0.0
    volumes = [base, Weighting(truth.B, dark, truth.DIRECTIONS[0]), *weighted[1:]]
    array = _maps(bench.folder / "dark", volumes, _PLAIN)["adc"].volume.as_float64()
    return {truth.DARK.name: float(np.count_nonzero(np.isnan(array)))}


def _refused(bench: Bench, one: truth.RefusedSet) -> Mapping[str, Found]:
    folder = bench.folder / f"refused_{one.name.replace(' ', '_')}"
    base, *weighted = truth.CASES[0].volumes()
    volumes = weighted if one is truth.SINGLE_B else [base, *weighted]
    change = {truth.NO_B: _without_b, truth.TWO_ECHOES: _other_echo}.get(one, unchanged)
    return {one.expected.name: refusal(partial(_maps, folder, volumes, _PLAIN, change=change))}


def _without_b(dataset: Dataset, index: int) -> None:
    del index
    for keyword in ("DiffusionBValue", "DiffusionDirectionality", "DiffusionGradientOrientation"):
        if keyword in dataset:
            delattr(dataset, keyword)


def _other_echo(dataset: Dataset, index: int) -> None:
    if index < truth.GRID.shape[0]:
        dataset.EchoTime = "90"
