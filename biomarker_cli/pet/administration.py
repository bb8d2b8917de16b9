"""The administration: nuclide, half-life and activity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from biomarker_cli.dicom.inferred_units import is_dose_in_mbq
from biomarker_cli.dicom.injection import (
    TAG_DOSE,
    TAG_HALF_LIFE,
    TAG_NUCLIDE,
    InjectionRecord,
    no_number,
)
from biomarker_cli.dicom.nuclides import (
    Nuclide,
    agrees,
    nuclide_of_code,
    nuclide_of_text,
    nuclides_of_half_life,
)
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.patient import require_agreement
from biomarker_cli.pet.rules import ClinicalForm, SuvRules

F18_BAND_MBQ_PER_KG = (0.05, 25.0)
INFERRED_BAND_MBQ_PER_KG = (1.0, 25.0)
"""Plausible F-18 activity; narrower where the unit itself was inferred."""

ANY_NUCLIDE_BAND_MBQ = (1.0, 5000.0)
"""What PET administers at all; catches kBq where the protocol has no band."""


def read_nuclide(record: InjectionRecord, derivation: Derivation) -> tuple[Nuclide, float]:
    """Return the nuclide and the half-life of the header, s.

    Raises
    ------
    SuvError
        ``SUV-NO-HALF-LIFE``, ``SUV-HALF-LIFE``, ``SUV-NUCLIDE``,
        ``SUV-NOT-POSITRON``.
    """
    half_life = record.half_life
    derivation.read("half-life", half_life, "s", TAG_HALF_LIFE)
    derivation.read(
        "radionuclide", [*record.nuclide_codes, record.nuclide_meaning], "", TAG_NUCLIDE
    )
    if record.half_life_text:
        raise no_number(f"RadionuclideHalfLife {TAG_HALF_LIFE}", record.half_life_text)
    if not half_life or half_life <= 0:
        raise SuvError(
            "SUV-NO-HALF-LIFE",
            "the half-life of the radionuclide is missing",
            where=TAG_HALF_LIFE,
            hint="Give RadionuclideHalfLife in the override file.",
        )
    named = [nuclide_of_code(code) for code in record.nuclide_codes]
    named += [nuclide_of_text(text) for text in record.nuclide_meaning.split("; ")]
    known = list(dict.fromkeys(n for n in named if n is not None))
    if known:
        matching = [n for n in known if agrees(n, half_life)]
        if not matching:
            raise _half_life_error(known[0], half_life)
        if len(known) > 1:
            derivation.warn(
                f"code and text name {' and '.join(n.name for n in known)}: "
                f"the half-life says {matching[0].name}"
            )
        nuclide = matching[0]
    else:
        nuclide = _by_half_life(record, half_life, derivation)
    if not nuclide.is_positron_emitter and not derivation.is_overridden("Modality"):
        raise SuvError(
            "SUV-NOT-POSITRON",
            f"{nuclide.name} is no positron emitter: this is a SPECT image in a PET object",
            where=TAG_NUCLIDE,
            hint="Confirm Modality in the override file if an SUV is wanted all the same.",
        )
    derivation.results["nuclide"] = nuclide.name
    return nuclide, half_life


def _by_half_life(record: InjectionRecord, half_life: float, derivation: Derivation) -> Nuclide:
    if record.nuclide_codes or record.nuclide_meaning:
        if not derivation.is_overridden("RadionuclideHalfLife"):
            raise SuvError(
                "SUV-NUCLIDE",
                f"the radionuclide {record.nuclide_codes} {record.nuclide_meaning!r} is not known",
                where=TAG_NUCLIDE,
                hint="Confirm RadionuclideHalfLife in the override file.",
            )
        return Nuclide("unknown", half_life)
    found = nuclides_of_half_life(half_life)
    if len(found) != 1:
        raise SuvError(
            "SUV-HALF-LIFE",
            f"no code names the radionuclide, and {half_life:g} s is the half-life of "
            f"{' or '.join(n.name for n in found) or 'none'}",
            where=TAG_HALF_LIFE,
            hint="The half-life is in seconds. Correct RadionuclideHalfLife in the override file.",
        )
    derivation.warn(
        f"no code names the radionuclide: by its half-life it is {found[0].name}",
        "nuclide_unverified",
    )
    return found[0]


def _half_life_error(nuclide: Nuclide, half_life: float) -> SuvError:
    return SuvError(
        "SUV-HALF-LIFE",
        f"expected {nuclide.half_life_s:g} s for {nuclide.name}, found {half_life:g} s",
        where=TAG_HALF_LIFE,
        hint="The half-life is in seconds. Correct RadionuclideHalfLife in the override file.",
    )


@dataclass(frozen=True, slots=True)
class ActivityFacts:
    """What the activity is judged by.

    Attributes
    ----------
    nuclide : Nuclide
    half_life_s, weight_kg : float
    in_mbq_by_definition : bool
        Enhanced PET (PS3.3 C.8.22.4).
    """

    nuclide: Nuclide
    half_life_s: float
    weight_kg: float
    in_mbq_by_definition: bool


def read_activity_bq(
    record: InjectionRecord,
    facts: ActivityFacts,
    form: ClinicalForm,
    rules: SuvRules,
    derivation: Derivation,
) -> float:
    """Return the administered activity at the time of injection, Bq.

    Raises
    ------
    SuvError
        ``SUV-NO-ACTIVITY``, ``SUV-ACTIVITY``, ``SUV-ACTIVITY-UNIT``,
        ``SUV-ACTIVITY-CONFLICT``.
    """
    unit = "MBq" if facts.in_mbq_by_definition else "Bq"
    derivation.read("administered activity", record.dose, unit, TAG_DOSE)
    of_form = _activity_of_form(form, facts.half_life_s, derivation)
    if record.dose_text:
        raise no_number(f"RadionuclideTotalDose {TAG_DOSE}", record.dose_text)
    if record.dose is None or record.dose == 0:
        if of_form is None:
            raise SuvError(
                "SUV-NO-ACTIVITY",
                "the administered activity is missing or 0",
                where=TAG_DOSE,
                hint="Give injected_activity_mbq in the manifest, or RadionuclideTotalDose in the "
                "override file.",
            )
        derivation.convert("administered activity", None, of_form, "the header has none: the form")
        return of_form
    if record.dose < 0:
        raise _activity_error(record.dose, "a negative activity", "Bq")
    inferred = not facts.in_mbq_by_definition and is_dose_in_mbq(record.dose)
    activity = record.dose * 1e6 if inferred or facts.in_mbq_by_definition else record.dose
    _check_band(record.dose, activity, facts, rules, derivation, inferred)
    if inferred:
        derivation.convert(
            "administered activity", record.dose, activity, "a dose below 10000 is in MBq"
        )
        derivation.flags.add("unit_inferred:RadionuclideTotalDose")
    if of_form is not None:
        require_agreement(
            "SUV-ACTIVITY-CONFLICT",
            "RadionuclideTotalDose (0018,1074)",
            activity,
            of_form,
            "Bq",
            derivation,
        )
    return activity


def _check_band(
    dose: float,
    activity: float,
    facts: ActivityFacts,
    rules: SuvRules,
    derivation: Derivation,
    inferred: bool,
) -> None:
    if derivation.is_overridden("RadionuclideTotalDose"):
        return
    per_kg = activity / 1e6 / facts.weight_kg
    derivation.results["activity_mbq_per_kg"] = per_kg
    name = facts.nuclide.name
    band = rules.activity_mbq_per_kg.get(name)
    if band is None and name == "F-18":
        band = INFERRED_BAND_MBQ_PER_KG if inferred else F18_BAND_MBQ_PER_KG
    if band is None:
        if inferred:
            raise SuvError(
                "SUV-ACTIVITY-UNIT",
                f"{dose:g} is no activity in Bq, and the analysis protocol has no band for {name} "
                "that tells another unit",
                where=TAG_DOSE,
                hint=f"Add activity_mbq_per_kg: {{{name}: [low, high]}} to the protocol, or give "
                "RadionuclideTotalDose in Bq in the override file.",
            )
        low, high = ANY_NUCLIDE_BAND_MBQ
        if not low <= activity / 1e6 <= high:
            raise _activity_error(dose, f"outside {low:g} to {high:g} MBq", "Bq")
        return
    if not band[0] <= per_kg <= band[1]:
        raise _activity_error(
            dose,
            f"{per_kg:.3g} MBq/kg, outside {band[0]:g} to {band[1]:g} MBq/kg for {name}",
            "MBq" if inferred or facts.in_mbq_by_definition else "Bq",
        )


def _activity_error(dose: float, problem: str, read_as: str) -> SuvError:
    return SuvError(
        "SUV-ACTIVITY",
        f"{dose:g}, read as {read_as}, is {problem}",
        where=TAG_DOSE,
        hint="The standard asks for Bq (MBq in enhanced PET). Give the right value in the "
        "override file.",
    )


def _activity_of_form(
    form: ClinicalForm, half_life_s: float, derivation: Derivation
) -> float | None:
    if form.injected_activity_mbq is None:
        return None
    injected = _at_injection(
        form.injected_activity_mbq, form.injected_assay_datetime, form, half_life_s
    )
    residual = _at_injection(
        form.residual_activity_mbq or 0.0, form.residual_assay_datetime, form, half_life_s
    )
    derivation.read(
        "injected activity", form.injected_activity_mbq, "MBq", "form: injected_activity_mbq"
    )
    derivation.read(
        "residual activity", form.residual_activity_mbq, "MBq", "form: residual_activity_mbq"
    )
    net = (injected - residual) * 1e6
    if net <= 0:
        raise SuvError(
            "SUV-ACTIVITY",
            f"the form leaves {net:g} Bq after the residual activity",
            where="form: injected_activity_mbq, residual_activity_mbq",
        )
    return net


def _at_injection(
    activity: float, assayed: datetime | None, form: ClinicalForm, half_life_s: float
) -> float:
    if assayed is None or activity == 0.0:
        return activity
    if form.injection_datetime is None:
        raise SuvError(
            "SUV-FORM",
            "an assay time without the time of injection",
            where="form: injection_datetime",
            hint="Give injection_datetime in the manifest.",
        )
    if (assayed.tzinfo is None) != (form.injection_datetime.tzinfo is None):
        raise SuvError(
            "SUV-FORM",
            "one of assay and injection carries an offset from UTC, the other does not",
            where="form: injection_datetime",
        )
    elapsed = (form.injection_datetime - assayed).total_seconds()
    try:
        return float(activity * 2.0 ** (-elapsed / half_life_s))
    except OverflowError as error:
        raise SuvError(
            "SUV-FORM",
            f"an assay {-elapsed / 86_400:.0f} days after the injection",
            where="form: injection_datetime, injected_assay_datetime, residual_assay_datetime",
            hint="Correct the dates in the manifest.",
        ) from error
