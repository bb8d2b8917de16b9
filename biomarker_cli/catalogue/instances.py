"""Instances: what grouping needs to know of one DICOM file, frame by frame."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from biomarker_cli.catalogue.candidate import FrameRef
from biomarker_cli.dicom.bvalues import read_b_value
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import FrameHeader, frame_headers
from biomarker_cli.dicom.gradients import read_gradient

Vector = tuple[float, ...]

SEGMENTATION_KINDS = {
    "1.2.840.10008.5.1.4.1.1.481.3": "rtstruct",
    "1.2.840.10008.5.1.4.1.1.66.4": "seg",
    "1.2.840.10008.5.1.4.1.1.66.7": "seg",
}
"""SOP classes that are imported as regions: RT Structure Set, Segmentation, Label Map."""


@dataclass(frozen=True, slots=True)
class Plane:
    """One slice: its place, and what may tell it from another at the same place."""

    ref: FrameRef
    position_mm: Vector | None
    orientation: Vector | None
    pixel_spacing_mm: Vector | None
    thickness_mm: float | None
    b_value: float | None
    gradient: Vector | None
    echo: float | None
    temporal_position: int | None
    acquisition: int | None
    trigger_time: float | None
    content_time: str
    acquisition_time: str
    image_type: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Instance:
    """One file of a series.

    Attributes
    ----------
    rows, columns : int
        Of one slice: of a tile where the file is a mosaic.
    planes : tuple of Plane
        One per frame or tile; empty where the object is no image.
    defect : HeaderError or None
        Why the slices of the file cannot be told, where they cannot.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    study_uid: str
    series_uid: str
    frame_of_reference_uid: str
    patient_key: str
    modality: str
    description: str
    image_type: tuple[str, ...]
    rows: int
    columns: int
    planes: tuple[Plane, ...]
    defect: HeaderError | None = None

    @property
    def segmentation_kind(self) -> str:
        """``rtstruct`` or ``seg`` where the object is a segmentation, else empty."""
        return SEGMENTATION_KINDS.get(self.sop_class_uid, "")


def describe_instance(path: Path, dataset: Dataset) -> Instance:
    """Return what grouping needs of a header."""
    rows = int(dataset.get("Rows") or 0)
    has_pixels = rows > 0 and not SEGMENTATION_KINDS.get(str(dataset.get("SOPClassUID", "")))
    defect = None
    headers: tuple[FrameHeader, ...] = ()
    if has_pixels:
        try:
            headers = frame_headers(dataset, path)
        except HeaderError as error:
            headers, defect = (FrameHeader(dataset, 0, path),), error
    first = headers[0] if headers else FrameHeader(dataset, 0, path)
    return Instance(
        path=path,
        sop_class_uid=str(dataset.get("SOPClassUID", "")),
        sop_instance_uid=str(dataset.get("SOPInstanceUID", "")),
        study_uid=str(dataset.get("StudyInstanceUID", "")),
        series_uid=str(dataset.get("SeriesInstanceUID", "")),
        frame_of_reference_uid=str(dataset.get("FrameOfReferenceUID", "")),
        patient_key=hashlib.sha256(str(dataset.get("PatientID", "")).encode()).hexdigest(),
        modality=str(dataset.get("Modality", "")),
        description=str(dataset.get("SeriesDescription", "")),
        image_type=_words(dataset.get("ImageType")),
        rows=int(first.get("Rows", 0)),
        columns=int(first.get("Columns", 0)),
        planes=tuple(_plane(header) for header in headers),
        defect=defect,
    )


def _plane(header: FrameHeader) -> Plane:
    b_value = read_b_value(header)
    return Plane(
        ref=FrameRef(header.path, header.frame, header.sop_instance_uid),
        position_mm=_vector(header.get("ImagePositionPatient"), 3),
        orientation=_vector(header.get("ImageOrientationPatient"), 6),
        pixel_spacing_mm=_vector(header.get("PixelSpacing"), 2),
        thickness_mm=_number(header.get("SliceThickness")),
        b_value=b_value.value if b_value else None,
        gradient=read_gradient(header).direction,
        echo=_number(header.get("EchoTime") or header.get("EffectiveEchoTime")),
        temporal_position=_integer(
            header.get("TemporalPositionIdentifier") or header.get("TemporalPositionIndex")
        ),
        acquisition=_integer(header.get("AcquisitionNumber")),
        trigger_time=_number(header.get("TriggerTime")),
        content_time=str(header.get("ContentTime", "")),
        acquisition_time=str(
            header.get("FrameAcquisitionDateTime") or header.get("AcquisitionTime", "")
        ),
        image_type=_words(header.get("FrameType") or header.get("ImageType")),
    )


def _words(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str) else tuple(str(word) for word in value)


def _vector(value: Any, length: int) -> Vector | None:
    if value is None:
        return None
    try:
        numbers = tuple(float(v) for v in value)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == length else None


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
