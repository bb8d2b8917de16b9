"""Write transforms as DICOM Spatial Registration objects.

References
----------
DICOM PS3.3 A.39.1 (Spatial Registration), C.20.2 (module), C.20.2.1.1 (types of matrices).
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.dicom.derived import source_headers
from biomarker_cli.dicom.identity import OWN_MANUFACTURER, OutgoingIdentity
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.outputs import whole_file
from biomarker_cli.model.version import __version__
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.linear_parts import inverse_of, is_orthonormal
from biomarker_cli.registration.pairs import frame_of_reference_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SERIES_NUMBER = 9100

_LONG_STRING = 64

_OF_SOURCE = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyInstanceUID",
)


def write_spatial_registration(
    matrix: FloatArray,
    fixed: Volume,
    moving: Volume,
    path: Path,
    identity: OutgoingIdentity,
    registration_id: str,
) -> None:
    """Write a transform as a Spatial Registration object.

    The registered frame of reference is that of the fixed image. A matrix of the object
    leads a point of the frame of its item into it, so that the item of the moving image
    has the inverse of the transform.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        Fixed point to moving point, LPS mm; a given one may be affine, and is called so.
    fixed, moving : Volume
        That came from DICOM, of two frames of reference.
    path : Path
        In a folder that exists.
    identity : OutgoingIdentity
        Whom the object names.
    registration_id : str
        Its UIDs follow from it, and its description names it.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-NO-SOURCE`` where a header does not name its frame of reference,
        ``REGISTRATION-ONE-FRAME`` where both name one: a frame has one place in itself.
    """
    registered = _two_frames(fixed, moving)[0]
    written = _of_study(fixed, identity, registration_id)
    written.FrameOfReferenceUID = identity.uid(registered)
    written.RegistrationSequence = [
        _item(np.eye(4), fixed, identity),
        _item(inverse_of(matrix), moving, identity),
    ]
    own, other = _references(fixed, identity), _references(moving, identity)
    written.ReferencedSeriesSequence = [own.ReferencedSeriesSequence[0]]
    if other.StudyInstanceUID == written.StudyInstanceUID:
        written.ReferencedSeriesSequence.append(other.ReferencedSeriesSequence[0])
    else:
        written.StudiesContainingOtherReferencedInstancesSequence = [other]
    identity.complete(written, fixed.frames.first.dataset)
    with whole_file(path) as stream:
        written.save_as(stream, enforce_file_format=True)


def _two_frames(fixed: Volume, moving: Volume) -> tuple[str, str]:
    """Return the frames of reference of two images, or refuse what an object cannot tell."""
    frames = frame_of_reference_of(fixed), frame_of_reference_of(moving)
    if not all(frames):
        raise RegistrationError(
            "REGISTRATION-NO-SOURCE",
            "a Spatial Registration object needs two headers that name their frames of reference",
            hint="Take transform.tfm.",
        )
    if frames[0] == frames[1]:
        raise RegistrationError(
            "REGISTRATION-ONE-FRAME",
            "both images name one frame of reference: the object could not tell them apart",
            hint="Take transform.tfm.",
        )
    return frames


def _item(matrix: FloatArray, volume: Volume, identity: OutgoingIdentity) -> Dataset:
    from pydicom.dataset import Dataset
    from pydicom.valuerep import format_number_as_ds

    numbers = [format_number_as_ds(float(value)) for value in matrix.ravel()]
    one = Dataset()
    kind = "RIGID" if is_orthonormal(matrix[:3, :3]) else "AFFINE"
    one.FrameOfReferenceTransformationMatrixType = kind
    one.FrameOfReferenceTransformationMatrix = numbers
    found = Dataset()
    found.RegistrationTypeCodeSequence = []
    found.MatrixSequence = [one]
    item = Dataset()
    item.FrameOfReferenceUID = identity.uid(frame_of_reference_of(volume))
    item.ReferencedImageSequence = _instances(volume, identity)
    item.MatrixRegistrationSequence = [found]
    return item


def _instances(volume: Volume, identity: OutgoingIdentity) -> list[Dataset]:
    from pydicom.dataset import Dataset

    references = []
    for header in source_headers(volume.frames, identity):
        one = Dataset()
        one.ReferencedSOPClassUID = header.SOPClassUID
        one.ReferencedSOPInstanceUID = header.SOPInstanceUID
        references.append(one)
    return references


def _references(volume: Volume, identity: OutgoingIdentity) -> Dataset:
    from pydicom.dataset import Dataset

    first = source_headers([volume.frames.first], identity)[0]
    series, study = Dataset(), Dataset()
    series.SeriesInstanceUID = first.SeriesInstanceUID
    series.ReferencedInstanceSequence = _instances(volume, identity)
    study.StudyInstanceUID = first.StudyInstanceUID
    study.ReferencedSeriesSequence = [series]
    return study


def _of_study(fixed: Volume, identity: OutgoingIdentity, registration_id: str) -> Dataset:
    """Return the object without its matrices: patient, study, series, equipment."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SpatialRegistrationStorage, generate_uid

    written = Dataset()
    source = source_headers([fixed.frames.first], identity)[0]
    for keyword in _OF_SOURCE:
        setattr(written, keyword, source.get(keyword))
    uids = {
        word: identity.uid(generate_uid(entropy_srcs=[word, registration_id]))
        for word in ("series", "instance")
    }
    now = datetime.now()
    said: dict[str, Any] = {
        "SOPClassUID": SpatialRegistrationStorage,
        "SOPInstanceUID": uids["instance"],
        "SeriesInstanceUID": uids["series"],
        "Modality": "REG",
        "SeriesNumber": SERIES_NUMBER,
        "SeriesDescription": registration_id[:_LONG_STRING],
        "InstanceNumber": 1,
        # Required, empty where unknown, for objects that name no laterality of their frames.
        "Laterality": "",
        "PositionReferenceIndicator": "",
        "Manufacturer": OWN_MANUFACTURER,
        "ManufacturerModelName": OWN_MANUFACTURER,
        "DeviceSerialNumber": "0",
        "SoftwareVersions": __version__,
        "ContentDate": now.strftime("%Y%m%d"),
        "ContentTime": now.strftime("%H%M%S"),
        "ContentLabel": "REGISTRATION",
        "ContentDescription": registration_id[:_LONG_STRING],
        "ContentCreatorName": "",
    }
    if source.get("SpecificCharacterSet"):
        written.SpecificCharacterSet = source.SpecificCharacterSet
    for keyword, value in said.items():
        setattr(written, keyword, value)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = written.SOPClassUID
    meta.MediaStorageSOPInstanceUID = written.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    written.file_meta = meta
    return written
