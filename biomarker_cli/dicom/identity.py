"""Under whose name objects of ours leave: the study's subject, or the source's patient."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

OWN_MANUFACTURER = "biomarker"
"""Manufacturer of every object that this program writes."""

_REGISTERED = "1.2.840.10008."
"""UIDs of the standard itself: SOP classes, transfer syntaxes, frames of atlases."""

_BYTES_OF_UUID = 16
_PATIENT_GROUP = 0x0010

# What a derived object needs of its source: its place, and what it refers to.
_NEEDED = frozenset(
    {
        "Columns",
        "FrameOfReferenceUID",
        "ImageOrientationPatient",
        "ImagePositionPatient",
        "ImageType",
        "InstanceNumber",
        "Modality",
        "NumberOfFrames",
        "PixelSpacing",
        "Rows",
        "SOPClassUID",
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "SliceThickness",
        "SpacingBetweenSlices",
        "StudyInstanceUID",
    }
)
_MAPPED = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_NEEDED_MACROS = ("PixelMeasuresSequence", "PlaneOrientationSequence", "PlanePositionSequence")

# Required, empty where unknown (type 2 of the Patient and General Study modules).
_EMPTY = (
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)


@dataclass(frozen=True)
class UidMap:
    """One keyed map for every UID that leaves: the same source has the same UID everywhere.

    Attributes
    ----------
    key : bytes
        Of the study; without it nobody gets from a UID to its source, or back.
    """

    key: bytes = field(repr=False)

    def __call__(self, uid: str) -> str:
        """Return the UID that stands for another one; those of the standard stay.

        References
        ----------
        DICOM PS3.5 B.2 (UUID derived UID), RFC 9562, 5.8 (version 8).
        """
        if not uid or is_registered(uid):
            return uid
        digest = bytearray(hmac.new(self.key, uid.encode(), hashlib.sha256).digest())
        digest[6] = digest[6] & 0x0F | 0x80
        digest[8] = digest[8] & 0x3F | 0x80
        return f"2.25.{uuid.UUID(bytes=bytes(digest[:_BYTES_OF_UUID])).int}"


def is_registered(uid: str) -> bool:
    """Tell whether a UID is one of the standard itself: a SOP class, a transfer syntax.

    Under its root others have no right to UIDs, and some have them.
    """
    if not uid.startswith(_REGISTERED):
        return False
    from pydicom.uid import UID_dictionary

    return uid in UID_dictionary


@dataclass(frozen=True)
class OutgoingIdentity:
    """Whom an object of ours names.

    Attributes
    ----------
    subject_id : str
        PatientID and PatientName under the identity of the study.
    uids : UidMap or None
        None keeps Patient and Study of the source, whole.
    """

    subject_id: str = ""
    uids: UidMap | None = None

    def uid(self, uid: str) -> str:
        """Return a UID as it leaves."""
        return uid if self.uids is None else self.uids(uid)

    def source(self, header: Dataset) -> Dataset:
        """Return the header that a derived object is made from.

        Under the identity of the study it holds place and mapped references, and
        nothing else of the source: what is not there cannot leave.
        """
        if self.uids is None:
            return header
        from pydicom.dataset import Dataset

        kept = Dataset()
        for element in header:
            # An element is shared with the header: what is set anew must not be one of those.
            if element.keyword in _NEEDED and element.keyword not in _MAPPED:
                kept[element.tag] = element
        for keyword in _GROUPS:
            if keyword in header:
                setattr(kept, keyword, [_place_alone(group) for group in header[keyword].value])
        for keyword in _MAPPED:
            if keyword != "FrameOfReferenceUID" or header.get(keyword):
                setattr(kept, keyword, self.uid(str(header.get(keyword, ""))))
        kept.file_meta = header.file_meta
        for keyword in _EMPTY:
            setattr(kept, keyword, None)
        kept.PatientID = kept.PatientName = self.subject_id
        return kept

    def complete(self, written: Dataset, header: Dataset) -> None:
        """Give an object that keeps its patient what else the source says of them.

        Elements that later editions have retired are not copied with the modules.
        """
        if self.uids is not None:
            return
        for element in header:
            if element.tag.group == _PATIENT_GROUP and element.tag not in written:
                written[element.tag] = element


def _place_alone(group: Any) -> Dataset:
    from pydicom.dataset import Dataset

    kept = Dataset()
    for keyword in _NEEDED_MACROS:
        if keyword in group:
            kept[keyword] = group[keyword]
    return kept


def pseudonym(key: bytes, text: str) -> str:
    """Return twelve digits that stand for a text, the same wherever the key is."""
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:12]
