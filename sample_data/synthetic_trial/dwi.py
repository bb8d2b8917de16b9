"""Diffusion-weighted MR series: b = 0, 100 and 800 s/mm2, one trace image per b."""

from __future__ import annotations

import math
from datetime import datetime, time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from synthetic_trial import headers, phantom
from synthetic_trial.trial import Visit

B_VALUES = (0, 100, 800)
"""In s/mm2."""

BODY_S0, BODY_ADC = 2400.0, 2.0e-3
_LARMOR_MHZ_PER_T = 42.577


def signals(visit: Visit) -> npt.NDArray[np.int64]:
    """Return the stored signals, shape (b, z, y, x).

    S0 of a sphere runs through eleven levels, so that rounding to integers
    averages out over the region instead of biasing each of its voxels alike.
    """
    grid = visit.dwi_grid
    nx, ny, nz = grid.size
    random = phantom.noise(f"{visit.key}/dwi", grid)
    in_body = phantom.body(grid)
    s0 = np.where(in_body, BODY_S0 + 40.0 * random, np.abs(8.0 + 4.0 * random))
    adc = np.where(in_body, BODY_ADC, 0.0)
    k, j, i = np.indices((nz, ny, nx))
    level = 7.0 * ((i + 2 * j + 3 * k) % 11)
    for ball, base in zip(visit.dwi_balls, (3600.0, 3000.0), strict=True):
        sphere = phantom.material(grid, ball)
        s0[sphere] = base + level[sphere]
        adc[sphere] = ball.value
    # One exponential per material: the same bytes wherever this runs.
    weight = np.zeros((len(B_VALUES), nz, ny, nx))
    for value in np.unique(adc):
        for n, b in enumerate(B_VALUES):
            weight[n][adc == value] = math.exp(-b * float(value))
    return np.rint(s0 * weight).astype(np.int64)


def _acquisition(ds: Dataset, visit: Visit) -> None:
    """Add the acquisition parameters that a protocol may look at."""
    centre, grid = visit.centre, visit.dwi_grid
    ds.PatientPosition = "HFS"
    ds.ScanningSequence = "EP"
    ds.SequenceVariant = "SK"
    ds.ScanOptions = "FS"
    ds.MRAcquisitionType = "2D"
    ds.SequenceName = "syn_ep_b"
    ds.RepetitionTime = headers.decimal(centre.repetition_time_ms)
    ds.EchoTime = headers.decimal(centre.echo_time_ms)
    ds.EchoNumbers = 1
    ds.EchoTrainLength = 64
    ds.NumberOfAverages = "4"
    ds.ImagingFrequency = headers.decimal(round(_LARMOR_MHZ_PER_T * centre.field_strength_t, 4))
    ds.ImagedNucleus = "1H"
    ds.MagneticFieldStrength = headers.decimal(centre.field_strength_t)
    ds.SpacingBetweenSlices = headers.decimal(grid.spacing_mm[2])
    ds.PercentSampling = "100"
    ds.PercentPhaseFieldOfView = "100"
    ds.PixelBandwidth = "1500"
    ds.ReceiveCoilName = "BODY"
    ds.TransmitCoilName = "BODY"
    ds.AcquisitionMatrix = [grid.size[0], 0, 0, grid.size[1]]
    ds.InPlanePhaseEncodingDirection = "COL"
    ds.FlipAngle = "90"
    ds.ReconstructionDiameter = headers.decimal(grid.size[0] * grid.spacing_mm[0])
    ds.AcquisitionNumber = 1


def _diffusion(ds: Dataset, b: int) -> None:
    """Add b-value and kind; the weighted images are traces, derived by nature."""
    ds.DiffusionBValue = float(b)
    if b == 0:
        ds.ImageType = ["ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"]
        ds.DiffusionDirectionality = "NONE"
    else:
        ds.ImageType = ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"]
        ds.DiffusionDirectionality = "ISOTROPIC"
        ds.DerivationDescription = "Trace-weighted: geometric mean of the directions"


def write_dwi(visit: Visit, folder: Path) -> None:
    """Write one file per b-value and slice into ``folder``."""
    stored = signals(visit)
    start = datetime.combine(visit.injection.date(), time(16, 30)).strftime("%H%M%S")
    slices = visit.dwi_grid.size[2]
    for n, b in enumerate(B_VALUES):
        for k in range(slices):
            ds = headers.study_header(visit)
            headers.add_series(ds, visit, "dwi", "MR", 4)
            headers.add_equipment(ds, visit, visit.centre.mr)
            headers.add_instance(ds, MRImageStorage, visit.key, "dwi", f"b{b}", str(k))
            headers.add_plane(ds, visit.dwi_grid, k)
            _acquisition(ds, visit)
            _diffusion(ds, b)
            ds.SeriesDescription = "DWI trace b0 b100 b800"
            ds.ProtocolName = "SYN DWI"
            ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = start
            ds.AcquisitionDate = ds.ContentDate = visit.study_date
            ds.FrameOfReferenceUID = headers.frame_of_reference(visit, "dwi")
            ds.InstanceNumber = n * slices + k + 1
            ds.WindowCenter = "2000"
            ds.WindowWidth = "4000"
            headers.add_pixels(ds, stored[n, k], bits=12, signed=False)
            headers.write(ds, folder / f"IM{n * slices + k + 1:04d}.dcm")
