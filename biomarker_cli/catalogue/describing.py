"""Describe a file: its instance and planes, from its header.

pydicom is asked for what is not plain alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from biomarker_cli.catalogue.instances import (
    SEGMENTATION_KINDS,
    Defect,
    Instance,
    Plane,
    Vector,
)
from biomarker_cli.catalogue.pseudonyms import NOBODY, person_key
from biomarker_cli.dicom.bvalues import read_b_value
from biomarker_cli.dicom.element_values import tag_of
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import MOST_FRAMES, FrameHeader
from biomarker_cli.dicom.gradients import read_gradient
from biomarker_cli.dicom.identity import OWN_MANUFACTURER
from biomarker_cli.dicom.quick_headers import HeaderReader
from biomarker_cli.dicom.values import contradicting_bits
from biomarker_cli.model.shifted_dates import KEYWORD as DATES_MODIFIED

_PLACE = (
    ("PixelSpacing", "(0028,0030)", 2),
    ("ImagePositionPatient", "(0020,0032)", 3),
    ("ImageOrientationPatient", "(0020,0037)", 6),
)


def describe_file(header: FrameHeader, reader: HeaderReader) -> tuple[Instance, tuple[Plane, ...]]:
    """Return what grouping needs of a file.

    Parameters
    ----------
    header : FrameHeader
        Of the file.
    reader : HeaderReader
        That has read it.

    Returns
    -------
    instance : Instance
    planes : tuple of Plane
        One per frame or tile; empty where the object is no image.

    Raises
    ------
    HeaderError
        Where an element is damaged.
    """
    get = header.get
    instance = Instance(
        str(header.path),
        _text(get("SOPClassUID")),
        _text(get("SOPInstanceUID")),
        _text(get("StudyInstanceUID")),
        _text(get("SeriesInstanceUID")),
        _text(get("FrameOfReferenceUID")),
        _person(header),
        _text(get("Modality")),
        _text(get("SeriesDescription")),
        _integer(get("Rows")) or 0,
        _integer(get("Columns")) or 0,
        _integer(get("SamplesPerPixel")) or 1,
        _text(get("StudyDate")),
        _text(get(DATES_MODIFIED)),
        _positive(get("PatientSize")),
        _positive(get("PatientWeight")),
    )
    if instance.sop_class_uid in SEGMENTATION_KINDS:
        return instance._replace(references=_references(header)), ()
    if instance.rows < 1:
        return instance, ()
    headers, defect = _slices(header, reader)
    defect = defect or _missing_uid(instance) or _cut_short(header) or _bits(header)
    planes = _planes(instance, headers)
    if defect is None and not all(map(_has_place, planes)):
        defect = _unreadable_place(headers)
    if defect is not None or headers[0].tile is not None:
        # A tile has a size of its own.
        instance = instance._replace(
            rows=_integer(headers[0].get("Rows")) or 0,
            columns=_integer(headers[0].get("Columns")) or 0,
            defect=defect,
        )
        planes = tuple([plane._replace(instance=instance) for plane in planes])
    return instance, planes


_ITEMS_OF_SERIES = {
    "rtstruct": (
        "ReferencedFrameOfReferenceSequence",
        "RTReferencedStudySequence",
        "RTReferencedSeriesSequence",
    ),
    "seg": ("ReferencedSeriesSequence",),
}
"""Sequences, one in the other, whose items name a series (PS3.3 C.8.8.5, C.12.4)."""


def _references(header: FrameHeader) -> tuple[str, ...]:
    """Return the series that a segmentation says it is of; none where that is damaged."""
    first, *inner = _ITEMS_OF_SERIES[SEGMENTATION_KINDS[_text(header.get("SOPClassUID"))]]
    try:
        items = header.items(first)
        for sequence in inner:
            items = tuple(part for item in items for part in item.get(sequence) or ())
        found = {_text(item.get("SeriesInstanceUID")) for item in items}
    except HeaderError:
        return ()
    return tuple(sorted(found - {""}))


def _person(header: FrameHeader) -> str:
    """Return the digests of the patient.

    An object of ours may name a subject instead: it says nothing of a patient.
    """
    get = header.get
    if _text(get("Manufacturer")) == OWN_MANUFACTURER:
        return NOBODY
    return person_key(
        _text(get("PatientID")),
        _patient_name(header),
        _text(get("PatientBirthDate")),
        _text(get("PatientSex")),
    )


def _patient_name(header: FrameHeader) -> str:
    """Return the name; its text is decoded once for all files of a patient."""
    elements = getattr(header, "elements", {})
    _, stored = elements.get(tag_of("PatientName"), (b"", None))
    if stored is None:
        return _text(header.get("PatientName"))
    _, charset = elements.get(tag_of("SpecificCharacterSet"), (b"", b""))
    return _decoded_name(stored, charset or b"")


@lru_cache(maxsize=4096)
def _decoded_name(stored: bytes, charset: bytes) -> str:
    text = stored.decode("latin-1").rstrip("\0 ")
    if stored.isascii() and b"\x1b" not in stored:
        return text
    from pydicom.charset import convert_encodings
    from pydicom.valuerep import PersonName

    try:
        encodings = charset.decode("ascii").strip("\0 ").split("\\")
        return str(PersonName(stored, convert_encodings(encodings))).rstrip("\0 ")
    except (LookupError, ValueError):
        return text


def _slices(
    header: FrameHeader, reader: HeaderReader
) -> tuple[tuple[FrameHeader, ...], Defect | None]:
    """Return the record of each slice, and why they cannot be told where they cannot."""
    count = _integer(header.get("NumberOfFrames", 1))
    if count is None or not 1 <= count <= MOST_FRAMES:
        return (header,), Defect(
            "FILE-FRAMES", f"NumberOfFrames is {count}", "The header is damaged: transfer it again."
        )
    if count > 1 and header.n_described not in {None, count}:
        return (header,), Defect(
            "FILE-FRAMES",
            f"NumberOfFrames is {count}, but {header.n_described} frames are described",
            "The header is damaged: transfer it again.",
        )
    try:
        return reader.split(header), None
    except HeaderError as error:
        return (header,), Defect(error.code, error.message, error.hint)


def _missing_uid(instance: Instance) -> Defect | None:
    uids = {
        "StudyInstanceUID": instance.study_uid,
        "SeriesInstanceUID": instance.series_uid,
        "SOPInstanceUID": instance.sop_instance_uid,
    }
    absent = [keyword for keyword, uid in uids.items() if not uid]
    if not absent:
        return None
    return Defect(
        "FILE-UID-MISSING",
        f"{', '.join(absent)} absent: the image cannot be told from others",
        "Export the series again.",
    )


def _cut_short(header: FrameHeader) -> Defect | None:
    missing = getattr(header, "missing_pixel_bytes", None)
    if not missing:
        return None
    return Defect(
        "FILE-TRUNCATED",
        f"the file ends {missing} bytes before its pixel data does",
        "Transfer the file again and compare its size.",
    )


def _bits(header: FrameHeader) -> Defect | None:
    found = contradicting_bits(header)
    if not found:
        return None
    return Defect(
        "PIXELS-BITS",
        found,
        "The bits of a pixel would be taken for another number: export the series again.",
    )


def _has_place(plane: Plane) -> bool:
    return None not in (plane.position_mm, plane.orientation, plane.pixel_spacing_mm)


def _unreadable_place(headers: tuple[FrameHeader, ...]) -> Defect | None:
    """Name the element of the image plane that stands there and is no row of numbers."""
    for header in headers:
        for keyword, tag, length in _PLACE:
            value = header.get(keyword)
            if value is not None and vector(value, length) is None:
                return Defect(
                    "SERIES-NO-POSITION",
                    f"{keyword} {tag}: {_as_written(value)!r} is no row of {length} numbers",
                    "DICOM writes decimals with a point: export the series again.",
                )
    return None


def _as_written(value: Any) -> str:
    """Return a value as a header writes it; a sequence may hold anything, and is not shown."""
    if isinstance(value, (bytes, str, int, float)):
        return str(value)
    parts = list(value)
    return "a sequence" if hasattr(next(iter(parts), 0), "get") else "\\".join(map(str, parts))


def _planes(instance: Instance, headers: tuple[FrameHeader, ...]) -> tuple[Plane, ...]:
    first = headers[0]
    several = len(headers) > 1 and first.tile is None
    if several and first.n_described is None:
        # A multi-frame object of the old kind describes all of its frames at once.
        plane = _plane(instance, first)
        return tuple([plane._replace(frame=index) for index in range(len(headers))])
    return tuple([_plane(instance, header) for header in headers])


def _plane(instance: Instance, header: FrameHeader) -> Plane:
    get = header.get
    b_value, gradient = _diffusion(instance, header)
    return Plane(
        instance,
        header.frame,
        position_mm=vector(get("ImagePositionPatient"), 3),
        orientation=vector(get("ImageOrientationPatient"), 6),
        pixel_spacing_mm=vector(get("PixelSpacing"), 2),
        thickness_mm=_number(get("SliceThickness")),
        b_value=b_value,
        gradient=gradient,
        echo=_number(_either(get, "EchoTime", "EffectiveEchoTime")),
        temporal_position=_integer(
            _either(get, "TemporalPositionIdentifier", "TemporalPositionIndex")
        ),
        stack_id=_text(get("StackID")),
        acquisition=_integer(get("AcquisitionNumber")),
        trigger_time=_number(_either(get, "TriggerTime", "NominalCardiacTriggerDelayTime")),
        reference_time=_number(get("FrameReferenceTime")),
        content_time=_text(get("ContentTime")),
        acquisition_time=_text(_either(get, "FrameAcquisitionDateTime", "AcquisitionTime")),
        image_type=_words(_either(get, "FrameType", "ImageType")),
        units=_text(_either(get, "Units", "RescaleType")),
    )


def _diffusion(instance: Instance, header: FrameHeader) -> tuple[float | None, Vector | None]:
    if instance.modality != "MR":
        return None, None
    found = read_b_value(header)
    if found is None:
        return None, None
    gradient = read_gradient(header).direction
    # Neither a b-value nor the absence of one: such slices are a volume of their own.
    return (found.value if found.is_usable else -1.0), gradient


def _either(get: Callable[[str], Any], first: str, second: str) -> Any:
    value = get(first)
    return get(second) if value is None else value


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _words(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return (str(value),)
    return tuple(str(word) for word in value)


def vector(value: Any, length: int) -> Vector | None:
    """Return so many finite numbers; None where a value is anything else."""
    if value is None or isinstance(value, str):
        return None
    try:
        numbers = tuple([float(v) for v in value])
    except (OverflowError, TypeError, ValueError):
        return None
    usable = len(numbers) == length and all(map(math.isfinite, numbers))
    return numbers if usable else None


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (OverflowError, TypeError, ValueError):
        return None


def _positive(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and 0 < number < math.inf else None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and math.isfinite(number) else None
