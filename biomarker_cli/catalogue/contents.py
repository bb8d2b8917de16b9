"""What a file says, decoded: two copies of one instance are held against each other by it.

Every element counts but those that are known to move no number: fail closed. Of
the private elements those of the creators that the readers in ``dicom`` look for
count; the others are read by nobody. Values are compared as they are understood:
``70`` is ``70.0``, ``100000`` is ``100000.000``, an empty element is an absent one.

References
----------
DICOM PS3.5 6.2 (value representations), 7.8 (private elements).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from biomarker_cli.dicom.frames import is_absent
from biomarker_cli.dicom.times import parse_date, parse_datetime, parse_time, text_of

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset
    from pydicom.tag import BaseTag

Contents = Mapping[str, object]
"""Path of an element (``Sequence[1].Keyword``) -> what it says."""

PIXEL_GROUP = 0x7FE0

_TEXT_OF_PEOPLE = frozenset({"AE", "LT", "PN", "ST", "UC", "UR", "UT"})
"""Names, comments and addresses: nothing is computed from them, except who the patient is."""

_OF_THE_PATIENT = frozenset({"PatientName"})

_HARMLESS_GROUPS = frozenset({0x0002, 0x0012, 0x0032, 0x0038, 0x0088, 0x0400, 0x4008, 0xFFFC})
"""File meta, trial, request, visit, storage, signatures, interpretation, padding."""

_HARMLESS = frozenset(
    {
        "AccessionNumber",
        "AdditionalPatientHistory",
        "AdmittingDiagnosesCodeSequence",
        "AdmittingDiagnosesDescription",
        "AnatomicRegionSequence",
        "BurnedInAnnotation",
        "ContributingEquipmentSequence",
        "DeidentificationMethod",
        "DeidentificationMethodCodeSequence",
        "EthnicGroup",
        "IconImageSequence",
        "InstanceCoercionDateTime",
        "InstanceCreationDate",
        "InstanceCreationTime",
        "InstanceCreatorUID",
        "InstanceNumber",
        "InstitutionCodeSequence",
        "InstitutionName",
        "InstitutionalDepartmentName",
        "InstitutionalDepartmentTypeCodeSequence",
        "IssuerOfAccessionNumberSequence",
        "IssuerOfPatientID",
        "IssuerOfPatientIDQualifiersSequence",
        "LargestImagePixelValue",
        "LongitudinalTemporalInformationModified",
        "MilitaryRank",
        "Occupation",
        "OperatorIdentificationSequence",
        "OtherPatientIDs",
        "OtherPatientIDsSequence",
        "PatientIdentityRemoved",
        "PatientInsurancePlanCodeSequence",
        "PatientMotherBirthName",
        "PatientTelephoneNumbers",
        "PerformingPhysicianIdentificationSequence",
        "PhysiciansOfRecordIdentificationSequence",
        "PhysiciansReadingStudyIdentificationSequence",
        "PregnancyStatus",
        "PresentationLUTShape",
        "ProcedureCodeSequence",
        "PurposeOfReferenceCodeSequence",
        "ReferencedImageSequence",
        "ReferencedPatientSequence",
        "ReferencedPerformedProcedureStepSequence",
        "ReferencedStudySequence",
        "ReferringPhysicianIdentificationSequence",
        "RegionOfResidence",
        "SeriesDescription",
        "SeriesDescriptionCodeSequence",
        "SeriesNumber",
        "SmallestImagePixelValue",
        "SmokingStatus",
        "SourceImageSequence",
        "SpecificCharacterSet",
        "StudyDescription",
        "StudyID",
        "VOILUTFunction",
        "VOILUTSequence",
        "WindowCenter",
        "WindowCenterWidthExplanation",
        "WindowWidth",
    }
)
"""Elements of other kinds from which nothing is computed and that no rule is about."""

_PROCEDURE_STEPS = range(0x0040_0001, 0x0040_4000)
_UNITS_CODE = 0x0040_08EA
_OVERLAYS = range(0x5000, 0x6100)

PRIVATE_CREATORS = frozenset(
    {
        "GEMS_ACQU_01",
        "GEMS_PARM_01",
        "GEMS_PETD_01",
        "GEMS_RELA_01",
        "Image Private Header",
        "Philips Imaging DD 001",
        "Philips MR Imaging DD 001",
        "Philips PET Private Group",
        "SIEMENS CSA HEADER",
        "SIEMENS MED PT",
        "SIEMENS MR HEADER",
        "UIH",
    }
)
"""Creators of the private elements that are read somewhere in ``dicom`` and above it."""

_ORPHANED_GROUPS = frozenset({0x0009, 0x7053})
"""Groups that are read in their first block where no creator owns it."""

_NUMBERS = frozenset({"DS", "FD", "FL", "IS", "OV", "SL", "SS", "SV", "UL", "US", "UV"})

_CLOCKS = {"DA": parse_date, "DT": parse_datetime, "TM": parse_time}


def contents_of(dataset: Dataset) -> Contents:
    """Return what the elements of a header say, as far as a number may depend on it.

    Raises
    ------
    One of `dicom.headers.ELEMENT_ERRORS`
        Where an element cannot be decoded.
    """
    return dict(_walk(dataset, ""))


def differing(one: Contents, other: Contents) -> list[str]:
    """Return the paths of the elements that two headers do not agree in, sorted."""
    paths = one.keys() | other.keys()
    return sorted(path for path in paths if one.get(path) != other.get(path))


def _walk(dataset: Dataset, path: str) -> Iterator[tuple[str, object]]:
    for tag in sorted(dataset.keys()):
        if tag.group == PIXEL_GROUP or tag.element == 0:
            continue
        name = _private_name(dataset, tag) if tag.is_private else None
        if tag.is_private and name is None:
            continue
        element = dataset[tag]
        if not tag.is_private and _is_harmless(element):
            continue
        name = path + (name or element.keyword or f"({tag.group:04X},{tag.element:04X})")
        if element.VR == "SQ":
            for number, item in enumerate(element.value or (), start=1):
                yield from _walk(item, f"{name}[{number}].")
        elif not is_absent(element.value):
            yield name, _said(element)


def _is_harmless(element: DataElement) -> bool:
    tag, keyword = element.tag, element.keyword
    if keyword in _HARMLESS or tag.group in _HARMLESS_GROUPS or tag.group in _OVERLAYS:
        return True
    if int(tag) in _PROCEDURE_STEPS:
        return int(tag) != _UNITS_CODE
    return element.VR in _TEXT_OF_PEOPLE and keyword not in _OF_THE_PATIENT


def _private_name(dataset: Dataset, tag: BaseTag) -> str | None:
    """Return a private element by its creator, whatever its block; None where nobody reads it."""
    if tag.element < 0x1000:
        return None
    owner = dataset.get((tag.group, tag.element >> 8))
    creator = "" if owner is None else text_of(owner.value)
    is_read = creator in PRIVATE_CREATORS if creator else tag.group in _ORPHANED_GROUPS
    name = f"({tag.group:04X},xx{tag.element & 0xFF:02X}) {creator}".rstrip()
    return name if is_read else None


def _said(element: DataElement) -> object:
    value = element.value
    if element.VR in _CLOCKS and isinstance(value, str):
        try:
            return _CLOCKS[element.VR](value)
        except ValueError:
            return text_of(value)
    if isinstance(value, bytes):
        return _said_by_bytes(value)
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return _scalar(value, element.VR)
    several = tuple(_scalar(part, element.VR) for part in value)
    return several[0] if len(several) == 1 else several


def _scalar(value: Any, vr: str) -> object:
    if vr == "PN":
        # One person, however the name is written.
        return " ".join(str(value).replace("^", " ").casefold().split())
    if isinstance(value, (int, float)):
        return float(value)
    text = text_of(value)
    if vr in _NUMBERS or vr == "UN":
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _said_by_bytes(value: bytes) -> object:
    """Return the number or text of an element that came without its representation."""
    try:
        text = value.decode("ascii").strip("\0 ")
    except UnicodeDecodeError:
        return _floats(value)
    try:
        return float(text)
    except ValueError:
        return text if text.isprintable() else _floats(value)


def _floats(value: bytes) -> object:
    """Return a binary number; anything longer stays as it is."""
    kinds = {4: "<f", 8: "<d"}
    if len(value) in kinds:
        return float(struct.unpack(kinds[len(value)], value)[0])
    return value
