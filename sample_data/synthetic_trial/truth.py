"""The tables beside the data: the cases and the analytic truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from synthetic_trial.phantom import counted_volume_sd, sphere_volume
from synthetic_trial.trial import CHECKER_HU, VISITS, Ball, Grid, Visit

CASE_COLUMNS = "site_id,subject_id,timepoint,role,image,mask,weight_kg"
TRUTH_COLUMNS = "case_id,roi_id,table,feature_id,truth,unit,tolerance_abs,definition"
MASKS = {"ct": "rtstruct.dcm", "pet": "seg.dcm", "dwi": "mask.nii.gz"}
"""Mask file of each image role."""

IMBALANCE = 0.03
"""Bound of |n+ - n-| / n of the checkerboard under a mask; `verify` counts it."""


@dataclass(frozen=True)
class Truth:
    """One known answer."""

    case_id: str
    roi_id: str
    table: str
    feature_id: str
    truth: float
    unit: str
    tolerance_abs: float
    definition: str

    def row(self) -> str:
        """Return the row of truth.csv."""
        numbers = (f"{self.truth:.10g}", self.unit, f"{self.tolerance_abs:.6g}")
        head = (self.case_id, self.roi_id, self.table, self.feature_id)
        return ",".join((*head, *numbers, self.definition))


def _volume(case_id: str, ball: Ball, grid: Grid) -> Truth:
    volume = sphere_volume(ball.radius_mm)
    tolerance = 3 * counted_volume_sd(ball.radius_mm, grid.spacing_mm)
    text = "4/3 pi r^3; tolerance 3 standard deviations of counting voxel centres"
    return Truth(case_id, ball.roi_id, "rois", "volume_mm3", volume, "mm3", tolerance, text)


def _values(role: str, ball: Ball) -> Iterator[tuple[str, float, str, float, str]]:
    """Yield feature, truth, unit, tolerance and definition of one region."""
    if role == "ct":
        unit = "[hnsf'U]"
        text = "base of the +-10 HU checkerboard; tolerance for at most 3 % more of one sign"
        yield "original.intensity.mean", ball.value, unit, IMBALANCE * CHECKER_HU, text
        variance = float(CHECKER_HU**2)
        text = "population variance of the +-10 HU checkerboard on the native voxel grid"
        squared = f"({unit}).({unit})"
        yield "original.intensity.variance", variance, squared, variance * IMBALANCE**2, text
    elif role == "pet":
        text = "uniform sphere; SUV by body weight with decay from injection to first bed"
        for name in ("mean", "max"):
            yield f"suvbw.uptake.{name}", ball.value, "g/ml{SUVbw}", 0.005 * ball.value, text
    else:
        text = "uniform sphere; S = S0 exp(-b ADC) at b = 0 and 100 and 800 s/mm2"
        for name in ("mean", "median"):
            yield f"adc.intensity.{name}", ball.value, "mm2/s", 0.005 * ball.value, text


def truths() -> Iterator[Truth]:
    """Yield all known answers, in the order of the cases."""
    for visit in VISITS:
        for role, grid, balls in roles(visit):
            case_id = f"{visit.key}/{role}"
            for ball in balls:
                yield _volume(case_id, ball, grid)
                for feature, value, unit, tolerance, text in _values(role, ball):
                    yield Truth(
                        case_id, ball.roi_id, "measurements", feature, value, unit, tolerance, text
                    )


def roles(visit: Visit) -> tuple[tuple[str, Grid, tuple[Ball, ...]], ...]:
    """Return image role, grid and spheres of the three series of a visit."""
    return (
        ("ct", visit.ct_grid, visit.ct_balls),
        ("pet", visit.pet_grid, visit.pet_balls),
        ("dwi", visit.dwi_grid, visit.dwi_balls),
    )


def write_tables(folder: Path) -> None:
    """Write cases.csv and truth.csv."""
    cases = [CASE_COLUMNS]
    for visit in VISITS:
        for role, mask in MASKS.items():
            base = f"{visit.folder}/{role}"
            ids = (visit.centre.site_id, visit.subject_id, visit.timepoint, role)
            # The case report form: SUV needs the weight, and a second source of it.
            weight = f"{visit.weight_kg:g}" if role == "pet" else ""
            cases.append(",".join((*ids, f"{base}/image", f"{base}/{mask}", weight)))
    answers = [TRUTH_COLUMNS, *(t.row() for t in truths())]
    for name, lines in (("cases.csv", cases), ("truth.csv", answers)):
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
