"""The uptake family: what is measured on an SUV map, every definition in its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from biomarker_cli.imaging.boxes import EMPTY, Box, widened
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.spheres import ONE_ML_RADIUS_MM
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.model.features import (
    UNIT_OF_IMAGE,
    FeatureDefinition,
    FeatureRegistry,
    require_names,
)
from biomarker_cli.model.measurement import Measurement, measured, undefined
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.lesions import (
    ReferenceUptake,
    TumourVoxels,
    largest_distance_mm,
    threshold_value,
    tumour_voxels,
)
from biomarker_cli.pet.normalisation import QUANTITY_OF
from biomarker_cli.pet.peak import suv_peak
from biomarker_cli.pet.rules import PeakRule, SuvRules, ThresholdRule
from biomarker_cli.pet.suv import SuvResult

UPTAKE = FeatureRegistry()
"""Definitions that need no parameter; the others come from `uptake_definitions`."""


_REFERENCE = "DICOM PS3.16 TID 1419, CID 85; IBSI-SUV manual v1"


def _define(name: str, title: str, unit: str = UNIT_OF_IMAGE, code: str = "") -> FeatureDefinition:
    return FeatureDefinition(
        family="uptake", name=name, title=title, unit=unit, dicom_code=code, reference=_REFERENCE
    )


def _sample_sd(values: FloatArray) -> float:
    return float(values.std(ddof=1)) if values.size > 1 else float("nan")


def _cov(values: FloatArray) -> float:
    mean = float(values.mean())
    return _sample_sd(values) / mean if mean > 0 else float("nan")


UPTAKE_STATISTICS: Mapping[str, tuple[FeatureDefinition, Callable[[FloatArray], float]]] = (
    MappingProxyType(
        {
            definition.name: (UPTAKE.register(definition), function)
            for definition, function in (
                (_define("min", "Minimum"), lambda v: float(v.min())),
                (_define("median", "Median"), lambda v: float(np.median(v))),
                (_define("mean", "Mean"), lambda v: float(v.mean())),
                (_define("max", "Maximum"), lambda v: float(v.max())),
                (_define("sd", "Standard deviation (sample)"), _sample_sd),
                (_define("cov", "Coefficient of variation", "1"), _cov),
            )
        }
    )
)
"""Name -> definition and function of the values under the mask, shape (n,), n >= 1."""

_KERNEL_TITLE = MappingProxyType(
    {
        "voxel_centre": "voxels by their centre",
        "partial_volume": "voxels by the part inside (10 x 10 x 10 samples)",
    }
)
_PLACE_TITLE = MappingProxyType(
    {
        "at_max": "around the hottest voxel",
        "global": "highest mean in the region",
        "inside": "highest mean wholly inside the region",
    }
)


def peak_definition(rule: PeakRule) -> FeatureDefinition:
    """Return the definition of one SUVpeak."""
    title = f"Peak: 1 ml sphere, {_KERNEL_TITLE[rule.kernel]}, {_PLACE_TITLE[rule.place]}"
    return _define(f"peak.{rule.name}", title, code="126031")


def _threshold_title(rule: ThresholdRule) -> str:
    if rule.percent_of_max is not None:
        return f"at or above {rule.percent_of_max:g} % of the maximum"
    if rule.fixed is not None:
        return f"at or above {rule.fixed:g}"
    assert rule.reference is not None  # noqa: S101 - held by the validator of the rule
    reference = rule.reference
    return (
        f"at or above {reference.times_mean:g} x mean + {reference.plus_sd:g} sd of "
        f"{reference.region}"
    )


@dataclass(frozen=True)
class ThresholdDefinitions:
    """The rows of one threshold.

    `value` is the threshold itself, a row where it comes from a reference region.
    """

    value: FeatureDefinition
    mtv: FeatureDefinition
    tlg: FeatureDefinition
    n_lesions: FeatureDefinition
    dmax: FeatureDefinition


def threshold_definitions(rule: ThresholdRule) -> ThresholdDefinitions:
    """Return the definitions that a threshold gives rise to."""
    where, name = _threshold_title(rule), rule.name
    return ThresholdDefinitions(
        value=_define(f"threshold.{name}", f"Threshold: {where.removeprefix('at or above ')}"),
        mtv=_define(f"mtv.{name}", f"Metabolic tumour volume, {where}", "mL", "126032"),
        # Mean SUV * volume: g where the image is in g/ml; on SUVbsa the row says cm2.
        tlg=_define(f"tlg.{name}", f"Total lesion glycolysis, {where}", "g", "126033"),
        n_lesions=_define(f"n_lesions.{name}", f"Number of lesions, {where}", "1"),
        dmax=_define(
            f"dmax_centroids.{name}", f"Largest distance between lesion centroids, {where}", "mm"
        ),
    )


def lesion_definitions(rule: ThresholdRule, number: int) -> tuple[FeatureDefinition, ...]:
    """Return volume, glycolysis and maximum of one lesion, numbered by volume from 1."""
    where, name = _threshold_title(rule), rule.name
    lesion = f"Lesion {number} by volume"
    return (
        _define(f"lesion{number}_mtv.{name}", f"{lesion}: volume, {where}", "mL", "126032"),
        _define(f"lesion{number}_tlg.{name}", f"{lesion}: glycolysis, {where}", "g", "126034"),
        _define(f"lesion{number}_max.{name}", f"{lesion}: maximum, {where}"),
    )


def ratio_definitions(region: str) -> tuple[FeatureDefinition, FeatureDefinition]:
    """Return the definitions of maximum and mean over the mean of a reference region."""
    name = region.lower()
    return (
        _define(f"ratio.max_to_{name}_mean", f"Maximum / mean of {region}", "1", "126039"),
        _define(f"ratio.mean_to_{name}_mean", f"Mean / mean of {region}", "1"),
    )


def uptake_definitions(rules: SuvRules) -> tuple[FeatureDefinition, ...]:
    """Return the definitions of an analysis protocol, in the order of its rows."""
    found = [UPTAKE_STATISTICS[name][0] for name in rules.statistics]
    found += [peak_definition(rule) for rule in rules.peaks]
    for rule in rules.thresholds:
        found += _definitions_of_threshold(rule, rules)
    for region in rules.ratios:
        found += ratio_definitions(region)
    return tuple(found)


def _definitions_of_threshold(rule: ThresholdRule, rules: SuvRules) -> list[FeatureDefinition]:
    rows = threshold_definitions(rule)
    found = [rows.mtv, rows.tlg]
    if rule.reference is not None:
        found.insert(0, rows.value)
    if rules.lesions is not None:
        found += [rows.n_lesions, rows.dmax]
        for number in range(1, rules.lesions.listed + 1):
            found += lesion_definitions(rule, number)
    return found


@dataclass(frozen=True)
class _Scene:
    """One image and one region, cut to the region's box with room for a sphere."""

    image: str
    array: FloatArray
    mask: BoolArray
    region: Region
    rules: SuvRules
    flags: frozenset[str]
    references: Mapping[str, ReferenceUptake]

    @property
    def unit(self) -> str:
        return QUANTITY_OF[self.image].unit

    @property
    def voxel_ml(self) -> float:
        return self.region.geometry.voxel_volume_ml

    @cached_property
    def values(self) -> FloatArray:
        return self.array[self.mask]

    def row(self, definition: FeatureDefinition, value: float) -> Measurement:
        return self._in_its_unit(measured(self.image, definition, value, self.unit, self.flags))

    def missing(self, definition: FeatureDefinition, reason: str) -> Measurement:
        return self._in_its_unit(undefined(self.image, definition, self.unit, self.flags, reason))

    def _in_its_unit(self, row: Measurement) -> Measurement:
        """Return a row of glycolysis in cm2 where SUV is in cm2/ml: its definition says g."""
        is_mass = row.unit == "g" and self.image == "suvbsa"
        return replace(row, unit="cm2") if is_mass else row


def uptake_measurements(
    result: SuvResult,
    region: Region,
    rules: SuvRules,
    references: Mapping[str, Region] | None = None,
) -> list[Measurement]:
    """Measure a region on an SUV map.

    Parameters
    ----------
    result : SuvResult
    region : Region
        On the grid of the map.
    rules : SuvRules
    references : mapping of str to Region, optional
        Regions by name; those that the rules name as reference are used.

    Returns
    -------
    list of Measurement
        For each normalisation the rows of `uptake_definitions`, in its order.
        A number that does not exist is a row without value that says why.

    Raises
    ------
    SuvError
        ``SUV-REGION-GRID`` where region and map are on different grids.
    FeatureNamesError
        Where the rows are not those of `uptake_definitions`.
    """
    _require_same_grid(result, region)
    wanted = {n: r for n, r in (references or {}).items() if n in rules.reference_regions}
    for reference in wanted.values():
        _require_same_grid(result, reference)
    flags = result.volume.flags | region.flags
    array = result.volume.as_float64()
    uptakes = {name: _uptake_of(array, reference) for name, reference in wanted.items()}
    box = _box(region)
    inside, mask = array[box], region.mask[box]
    rows: list[Measurement] = []
    defined = [definition.name for definition in uptake_definitions(rules)]
    for image, scale in result.scales.items():
        of_references = {
            name: replace(u, mean=u.mean * scale, sd=u.sd * scale) for name, u in uptakes.items()
        }
        scaled = inside if scale == 1.0 else inside * scale
        found = _measure(_Scene(image, scaled, mask, region, rules, flags, of_references))
        require_names(f"{image}.uptake", (row.definition.name for row in found), defined, defined)
        rows += found
    return rows


def _box(region: Region) -> Box:
    """Return the box of a region with room for a sphere around each of its voxels."""
    if region.box == EMPTY:
        return EMPTY
    z, y, x = (int(ONE_ML_RADIUS_MM / s + 0.5) + 1 for s in reversed(region.geometry.spacing_mm))
    return widened(region.box, (z, y, x), region.geometry.shape)


def _require_same_grid(result: SuvResult, region: Region) -> None:
    if not result.volume.geometry.same_grid(region.geometry):
        raise SuvError(
            "SUV-REGION-GRID",
            f"the region is on another grid: {result.volume.geometry.difference(region.geometry)}",
            where=region.name,
            hint="Import the region on the grid of the PET series.",
        )


def _uptake_of(array: FloatArray, region: Region) -> ReferenceUptake:
    values = array[region.mask]
    if values.size == 0:
        return ReferenceUptake(float("nan"), float("nan"))
    return ReferenceUptake(float(values.mean()), _sample_sd(values), region.flags_for_others)


def _measure(scene: _Scene) -> list[Measurement]:
    if scene.values.size == 0:
        return [scene.missing(d, "the region is empty") for d in uptake_definitions(scene.rules)]
    if np.isnan(scene.values).any():
        reason = "voxels of the region have no value"
        return [scene.missing(d, reason) for d in uptake_definitions(scene.rules)]
    rows = []
    for name in scene.rules.statistics:
        definition, function = UPTAKE_STATISTICS[name]
        rows.append(scene.row(definition, function(scene.values)))
    rows += [_peak_row(scene, rule) for rule in scene.rules.peaks]
    for rule in scene.rules.thresholds:
        rows += _threshold_rows(scene, rule)
    for region in scene.rules.ratios:
        rows += _ratio_rows(scene, region)
    return rows


def _peak_row(scene: _Scene, rule: PeakRule) -> Measurement:
    definition = peak_definition(rule)
    value = suv_peak(scene.array, scene.mask, scene.region.geometry.spacing_mm, rule)
    if np.isnan(value):
        reason = (
            "no sphere of 1 ml lies wholly in the region"
            if rule.place == "inside"
            else "the sphere of 1 ml leaves the image"
        )
        return scene.missing(definition, reason)
    return scene.row(definition, value)


def _threshold_rows(scene: _Scene, rule: ThresholdRule) -> list[Measurement]:
    wanted = _definitions_of_threshold(rule, scene.rules)
    reference = None
    if rule.reference is not None:
        reference = scene.references.get(rule.reference.region)
        if reference is None or np.isnan(reference.mean):
            reason = f"the reference region {rule.reference.region!r} is missing or empty"
            return [scene.missing(definition, reason) for definition in wanted]
        scene = replace(scene, flags=scene.flags | reference.flags)
    tumour = tumour_voxels(
        scene.array, scene.mask, rule, scene.rules.lesions, scene.voxel_ml, reference
    )
    if tumour is None:
        return [scene.missing(d, "the threshold has no value") for d in wanted]
    return _tumour_rows(scene, rule, tumour)


def _tumour_rows(scene: _Scene, rule: ThresholdRule, tumour: TumourVoxels) -> list[Measurement]:
    definitions = threshold_definitions(rule)
    inside = scene.array[tumour.mask]
    rows = [
        scene.row(definitions.mtv, inside.size * scene.voxel_ml),
        scene.row(definitions.tlg, float(inside.sum()) * scene.voxel_ml),
    ]
    if rule.reference is not None:
        reference = scene.references[rule.reference.region]
        rows.insert(0, scene.row(definitions.value, threshold_value(rule, 0.0, reference)))
    if scene.rules.lesions is None:
        return rows
    rows.append(scene.row(definitions.n_lesions, float(tumour.n_lesions)))
    if tumour.n_lesions < 2:
        rows.append(scene.missing(definitions.dmax, "fewer than two lesions"))
    else:
        distance = largest_distance_mm(tumour, scene.region.geometry)
        rows.append(scene.row(definitions.dmax, distance))
    for number in range(1, scene.rules.lesions.listed + 1):
        rows += _lesion_rows(scene, rule, tumour, number)
    return rows


def _lesion_rows(
    scene: _Scene, rule: ThresholdRule, tumour: TumourVoxels, number: int
) -> list[Measurement]:
    volume, glycolysis, maximum = lesion_definitions(rule, number)
    if number > tumour.n_lesions:
        reason = f"there are {tumour.n_lesions} lesions"
        return [scene.missing(d, reason) for d in (volume, glycolysis, maximum)]
    values = scene.array[tumour.labels == number]
    return [
        scene.row(volume, values.size * scene.voxel_ml),
        scene.row(glycolysis, float(values.sum()) * scene.voxel_ml),
        scene.row(maximum, float(values.max())),
    ]


def _ratio_rows(scene: _Scene, region: str) -> list[Measurement]:
    of_max, of_mean = ratio_definitions(region)
    reference = scene.references.get(region)
    if reference is None or not reference.mean > 0:
        reason = f"the reference region {region!r} is missing, empty or without uptake"
        return [scene.missing(of_max, reason), scene.missing(of_mean, reason)]
    scene = replace(scene, flags=scene.flags | reference.flags)
    return [
        scene.row(of_max, float(scene.values.max()) / reference.mean),
        scene.row(of_mean, float(scene.values.mean()) / reference.mean),
    ]
