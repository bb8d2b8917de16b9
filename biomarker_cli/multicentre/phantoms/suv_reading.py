"""How a program reads the SUV phantom: each number of the sheet from one set of assumptions.

The right assumptions give the truth, a wrong one what its mistake predicts. Sums over
slices and levels, no image: nothing of the product's own arithmetic is used.

References
----------
DICOM PS3.3 C.8.9.1; IBSI-SUV manual v1; James 1976, Janmahasatian 2005, Du Bois 1916.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from biomarker_cli.multicentre.objects.pet import TOP
from biomarker_cli.multicentre.phantoms.suv_scene import (
    GIVEN,
    GRID,
    RAMP_STEP,
    SUBJECT,
    cells,
    marker_of,
)

PEAKS = {
    "1ml_voxel_centre_at_max": 0.0,
    "1ml_partial_volume_at_max": 0.0,
    "1ml_voxel_centre_global": 0.0,
    "1ml_partial_volume_global": 0.0,
    "1ml_voxel_centre_inside": 1.0,
    "1ml_partial_volume_inside": 2.0,
}
"""Definition of SUVpeak -> slices from the end of the ramp to the centre of its sphere.

The ramp is linear, so that the mean over a sphere is the value at its centre. The sphere
of 1 ml has a radius of 6.204 mm: voxel centres one slice (3.5 mm) away lie in it, and the
voxels of the second slice reach into it from 5.25 mm on.
"""

THRESHOLDS = {"41pct_of_max": 0.41, "50pct_of_max": 0.50, "fixed_2.5": 2.5, "fixed_4": 4.0}
_RELATIVE = ("41pct_of_max", "50pct_of_max")

NORMALISATIONS = ("sul_janma", "sul_james128", "suvbsa", "suvibw")
"""Beside SUVbw."""

WEIGHT_KG = SUBJECT.weight_kg or 0.0
ML = GRID.voxel_mm3 / 1000.0


def _one(z: int) -> float:
    del z
    return 1.0


@dataclass(frozen=True)
class SuvAssumptions:
    """What a program assumes of the objects.

    Attributes
    ----------
    factor : callable
        SUV that it reads over the true one, by slice.
    activity_factor : float
        The same of the activity concentration.
    weight_kg : float
        What it takes for the weight.
    suvbw_as : str
        The normalisation that it shows as SUVbw.
    james : float
        The constant of the lean mass after James.
    sex : str
        Whose formulas it takes.
    volume_factor, glycolysis_factor : float
        Of volumes, and of volume times uptake.
    """

    factor: Callable[[int], float] = _one
    activity_factor: float = 1.0
    weight_kg: float = WEIGHT_KG
    suvbw_as: str = "suvbw"
    james: float = 128.0
    sex: str = "M"
    volume_factor: float = 1.0
    glycolysis_factor: float = 1.0


def masses_kg(reading: SuvAssumptions) -> dict[str, float]:
    """Return what each normalisation multiplies with; 10 m2 for the surface."""
    weight, height = reading.weight_kg, SUBJECT.height_m or 0.0
    bmi, relative = weight / height**2, weight / (100.0 * height)
    above_cm = 100.0 * height - 152.0
    surface = 10.0 * 0.007184 * weight**0.425 * (100.0 * height) ** 0.725
    if reading.sex == "M":
        janma = 9270.0 * weight / (6680.0 + 216.0 * bmi)
        james = 1.10 * weight - reading.james * relative**2
        ideal = 48.0 + 1.06 * above_cm
    else:
        janma = 9270.0 * weight / (8780.0 + 244.0 * bmi)
        james = 1.07 * weight - 148.0 * relative**2
        ideal = 45.5 + 0.91 * above_cm
    return {
        "suvbw": weight,
        "sul_janma": janma,
        "sul_james128": james,
        "suvbsa": surface,
        "suvibw": ideal,
    }


def values(reading: SuvAssumptions, elapsed_s: float, peak: str) -> dict[str, float]:
    """Return every number of the sheet.

    Parameters
    ----------
    reading : SuvAssumptions
    elapsed_s : float
        From the injection to the moment that the stored activity belongs to.
    peak : str
        Definition of SUVpeak; without a known one there is no peak.
    """
    masses = masses_kg(reading)
    share = masses[reading.suvbw_as] / WEIGHT_KG
    found: dict[str, float] = {}
    for region in ("hot", "cold", "ramp"):
        uptake = [(cell.suv * reading.factor(cell.z), cell.n) for cell in cells(region)]
        mean = sum(suv * n for suv, n in uptake) / sum(n for _, n in uptake)
        found[f"{region}/suvbw.uptake.mean"] = share * mean
        if region != "cold":
            found[f"{region}/suvbw.uptake.max"] = share * max(suv for suv, _ in uptake)
            found[f"{region}/suvbw.uptake.min"] = share * min(suv for suv, _ in uptake)
        if region == "hot":
            for name in NORMALISATIONS:
                found[f"hot/{name}.uptake.mean"] = mean * masses[name] / WEIGHT_KG
    decayed_bq = GIVEN.activity_bq * math.pow(2.0, -elapsed_s / GIVEN.half_life_s)
    found["hot/activity.mean"] = 4.0 * decayed_bq / (1000.0 * WEIGHT_KG) * reading.activity_factor
    hot_voxels = sum(cell.n for cell in cells("hot"))
    found["hot/volume"] = hot_voxels * ML * reading.volume_factor
    if peak in PEAKS:
        last = cells("ramp")[-1]
        centre = last.suv - RAMP_STEP * PEAKS[peak]
        found["ramp/suvbw.uptake.peak"] = share * centre * reading.factor(last.z)
    return found | _thresholds(reading, share)


def _thresholds(reading: SuvAssumptions, share: float) -> dict[str, float]:
    uptake = [(share * cell.suv * reading.factor(cell.z), cell.n) for cell in cells("levels")]
    top = max(suv for suv, _ in uptake)
    found = {"levels/suvbw.uptake.max": top}
    for name, threshold in THRESHOLDS.items():
        limit = threshold * top if name in _RELATIVE else threshold
        inside = [(suv, n) for suv, n in uptake if suv >= limit]
        volume = sum(n for _, n in inside) * ML
        total = sum(suv * n for suv, n in inside) * ML
        found[f"levels/suvbw.uptake.mtv.{name}"] = volume * reading.volume_factor
        found[f"levels/suvbw.uptake.tlg.{name}"] = total * reading.glycolysis_factor
    return found


def slope(z: int, elapsed_s: float) -> float:
    """Return the RescaleSlope of a slice, Bq/ml.

    Parameters
    ----------
    z : int
    elapsed_s : float
        From the injection to the moment that the activity of the slice belongs to.
    """
    decayed_bq = GIVEN.activity_bq * math.pow(2.0, -elapsed_s / GIVEN.half_life_s)
    return marker_of(z) * decayed_bq / (1000.0 * WEIGHT_KG) / TOP
