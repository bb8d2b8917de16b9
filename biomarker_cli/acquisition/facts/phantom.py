"""Facts that are measured on a phantom: no header tells them, a check is handed them."""

from __future__ import annotations

from biomarker_cli.acquisition.facts.registry import FACTS, Reading, missing
from biomarker_cli.acquisition.series import SeriesHeaders

SPHERES_MM = (10, 13, 17, 22, 28, 37)
"""Inner diameters of the spheres of the NEMA/IEC image quality phantom."""

WHY = "measured on the phantom with the activities of its sheet, not told by a header"


def _not_in_header(_series: SeriesHeaders) -> Reading:
    return missing((), WHY)


for _diameter in SPHERES_MM:
    FACTS.define(
        f"phantom_recovery_max_{_diameter}mm",
        "1",
        f"Recovery of the maximum in the sphere of {_diameter} mm: measured over true activity "
        "concentration.",
        "phantom",
    )(_not_in_header)
    FACTS.define(
        f"phantom_recovery_a50_{_diameter}mm",
        "1",
        f"Recovery of the mean above 50 % of the maximum (background adapted) in the sphere of "
        f"{_diameter} mm.",
        "phantom",
    )(_not_in_header)

FACTS.define(
    "phantom_background_ratio",
    "1",
    "Measured over true activity concentration of the background of the phantom.",
    "phantom",
)(_not_in_header)
