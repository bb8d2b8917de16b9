"""Suite ``suv``: PET in the dialects of vendors, from the file to SUV and its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.multicentre.objects.instances import Change, Subject
from biomarker_cli.multicentre.objects.pet import (
    Administration,
    PetObject,
    with_administration,
    write_pet,
)
from biomarker_cli.multicentre.qualification.bench import Bench, one_volume
from biomarker_cli.multicentre.qualification.checks import (
    Found,
    KnownCheck,
    SuiteResult,
    compared,
    refusal,
)
from biomarker_cli.multicentre.qualification.truths import suv as truth
from biomarker_cli.pet.rules import PeakRule, SuvRules, ThresholdRule
from biomarker_cli.pet.suv import SuvResult, suv_volume
from biomarker_cli.pet.uptake import uptake_measurements

NAME = "suv"

_RULES = SuvRules(
    normalisations=("suvbw",), activity_mbq_per_kg={"Ga-68": (0.5, 6.0), "Zr-89": (0.1, 5.0)}
)
_ALL = SuvRules(
    normalisations=("suvbw", "sul_janma", "sul_james", "sul_james128", "suvibw", "suvbsa")
)
_METRICS = SuvRules(
    normalisations=("suvbw",),
    statistics=("min", "median", "mean", "max", "sd", "cov"),
    peaks=(
        PeakRule(kernel="voxel_centre", place="at_max"),
        PeakRule(kernel="voxel_centre", place="global"),
    ),
    thresholds=(ThresholdRule(percent_of_max=72.0), ThresholdRule(fixed=5.8)),
)


def run(bench: Bench) -> SuiteResult:
    """Measure the suite."""
    checks: list[KnownCheck] = []
    for case in truth.CASES:
        checks += compared(
            NAME,
            truth.expected_levels(case),
            partial(_levels, bench, case),
        )
    for body in truth.BODIES:
        checks += compared(
            NAME,
            truth.expected_normalisations(body),
            partial(_normalisations, bench, body),
        )
    checks += compared(NAME, truth.expected_metrics(), partial(_metrics, bench))
    for one in truth.REFUSED:
        checks += compared(
            NAME,
            [one.expected],
            partial(_refused, bench, one),
        )
    return SuiteResult(NAME, tuple(checks))


def _suv(folder: Path, rules: SuvRules) -> SuvResult:
    return suv_volume(one_volume(folder), rules)


def _slices() -> FloatArray:
    levels = np.asarray(truth.LEVELS)[:, None, None]
    return np.broadcast_to(levels, truth.GRID.shape).astype(np.float64)


def _levels(bench: Bench, case: truth.SuvCase) -> Mapping[str, Found]:
    folder = bench.folder / case.name.replace(" ", "_").replace(",", "")
    pet = PetObject(truth.PATIENT, truth.GRID, _slices(), case.given, case.scan)
    write_pet(folder, pet, case.dialect, _change(case.given, case))
    means = _suv(folder, _RULES).volume.array.mean(axis=(1, 2))
    return {truth.level_name(case, z): float(mean) for z, mean in enumerate(means)}


def _normalisations(bench: Bench, body: Subject) -> Mapping[str, Found]:
    folder = bench.folder / f"body_{body.sex}"
    given = Administration(activity_bq=5e6 * (body.weight_kg or 0.0))
    write_pet(folder, PetObject(body, truth.GRID, _slices(), given))
    scales = _suv(folder, _ALL).scales
    return {f"{name}, {body.sex}": scales[name] for name in truth.NORMALISATIONS}


def _metrics(bench: Bench) -> Mapping[str, Found]:
    folder = bench.folder / "metrics"
    shape = truth.METRICS_GRID.shape
    steps = [
        index - centre
        for index, centre in zip(np.indices(shape), truth.METRICS_CENTRE, strict=True)
    ]
    inside = np.all([np.abs(step) <= 2 for step in steps], axis=0)
    r2 = np.sum([step**2 for step in steps], axis=0)
    suv = np.where(inside, truth.metrics_suv(r2), truth.BACKGROUND_SUV)
    suv[:, 0, 0] = truth.HOTTEST_SUV
    # Stored as SUV: what is measured here hangs on no time, weight or activity.
    write_pet(folder, PetObject(truth.PATIENT, truth.METRICS_GRID, suv), "gml")
    result = _suv(folder, _METRICS)
    region = Region(inside, result.volume.geometry, "cube", "cube")
    return {row.feature_id: row.value for row in uptake_measurements(result, region, _METRICS)}


def _refused(bench: Bench, one: truth.RefusedScan) -> Mapping[str, Found]:
    folder = bench.folder / f"refused_{one.name.replace(' ', '_')}"
    pet = PetObject(truth.PATIENT, truth.GRID, _slices())
    write_pet(folder, pet, change=_change(pet.given, one))
    return {one.expected.name: refusal(partial(_suv, folder, _RULES))}


def _change(given: Administration, one: truth.SuvCase | truth.RefusedScan) -> Change:
    item = with_administration(given, **one.item)

    def change(dataset: Dataset, index: int) -> None:
        item(dataset, index)
        for keyword, value in one.elements.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)

    return change
