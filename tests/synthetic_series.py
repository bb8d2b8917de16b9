"""Write small DICOM series with chosen flaws, for the tests of several rooms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def uid(*parts: object) -> str:
    """Return a UID that is a function of its parts."""
    return generate_uid(entropy_srcs=["biomarker-tests", *map(str, parts)])


def slice_dataset(
    position_mm: Sequence[float], array: np.ndarray, *, series: str = "1", number: int = 1
) -> Dataset:
    """Return a CT slice of int16 pixels."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = CTImageStorage
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = uid("instance", series, number)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.StudyInstanceUID = uid("study")
    dataset.SeriesInstanceUID = uid("series", series)
    dataset.FrameOfReferenceUID = uid("frame of reference")
    dataset.PatientID = "P1"
    dataset.Modality = "CT"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SeriesDescription = f"series {series}"
    dataset.InstanceNumber = number
    dataset.ImagePositionPatient = [float(v) for v in position_mm]
    dataset.ImageOrientationPatient = list(AXIAL)
    dataset.PixelSpacing = [2.0, 1.0]  # between rows, between columns
    dataset.SliceThickness = 3.0
    dataset.RescaleSlope = 1
    dataset.RescaleIntercept = -1000
    dataset.RescaleType = "HU"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = 16
    dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.Rows, dataset.Columns = array.shape
    dataset.PixelData = array.astype("<i2").tobytes()
    return dataset


def write(dataset: Dataset, path: Path) -> Path:
    """Save a dataset as a conformant file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_series(
    folder: Path,
    positions_mm: Sequence[Sequence[float]],
    *,
    series: str = "1",
    change: Callable[[int, Dataset], Any] = lambda index, dataset: None,
    rows: int = 4,
    columns: int = 5,
) -> list[Path]:
    """Write one file per position; voxel [z, y, x] of the array holds 100 z + 10 y + x.

    Parameters
    ----------
    change : callable
        Called with the index and the dataset before it is saved.
    """
    paths = []
    for index, position in enumerate(positions_mm):
        y, x = np.mgrid[:rows, :columns]
        dataset = slice_dataset(position, 100 * index + 10 * y + x, series=series, number=index + 1)
        change(index, dataset)
        paths.append(write(dataset, folder / f"{series}_{index:03d}.dcm"))
    return paths


def axial(*z_mm: float) -> list[tuple[float, float, float]]:
    """Return positions along z."""
    return [(-10.0, -20.0, z) for z in z_mm]
