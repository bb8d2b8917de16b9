"""What an object that is derived from images takes over from their headers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.identity import OutgoingIdentity

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def _is_anything(_text: str) -> bool:
    return True


def _is_date(text: str) -> bool:
    return re.fullmatch(r"\d{8}", text) is not None


def _is_time(text: str) -> bool:
    return re.fullmatch(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?", text) is not None


_PATIENT_AND_STUDY = MappingProxyType(
    {
        "PatientID": _is_anything,
        "PatientName": _is_anything,
        "PatientBirthDate": _is_date,
        "PatientSex": _is_anything,
        "AccessionNumber": _is_anything,
        "StudyID": _is_anything,
        "StudyDate": _is_date,
        "StudyTime": _is_time,
    }
)
"""Elements of type 2: empty where the source has nothing valid."""


def source_headers(frames: Iterable[FrameHeader], identity: OutgoingIdentity) -> list[Dataset]:
    """Return the headers that a derived object refers to, each instance once.

    Elements that must at least be empty are so where the source lacks them, or
    has what is no date or time; macros that vary in no frame stand in the
    shared group, where readers look for them.

    Parameters
    ----------
    frames : iterable of FrameHeader
    identity : OutgoingIdentity
        Whom the derived object names: it decides what is left of the headers.
    """
    found: dict[str, Dataset] = {}
    for frame in frames:
        if frame.sop_instance_uid not in found:
            found[frame.sop_instance_uid] = identity.source(_referable(frame))
    return list(found.values())


def _referable(frame: FrameHeader) -> Dataset:
    """Return a copy of a header with what it lacks."""
    from pydicom.dataset import Dataset
    from pydicom.uid import generate_uid

    header = frame.dataset
    dataset = Dataset(header)
    dataset.file_meta = header.file_meta
    for keyword, is_valid in _PATIENT_AND_STUDY.items():
        if keyword not in dataset or not is_valid(str(dataset[keyword].value or "")):
            setattr(dataset, keyword, None)
    if not dataset.get("FrameOfReferenceUID"):
        # The object must have one; it then shares it with no other series.
        series = str(header.get("SeriesInstanceUID", ""))
        dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame of reference", series])
    shared = header.get("SharedFunctionalGroupsSequence")
    per_frame = header.get("PerFrameFunctionalGroupsSequence")
    if not shared:
        # The slices of a mosaic have their places in private elements.
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
            setattr(dataset, keyword, [float(v) for v in frame.get(keyword)])
    if shared and per_frame:
        group = Dataset(shared[0])
        for keyword in ("PixelMeasuresSequence", "PlaneOrientationSequence"):
            if keyword not in group and keyword in per_frame[0]:
                setattr(group, keyword, per_frame[0][keyword].value)
        dataset.SharedFunctionalGroupsSequence = [group]
    return dataset
