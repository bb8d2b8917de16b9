"""The b-value of a frame, with the element it came from."""

from __future__ import annotations

from dataclasses import dataclass

from biomarker_cli.dicom.frames import FrameHeader


@dataclass(frozen=True, slots=True)
class BValue:
    """A b-value as the header says it.

    Attributes
    ----------
    value : float
        s/mm2.
    tag : str
        Element it was read from.
    rule : str
        Name of the dialect.
    """

    value: float
    tag: str
    rule: str


def read_b_value(header: FrameHeader) -> BValue | None:
    """Return the b-value of a frame, None where the header has none.

    References
    ----------
    DICOM PS3.3 C.8.13.5.9 (MR Diffusion), (0018,9087).
    """
    value = header.get("DiffusionBValue")
    if value is None:
        return None
    return BValue(float(value), "(0018,9087)", "standard")
