"""The administered radiopharmaceutical, as the header says it.

Classic PET keeps it in the PET Isotope module (PS3.3 C.8.9.2), enhanced PET in
the Enhanced PET Isotope module (C.8.22.4), where the dose is in MBq by
definition. Nothing is judged here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import FrameHeader, Item, damage_named
from biomarker_cli.dicom.times import text_of

RADIOPHARMACEUTICALS = "RadiopharmaceuticalInformationSequence"
TAG_DOSE = "(0054,0016)>(0018,1074)"
TAG_HALF_LIFE = "(0054,0016)>(0018,1075)"
TAG_START_TIME = "(0054,0016)>(0018,1072)"
TAG_START_DATETIME = "(0054,0016)>(0018,1078)"
TAG_NUCLIDE = "(0054,0016)>(0054,0300)"


@dataclass(frozen=True, slots=True)
class InjectionRecord:
    """One item of the Radiopharmaceutical Information Sequence.

    Attributes
    ----------
    dose : float or None
        RadionuclideTotalDose in the unit that it was written in.
    half_life : float or None
        RadionuclideHalfLife, by the standard in seconds.
    start_time, start_datetime : str
        As written, empty where absent.
    nuclide_codes : tuple of str
        Code values of the radionuclide.
    nuclide_meaning : str
        Its text.
    radiopharmaceutical : str
    dose_text, half_life_text : str
        As written where that is no number, else empty.
    """

    dose: float | None
    half_life: float | None
    start_time: str
    start_datetime: str
    nuclide_codes: tuple[str, ...]
    nuclide_meaning: str
    radiopharmaceutical: str
    dose_text: str = ""
    half_life_text: str = ""


def read_injections(header: FrameHeader) -> tuple[InjectionRecord, ...]:
    """Return the administrations that a frame may stem from.

    Where the frame names its agent by number (Radiopharmaceutical Usage macro,
    PS3.3 C.8.22.5.6), only that agent's items are returned.

    Raises
    ------
    HeaderError
        ``FILE-ELEMENT`` where an item cannot be decoded.
    """
    return header.once("injections", _read_injections)


def _read_injections(header: FrameHeader) -> tuple[InjectionRecord, ...]:
    items = list(header.items(RADIOPHARMACEUTICALS))
    agent = _integer(header.get("RadiopharmaceuticalAgentNumber"))
    # Items are parsed when they are looked at.
    with damage_named(header.path, RADIOPHARMACEUTICALS):
        if agent is not None and len(items) > 1:
            items = [i for i in items if _integer(i.get("RadiopharmaceuticalAgentNumber")) == agent]
        return tuple(_record(item) for item in items)


def _record(item: Item) -> InjectionRecord:
    nuclides = item.get("RadionuclideCodeSequence") or ()
    return InjectionRecord(
        dose=number(item.get("RadionuclideTotalDose")),
        half_life=number(item.get("RadionuclideHalfLife")),
        start_time=_text(item.get("RadiopharmaceuticalStartTime")),
        start_datetime=_text(item.get("RadiopharmaceuticalStartDateTime")),
        nuclide_codes=tuple(filter(None, (_text(n.get("CodeValue")) for n in nuclides))),
        nuclide_meaning="; ".join(filter(None, (_text(n.get("CodeMeaning")) for n in nuclides))),
        radiopharmaceutical=_text(item.get("Radiopharmaceutical")),
        dose_text=unreadable_number(item.get("RadionuclideTotalDose")),
        half_life_text=unreadable_number(item.get("RadionuclideHalfLife")),
    )


def number(value: Any) -> float | None:
    """Return a finite number, None for anything else."""
    if value is None or text_of(value) == "":
        return None
    try:
        result = _parsed(text_of(value))
    except ValueError:
        return None
    return result if math.isfinite(result) else None


def unreadable_number(value: Any) -> str:
    """Return the text of a value that is present and no number, else an empty one."""
    text = "" if value is None else text_of(value)
    if text:
        try:
            _parsed(text)
        except ValueError:
            return text
    return ""


def _parsed(text: str) -> float:
    """Return a decimal string; Python would also take ``1_000`` and the digits of other scripts."""
    if "_" in text or not text.isascii():
        raise ValueError(text)
    return float(text)


def require_number(value: Any, name: str, where: str) -> float | None:
    """Return a finite number, None where there is none.

    Parameters
    ----------
    value : object
    name : str
        Of the element, with its tag.
    where : str

    Raises
    ------
    HeaderError
        ``HEADER-NUMBER`` where a text stands that is no number.
    """
    text = unreadable_number(value)
    if text:
        raise no_number(name, text, where)
    return number(value)


def no_number(name: str, text: str, where: str = "") -> HeaderError:
    """Return the error for a text where a number should stand."""
    hint = "Correct the value at its source, or give it in the override file."
    if "," in text:
        hint = f"DICOM writes decimals with a point. {hint}"
    return HeaderError("HEADER-NUMBER", f"{name}: {text!r} is no number", where=where, hint=hint)


def _integer(value: Any) -> int | None:
    found = number(value)
    return None if found is None else int(found)


def _text(value: Any) -> str:
    return "" if value is None else text_of(value)
