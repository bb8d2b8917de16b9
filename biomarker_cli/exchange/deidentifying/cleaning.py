"""Take a person out of one DICOM object: every element by one rule, items as well.

What no rule keeps goes. Elements that stay are written with the bytes that they came
with: a number that is not touched cannot change.

References
----------
DICOM PS3.15 Table E.1-1 with the options Retain Patient Characteristics, Retain
Longitudinal Temporal Information with Modified Dates, Clean Descriptors and Retain Safe
Private; Table E.3.10-1.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from biomarker_cli.exchange.deidentifying.annex_e import row_of
from biomarker_cli.exchange.deidentifying.leaks import (
    CHARACTER_SET,
    Originals,
    StoredText,
    texts_of,
)
from biomarker_cli.exchange.deidentifying.objects import (
    PARTS_OF_PIXELS,
    decoded,
    has_its_vr,
    plain_numbers,
    stored_bytes,
    stored_element,
)
from biomarker_cli.exchange.deidentifying.profile import DUMMY, STATED, ProfileFile
from biomarker_cli.exchange.deidentifying.values import SubjectKey, bytes_have_form, has_form

if TYPE_CHECKING:
    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

_FREE_TEXT = frozenset({"LO", "SH", "ST", "UC", "LT", "UT", "UR", "AE", "PN", "UN"})
_BINARY = frozenset({"US", "SS", "UL", "SL", "FL", "FD", "AT", "US or SS", "UV", "SV"})
_LETTERS = re.compile(rb"[A-Za-z]{4,}")
_BYTES = frozenset({"OB", "OW", "OF", "OD", "OL", "OV"})
_ROI_NAMES = frozenset({"ROIName", "SegmentLabel", "TrackingID"})
_OLDEST = 89
"""Years: those who are older are few, and become 90 (HIPAA Safe Harbor)."""
_FIRST_GROUP = 0x0008
"""Of a data set; those below are of commands, file meta and directories."""
_ORPHAN = "without creator"
_ZONE = re.compile(r"([+-]\d{4})? *")


@dataclass
class Cleaner:
    """Cleans the objects of one subject.

    Attributes
    ----------
    profile : ProfileFile
    values : SubjectKey
    originals : Originals
        Of all that leaves together: text that says one of them goes, whatever keeps it.
    done : Counter
        (attribute, kept | changed | removed) -> how often.
    """

    profile: ProfileFile
    values: SubjectKey
    originals: Originals
    done: Counter[tuple[str, str]] = field(default_factory=Counter)

    def clean(self, dataset: Dataset) -> None:
        """Clean a data set in place, with its items and its file meta."""
        # Of an item no header says how long its pixels are.
        pixels = {tag: dataset.pop(tag) for tag in PARTS_OF_PIXELS if tag in dataset}
        self._items(dataset)
        for tag, element in pixels.items():
            dataset[tag] = element
        _state_method(dataset, self.values.subject, self.profile.methods)

    def _items(self, dataset: Dataset) -> None:
        creators = _creators(dataset)
        kept_blocks: set[int] = set()
        for tag in sorted(dataset.keys(), reverse=True):
            if tag.is_private_creator:
                # Behind the elements of its block, which come first in this order.
                kept = (tag.group << 16 | tag.element) in kept_blocks
                self._count(tag, "kept" if kept else "removed")
            elif tag.is_private:
                block = tag.group << 16 | tag.element >> 8
                kept = self._private(dataset, tag, creators.get(block, ""))
                kept_blocks |= {block} if kept else set()
            else:
                kept = self._standard(dataset, tag)
            if not kept:
                del dataset[tag]

    def _standard(self, dataset: Dataset, tag: Any) -> bool:
        """Clean a standard element; tell whether it stays."""
        from pydicom.datadict import dictionary_has_tag

        if self._has_words_for_numbers(dataset, tag):
            self._count(tag, "removed")
            return False
        numbers = plain_numbers(dataset, tag)
        if numbers is not None and row_of(tag) is None and dictionary_has_tag(tag):
            kept = has_form("DS", numbers) and not self.originals.says_number(numbers)
            self._count(tag, "kept" if kept else "removed")
            return kept
        element = decoded(dataset, tag)
        if element is None or not self._can_be_judged(element):
            # What cannot be read, or holds bytes of any kind, cannot be judged.
            self._count(tag, "removed")
            return False
        if element.VR == "SQ":
            return self._sequence(element)
        before = element.value
        new = self._value_of(element)
        if new is None or self._says_an_original(element, new):
            self._count(tag, "removed")
            return False
        if new != before:
            element.value = new
        self._count(tag, "kept" if new == before else "changed")
        return True

    def _has_words_for_numbers(self, dataset: Dataset, tag: Any) -> bool:
        vr, plain = stored_bytes(dataset, tag)
        return vr in _BINARY and any(
            self.originals.says(word.decode("ascii")) for word in _LETTERS.findall(plain)
        )

    def _can_be_judged(self, element: DataElement) -> bool:
        is_bytes, is_meta = element.VR in _BYTES, element.tag.group < _FIRST_GROUP
        return has_its_vr(element) and not is_bytes and not is_meta

    def _says_an_original(self, element: DataElement, new: Any) -> bool:
        given = {self.values.subject, DUMMY}
        tag, vr, keyword = int(element.tag), element.VR, element.keyword
        return any(
            self.originals.says_in(StoredText(tag, vr, keyword, one), given)
            for one in texts_of(vr, new)
        )

    def _sequence(self, element: DataElement) -> bool:
        row = row_of(element.tag)
        action = row["basic"] if row else ""
        if action.startswith("X") and "U" not in action:
            self._count(element.tag, "removed")
            return False
        for item in [] if action == "Z" else element.value:
            self._items(item)
        if action == "Z":
            element.value = []
        self._count(element.tag, "changed" if action == "Z" else "kept")
        return True

    def _value_of(self, element: DataElement) -> Any:
        """Return what stands for a value; None where the element goes."""
        vr, keyword = element.VR, element.keyword
        if vr == "UI":
            return _each(element.value, self.values.uid)
        if not has_form(vr, _text(element)):
            return None
        if keyword in {"PatientName", "PatientID"}:
            return self.values.subject
        if keyword in _ROI_NAMES:
            return self.values.roi_name(str(element.value or ""))
        row = row_of(element.tag)
        if row is None:
            return self._outside_table(element)
        # Free text about a person is not kept, though the option would allow it.
        keeps = "patient_characteristics" in self.profile.options
        if keeps and row.get("retain_patient_characteristics") == "K" and vr not in _FREE_TEXT:
            if vr == "AS":
                return _each(element.value, _grouped_age)
            return self._coded(element) if vr == "CS" else element.value
        if row.get("retain_modified_dates") == "C" or (vr == "TM" and "retain_full_dates" in row):
            return self._dated(element)
        return self._by_action(element, row)

    def _dated(self, element: DataElement) -> Any:
        if element.VR in {"DA", "DT"}:
            # Empty where the text is no day: the element stays, and says nothing.
            return _each(element.value, self.values.shifted)
        # Clock times and the offset of the zone stay: dates move by whole days.
        is_zone = element.VR == "SH" and _ZONE.fullmatch(_text(element))
        return element.value if element.VR == "TM" or is_zone else None

    def _by_action(self, element: DataElement, row: Mapping[str, str]) -> Any:
        text = str(element.value or "")
        if row.get("retain_device_identity") and element.VR in {"LO", "SH"}:
            return f"DEV_{self.values.digest('device', text)}" if text else element.value
        if row.get("clean_descriptors") == "C" and element.VR in {"LO", "SH"}:
            cleaned = self.values.cleaned(text)
            return cleaned or (None if row["basic"] == "X" else _dummy(element.VR))
        if row["basic"] in {"Z", "X/Z"}:
            return ""
        return None if row["basic"] == "X" else _dummy(element.VR)

    def _outside_table(self, element: DataElement) -> Any:
        if element.VR in {"DA", "DT"}:
            return self._dated(element)
        if element.VR in _FREE_TEXT and element.keyword not in self.profile.technical_text:
            return None
        if element.keyword == "SpecificCharacterSet":
            known = all(map(CHARACTER_SET.fullmatch, texts_of("CS", element.value)))
            return element.value if known else None
        if element.VR == "CS":
            return self._coded(element)
        return element.value if element.keyword else None

    def _coded(self, element: DataElement) -> Any:
        return _each(element.value, self.values.code)

    def _private(self, dataset: Dataset, tag: Any, creator: str) -> bool:
        """Clean a private element; tell whether it stays."""
        vr = self.profile.private_vr((creator, tag.group, tag.element & 0xFF))
        if vr == "SQ":
            return self._private_sequence(dataset, tag, creator)
        stored = stored_element(dataset, tag)
        plain = stored.value if stored is not None and isinstance(stored.value, bytes) else None
        if plain is None or not self._is_safe(vr, plain):
            self._count(tag, "removed", creator)
            return False
        if vr == "DT":
            moved = self.values.shifted(plain.decode("ascii"))
            dataset[tag] = stored._replace(value=moved.encode("ascii").ljust(len(plain)))
        self._count(tag, "changed" if vr == "DT" else "kept", creator)
        return True

    def _is_safe(self, vr: str, plain: bytes) -> bool:
        """Tell whether the bytes of a private element are what its rule says, and no more."""
        text = plain.decode("latin-1")
        if not vr or not bytes_have_form(vr, plain):
            return False
        if vr in {"DS", "IS"}:
            # A b-value of 1000 is no StudyID of 1000.
            return not self.originals.says_number(text)
        if self.originals.says(text):
            return False
        return vr not in {"CS", "LO", "SH"} or self.values.code(text) == text

    def _private_sequence(self, dataset: Dataset, tag: Any, creator: str) -> bool:
        element = decoded(dataset, tag)
        kept = element is not None and element.VR == "SQ"
        for item in element.value if kept and element is not None else ():
            self._items(item)
        self._count(tag, "kept" if kept else "removed", creator)
        return kept

    def _count(self, tag: Any, what: str, creator: str | None = None) -> None:
        from pydicom.datadict import keyword_for_tag

        name = keyword_for_tag(tag) or f"({tag.group:04X},{tag.element:04X})"
        if creator is not None:
            # The block is where a file happens to have it; the creator says what it is.
            own = creator if self.profile.knows(creator) else "another creator"
            name = f"({tag.group:04X},xx{tag.element & 0xFF:02X}) {own if creator else _ORPHAN}"
        self.done[name, what] += 1


def _each(value: Any, change: Any) -> Any:
    if value is None or value == "":
        return value
    if isinstance(value, str):
        return change(value)
    return [change(str(one)) for one in value]


def _grouped_age(text: str) -> str:
    if text.strip()[-1:].upper() == "Y" and int(text.strip()[:-1]) > _OLDEST:
        return f"{_OLDEST + 1:03d}Y"
    return text


def _text(element: DataElement) -> str:
    value = element.value
    several = isinstance(value, list | tuple) or (
        hasattr(value, "__iter__") and not isinstance(value, str)
    )
    parts = value if several else [value]
    return "\\".join("" if one is None else str(one) for one in parts)


def _dummy(vr: str) -> Any:
    return DUMMY if vr in _FREE_TEXT - {"UN"} else None


def _creators(dataset: Dataset) -> dict[int, str]:
    """Return group and block -> creator of the private blocks of a data set."""
    return {
        tag.group << 16 | tag.element: str(element.value).strip("\0 ")
        for tag in dataset.keys()  # noqa: SIM118 - iterating a data set yields elements
        if tag.is_private_creator and (element := decoded(dataset, tag)) is not None
    }


def _state_method(dataset: Dataset, subject: str, methods: Mapping[str, str]) -> None:
    """Say what was done, and nothing that was not; codes of an earlier tool go."""
    from pydicom.dataset import Dataset as Item

    dataset.PatientID = dataset.PatientName = subject
    for keyword, value in STATED.items():
        setattr(dataset, keyword, value)
    codes = []
    for code, meaning in methods.items():
        item = Item()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "DCM", meaning
        codes.append(item)
    dataset.DeidentificationMethodCodeSequence = codes
