"""Look for what names a person in every string of what was written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SHORTEST = 4
"""Characters of an original that is looked for inside of texts; a shorter one, as a word."""

_NAMING = frozenset(
    {
        *("PatientID", "PatientBirthDate", "AccessionNumber", "OtherPatientIDs", "StudyID"),
        *("InstitutionName", "InstitutionAddress", "PatientAddress", "PatientTelephoneNumbers"),
        *("StationName", "DeviceSerialNumber", "MedicalRecordLocator"),
    }
)
_NUMBERS = frozenset({"DS", "IS", "DA", "TM", "DT", "AS", "FD", "FL", "SL", "SS", "UL", "US", "AT"})
_PIXEL_GROUP = 0x7FE0


@dataclass
class Originals:
    """What names persons, devices and places in the objects that came in.

    Attributes
    ----------
    texts : set of str
        Casefolded.
    uids : set of str
    """

    texts: set[str] = field(default_factory=set)
    uids: set[str] = field(default_factory=set)

    def take(self, dataset: Dataset) -> None:
        """Take what names somebody in a data set and its items."""
        # A station that is called like the maker of the device names neither.
        maker = set(re.split(r"\W+", str(dataset.get("Manufacturer") or "").casefold()))
        for _, vr, keyword, value in strings_of(dataset):
            if vr == "UI":
                self.uids.add(value)
            elif vr == "PN":
                self.texts |= {part.casefold() for part in re.split(r"[\^=\s,]+", value)}
            elif keyword in _NAMING and value.strip().casefold() not in maker:
                self.texts.add(value.strip().casefold())

    def found_in(self, dataset: Dataset, allowed: str) -> str:
        """Return where an original stands in what was written, empty where nowhere.

        Parameters
        ----------
        dataset : pydicom.Dataset
        allowed : str
            Identity that was given: it may be what the subject was called before.
        """
        for where, vr, _, value in strings_of(dataset):
            folded = value.casefold()
            if vr == "UI":
                if value in self.uids and not value.startswith("1.2.840.10008."):
                    return where
            elif vr not in _NUMBERS and folded != allowed.casefold() and self._inside(folded):
                return where
        return ""

    def _inside(self, text: str) -> bool:
        words = set(re.split(r"\W+", text))
        return any(
            one in text if len(one) >= SHORTEST else len(one) > 1 and one in words
            for one in self.texts
        )


def strings_of(dataset: Dataset) -> Iterator[tuple[str, str, str, str]]:
    """Yield tag, VR, keyword and text of each string of a data set, also of unknown bytes."""
    for element in dataset:
        if element.tag.group == _PIXEL_GROUP:
            continue
        if element.VR == "SQ":
            for item in element.value:
                yield from strings_of(item)
            continue
        value = element.value
        if isinstance(value, bytes):
            texts = [value.decode("latin-1")]
        elif isinstance(value, str) or not hasattr(value, "__iter__") or element.VR == "PN":
            texts = [str(value)] if value is not None else []
        else:
            texts = [str(one) for one in value]
        for text in texts:
            yield str(element.tag), element.VR, element.keyword, text
