"""The scale factor from displayed to measured values that Philips keeps per image."""

from __future__ import annotations

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.private_values import first_number


def is_philips(header: FrameHeader) -> bool:
    """Tell whether the image was written by a Philips system."""
    return str(header.get("Manufacturer", "")).upper().startswith("PHILIPS")


def read_scale(header: FrameHeader) -> float | None:
    """Return RS x SS: the rescaled value divided by it is on one scale for all images.

    ``FP = (stored x RS + RI) / (RS x SS)``, with SS = (2005,xx0E).

    Returns
    -------
    float or None
        None where the scale slope is absent or makes no sense.
    """
    scale_slope = first_number(header.private(0x2005, "Philips MR Imaging DD 001", 0x0E))
    product = first_number(header.get("RescaleSlope", 1.0)) * scale_slope
    return product if product > 0 else None
