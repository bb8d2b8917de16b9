"""FDG-PET series: two beds, decay-corrected to the start of the first one.

References
----------
DICOM PS3.3 C.8.9.1 (PET series), C.8.9.2 (PET isotope), C.8.9.4 (PET image).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import PositronEmissionTomographyImageStorage

from synthetic_trial import headers, phantom
from synthetic_trial.trial import Visit

HALF_LIFE_S = 6586.2
"""F-18."""

FRAME_S = 120.0
BED_INTERVAL_S = 135.0
BACKGROUND_SUV = 1.0


@dataclass(frozen=True)
class Bed:
    """Times of one bed position.

    Attributes
    ----------
    start : datetime
        Start of the frame.
    reference_time_ms : float
        FrameReferenceTime: when the activity had its frame average, counted
        from the series reference.
    decay_factor : float
        Factor that was applied to the activity averaged over the frame.
    """

    start: datetime
    reference_time_ms: float
    decay_factor: float


def bed(visit: Visit, number: int) -> Bed:
    """Return the times of bed 0 or 1."""
    rate = math.log(2.0) / HALF_LIFE_S
    offset = number * BED_INTERVAL_S
    in_frame = rate * FRAME_S / (1.0 - math.exp(-rate * FRAME_S))
    return Bed(
        start=visit.pet_start + timedelta(seconds=offset),
        reference_time_ms=1000.0 * (offset + math.log(in_frame) / rate),
        decay_factor=in_frame * math.exp(rate * offset),
    )


def suv(visit: Visit) -> phantom.Floats:
    """Return the true SUVbw in g/ml, shape (z, y, x), noise outside the spheres."""
    grid = visit.pet_grid
    random = phantom.noise(f"{visit.key}/pet", grid)
    in_body = phantom.body(grid)
    values = np.where(in_body, BACKGROUND_SUV + 0.08 * random, 0.02 + 0.005 * random)
    values = np.clip(values, 0.0, None)
    for ball in visit.pet_balls:
        values[phantom.material(grid, ball)] = ball.value
    return np.asarray(values, dtype=np.float64)


def activity_per_suv(visit: Visit) -> float:
    """Return Bq/ml per SUVbw at the decay reference (start of the first bed)."""
    decay = math.pow(2.0, -visit.uptake_min * 60.0 / HALF_LIFE_S)
    return visit.injected_bq * decay / (1000.0 * visit.weight_kg)


def _radiopharmaceutical(visit: Visit) -> Dataset:
    item = Dataset()
    item.Radiopharmaceutical = "FDG"
    item.RadiopharmaceuticalRoute = "Intravenous route"
    item.RadiopharmaceuticalStartTime = visit.injection.strftime("%H%M%S")
    item.RadiopharmaceuticalStartDateTime = visit.injection.strftime("%Y%m%d%H%M%S")
    item.RadionuclideTotalDose = headers.decimal(visit.injected_bq)
    item.RadionuclideHalfLife = headers.decimal(HALF_LIFE_S)
    item.RadionuclidePositronFraction = "0.967"
    item.RadionuclideCodeSequence = Sequence([headers.coded(codes.cid4020._18Fluorine)])
    item.RadiopharmaceuticalCodeSequence = Sequence(
        [headers.coded(codes.cid4021.FluorodeoxyglucoseF18)]
    )
    return item


def _series(ds: Dataset, visit: Visit) -> None:
    """Add the PET series and isotope modules."""
    ds.SeriesDescription = "FDG PET AC"
    ds.ProtocolName = "SYN FDG"
    ds.SeriesTime = visit.pet_start.strftime("%H%M%S")
    ds.Units = "BQML"
    ds.CountsSource = "EMISSION"
    ds.SeriesType = ["WHOLE BODY", "IMAGE"]
    ds.NumberOfSlices = visit.pet_grid.size[2]
    ds.CorrectedImage = ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"]
    ds.RandomsCorrectionMethod = "DLYD"
    ds.AttenuationCorrectionMethod = "CT-derived mu map"
    ds.ScatterCorrectionMethod = "Model-based"
    ds.DecayCorrection = "START"
    ds.ReconstructionMethod = "OSEM 3i24s"
    ds.ConvolutionKernel = "Gaussian 5.0 mm"
    ds.ReconstructionDiameter = headers.decimal(
        round(visit.pet_grid.size[0] * visit.pet_grid.spacing_mm[0], 3)
    )
    ds.CollimatorType = "NONE"
    ds.RadiopharmaceuticalInformationSequence = Sequence([_radiopharmaceutical(visit)])
    ds.PatientOrientationCodeSequence = Sequence([headers.coded(codes.SCT.Recumbent)])
    ds.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence = Sequence(
        [headers.coded(codes.SCT.Supine)]
    )
    ds.PatientGantryRelationshipCodeSequence = Sequence([headers.coded(codes.SCT.Headfirst)])


def _largest_stored(k: int) -> int:
    """Return the stored value of the hottest voxel of slice ``k``.

    It moves about, so that slices of one maximum still have their own slopes.
    """
    return 32000 - 300 * (7 * k % 31)


def _image(ds: Dataset, visit: Visit, k: int, activity: phantom.Floats) -> None:
    """Add the PET image module of slice ``k`` (Bq/ml), scaled to its own maximum."""
    times = bed(visit, int(k >= visit.pet_grid.size[2] // 2))
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.InstanceNumber = ds.ImageIndex = k + 1
    ds.AcquisitionDate = ds.ContentDate = visit.study_date
    ds.AcquisitionTime = ds.ContentTime = times.start.strftime("%H%M%S")
    ds.FrameReferenceTime = headers.decimal(times.reference_time_ms)
    ds.ActualFrameDuration = str(int(1000 * FRAME_S))
    ds.DecayFactor = headers.decimal(times.decay_factor)
    ds.DoseCalibrationFactor = "1"
    ds.ScatterFractionFactor = "0.3"
    ds.DeadTimeFactor = "1.05"
    slope = headers.decimal(float(activity.max()) / _largest_stored(k))
    stored: npt.NDArray[np.int64] = np.rint(activity / float(slope)).astype(np.int64)
    ds.RescaleSlope = slope
    ds.RescaleIntercept = "0"
    ds.WindowCenter = headers.decimal(0.5 * float(activity.max()))
    ds.WindowWidth = headers.decimal(float(activity.max()))
    headers.add_pixels(ds, stored, bits=16, signed=True)


def write_pet(visit: Visit, folder: Path) -> list[Dataset]:
    """Write one file per slice into ``folder`` and return their data sets."""
    activity = suv(visit) * activity_per_suv(visit)
    written = []
    for k in range(visit.pet_grid.size[2]):
        ds = headers.study_header(visit)
        headers.add_series(ds, visit, "pet", "PT", 3)
        headers.add_equipment(ds, visit, visit.centre.pet)
        headers.add_instance(ds, PositronEmissionTomographyImageStorage, visit.key, "pet", str(k))
        headers.add_plane(ds, visit.pet_grid, k)
        ds.FrameOfReferenceUID = headers.frame_of_reference(visit, "pet")
        _series(ds, visit)
        _image(ds, visit, k, activity[k])
        headers.write(ds, folder / f"IM{k + 1:04d}.dcm")
        written.append(ds)
    return written
