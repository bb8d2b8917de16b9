"""CT series: a water cylinder in air with two checkerboard lesions."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage

from synthetic_trial import headers, phantom
from synthetic_trial.trial import CHECKER_HU, Visit

INTERCEPT_HU = -1024
AIR_HU = -1000


def hounsfield(visit: Visit) -> npt.NDArray[np.int64]:
    """Return the CT numbers in HU, shape (z, y, x).

    Noise (SD 12 HU in water, 6 HU in air) stays outside of the lesions.
    """
    grid = visit.ct_grid
    random = phantom.noise(f"{visit.key}/ct", grid)
    in_body = phantom.body(grid)
    hu = np.where(in_body, 12.0 * random, AIR_HU + 6.0 * random)
    hu = np.clip(np.rint(hu), INTERCEPT_HU, None)
    checker = CHECKER_HU * phantom.checkerboard(grid)
    for ball in visit.ct_balls:
        lesion = phantom.material(grid, ball)
        hu[lesion] = ball.value + checker[lesion]
    return hu.astype(np.int64)


def _acquisition(ds: Dataset, visit: Visit) -> None:
    """Add the acquisition parameters that a protocol may look at."""
    grid = visit.ct_grid
    field_of_view = grid.size[0] * grid.spacing_mm[0]
    ds.PatientPosition = "HFS"
    ds.KVP = "120"
    ds.ScanOptions = "HELICAL MODE"
    ds.DataCollectionDiameter = "500"
    ds.ReconstructionDiameter = headers.decimal(field_of_view)
    ds.DistanceSourceToDetector = "950"
    ds.DistanceSourceToPatient = "540"
    ds.GantryDetectorTilt = "0"
    ds.TableHeight = "150"
    ds.RotationDirection = "CW"
    ds.ExposureTime = "500"
    ds.XRayTubeCurrent = "200"
    ds.Exposure = "100"
    ds.FilterType = "BODY FILTER"
    ds.ConvolutionKernel = visit.centre.convolution_kernel
    ds.RevolutionTime = 0.5
    ds.SingleCollimationWidth = 0.625
    ds.TotalCollimationWidth = 40.0
    ds.SpiralPitchFactor = 1.0
    ds.CTDIvol = 6.5
    ds.CTDIPhantomTypeCodeSequence = Sequence([headers.coded(codes.DCM.IECBodyDosimetryPhantom)])
    ds.AcquisitionNumber = 1


def instance_uid(visit: Visit, k: int) -> str:
    """Return the SOP instance UID of slice ``k``."""
    return headers.uid(visit.key, "ct", str(k))


def write_ct(visit: Visit, folder: Path) -> list[Dataset]:
    """Write one file per slice into ``folder`` and return their data sets."""
    return write_slices(visit, hounsfield(visit), folder)


def write_slices(visit: Visit, hu: npt.NDArray[np.int64], folder: Path) -> list[Dataset]:
    """Write CT numbers in HU, shape (z, y, x) of the grid, and return the data sets."""
    written = []
    start = visit.pet_start - timedelta(minutes=4)
    for k in range(visit.ct_grid.size[2]):
        ds = headers.study_header(visit)
        headers.add_series(ds, visit, "ct", "CT", 2)
        headers.add_equipment(ds, visit, visit.centre.ct)
        headers.add_instance(ds, CTImageStorage, visit.key, "ct", str(k))
        headers.add_plane(ds, visit.ct_grid, k)
        _acquisition(ds, visit)
        ds.SeriesDescription = "CT axial"
        ds.ProtocolName = "SYN CT"
        ds.SeriesTime = start.strftime("%H%M%S")
        ds.AcquisitionDate = ds.ContentDate = visit.study_date
        ds.AcquisitionTime = ds.ContentTime = ds.SeriesTime
        ds.FrameOfReferenceUID = headers.frame_of_reference(visit, "ct")
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.InstanceNumber = k + 1
        ds.RescaleIntercept = headers.decimal(INTERCEPT_HU)
        ds.RescaleSlope = "1"
        ds.RescaleType = "HU"
        ds.WindowCenter = "40"
        ds.WindowWidth = "400"
        headers.add_pixels(ds, hu[k] - INTERCEPT_HU, bits=12, signed=False)
        headers.write(ds, folder / f"IM{k + 1:04d}.dcm")
        written.append(ds)
    return written
