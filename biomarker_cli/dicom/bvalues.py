"""The b-value of a frame, in the dialects of the vendors.

Read, not decided: the element that says it, and what it says. A b-value that
stands there but makes no sense is returned as it is (NaN where it is no
number); taking it for an absent one would let it become b = 0 above.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.private_values import first_number

GE_B_VALUE_BIAS = 1_000_000_000
"""GE adds this to b-values; a smaller modulus would break b >= 10000."""


@dataclass(frozen=True, slots=True)
class BValue:
    """A b-value as the header says it.

    Attributes
    ----------
    value : float
        s/mm2; the physically applied one where the header tells it from the
        value set at the console.
    tag : str
        Element it was read from.
    rule : str
        Name of the dialect.
    nominal : float or None
        Value set at the console, where the header has it beside the applied one.
    """

    value: float
    tag: str
    rule: str
    nominal: float | None = None


Dialect = Callable[[FrameHeader], BValue | None]


def read_b_value(header: FrameHeader) -> BValue | None:
    """Return the b-value of a frame, None where the header has none.

    References
    ----------
    DICOM PS3.3 C.8.13.5.9 (MR Diffusion), (0018,9087); the conformance
    statements of the vendors for private elements.
    """
    for dialect in _DIALECTS:
        found = dialect(header)
        if found is not None:
            return found
    return None


def _uih(header: FrameHeader) -> BValue | None:
    """UIH writes the applied value and the one set at the console (7.7 % of ADC apart)."""
    if not str(header.get("Manufacturer", "")).upper().startswith("UIH"):
        return None
    for creator in ("Image Private Header", "UIH"):
        actual = header.private(0x0065, creator, 0x09)
        if actual is not None:
            user = header.private(0x0065, creator, 0x0A)
            nominal = first_number(user) if user is not None else None
            return BValue(first_number(actual), "(0065,xx09)", "uih_actual", nominal)
    return None


def _standard(header: FrameHeader) -> BValue | None:
    value = header.get("DiffusionBValue")
    return None if value is None else BValue(first_number(value), "(0018,9087)", "standard")


def _ge(header: FrameHeader) -> BValue | None:
    """GE: b is the first of four numbers, with a bias on newer systems.

    Zero stands on fMRI and T1 series too, so that it counts only where the
    series says it is diffusion-weighted: (0021,xx5A) is not 0.
    """
    value = header.private(0x0043, "GEMS_PARM_01", 0x39)
    if value is None:
        return None
    number = first_number(value)
    if math.isfinite(number):
        number = math.fmod(number, GE_B_VALUE_BIAS)
    if number == 0.0 and not _ge_says_diffusion(header):
        return None
    return BValue(number, "(0043,xx39)", "ge_private")


def _ge_says_diffusion(header: FrameHeader) -> bool:
    direction = header.private(0x0021, "GEMS_RELA_01", 0x5A)
    return direction is not None and first_number(direction) != 0.0


def _siemens(header: FrameHeader) -> BValue | None:
    value = header.private(0x0019, "SIEMENS MR HEADER", 0x0C)
    return None if value is None else BValue(first_number(value), "(0019,xx0C)", "siemens_private")


def _philips(header: FrameHeader) -> BValue | None:
    value = header.private(0x2001, "Philips Imaging DD 001", 0x03)
    if value is None:
        return None
    number = first_number(value)
    # Philips writes -1 or 0 on everything that is not diffusion-weighted.
    if number < 0 or (number == 0.0 and not _philips_says_diffusion(header)):
        return None
    return BValue(number, "(2001,xx03)", "philips_private")


def _philips_says_diffusion(header: FrameHeader) -> bool:
    return str(header.get("AcquisitionContrast", "")) == "DIFFUSION" or (
        header.private(0x2001, "Philips Imaging DD 001", 0x04) in {"O", "I", "M", "P", "S"}
    )


_COMMENT = re.compile(r"\bb\s*=\s*(\d+(?:\.\d+)?)\s*(?:\(|$)", re.IGNORECASE)


def _toshiba_comment(header: FrameHeader) -> BValue | None:
    """Toshiba and Canon: some systems write ``b=2000(x,y,z)`` in a comment alone."""
    manufacturer = str(header.get("Manufacturer", "")).upper()
    if not manufacturer.startswith(("TOSHIBA", "CANON")):
        return None
    found = _COMMENT.search(str(header.get("ImageComments", "")))
    return BValue(float(found[1]), "(0020,4000)", "toshiba_comment") if found else None


_DIALECTS: tuple[Dialect, ...] = (_uih, _standard, _ge, _siemens, _philips, _toshiba_comment)
