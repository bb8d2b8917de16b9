"""Facts that are measured on a phantom: no header tells them, a check is handed them."""

from __future__ import annotations

from biomarker_cli.acquisition.facts.registry import FACTS, MEASURED, Reading, missing
from biomarker_cli.acquisition.series import SeriesHeaders

SPHERES_MM = (10, 13, 17, 22, 28, 37)
"""Inner diameters of the spheres of the NEMA/IEC image quality phantom."""

WHY = (
    "measured on the phantom, not told by a header: hand it in with --measured, as "
    "`biomarker suv-explain PATH --phantom SHEET -o FILE` writes it"
)


def _not_in_header(_series: SeriesHeaders) -> Reading:
    return missing((), WHY)


def recovery_fact(quantity: str, sphere_mm: float | None) -> str:
    """Return the fact of a quantity that was measured on a phantom.

    Parameters
    ----------
    quantity : str
        ``calibration``, ``recovery_max``, ``recovery_a50`` or another of a sphere.
    sphere_mm : float or None
        Inner diameter of the sphere.
    """
    if sphere_mm is None:
        return "phantom_background_ratio" if quantity == "calibration" else f"phantom_{quantity}"
    return f"phantom_{quantity}_{sphere_mm:g}mm"


for _diameter in SPHERES_MM:
    FACTS.define(
        f"phantom_recovery_max_{_diameter}mm",
        "1",
        f"Recovery of the maximum in the sphere of {_diameter} mm: measured over true activity "
        "concentration.",
        MEASURED,
    )(_not_in_header)
    FACTS.define(
        f"phantom_recovery_a50_{_diameter}mm",
        "1",
        f"Recovery of the mean above 50 % of the maximum (background adapted) in the sphere of "
        f"{_diameter} mm.",
        MEASURED,
    )(_not_in_header)

FACTS.define(
    "phantom_background_ratio",
    "1",
    "Measured over true activity concentration of the background of the phantom.",
    MEASURED,
)(_not_in_header)
