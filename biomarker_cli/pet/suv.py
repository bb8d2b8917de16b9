"""A PET series becomes SUV, or says by name why it does not."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import Frames
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.quantity import STORED_PET, SUVBW
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.factor import Factors, Question, suvbw_factors
from biomarker_cli.pet.harmonisation import gaussian
from biomarker_cli.pet.normalisation import QUANTITY_OF, factor_on_suvbw
from biomarker_cli.pet.overrides import apply_overrides, require_calendar
from biomarker_cli.pet.patient import read_body_measures
from biomarker_cli.pet.rules import ClinicalForm, Override, SuvRules
from biomarker_cli.pet.series import read_series


@dataclass(frozen=True)
class SuvResult:
    """An SUV map and how it came about.

    Attributes
    ----------
    volume : Volume
        Of the first normalisation of the rules.
    image : str
        Its name in feature ids: ``suvbw``, ``sul_janma`` ...
    scales : mapping of str to float
        Image name -> factor on `volume`, the first one (1.0) included.
    derivation : mapping
        JSON-able: inputs, conversions, candidates, warnings, factor per slice.
    """

    volume: Volume
    image: str
    scales: Mapping[str, float]
    derivation: dict[str, Any] = field(default_factory=dict)


def suv_volume(
    volume: Volume,
    rules: SuvRules,
    form: ClinicalForm | None = None,
    overrides: Iterable[Override] = (),
) -> SuvResult:
    """Turn the voxel values of a PET series into SUV.

    Parameters
    ----------
    volume : Volume
        Quantity ``pet_stored``, rescaled slice by slice, with its frames.
    rules : SuvRules
    form : ClinicalForm, optional
        Second source for weight, height, activity and time of injection.
    overrides : iterable of Override
        Those of other series are left alone.

    Returns
    -------
    SuvResult

    Raises
    ------
    SuvError
        Every reason why no SUV is made; see docs/errors/pet.md.

    References
    ----------
    IBSI-SUV manual v1; QIBA FDG-PET profile; DICOM PS3.3 C.8.9, C.8.22.
    """
    if not volume.frames:
        raise SuvError(
            "SUV-NO-HEADER",
            "the image has no header that an SUV could be computed from",
            where=volume.volume_id,
            hint="Give the DICOM series, or --quantity suvbw where the image is SUV already.",
        )
    if volume.quantity != STORED_PET:
        raise SuvError(
            "SUV-NOT-PET",
            f"expected a PET series, found an image of {volume.quantity.title}",
            where=volume.volume_id,
            hint="Name the PET series with --series.",
        )
    derivation = Derivation()
    place = PetFrames(volume.frames, volume.geometry.voxel_volume_ml)
    try:
        factor_of, scales = _factors(place, rules, form or ClinicalForm(), overrides, derivation)
    except SuvError as error:
        error.derivation = derivation.as_dict()
        raise
    array = volume.as_float64() * factor_of[:, None, None]
    _judge_maximum(array, derivation.results["normalisation_on_suvbw"], rules, derivation)
    if rules.harmonisation is not None:
        array = gaussian(array, volume.geometry, rules.harmonisation.fwhm_mm)
        derivation.results["harmonisation_fwhm_mm"] = rules.harmonisation.fwhm_mm
    image = rules.normalisations[0]
    result = volume.with_array(array, QUANTITY_OF[image], *derivation.flags)
    return SuvResult(result, image, scales, derivation.as_dict())


def _judge_maximum(
    array: FloatArray,
    on_suvbw: Mapping[str, float],
    rules: SuvRules,
    derivation: Derivation,
) -> None:
    """Flag an image whose hottest voxel no patient can have: its unit is another one."""
    hottest = float(np.nanmax(array, initial=-np.inf)) / on_suvbw[rules.normalisations[0]]
    low, high = rules.plausible_maximum
    if not low <= hottest <= high:
        derivation.warn(
            f"the hottest voxel of the image has SUVbw {hottest:.3g}, outside {low:g} to {high:g}: "
            "the voxels are hardly in the unit that the header names",
            "implausible",
        )


def _factors(
    place: PetFrames,
    rules: SuvRules,
    form: ClinicalForm,
    overrides: Iterable[Override],
    derivation: Derivation,
) -> tuple[Factors, dict[str, float]]:
    """Return the factor of each slice to the first image, and the scale of the others."""
    try:
        with warnings.catch_warnings():
            # Values that the standard forbids are judged here by name, not by pydicom.
            warnings.simplefilter("ignore")
            require_calendar(form.dated, place.frames.first)
            frames = apply_overrides(place.frames, overrides, derivation)
            series = read_series(frames, derivation)
            body = read_body_measures(frames.first, form, rules, derivation)
            factors = suvbw_factors(Question(series, body, form, rules, place.voxel_ml, derivation))
    except HeaderError as error:
        # One class tells the caller that this series gives no SUV.
        raise SuvError(error.code, error.message, where=error.where, hint=error.hint) from error
    image = rules.normalisations[0]
    first = factor_on_suvbw(image, body)
    scales: dict[str, float] = {
        name: factor_on_suvbw(name, body) / first for name in rules.normalisations
    }
    derivation.results["image"] = image
    derivation.results["normalisation_on_suvbw"] = {n: s * first for n, s in scales.items()}
    derivation.results["factor_per_slice"] = (factors * first).tolist()
    return factors * first, scales


@dataclass(frozen=True)
class PetFrames:
    """The headers of a PET series, and the volume of its voxels."""

    frames: Frames
    voxel_ml: float


@dataclass(frozen=True)
class Explanation:
    """How a series becomes SUV, or how far it came.

    Attributes
    ----------
    derivation : dict
        JSON-able; what was read until a refusal.
    error : SuvError or None
    """

    derivation: dict[str, Any]
    error: SuvError | None = None


def explain_suv(
    place: PetFrames,
    rules: SuvRules,
    form: ClinicalForm | None = None,
    overrides: Iterable[Override] = (),
) -> Explanation:
    """Derive the factors of a series from its headers, without pixels and without raising.

    Parameters
    ----------
    place : PetFrames
    rules : SuvRules
    form : ClinicalForm, optional
    overrides : iterable of Override
    """
    derivation = Derivation()
    try:
        _factors(place, rules, form or ClinicalForm(), overrides, derivation)
    except SuvError as error:
        return Explanation(derivation.as_dict(), error)
    return Explanation(derivation.as_dict())


def declared_suv(volume: Volume, rules: SuvRules) -> SuvResult:
    """Take an image without header as SUVbw, because the user says so.

    Parameters
    ----------
    volume : Volume
        Quantity ``suvbw`` and flag ``quantity_declared``, as ``--quantity`` sets them.
    rules : SuvRules
        Must ask for SUVbw alone: other normalisations need a patient.

    Raises
    ------
    SuvError
        ``SUV-NO-HEADER`` where nothing was declared, or another normalisation
        is asked for.
    """
    if volume.quantity != SUVBW:
        raise SuvError(
            "SUV-NO-HEADER",
            "the image has no header that an SUV could be computed from, and its unit was not "
            "declared",
            where=volume.volume_id,
            hint="Give the DICOM series, or --quantity suvbw where the image is SUV already.",
        )
    if rules.normalisations != ("suvbw",):
        raise SuvError(
            "SUV-NO-HEADER",
            f"{', '.join(rules.normalisations)} needs weight, height and sex, and the image has "
            "no header",
            where=volume.volume_id,
            hint="Give the DICOM series, or an analysis protocol of SUVbw alone.",
        )
    array = volume.as_float64()
    derivation = Derivation(results={"rule": "declared", "image": "suvbw"})
    _judge_maximum(array, {"suvbw": 1.0}, rules, derivation)
    if rules.harmonisation is not None:
        array = gaussian(array, volume.geometry, rules.harmonisation.fwhm_mm)
        derivation.results["harmonisation_fwhm_mm"] = rules.harmonisation.fwhm_mm
    declared = volume.with_array(array, SUVBW, "quantity_declared", *derivation.flags)
    return SuvResult(declared, "suvbw", {"suvbw": 1.0}, derivation.as_dict())
