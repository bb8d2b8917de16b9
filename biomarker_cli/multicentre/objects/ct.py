"""Synthetic CT: whole Hounsfield units, slice by slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.uid import CTImageStorage

from biomarker_cli.model.arrays import AnyArray
from biomarker_cli.multicentre.objects.instances import (
    MADE,
    Change,
    ObjectGrid,
    Subject,
    add_pixels,
    add_plane,
    decimal,
    new_dataset,
    save,
    unchanged,
)

INTERCEPT_HU = -1024.0


def write_ct(
    folder: Path,
    grid: ObjectGrid,
    hu: AnyArray,
    subject: Subject,
    *,
    series: str = "ct",
    slope: float = 1.0,
    change: Change = unchanged,
) -> list[Path]:
    """Write a CT series, one file per slice, and return the paths in the order of the slices.

    Parameters
    ----------
    folder : Path
    grid : ObjectGrid
    hu : ndarray, shape (z, y, x)
        CT numbers; multiples of `slope`, or they are rounded to it.
    subject : Subject
    series : str
    slope : float
        RescaleSlope: other than 1, numbers between whole HU can be stored.
    change : callable
        Called with each data set and the index of its slice before it is saved.
    """
    paths = []
    for z, plane in enumerate(hu):
        dataset = new_dataset(subject, series, z + 1, CTImageStorage, "CT")
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.AcquisitionDate = dataset.ContentDate = f"{MADE:%Y%m%d}"
        dataset.AcquisitionTime = dataset.ContentTime = f"{MADE:%H%M%S}"
        dataset.AcquisitionNumber = 1
        dataset.KVP = "120"
        dataset.ConvolutionKernel = "STANDARD"
        add_plane(dataset, grid, z)
        dataset.RescaleSlope = decimal(slope)
        dataset.RescaleIntercept = decimal(INTERCEPT_HU)
        dataset.RescaleType = "HU"
        stored = np.rint((np.asarray(plane, dtype=np.float64) - INTERCEPT_HU) / slope)
        add_pixels(dataset, stored, signed=True)
        change(dataset, z)
        paths.append(save(dataset, folder / f"{series}_{z + 1:03d}.dcm"))
    return paths
