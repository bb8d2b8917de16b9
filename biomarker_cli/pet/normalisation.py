"""What an SUV is normalised by: body weight, lean mass, surface, ideal weight.

Every normalisation is a factor on SUVbw that depends on weight, height and sex
alone: SUV_x = SUVbw * (quantity_x / weight).

References
----------
James 1976 (lean body mass); Janmahasatian 2005 (10.2165/00003088-200544100-00004);
Du Bois 1916 (surface); IBSI-SUV manual v1 (ideal body weight, and sex ``O``); the
variants are named in DICOM PS3.16 CID 85.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from biomarker_cli.model.quantity import (
    SUL_JAMES,
    SUL_JAMES128,
    SUL_JANMA,
    SUVBSA,
    SUVBW,
    SUVIBW,
)
from biomarker_cli.pet.errors import SuvError

QUANTITY_OF = MappingProxyType(
    {q.name: q for q in (SUVBW, SUL_JANMA, SUL_JAMES, SUL_JAMES128, SUVBSA, SUVIBW)}
)
"""Image name -> quantity."""

NORMALISATION_OF_SUV_TYPE = MappingProxyType(
    {
        "": "suvbw",
        "BW": "suvbw",
        "BSA": "suvbsa",
        "LBM": "sul_james",
        "LBMJAMES128": "sul_james128",
        "LBMJANMA": "sul_janma",
        "IBW": "suvibw",
    }
)
"""SUVType (0054,1006) -> image name; empty means body weight (PS3.3 C.8.9.1)."""


@dataclass(frozen=True, slots=True)
class BodyMeasures:
    """Body measures: what a normalisation needs of the patient.

    Attributes
    ----------
    weight_kg, height_m : float or None
    sex : str
        M, F, O, anything else as the header has it.
    """

    weight_kg: float | None
    height_m: float | None
    sex: str


def _james(weight: float, height: float, sex: str, male_term: float) -> float:
    relative = weight / (100.0 * height)
    if sex == "M":
        return 1.10 * weight - male_term * relative**2
    return 1.07 * weight - 148.0 * relative**2


def _janmahasatian(weight: float, height: float, sex: str) -> float:
    bmi = weight / height**2
    if sex == "M":
        return 9270.0 * weight / (6680.0 + 216.0 * bmi)
    return 9270.0 * weight / (8780.0 + 244.0 * bmi)


def _ideal(_weight: float, height: float, sex: str) -> float:
    above_cm = 100.0 * height - 152.0
    return 48.0 + 1.06 * above_cm if sex == "M" else 45.5 + 0.91 * above_cm


_MASS_KG: MappingProxyType[str, Callable[[float, float, str], float]] = MappingProxyType(
    {
        "sul_janma": _janmahasatian,
        "sul_james": partial(_james, male_term=120.0),
        "sul_james128": partial(_james, male_term=128.0),
        "suvibw": _ideal,
    }
)


def body_surface_m2(weight_kg: float, height_m: float) -> float:
    """Return the body surface after Du Bois and Du Bois.

    Parameters
    ----------
    weight_kg, height_m : float

    References
    ----------
    Du Bois 1916.
    """
    return float(0.007184 * weight_kg**0.425 * (100.0 * height_m) ** 0.725)


def factor_on_suvbw(normalisation: str, body: BodyMeasures) -> float:
    """Return what SUVbw is multiplied with.

    Parameters
    ----------
    normalisation : str
        Image name.
    body : BodyMeasures

    Returns
    -------
    float
        In cm2/g for ``suvbsa``, else without unit.

    Raises
    ------
    SuvError
        ``SUV-NO-WEIGHT``, ``SUV-NO-HEIGHT``, ``SUV-NO-SEX``, ``SUV-BODY``.
    """
    if normalisation == "suvbw":
        return 1.0
    weight, height = require_weight(body), _require_height(body, normalisation)
    if normalisation == "suvbsa":
        # m2 -> cm2 and kg -> g leave a factor of 10.
        return 10.0 * body_surface_m2(weight, height) / weight
    mass = _MASS_KG[normalisation]
    if body.sex == "O":
        result = (mass(weight, height, "M") + mass(weight, height, "F")) / (2.0 * weight)
    elif body.sex in {"M", "F"}:
        result = mass(weight, height, body.sex) / weight
    else:
        raise SuvError(
            "SUV-NO-SEX",
            f"{normalisation} needs PatientSex: expected M, F or O, found {body.sex or 'none'!r}",
            where="PatientSex (0010,0040)",
            hint="Give the sex in the manifest or the override file.",
        )
    if result <= 0.0:
        raise SuvError(
            "SUV-BODY",
            f"{normalisation}: the formula gives {result * weight:.1f} kg for {weight:g} kg and "
            f"{height:g} m: it does not hold for this body",
            where="PatientWeight (0010,1030), PatientSize (0010,1020)",
            hint="Measure with another normalisation.",
        )
    return result


def require_weight(body: BodyMeasures) -> float:
    """Return the weight in kg.

    Raises
    ------
    SuvError
        ``SUV-NO-WEIGHT``.
    """
    if body.weight_kg is None:
        raise SuvError(
            "SUV-NO-WEIGHT",
            "the patient's weight is missing or 0",
            where="PatientWeight (0010,1030)",
            hint="Give weight_kg in the manifest or the override file.",
        )
    return body.weight_kg


def _require_height(body: BodyMeasures, normalisation: str) -> float:
    if body.height_m is None:
        raise SuvError(
            "SUV-NO-HEIGHT",
            f"{normalisation} needs the patient's height, which is missing or 0",
            where="PatientSize (0010,1020)",
            hint="Give height_m in the manifest or the override file.",
        )
    return body.height_m
