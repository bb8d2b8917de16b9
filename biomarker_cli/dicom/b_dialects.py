"""The elements that say the b-value of a frame, in the dialects of the vendors.

Each dialect returns what its element says, for itself; whether the elements of
a frame agree is judged in `biomarker_cli.dicom.bvalues`. A b-value that stands
there but makes no sense is returned as it is (NaN where it is no number);
taking it for an absent one would let it become b = 0 above.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.private_values import first_number, numbers, text

LARGEST_B = 100_000.0
"""s/mm2; the strongest gradients reach some 50,000: a larger number is no b-value."""

GE_B_VALUE_BIAS = 1_000_000_000
"""GE adds this to b-values; a smaller modulus would break b >= 10000."""

GE_PRIVATE = "ge_private"
"""Rule of the b-value that GE writes for the longest gradient of a series."""

_LONGEST_QUOTE = 32


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
    written : str
        What stands in the element, where it is no number.
    conflict : str
        How the elements of the frame contradict each other; empty where they agree.
    """

    value: float
    tag: str
    rule: str
    nominal: float | None = None
    written: str = ""
    conflict: str = ""

    @property
    def is_number(self) -> bool:
        """Whether the value can be a b-value: finite, not negative, not beyond reason."""
        return 0.0 <= self.value <= LARGEST_B

    @property
    def is_usable(self) -> bool:
        """Whether the value is a b-value that nothing in the header contradicts."""
        return self.is_number and not self.conflict


Dialect = Callable[[FrameHeader], BValue | None]


def _said(raw: Any, tag: str, rule: str, nominal: float | None = None) -> BValue:
    value = first_number(raw)
    written = "" if math.isfinite(value) else text(raw)[:_LONGEST_QUOTE]
    return BValue(value, tag, rule, nominal, written)


def _uih(header: FrameHeader) -> BValue | None:
    """UIH writes the applied value and the one set at the console (7.7 % of ADC apart)."""
    if not str(header.get("Manufacturer", "")).upper().startswith("UIH"):
        return None
    actual = _uih_element(header, 0x09)
    if actual is None:
        return None
    return _said(actual, "(0065,xx09)", "uih_actual", uih_console(header))


def uih_console(header: FrameHeader) -> float | None:
    """Return the b-value that was set at the console of a UIH system, None where it is absent."""
    user = first_number(_uih_element(header, 0x0A))
    return user if 0.0 <= user <= LARGEST_B else None


def _uih_element(header: FrameHeader, offset: int) -> Any:
    for creator in ("Image Private Header", "UIH"):
        value = header.private(0x0065, creator, offset)
        if value is not None:
            return value
    return None


def _standard(header: FrameHeader) -> BValue | None:
    value = header.get("DiffusionBValue")
    if value is None:
        return None
    said = _said(value, "(0018,9087)", "standard")
    # One value (VM 1): the first of several would be a guess.
    return said if len(numbers(value)) <= 1 else replace(said, value=math.nan, written=str(value))


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
    return replace(_said(value, "(0043,xx39)", GE_PRIVATE), value=number)


def _ge_says_diffusion(header: FrameHeader) -> bool:
    direction = header.private(0x0021, "GEMS_RELA_01", 0x5A)
    return direction is not None and first_number(direction) != 0.0


def _siemens(header: FrameHeader) -> BValue | None:
    value = header.private(0x0019, "SIEMENS MR HEADER", 0x0C)
    return None if value is None else _said(value, "(0019,xx0C)", "siemens_private")


_SEQUENCE_NAME = re.compile(r"\*?\w*_b(\d{1,5})(?:[#t]\w*)?")


def sequence_name_b(header: FrameHeader) -> float | None:
    """Return the b-value in a Siemens sequence name such as ``*ep_b1000t``, None without one.

    It is that of the console, and no source of its own: a protocol may be renamed.
    """
    if not str(header.get("Manufacturer", "")).upper().startswith("SIEMENS"):
        return None
    found = _SEQUENCE_NAME.fullmatch(str(header.get("SequenceName", "")))
    return float(found[1]) if found else None


def _philips(header: FrameHeader) -> BValue | None:
    value = header.private(0x2001, "Philips Imaging DD 001", 0x03)
    if value is None:
        return None
    number = first_number(value)
    # Philips writes -1 or 0 on everything that is not diffusion-weighted.
    if number == -1.0 or (number == 0.0 and not _philips_says_diffusion(header)):
        return None
    return _said(value, "(2001,xx03)", "philips_private")


def _philips_says_diffusion(header: FrameHeader) -> bool:
    return str(header.get("AcquisitionContrast", "")) == "DIFFUSION" or (
        header.private(0x2001, "Philips Imaging DD 001", 0x04) in {"O", "I", "M", "P", "S"}
    )


_COMMENT = re.compile(r"\bb\s*=\s*([^\s(]+)\s*(?:\(|$)", re.IGNORECASE)


def _toshiba_comment(header: FrameHeader) -> BValue | None:
    """Toshiba and Canon: some systems write ``b=2000(x,y,z)`` in a comment alone."""
    manufacturer = str(header.get("Manufacturer", "")).upper()
    if not manufacturer.startswith(("TOSHIBA", "CANON")):
        return None
    found = _COMMENT.search(str(header.get("ImageComments", "")))
    return _said(found[1], "(0020,4000)", "toshiba_comment") if found else None


DIALECTS: tuple[Dialect, ...] = (_uih, _standard, _ge, _siemens, _philips, _toshiba_comment)
"""In the order in which they are asked: the first that says something is taken."""
