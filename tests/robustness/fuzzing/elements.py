"""Damage that knows DICOM: elements deleted, doubled, swapped, nested, of odd VR, length, value.

A file is taken apart into a tree of elements, changed, and written with lengths that
fit, so that what is odd is reached; ill-fitting lengths come from chosen changes and
from `mutations`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace

import numpy as np
from pydicom.datadict import dictionary_VR, tag_for_keyword

from fuzzing.mutations import ODD_LENGTHS, ODD_WORDS, Rng, choice, damaged

LONG_VRS = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT")
LONG_VRS = (*LONG_VRS, b"UV")
TEXT_VRS = b"AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UT".split()
NUMBER_CODES = {b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"FL": "f", b"FD": "d"}
VRS = (*LONG_VRS, *TEXT_VRS, *NUMBER_CODES, b"AT", b"L1", b"\0\0", b"??")
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xE000FFFE, 0xE00DFFFE, 0xE0DDFFFE

ODD_DATES = (b"19000101", b"99991231", b"20230230", b"2023.01.01", b"00000000", b"20251332")
ODD_TIMES = (b"240000", b"235960", b"10:11:12", b"999999.9", b"101112.1234567", b"-1", b"1")
ODD_MOMENTS = (b"20250101110000+2500", b"20250101", b"00010101000000-1200", b"99991231235959")


@dataclass
class Element:
    """An element: its value is bytes, or the items of a sequence."""

    tag: int
    vr: bytes
    value: bytes = b""
    items: list[list[Element]] | None = None
    length: int | None = None  # what is said where it is not true
    undefined: bool = False


@dataclass
class Parts:
    """A file taken apart; `rest` are the pixels and what is behind."""

    head: bytes
    elements: list[Element] = field(default_factory=list)
    rest: bytes = b""
    explicit: bool = True


def _parse(data: bytes, at: int, end: int, explicit: bool, until: int) -> tuple[list, int]:
    found = []
    while at + 8 <= end:
        group, number, vr, length = struct.unpack_from("<HH2sH", data, at)
        tag = group << 16 | number
        if struct.unpack_from("<I", data, at)[0] in (ITEM_END, SEQUENCE_END) or tag >= until:
            break
        start = at + 8
        if not explicit:
            (length,) = struct.unpack_from("<I", data, at + 4)
            vr = _usual_vr(tag)
        elif vr in LONG_VRS:
            (length,) = struct.unpack_from("<I", data, at + 8)
            start = at + 12
        element = Element(tag, vr, undefined=length == UNDEFINED)
        if vr == b"SQ":
            stop = end if length == UNDEFINED else start + length
            element.items, at = _parse_items(data, start, stop, explicit)
        else:
            element.value, at = data[start : start + length], start + length
        found.append(element)
    return found, at


def _parse_items(data: bytes, at: int, end: int, explicit: bool) -> tuple[list, int]:
    items = []
    while at + 8 <= end:
        mark, length = struct.unpack_from("<II", data, at)
        at += 8
        if mark != ITEM:
            break
        stop = end if length == UNDEFINED else at + length
        item, at = _parse(data, at, stop, explicit, 1 << 32)
        at = at + 8 if length == UNDEFINED else stop
        items.append(item)
    return items, at


def _usual_vr(tag: int) -> bytes:
    try:
        return dictionary_VR(tag)[:2].encode()
    except KeyError:
        return b"UN"


def take_apart(content: bytes) -> Parts:
    """Return the parts of a Part 10 file in little endian."""
    meta, start = _parse(content, 132, len(content), True, 0x00030000)
    syntax = next(e.value for e in meta if e.tag == 0x00020010).rstrip(b"\0 ")
    explicit = syntax != b"1.2.840.10008.1.2"
    elements, at = _parse(content, start, len(content), explicit, 0x7FE00000)
    return Parts(content[:start], elements, content[at:], explicit)


def put_together(parts: Parts) -> bytes:
    """Return the bytes of a file."""
    return parts.head + _encoded(parts.elements, parts.explicit) + parts.rest


def _encoded(elements: list[Element], explicit: bool) -> bytes:
    return b"".join(_encoded_one(element, explicit) for element in elements)


def _encoded_one(element: Element, explicit: bool) -> bytes:
    value = element.value
    if element.items is not None:
        value = b"".join(_encoded_item(i, explicit, element.undefined) for i in element.items)
        value += struct.pack("<II", SEQUENCE_END, 0) if element.undefined else b""
    elif len(value) % 2:
        value += b"\0" if element.vr in (b"UI", b"OB", b"UN") else b" "
    length = UNDEFINED if element.undefined else len(value)
    length = length if element.length is None else element.length
    head = struct.pack("<HH", element.tag >> 16 & 0xFFFF, element.tag & 0xFFFF)
    if not explicit:
        return head + struct.pack("<I", length & 0xFFFFFFFF) + value
    if element.vr in LONG_VRS:
        return head + element.vr + b"\0\0" + struct.pack("<I", length & 0xFFFFFFFF) + value
    return head + element.vr + struct.pack("<H", length & 0xFFFF) + value


def _encoded_item(item: list[Element], explicit: bool, undefined: bool) -> bytes:
    value = _encoded(item, explicit)
    if undefined:
        return struct.pack("<II", ITEM, UNDEFINED) + value + struct.pack("<II", ITEM_END, 0)
    return struct.pack("<II", ITEM, len(value)) + value


def _lists(elements: list[Element]) -> list[list[Element]]:
    """Return every list of elements of a tree: top level and items."""
    found = [elements] if elements else []
    for element in elements:
        for item in element.items or ():
            found += _lists(item)
    return found


def odd_value(vr: bytes, value: bytes, rng: Rng) -> bytes:
    """Return another value for an element."""
    if vr in NUMBER_CODES:
        code = NUMBER_CODES[vr]
        if code in "fd":
            numbers = [choice(rng, (np.nan, np.inf, -1.0, 0.0, 1e30, 1e-30)) for _ in range(3)]
        else:
            low, high = (-1, 127) if code in "hi" else (0, 65535)
            numbers = [choice(rng, (low, 0, 1, 2, 7, 8, 31, 32, high)) for _ in range(3)]
        packed = struct.pack(f"<3{code}", *numbers)
        return packed[: len(packed) // 3 * int(rng.integers(0, 4))]
    if vr not in TEXT_VRS:
        return damaged(value, rng) if value else bytes(rng.integers(0, 256, 8, dtype=np.uint8))
    if vr in (b"DA", b"TM", b"DT") and rng.random() < 0.7:
        return choice(rng, {b"DA": ODD_DATES, b"TM": ODD_TIMES, b"DT": ODD_MOMENTS}[vr])
    parts = value.split(b"\\")
    how = rng.integers(0, 5)
    if how == 0:
        parts = parts[:-1]
    elif how == 1:
        parts = parts * int(rng.integers(2, 4))
    elif how == 2:
        return damaged(value, rng) if value else b"?"
    else:
        parts[int(rng.integers(len(parts)))] = choice(rng, ODD_WORDS)
    return b"\\".join(parts)[:60000]


ADDED = [
    *("NumberOfFrames", "SamplesPerPixel", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("ModalityLUTSequence", "RealWorldValueMappingSequence", "RescaleSlope", "RescaleIntercept"),
    *("RescaleType", "SpecificCharacterSet", "PatientWeight", "PatientSize", "Units"),
    *("DecayCorrection", "DecayFactor", "CorrectedImage", "RadiopharmaceuticalInformationSequence"),
    *("FrameReferenceTime", "ActualFrameDuration", "AcquisitionDate", "AcquisitionDateTime"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "ImageType"),
    *("DiffusionBValue", "DiffusionGradientOrientation", "EchoTime", "TriggerTime", "StackID"),
    *(
        "TemporalPositionIdentifier",
        "AcquisitionNumber",
        "GantryDetectorTilt",
        "SpacingBetweenSlices",
    ),
    *("MRDiffusionSequence", "HighBit", "BitsStored", "BitsAllocated", "PixelRepresentation"),
    *("TimezoneOffsetFromUTC", "SeriesTime", "PatientName", "PatientBirthDate", "Manufacturer"),
    *("SegmentSequence", "SegmentationType", "ROIContourSequence", "StructureSetROISequence"),
    *("FrameOfReferenceUID", "AcquisitionMatrix", "EnergyWindowInformationSequence", "KVP"),
]
PRIVATE = [
    *((0x0019, b"SIEMENS MR HEADER", 0x0C), (0x0019, b"SIEMENS MR HEADER", 0x0A)),
    *((0x0043, b"GEMS_PARM_01", 0x39), (0x2001, b"Philips Imaging DD 001", 0x03)),
    *((0x7053, b"Philips PET Private Group", 0x00), (0x0009, b"GEMS_PETD_01", 0x0D)),
    *((0x0029, b"SIEMENS CSA HEADER", 0x10), (0x0065, b"Image Private Header", 0x51)),
    *((0x0019, b"GEMS_ACQU_01", 0xBB), (0x0071, b"SIEMENS MED PT", 0x22)),
]


def _added(elements: list[Element], rng: Rng) -> None:
    """Add elements that the product reads, each where it belongs by its tag."""
    if rng.random() < 0.2:
        group, creator, offset = choice(rng, PRIVATE)
        vr = choice(rng, VRS)
        elements.append(Element(group << 16 | 0x10, b"LO", creator))
        elements.append(Element(group << 16 | 0x1000 | offset, vr, odd_value(vr, b"1\\2", rng)))
    else:
        tag = int(tag_for_keyword(choice(rng, ADDED)))
        vr = _usual_vr(tag)
        element = Element(tag, vr, odd_value(vr, b"1", rng))
        if vr == b"SQ":
            element.value, element.items = b"", [[] for _ in range(int(rng.integers(0, 3)))]
            for item in element.items:
                _added(item, rng)
        elements[:] = [e for e in elements if e.tag != tag]
        elements.append(element)
    elements.sort(key=lambda e: e.tag)


def _change(elements: list[Element], rng: Rng) -> None:
    """Change one element of a list."""
    at = int(rng.integers(len(elements)))
    element = elements[at]
    how = rng.integers(0, 12)
    if how <= 3 and element.items is None:
        elements[at] = replace(element, value=odd_value(element.vr, element.value, rng))
    elif how <= 4:
        del elements[at]
    elif how == 5:
        elements.insert(at, element)
    elif how == 6:
        other = int(rng.integers(len(elements)))
        elements[at], elements[other] = elements[other], element
    elif how == 7:
        elements[at] = replace(element, vr=choice(rng, VRS))
    elif how == 8:
        elements[at] = replace(element, length=choice(rng, ODD_LENGTHS))
    elif how == 9:
        _nest(elements, at, rng)
    elif how == 10:
        moved = element.tag ^ 1 << int(rng.integers(32))
        elements[at] = replace(element, tag=moved)
    elif how == 11 and element.items is not None:
        element.undefined = not element.undefined
        element.items *= int(rng.integers(0, 3))
    else:
        _added(elements, rng)


def _nest(elements: list[Element], at: int, rng: Rng) -> None:
    """Put an element into sequences in sequences, of the same tag or of its neighbours'."""
    element = elements[at]
    inner = [element]
    for _ in range(choice(rng, (1, 2, 18, 60))):
        inner = [Element(element.tag, b"SQ", items=[inner], undefined=bool(rng.integers(2)))]
    elements[at] = inner[0]


def damaged_dicom(content: bytes, rng: Rng) -> bytes:
    """Return a DICOM file with a few things changed."""
    if rng.random() < 0.25:
        return content[:132] + damaged(content[132:], rng, header_bytes=3000)
    parts = take_apart(content)
    for _ in range(int(rng.integers(1, 4))):
        lists = _lists(parts.elements)
        if lists:
            _change(lists[0] if rng.random() < 0.5 else choice(rng, lists), rng)
    if rng.random() < 0.1:
        parts.rest = damaged(parts.rest, rng, header_bytes=16) if parts.rest else b""
    if rng.random() < 0.05:
        parts.head = parts.head[:132] + damaged(parts.head[132:], rng)
    whole = put_together(parts)
    if rng.random() < 0.08:
        return whole[: int(rng.integers(len(whole)))]
    return damaged(whole, rng, header_bytes=3000) if rng.random() < 0.1 else whole
