"""The elements that the product reads, found in its source: what readers are compared by."""

from __future__ import annotations

import re
from pathlib import Path

from pydicom.datadict import dictionary_VR, tag_for_keyword

import biomarker_cli

SOURCE = Path(biomarker_cli.__file__).parent

PRIVATE_PLACES = [
    *((0x0019, "SIEMENS MR HEADER", 0x0C), (0x0043, "GEMS_PARM_01", 0x39)),
    *((0x2001, "Philips Imaging DD 001", 0x03), (0x7053, "Philips PET Private Group", 0x00)),
    *((0x0009, "GEMS_PETD_01", 0x0D), (0x0019, "GEMS_ACQU_01", 0xBB)),
]


def _keywords() -> list[str]:
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        found |= set(re.findall(r"\"([A-Z][A-Za-z0-9]{2,})\"", path.read_text(encoding="utf-8")))
    return sorted(word for word in found if tag_for_keyword(word) is not None)


ALL_KEYWORDS = _keywords()
READ_KEYWORDS = [
    word
    for word in ALL_KEYWORDS
    if tag_for_keyword(word) < 0x7FE00000 and tag_for_keyword(word) >> 16 > 2
]
"""Before the pixels; those of the file's own group are for the walk alone."""

_SEQUENCES = {
    "RadiopharmaceuticalInformationSequence": (
        *("RadionuclideTotalDose", "RadionuclideHalfLife", "RadiopharmaceuticalStartTime"),
        *("RadiopharmaceuticalStartDateTime", "RadionuclideCodeSequence", "Radiopharmaceutical"),
    ),
    "MRDiffusionSequence": ("DiffusionBValue", "DiffusionDirectionality"),
    "ReferencedImageSequence": ("ReferencedSOPInstanceUID",),
    "RealWorldValueMappingSequence": ("RealWorldValueSlope", "RealWorldValueIntercept"),
}
ITEM_KEYWORDS = [
    (sequence, word)
    for sequence, words in _SEQUENCES.items()
    for word in words
    if dictionary_VR(tag_for_keyword(word)) != "SQ"
]
