"""DICOM header modules that all objects of the trial share, and writing them."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import UID, ExplicitVRLittleEndian

from synthetic_trial.trial import Grid, Scanner, Visit

MANUFACTURER = "Synthetic Imaging"
_DS_LENGTH = 16
FIXED_TIME = "120000"
"""Creation time in all files: the clock must not show in the bytes."""


def uid(*parts: str) -> str:
    """Return a UID that depends on its key only (PS3.5 B.2, UUID-derived)."""
    digest = hashlib.sha256("/".join(("biomarker-sample-data", *parts)).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


def decimal(value: float) -> str:
    """Return a decimal string (VR DS, at most 16 characters)."""
    text = format(value, ".9g")
    if len(text) > _DS_LENGTH:
        raise ValueError(f"{text} is too long for a DS")
    return text


def coded(code: Code) -> Dataset:
    """Return a code sequence item."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme_designator
    item.CodeMeaning = code.meaning
    return item


def decimals(*values: float) -> list[str]:
    """Return several decimal strings."""
    return [decimal(v) for v in values]


def study_header(visit: Visit) -> Dataset:
    """Return patient, study and patient-study modules of a visit."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName = visit.patient.name
    ds.PatientID = visit.patient.patient_id
    ds.PatientBirthDate = visit.patient.birth_date
    ds.PatientSex = visit.patient.sex
    ds.PatientAge = visit.age
    ds.PatientSize = decimal(visit.patient.height_m)
    ds.PatientWeight = decimal(visit.weight_kg)
    ds.StudyInstanceUID = uid(visit.key)
    ds.StudyDate = visit.study_date
    ds.StudyTime = visit.injection.strftime("%H%M%S")
    ds.StudyID = f"{visit.subject_id}{visit.timepoint}"
    ds.StudyDescription = f"Synthetic trial {visit.timepoint}"
    ds.AccessionNumber = ""
    ds.ReferringPhysicianName = ""
    return ds


def add_equipment(ds: Dataset, visit: Visit, scanner: Scanner) -> None:
    """Add the general equipment module."""
    ds.Manufacturer = MANUFACTURER
    ds.InstitutionName = visit.centre.institution
    ds.ManufacturerModelName = scanner.model
    ds.StationName = scanner.station
    ds.SoftwareVersions = scanner.software
    ds.DeviceSerialNumber = f"{scanner.station}-001"


def add_series(ds: Dataset, visit: Visit, role: str, modality: str, number: int) -> None:
    """Add the general series module; ``role`` is the key of the series UID."""
    ds.Modality = modality
    ds.SeriesInstanceUID = uid(visit.key, role)
    ds.SeriesNumber = number
    ds.SeriesDate = visit.study_date
    ds.BodyPartExamined = "ABDOMEN"
    ds.PositionReferenceIndicator = ""


def add_instance(ds: Dataset, sop_class: str, *key: str) -> None:
    """Add the SOP common module with the instance UID of ``key``."""
    ds.SOPClassUID = UID(sop_class)
    ds.SOPInstanceUID = uid(*key)
    ds.InstanceCreationDate = ds.StudyDate
    ds.InstanceCreationTime = FIXED_TIME


def frame_of_reference(visit: Visit, role: str) -> str:
    """Return the frame of reference UID: CT and PET share one, the MR has its own."""
    return uid(visit.key, "for", "mr" if role == "dwi" else "petct")


def add_plane(ds: Dataset, grid: Grid, k: int) -> None:
    """Add the image plane of slice ``k``; slices are contiguous."""
    ds.PixelSpacing = decimals(grid.spacing_mm[1], grid.spacing_mm[0])
    ds.ImageOrientationPatient = decimals(1, 0, 0, 0, 1, 0)
    ds.ImagePositionPatient = decimals(grid.origin_mm[0], grid.origin_mm[1], grid.z_mm(k))
    ds.SliceThickness = decimal(grid.spacing_mm[2])
    ds.SliceLocation = decimal(grid.z_mm(k))
    ds.PatientOrientation = ["L", "P"]


def add_pixels(ds: Dataset, pixels: npt.NDArray[np.int64], bits: int, signed: bool) -> None:
    """Add the image pixel module of a 16-bit slice of shape (rows, columns)."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if pixels.min() < low or pixels.max() > high:
        raise ValueError(f"{ds.SOPInstanceUID}: stored values leave {low}..{high}")
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated = 16
    ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = int(signed)
    ds.PixelData = pixels.astype("<i2" if signed else "<u2").tobytes()


def write(ds: Dataset, path: Path) -> None:
    """Write a data set as explicit VR little endian with fixed file meta."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    # Fixed, or a newer pydicom would change every file.
    meta.ImplementationClassUID = UID(uid("implementation"))
    meta.ImplementationVersionName = "SYNTRIAL_1"
    ds.file_meta = meta
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
