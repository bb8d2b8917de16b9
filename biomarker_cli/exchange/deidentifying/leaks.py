"""Look for what names a person in every string of what was written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, MutableSequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from biomarker_cli.dicom.identity import is_registered
from biomarker_cli.exchange.deidentifying.annex_e import row_of
from biomarker_cli.exchange.deidentifying.compressed_streams import CLEANED
from biomarker_cli.exchange.deidentifying.name_forms import (
    SHORTEST_JOINED,
    forms_of_day,
    forms_of_id,
    forms_of_person,
    is_met_inside,
    joined,
    spellings,
    words_of,
)
from biomarker_cli.exchange.deidentifying.objects import PARTS_OF_PIXELS, decoded, plain_numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SHORTEST = 4
"""Characters of an original that is looked for inside of texts; a shorter one, as a word."""

NAMING = frozenset(
    {
        *("PatientID", "PatientBirthDate", "AccessionNumber", "OtherPatientIDs", "StudyID"),
        *("InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName"),
        *("PatientAddress", "PatientTelephoneNumbers", "PatientBirthName", "AdmissionID"),
        *("StationName", "DeviceSerialNumber", "MedicalRecordLocator", "DetectorID", "GantryID"),
        *("PerformedStationName", "RequestedProcedureID", "ScheduledProcedureStepID"),
        *("PerformedProcedureStepID", "FillerOrderNumberImagingServiceRequest"),
        *("PlacerOrderNumberImagingServiceRequest", "ServiceEpisodeID", "DeviceUID"),
        *("IssuerOfPatientID", "IssuerOfAdmissionID", "IssuerOfServiceEpisodeID"),
        *("LocalNamespaceEntityID", "UniversalEntityID", "ResponsibleOrganization"),
        *("CurrentPatientLocation", "PatientInstitutionResidence", "RequestingService"),
        *("StationAETitle", "ScheduledStationName", "ScheduledStationAETitle"),
        *("PerformedStationAETitle", "PerformedLocation", "ScheduledProcedureStepLocation"),
        *("RequestedProcedureLocation", "ClinicalTrialSiteName", "ClinicalTrialSiteID"),
        *("ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID", "PlateID", "CassetteID"),
    }
)
"""Attributes whose text names a person, a device or a place, beside every name (PN)."""

_OF_PERSONS = frozenset({"PatientName", "PatientID", "OtherPatientIDs", "PatientBirthName"})
_WITHOUT_WORDS = frozenset({"FD", "FL", "SL", "SS", "UL", "US", "AT", "TM", "AS"})
_NUMBERS = _WITHOUT_WORDS | {"DA", "DT"}
_IN_WORDS = frozenset({"DS", "IS"})
_SHORTEST_NUMBER = 6
_DIGITS = re.compile(r"\d+")
_UID = re.compile(r"(?<!\d)\d+(?:\.\d+){3,}")
_DIGEST = re.compile(r"(ROI|DEV)_[0-9a-f]{8}")
_HEAD_OF_STREAM = 2048

CHARACTER_SET = re.compile(r"(ISO[_ ](2022 )?IR \d{1,3}|GB18030|GBK)?")
"""Defined terms of PS3.3 C.12.1.1.2."""


class StoredText(NamedTuple):
    """A string of an object, and where it stands."""

    tag: int
    vr: str
    keyword: str
    value: str


@dataclass
class Originals:
    """What names persons, devices and places in the objects that came in.

    Attributes
    ----------
    neutral : collection of str
        Casefolded words of the profile: that one of them stands somewhere says nothing.
    texts : set of str
        In the forms of `name_forms`.
    persons : set of str
        Those of them that name a patient.
    uids : set of str
    """

    neutral: Collection[str] = ()
    texts: set[str] = field(default_factory=set)
    persons: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)
    _joined: set[str] = field(default_factory=set)
    _inside: dict[str, bool] = field(default_factory=dict)

    def take(self, dataset: Dataset) -> None:
        """Take what names somebody in a data set and its items."""
        found = set()
        for text in strings_of(dataset):
            if text.vr == "UI":
                self.uids.add(text.value)
                continue
            forms: set[str] = set()
            if text.vr == "PN":
                forms = forms_of_person(text.value)
            elif text.keyword in NAMING:
                forms = forms_of_id(text.value)
            if text.keyword == "PatientBirthDate":
                forms |= {*forms_of_day(text.value)}
            found |= forms
            if text.keyword in _OF_PERSONS:
                self.persons |= {one for one in forms if self._names(one)}
        new = {one for one in found if self._names(one)}
        self.texts |= new
        whole = {joined(one) for one in new}
        self._joined |= {one for one in whole if len(one) >= SHORTEST_JOINED and self._names(one)}
        self._inside.clear()

    def names_person(self, subject: str) -> bool:
        """Tell whether what a subject is called says who it is."""
        said = spellings(subject)
        return any(
            one in text if len(one) >= SHORTEST and not one.isdigit() else one == text
            for text in (*said, *map(joined, said))
            for one in self.persons
        )

    def _names(self, text: str) -> bool:
        # A number of up to three digits stays in descriptors: it says nothing by itself.
        says_nothing = text.isdigit() and len(text) < SHORTEST
        return bool(text.strip("-_*")) and text not in self.neutral and not says_nothing

    def found_in(self, dataset: Dataset, given: Collection[str]) -> str:
        """Return where an original stands in what was written, empty where nowhere.

        Parameters
        ----------
        dataset : pydicom.Dataset
        given : collection of str
            Subjects that were given; the digits of one may say an id by chance.
        """
        for text in strings_of(dataset):
            if self.says_in(text, given):
                return f"({text.tag >> 16:04X},{text.tag & 0xFFFF:04X}) {text.keyword}".strip()
        return "pixel data" if self.says_in_stream(dataset) else ""

    def says_in_stream(self, dataset: Dataset) -> bool:
        """Tell whether the ends of compressed pixel data hold an original."""
        return self.says(_ends_of_pixels(dataset))

    def says_in(self, text: StoredText, given: Collection[str]) -> bool:
        """Tell whether a string of an object holds an original; see `found_in`."""
        if text.vr == "UI":
            return text.value in self.uids and not is_registered(text.value)
        if text.vr in _NUMBERS or text.value in given or _is_made(text):
            return False
        if text.vr in _IN_WORDS:
            return self.says_number(text.value)
        return self.says(text.value)

    def says_number(self, text: str) -> bool:
        """Tell whether one of the numbers of a DS or IS is an original."""
        said = (part.strip(" \0") for part in text.split("\\"))
        return not self.texts.isdisjoint(one for one in said if len(one) >= _SHORTEST_NUMBER)

    def says(self, text: str) -> bool:
        """Tell whether a text holds an original."""
        known = self._inside.get(text)
        if known is None:
            known = self._inside[text] = any(map(self._says, spellings(text)))
        return known

    def _says(self, text: str) -> bool:
        words, whole = words_of(text), joined(text)
        # Four digits are in many a code by chance; a number of its own they are not.
        words.update(run.lstrip("0") for run in _DIGITS.findall(text))
        words.discard("")
        return (
            any(
                one in text
                if _is_met_as_part(one)
                else len(one) > 1 and not words.isdisjoint((one, one.lstrip("0")))
                for one in self.texts
            )
            or any(one in whole for one in self._joined)
            or any(uid in self.uids for uid in _UID.findall(text))
        )


def _is_met_as_part(one: str) -> bool:
    if one.isdigit():
        return len(one) >= _SHORTEST_NUMBER
    return len(one) >= SHORTEST or is_met_inside(one)


def _is_made(text: StoredText) -> bool:
    """Tell whether a text is one that stands for another, or a code of the standard's own."""
    if text.keyword == "SpecificCharacterSet":
        return CHARACTER_SET.fullmatch(text.value) is not None
    if not _DIGEST.fullmatch(text.value):
        return False
    row = row_of(text.tag) or {}
    roi_names = {"ROIName", "SegmentLabel", "TrackingID"}
    return text.keyword in roi_names or "retain_device_identity" in row


def _ends_of_pixels(dataset: Dataset) -> str:
    """Return the words of where a compressed stream may hold text."""
    if not dataset.file_meta.TransferSyntaxUID.is_compressed or "PixelData" not in dataset:
        return ""
    stored = bytes(dataset.PixelData)
    head = stored[:_HEAD_OF_STREAM]
    # Behind the header of a JPEG or JPEG 2000 stream any word is there by chance.
    head = re.split(rb"\xff\xda|\xff\x90", head)[0]
    if dataset.file_meta.TransferSyntaxUID not in CLEANED:
        head += b"\0" + stored[_HEAD_OF_STREAM:][-_HEAD_OF_STREAM:]
    return " ".join(word.decode() for word in re.findall(rb"[A-Za-z0-9 ^,.-]{4,}", head))


def strings_of(dataset: Dataset) -> Iterator[StoredText]:
    """Yield each string of a data set and its items, also of bytes whose VR nobody knows."""
    for tag in dataset.keys():  # noqa: SIM118 - iterating a data set decodes all of it
        if tag in PARTS_OF_PIXELS:
            continue
        numbers = plain_numbers(dataset, tag)
        if numbers is not None:
            yield StoredText(int(tag), "DS", "", numbers)
            continue
        element = decoded(dataset, tag)
        if element is None:
            continue
        if element.VR == "SQ":
            for item in element.value:
                yield from strings_of(item)
            continue
        vr, keyword = element.VR, element.keyword
        if vr not in _WITHOUT_WORDS:
            for text in texts_of(vr, element.value):
                yield StoredText(int(tag), vr, keyword, text)


def texts_of(vr: str, value: Any) -> list[str]:
    """Return the strings of a value that is no sequence, several where it has several."""
    if value is None:
        return []
    if isinstance(value, bytes):
        return [value.decode("latin-1")]
    several = not isinstance(value, str) and hasattr(value, "__iter__")
    if several and (vr != "PN" or isinstance(value, MutableSequence)):
        return [str(one) for one in value]
    return [str(value)]
