"""The administered radiopharmaceutical, as the header says it.

Classic PET keeps it in the PET Isotope module (PS3.3 C.8.9.2), enhanced PET in
the Enhanced PET Isotope module (C.8.22.4), where the dose is in MBq by
definition. Nothing is judged here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from biomarker_cli.dicom.frames import FrameHeader, damage_named
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
    """

    dose: float | None
    half_life: float | None
    start_time: str
    start_datetime: str
    nuclide_codes: tuple[str, ...]
    nuclide_meaning: str
    radiopharmaceutical: str


def read_injections(header: FrameHeader) -> tuple[InjectionRecord, ...]:
    """Return the administrations that a frame may stem from.

    Where the frame names its agent by number (Radiopharmaceutical Usage macro,
    PS3.3 C.8.22.5.6), only that agent's items are returned.

    Raises
    ------
    HeaderError
        ``FILE-ELEMENT`` where an item cannot be decoded.
    """
    items = list(header.get(RADIOPHARMACEUTICALS) or ())
    agent = _integer(header.get("RadiopharmaceuticalAgentNumber"))
    # Items are parsed when they are looked at.
    with damage_named(header.path, RADIOPHARMACEUTICALS):
        if agent is not None and len(items) > 1:
            items = [i for i in items if _integer(i.get("RadiopharmaceuticalAgentNumber")) == agent]
        return tuple(_record(item) for item in items)


def _record(item: Dataset) -> InjectionRecord:
    nuclides = item.get("RadionuclideCodeSequence") or ()
    return InjectionRecord(
        dose=number(item.get("RadionuclideTotalDose")),
        half_life=number(item.get("RadionuclideHalfLife")),
        start_time=_text(item.get("RadiopharmaceuticalStartTime")),
        start_datetime=_text(item.get("RadiopharmaceuticalStartDateTime")),
        nuclide_codes=tuple(filter(None, (_text(n.get("CodeValue")) for n in nuclides))),
        nuclide_meaning="; ".join(filter(None, (_text(n.get("CodeMeaning")) for n in nuclides))),
        radiopharmaceutical=_text(item.get("Radiopharmaceutical")),
    )


def number(value: Any) -> float | None:
    """Return a finite number, None for anything else."""
    if value is None or text_of(value) == "":
        return None
    try:
        result = float(text_of(value))
    except ValueError:
        return None
    return result if math.isfinite(result) else None


def _integer(value: Any) -> int | None:
    found = number(value)
    return None if found is None else int(found)


def _text(value: Any) -> str:
    return "" if value is None else text_of(value)
