"""Weight, height and sex: read, brought to kg and m, held against the form."""

from __future__ import annotations

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.inferred_units import height_m, weight_kg
from biomarker_cli.dicom.injection import require_number
from biomarker_cli.dicom.times import text_of
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.normalisation import BodyMeasures
from biomarker_cli.pet.rules import ClinicalForm, SuvRules

AGREEMENT = 0.03
"""Relative difference within which header and form tell the same weight or activity."""

WEIGHT_BAND_KG = (0.3, 400.0)
HEIGHT_BAND_M = (0.25, 2.6)
"""Bodies that have been measured; they catch another unit where BMI cannot."""


def read_body_measures(
    header: FrameHeader, form: ClinicalForm, rules: SuvRules, derivation: Derivation
) -> BodyMeasures:
    """Return the body measures of the patient: weight, height and sex.

    Parameters
    ----------
    header : FrameHeader
    form : ClinicalForm
        Second source; stands in where the header says nothing.
    rules : SuvRules
    derivation : Derivation
        Takes the inputs, conversions and flags.

    Raises
    ------
    SuvError
        ``SUV-WEIGHT``, ``SUV-HEIGHT``, ``SUV-WEIGHT-CONFLICT``,
        ``SUV-HEIGHT-CONFLICT``, ``SUV-SEX-CONFLICT``, ``SUV-BMI``.
    """
    weight = _weight(header, form, derivation)
    height = _height(header, form, derivation)
    sex = _sex(header, form, derivation)
    if form.glucose_mmol_l is not None:
        derivation.read("glucose", form.glucose_mmol_l, "mmol/L", "form: glucose_mmol_l")
    if weight is not None and height is not None:
        _check_bmi(weight, height, rules, derivation)
    return BodyMeasures(weight, height, sex)


def _weight(header: FrameHeader, form: ClinicalForm, derivation: Derivation) -> float | None:
    tag = "PatientWeight (0010,1030)"
    found = require_number(header.get("PatientWeight"), tag, header.path.name)
    derivation.read("weight", found, "kg", tag)
    used = weight_kg(found) if found else None
    if used and used != found:
        derivation.convert("weight", found, used, "a weight of 1000 or more is in g")
        derivation.flags.add("unit_inferred:PatientWeight")
    _require_band("SUV-WEIGHT", tag, used, WEIGHT_BAND_KG, "kg")
    if form.weight_kg is None:
        derivation.warn("the weight has no second source", "weight_unverified")
        return used
    derivation.read("weight", form.weight_kg, "kg", "form: weight_kg")
    if used is None:
        derivation.convert("weight", None, form.weight_kg, "the header has none: the form's")
        derivation.warn("the weight stands in the form alone", "weight_unverified")
        return form.weight_kg
    require_agreement("SUV-WEIGHT-CONFLICT", tag, used, form.weight_kg, "kg", derivation)
    return used


def _height(header: FrameHeader, form: ClinicalForm, derivation: Derivation) -> float | None:
    tag = "PatientSize (0010,1020)"
    found = require_number(header.get("PatientSize"), tag, header.path.name)
    derivation.read("height", found, "m", tag)
    used = height_m(found) if found else None
    if used and used != found:
        derivation.convert("height", found, used, "a height above 3 is in cm")
        derivation.flags.add("unit_inferred:PatientSize")
    _require_band("SUV-HEIGHT", tag, used, HEIGHT_BAND_M, "m")
    if form.height_m is None:
        return used
    derivation.read("height", form.height_m, "m", "form: height_m")
    if used is None:
        derivation.convert("height", None, form.height_m, "the header has none: the form's")
        return form.height_m
    require_agreement("SUV-HEIGHT-CONFLICT", tag, used, form.height_m, "m", derivation)
    return used


def _sex(header: FrameHeader, form: ClinicalForm, derivation: Derivation) -> str:
    found = text_of(header.get("PatientSex", "")).upper()
    derivation.read("sex", found or None, "", "PatientSex (0010,0040)")
    if form.sex is None:
        return found
    derivation.read("sex", form.sex, "", "form: sex")
    if found in {"M", "F", "O"} and found != form.sex:
        if not derivation.is_overridden("PatientSex"):
            raise SuvError(
                "SUV-SEX-CONFLICT",
                f"the header says {found}, the form {form.sex}",
                where="PatientSex (0010,0040)",
                hint="Find out which is right and name it in the override file.",
            )
        return found
    return found or form.sex


def _require_band(
    code: str, tag: str, value: float | None, band: tuple[float, float], unit: str
) -> None:
    if value is not None and not band[0] <= value <= band[1]:
        raise SuvError(
            code,
            f"expected {band[0]:g} to {band[1]:g} {unit}, found {value:g}",
            where=tag,
            hint="Correct the entry in the override file.",
        )


def require_agreement(
    code: str, tag: str, header: float, form: float, unit: str, derivation: Derivation
) -> None:
    """Refuse a header and a form that differ by more than 3 %.

    An override settles it: the person has seen both.

    Raises
    ------
    SuvError
        With `code`.
    """
    if abs(header / form - 1.0) <= AGREEMENT or derivation.is_overridden(tag.split()[0]):
        return
    raise SuvError(
        code,
        f"the header says {header:.6g} {unit}, the case report form {form:.6g} {unit}: "
        f"more than {100 * AGREEMENT:g} % apart",
        where=tag,
        hint="Find out which is right and name it in the override file.",
    )


def _check_bmi(weight: float, height: float, rules: SuvRules, derivation: Derivation) -> None:
    bmi = weight / height**2
    derivation.results["bmi_kg_per_m2"] = bmi
    low, high = rules.bmi_kg_per_m2
    if low <= bmi <= high or derivation.is_overridden("PatientWeight", "PatientSize"):
        return
    raise SuvError(
        "SUV-BMI",
        f"{weight:g} kg and {height:g} m make a body mass index of {bmi:.1f} kg/m2, "
        f"outside {low:g} to {high:g}: one of them is in another unit or wrong",
        where="PatientWeight (0010,1030), PatientSize (0010,1020)",
        hint="Correct or confirm them in the override file.",
    )
