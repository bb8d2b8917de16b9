"""What all synthetic objects share: identity, grid, image plane, pixels, and saving.

Nothing here reads or computes as the product does: an object that is written by the code
that is being measured would prove nothing.
"""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from biomarker_cli.model.arrays import AnyArray

MANUFACTURER = "Synthetic Imaging"

MADE = datetime(2025, 1, 1, 9, 0, 0)
"""Of every study, so that the same object has the same bytes on every day."""

_LONGEST_DECIMAL = 16

Change = Callable[[Dataset, int], Any]
"""Alters a data set before it is saved; the number is that of its slice or file."""


def unchanged(dataset: Dataset, index: int) -> None:
    """Leave a data set as it is."""
    del dataset, index


@dataclass(frozen=True)
class ObjectGrid:
    """Where the voxels of a synthetic image lie.

    Attributes
    ----------
    shape : tuple of int
        Voxels ``(z, y, x)``.
    spacing_mm : tuple of float
        Between voxel centres ``(x, y, z)``.
    origin_mm : tuple of float
        Centre of voxel ``[0, 0, 0]``, LPS.
    row, column : tuple of float
        Unit vectors of increasing column index and of increasing row index.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    row: tuple[float, float, float] = (1.0, 0.0, 0.0)
    column: tuple[float, float, float] = (0.0, 1.0, 0.0)

    @property
    def normal(self) -> tuple[float, float, float]:
        """Unit vector of increasing slice index: row x column."""
        (a, b, c), (d, e, f) = self.row, self.column
        return (b * f - c * e, c * d - a * f, a * e - b * d)

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel."""
        return math.prod(self.spacing_mm)

    def place(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """Return LPS mm of fractional indices."""
        steps = (x * self.spacing_mm[0], y * self.spacing_mm[1], z * self.spacing_mm[2])
        axes = (self.row, self.column, self.normal)
        first, second, third = (
            self.origin_mm[i] + sum(s * axis[i] for s, axis in zip(steps, axes, strict=True))
            for i in range(3)
        )
        return first, second, third


@dataclass(frozen=True)
class Subject:
    """Whose object it is; one name gives one study and one frame of reference.

    Attributes
    ----------
    name : str
        Key of all UIDs, and the PatientID.
    sex : str
    weight_kg, height_m : float or None
        Left out where None.
    """

    name: str
    sex: str = "O"
    weight_kg: float | None = None
    height_m: float | None = None


def uid_of(*parts: object) -> str:
    """Return a UID that depends on its parts alone (PS3.5 B.2)."""
    text = "/".join(("biomarker-objects", *map(str, parts)))
    digest = hashlib.sha256(text.encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


def study_uid(subject: Subject) -> str:
    """Return the StudyInstanceUID of a subject."""
    return uid_of(subject.name, "study")


def series_uid(subject: Subject, series: str) -> str:
    """Return the SeriesInstanceUID of a series of a subject."""
    return uid_of(subject.name, "series", series)


def instance_uid(subject: Subject, series: str, number: int) -> str:
    """Return the SOPInstanceUID of a slice or file; the first is 1."""
    return uid_of(subject.name, "instance", series, number)


def frame_uid(subject: Subject) -> str:
    """Return the FrameOfReferenceUID of a subject."""
    return uid_of(subject.name, "frame of reference")


def decimal(value: float) -> str:
    """Return a decimal string (VR DS: at most 16 characters), as exact as that allows."""
    for digits in range(17, 3, -1):
        text = format(value, f".{digits}g")
        if len(text) <= _LONGEST_DECIMAL:
            return text
    raise ValueError(f"{value!r} has no decimal string")


def new_dataset(
    subject: Subject, series: str, number: int, sop_class: str, modality: str
) -> Dataset:
    """Return a data set with the modules of patient, study, series, equipment and instance."""
    dataset = Dataset()
    dataset.SOPClassUID = UID(sop_class)
    dataset.SOPInstanceUID = instance_uid(subject, series, number)
    dataset.StudyInstanceUID = study_uid(subject)
    dataset.SeriesInstanceUID = series_uid(subject, series)
    dataset.FrameOfReferenceUID = frame_uid(subject)
    dataset.PatientID = subject.name
    dataset.PatientName = f"{subject.name}^synthetic"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = subject.sex
    if subject.weight_kg is not None:
        dataset.PatientWeight = decimal(subject.weight_kg)
    if subject.height_m is not None:
        dataset.PatientSize = decimal(subject.height_m)
    dataset.StudyID = "1"
    dataset.StudyDate = dataset.SeriesDate = f"{MADE:%Y%m%d}"
    dataset.StudyTime = dataset.SeriesTime = f"{MADE:%H%M%S}"
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.PositionReferenceIndicator = ""
    dataset.Modality = modality
    dataset.SeriesNumber = 1
    dataset.SeriesDescription = series
    dataset.BodyPartExamined = "ABDOMEN"
    dataset.InstanceNumber = number
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = "none"
    dataset.DeviceSerialNumber = "0"
    dataset.SoftwareVersions = "0"
    return dataset


def add_plane(dataset: Dataset, grid: ObjectGrid, z: float) -> None:
    """Add the image plane module of a slice."""
    x_mm, y_mm, z_mm = grid.spacing_mm
    dataset.PixelSpacing = [decimal(y_mm), decimal(x_mm)]
    dataset.ImageOrientationPatient = [decimal(v) for v in (*grid.row, *grid.column)]
    dataset.ImagePositionPatient = [decimal(v) for v in grid.place(0, 0, z)]
    dataset.SliceThickness = decimal(z_mm)
    dataset.PatientPosition = "HFS"


def add_pixels(dataset: Dataset, stored: AnyArray, *, signed: bool) -> None:
    """Add the image pixel module: 16 bits, shape (rows, columns) or (frames, rows, columns).

    Raises
    ------
    ValueError
        Where a stored value does not fit into 16 bits.
    """
    kind = np.iinfo(np.int16 if signed else np.uint16)
    if stored.min() < kind.min or stored.max() > kind.max:
        raise ValueError(f"stored values leave {kind.min} to {kind.max}")
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = int(signed)
    dataset.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()


def save(dataset: Dataset, path: Path) -> Path:
    """Save a data set as explicit VR little endian and return its path."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    # Fixed, or a newer pydicom would change every file.
    meta.ImplementationClassUID = UID(uid_of("implementation"))
    meta.ImplementationVersionName = "OBJECTS_1"
    dataset.file_meta = meta
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path
