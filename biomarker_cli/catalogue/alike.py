"""Slices that say what another one said: most files of a series differ in a few elements.

`Alike` describes a file by one walk over its header where a file before had the same
bytes in every element that describing asks for, but for those that go into one field
each: instance UID, position, times. All else is described by `describe_file`, whose
record this one equals; a test holds that.
"""

from __future__ import annotations

import math
import os
from array import array
from pathlib import Path
from typing import NamedTuple

from biomarker_cli.catalogue.describing import describe_file
from biomarker_cli.catalogue.instances import Instance, Plane
from biomarker_cli.catalogue.records import FileRecord, json_text, pack_file, series_name
from biomarker_cli.dicom.element_values import tag_of
from biomarker_cli.dicom.element_walk import is_implicit_sequence
from biomarker_cli.dicom.errors import unreadable
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.quick_headers import HeaderReader, QuickHeader, walked
from biomarker_cli.dicom.windows import CHUNK_BYTES, FileWindow, opened_unseen, require_found
from biomarker_cli.kernels.compiled import pick_elements_of_file
from biomarker_cli.model.inputs import FileSignature

VARYING = ("SOPInstanceUID", "AcquisitionTime", "ContentTime", "ImagePositionPatient")
"""What may be another in each file, in the order of the tags."""

_VRS = dict(zip(map(tag_of, VARYING), (b"UI", b"TM", b"TM", b"DS"), strict=True))

ASKED = (
    "AcquisitionContrast",
    "AcquisitionNumber",
    "BitsAllocated",
    "BitsStored",
    "Columns",
    "DiffusionBMatrixSequence",
    "DiffusionBValue",
    "DiffusionDirectionality",
    "DiffusionGradientDirectionSequence",
    "DiffusionGradientOrientation",
    "EchoTime",
    "EffectiveEchoTime",
    "FrameAcquisitionDateTime",
    "FrameOfReferenceUID",
    "FrameReferenceTime",
    "FrameType",
    "HighBit",
    "ImageComments",
    "ImageOrientationPatient",
    "ImageType",
    "LongitudinalTemporalInformationModified",
    "Manufacturer",
    "Modality",
    "NominalCardiacTriggerDelayTime",
    "NumberOfFrames",
    "PatientBirthDate",
    "PatientID",
    "PatientName",
    "PatientSex",
    "PatientSize",
    "PatientWeight",
    "PerFrameFunctionalGroupsSequence",
    "PixelSpacing",
    "RescaleType",
    "Rows",
    "SOPClassUID",
    "SamplesPerPixel",
    "SequenceName",
    "SeriesDescription",
    "SeriesInstanceUID",
    "SharedFunctionalGroupsSequence",
    "SliceThickness",
    "SpecificCharacterSet",
    "StackID",
    "StudyDate",
    "StudyInstanceUID",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "TransferSyntaxUID",
    "TriggerTime",
    "Units",
)
"""All else that describing asks for; private elements count as well, but in CT and PET."""

_WITHOUT_PRIVATE = (b"CT", b"PT")

_PADDING = b"\0 "

MOST_KEPT = 512
"""Descriptions that are kept at a time: series whose files lie side by side."""


def _tags(keywords: tuple[str, ...]) -> bytes:
    return array("I", sorted(map(tag_of, keywords))).tobytes()


_WHICH = _tags(ASKED), _tags(VARYING), _WITHOUT_PRIVATE, is_implicit_sequence
"""What the walk over a header is to pick."""


class _Varying(NamedTuple):
    """The values that go into one field each."""

    sop_instance_uid: str
    acquisition_time: str
    content_time: str
    position_mm: tuple[float, float, float]


class _Template(NamedTuple):
    """The record of a file, with gaps where the next one may say something else."""

    series: str
    parts: tuple[str, str, str, str, str]
    has_own_time: bool

    def filled(self, said: _Varying) -> FileRecord:
        """Return the record of a file that says the same in all but this."""
        a, b, c, d, e = self.parts
        x, y, z = said.position_mm
        time = f'"{said.acquisition_time}"' if self.has_own_time else ""
        return FileRecord(
            self.series,
            f'{a}"{said.sop_instance_uid}"{b}[{x!r},{y!r},{z!r}]{c}"{said.content_time}"{d}{time}{e}',
        )


class Alike:
    """Describes files, each by what the files before it have said."""

    def __init__(self) -> None:
        self._reader = HeaderReader()
        self._kept: dict[bytes, _Template | None] = {}

    def record(self, path: str, signature: FileSignature) -> FileRecord:
        """Return the record of a file, which is opened once.

        Raises
        ------
        HeaderError, InputError
            As `HeaderReader.read` does.
        """
        descriptor = opened_unseen(path, signature)
        try:
            # It tells as well whether the file is the one that was found.
            key, said = _picked(pick_elements_of_file(descriptor, *signature, CHUNK_BYTES, *_WHICH))
            template = self._kept.get(key) if said is not None else None
            if template is not None and said is not None:
                return template.filled(said)
            require_found(descriptor, path, signature)
            header = walked(Path(path), signature, FileWindow(descriptor, signature.size))
        except OSError as error:
            raise unreadable(Path(path), error) from error
        finally:
            os.close(descriptor)
        described = describe_file(header, self._reader)
        record = pack_file(*described)
        if said is not None and key not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            self._kept[key] = _template(header, *described, said, record)
        return record


def _picked(picked: tuple[bytes, list[bytes | None]] | None) -> tuple[bytes, _Varying | None]:
    """Return what a header says; nothing where it is for others to read."""
    return (b"", None) if picked is None else (picked[0], _varying(*picked[1]))


def _varying(
    uid: bytes | None, acquired: bytes | None, made: bytes | None, position: bytes | None
) -> _Varying | None:
    """Return the values; None where one of them is more than a plain one."""
    # Padding alone is no UID.
    uid = uid.rstrip(_PADDING) if uid else b""
    if not uid or position is None:
        return None
    acquired = acquired.rstrip(_PADDING) if acquired else b""
    made = made.rstrip(_PADDING) if made else b""
    # Digits and points are what a UID and a time have, and JSON writes them as they are.
    if (uid + acquired + made).translate(None, b"0123456789."):
        return None
    try:
        x, y, z = map(float, position.rstrip(_PADDING).split(b"\\"))
    except ValueError:
        return None
    if not math.isfinite(x + y + z):
        return None
    return _Varying(uid.decode(), acquired.decode(), made.decode(), (x, y, z))


def _template(
    header: FrameHeader,
    instance: Instance,
    planes: tuple[Plane, ...],
    said: _Varying,
    record: FileRecord,
) -> _Template | None:
    """Return the record with gaps; None where more than the picked elements may have made it."""
    if type(header) is not QuickHeader or "dataset" in header.__dict__ or len(planes) != 1:
        return None
    if not all(header.elements.get(tag, (b"",))[0] in (b"", vr) for tag, vr in _VRS.items()):
        return None
    plane = planes[0]
    fields = instance.sop_instance_uid, plane.content_time, plane.position_mm
    if instance.defect is not None or fields != (said[0], said[2], said[3]):
        return None
    has_own_time = header.get("FrameAcquisitionDateTime") is None
    if has_own_time and plane.acquisition_time != said.acquisition_time:
        return None
    marked = pack_file(
        instance._replace(sop_instance_uid=_MARK),
        (
            plane._replace(
                position_mm=(_MARK,),  # type: ignore[arg-type]
                content_time=_MARK,
                acquisition_time=_MARK if has_own_time else plane.acquisition_time,
            ),
        ),
    ).text
    for gap in (f"[{_MARK_TEXT}]", _MARK_TEXT):
        marked = marked.replace(gap, "\0")
    parts = marked.split("\0")
    if not has_own_time:
        parts.append("")
    if len(parts) != 5:
        return None
    series = series_name(instance.study_uid, instance.series_uid)
    a, b, c, d, e = parts
    template = _Template(series, (a, b, c, d, e), has_own_time)
    return template if template.filled(said) == record else None


_MARK = "\ue000 a gap \ue001"
"""What no header says: characters of private use."""

_MARK_TEXT = json_text(_MARK)
