"""Prepare the image of a case for one analysis: its quantity, and how it is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from biomarker_cli.case.analysis import Analysis, AnalysisProtocol
from biomarker_cli.case.inputs import CaseInputs
from biomarker_cli.catalogue.errors import ImageError
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.measurement import Measurement
from biomarker_cli.model.quantity import STORED_PET
from biomarker_cli.model.version import __version__

if TYPE_CHECKING:
    # A case is measured by one room: the functions below load the one they speak of.
    from biomarker_cli.diffusion.adc import AdcResult
    from biomarker_cli.imaging.region import Region
    from biomarker_cli.imaging.volume import Volume

NATIVE_ENGINE = ("biomarker", __version__)

Measured = list[Measurement] | BiomarkerError
"""Measurements of a region, or why it has none."""


@dataclass(frozen=True)
class Prepared:
    """An image ready to be measured.

    Attributes
    ----------
    analysis : Analysis
    volume : Volume
        In the quantity that the analysis measures.
    measure : callable
        From the regions of the case to the measurements of each by name, or to the
        error that stopped it alone.
    engine : tuple of str
        Name and version of what computes.
    describe_image : callable
        From the image name of a feature to its columns of ``features.csv``.
    is_benchmarked : callable
        Whether published IBSI values hold the definition of a row.
    derivation : dict
        How the quantity was derived, for the run folder.
    """

    analysis: Analysis
    volume: Volume
    measure: Callable[[Sequence[Region]], Mapping[str, Measured]]
    engine: tuple[str, str]
    describe_image: Callable[[str], dict[str, Any]]
    is_benchmarked: Callable[[Measurement], bool]
    derivation: Mapping[str, Any] = field(default_factory=dict)


def engine_of(protocol: AnalysisProtocol) -> tuple[str, str]:
    """Return name and version of what computes an analysis."""
    rules = protocol.radiomics
    if rules is None:
        return NATIVE_ENGINE
    from biomarker_cli.radiomics.measuring import engine_identity

    return engine_identity(rules)


def prepare(case: CaseInputs, analysis: Analysis) -> Prepared:
    """Read the image and turn it into the quantity that an analysis measures.

    Raises
    ------
    CaseError
        With the code of the room that refuses.
    """
    _require_modality(case, analysis.protocol)
    preparers = {"radiomics": _for_radiomics, "suv": _for_suv, "adc": _for_adc}
    return preparers[analysis.protocol.measure](case, analysis)


def _require_modality(case: CaseInputs, protocol: AnalysisProtocol) -> None:
    if case.plan.image_files:
        return
    found = {c.modality for c in case.candidates()}
    wanted = protocol.applies_to.modalities
    if wanted and not found <= set(wanted):
        raise ImageError(
            "IMAGE-MODALITY",
            f"{protocol.id} measures {' or '.join(wanted)}, found {', '.join(sorted(found))}",
            hint="Choose the analysis that fits, or the right series.",
        )


def _no_benchmark(_measurement: Measurement) -> bool:
    return False


def _no_description(_image: str) -> dict[str, Any]:
    return {}


def _one_by_one(
    measure: Callable[[Region, Mapping[str, Region]], list[Measurement]],
) -> Callable[[Sequence[Region]], Mapping[str, Measured]]:
    """Return what measures every region, from what measures one among all by name."""

    def measure_all(regions: Sequence[Region]) -> Mapping[str, Measured]:
        by_name = {region.name: region for region in regions}
        found: dict[str, Measured] = {}
        for region in regions:
            try:
                found[region.name] = measure(region, by_name)
            except BiomarkerError as error:
                found[region.name] = error
        return found

    return measure_all


def _for_radiomics(case: CaseInputs, analysis: Analysis) -> Prepared:
    from biomarker_cli.radiomics.describing import image_description, is_ibsi_benchmarked
    from biomarker_cli.radiomics.measuring import radiomics_of_regions

    rules = analysis.protocol.radiomics
    assert rules is not None  # noqa: S101 - held by the protocol model
    volume = case.volume()
    plan = case.plan
    derivation: Mapping[str, Any] = {}
    if volume.quantity == STORED_PET:
        if analysis.protocol.suv is not None:
            from biomarker_cli.pet.suv import suv_volume

            suv = suv_volume(volume, analysis.protocol.suv, plan.form, plan.overrides)
            volume, derivation = suv.volume, suv.derivation
        else:
            volume = volume.with_array(volume.array, volume.quantity, "pet_stored_values")
    fixed = volume
    return Prepared(
        analysis,
        volume,
        lambda regions: dict(radiomics_of_regions(fixed, regions, rules)),
        engine_of(analysis.protocol),
        partial(image_description, rules),
        partial(is_ibsi_benchmarked, rules),
        derivation,
    )


def _for_suv(case: CaseInputs, analysis: Analysis) -> Prepared:
    from biomarker_cli.pet.suv import declared_suv, suv_volume
    from biomarker_cli.pet.uptake import uptake_measurements

    rules = analysis.protocol.suv
    assert rules is not None  # noqa: S101 - held by the protocol model
    plan = case.plan
    if plan.image_files:
        result = declared_suv(case.declared_volume(), rules)
    else:
        result = suv_volume(case.volume(), rules, plan.form, plan.overrides)
    return Prepared(
        analysis,
        result.volume,
        _one_by_one(lambda region, others: uptake_measurements(result, region, rules, others)),
        engine_of(analysis.protocol),
        _no_description,
        _no_benchmark,
        result.derivation,
    )


def _for_adc(case: CaseInputs, analysis: Analysis) -> Prepared:
    from biomarker_cli.diffusion.declared import declared_adc
    from biomarker_cli.diffusion.describing import image_description
    from biomarker_cli.diffusion.maps import diffusion_maps
    from biomarker_cli.diffusion.measuring import map_measurements

    rules = analysis.protocol.adc
    assert rules is not None  # noqa: S101 - held by the protocol model
    results: tuple[AdcResult, ...]
    describe: Callable[[str], dict[str, Any]] = partial(image_description, rules)
    if case.plan.image_files:
        results, describe = (declared_adc(case.declared_volume(), rules),), _no_description
    else:
        results = diffusion_maps(case.candidates(), rules, case.dicom)
    return Prepared(
        analysis,
        results[0].volume,
        _one_by_one(lambda region, _others: map_measurements(results, region, rules)),
        engine_of(analysis.protocol),
        describe,
        _no_benchmark,
        {result.image: result.derivation for result in results},
    )
