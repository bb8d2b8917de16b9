"""Plain elements are taken whole, and no byte beyond the content is looked at."""

import random
import struct

import pytest

from biomarker_cli.kernels.compiled import skip_items, walk_elements

UNDEFINED = 0xFFFFFFFF
CUT, UNUSUAL = -1, -2
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)


def short(group, number, vr, value):
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def long(group, number, vr, value, length=None):
    size = len(value) if length is None else length
    return struct.pack("<HH2sHI", group, number, vr, 0, size) + value


def implicit(group, number, value, length=None):
    return struct.pack("<HHI", group, number, len(value) if length is None else length) + value


def items(*contents):
    """Return items of undefined length and the end mark of their sequence."""
    whole = [implicit(*ITEM, part + implicit(*ITEM_END, b""), UNDEFINED) for part in contents]
    return b"".join(whole) + implicit(*SEQUENCE_END, b"")


PLAIN = short(0x0008, 0x0060, b"CS", b"CT") + long(0x0009, 0x1001, b"UN", b"abcd")
FOUND = {0x00080060: (b"CS", b"CT"), 0x00091001: (b"UN", b"abcd")}


def walk(content, at=0, explicit=True, last_group=0x7FDF, previous=0):
    found = {}
    return *walk_elements(content, at, explicit, last_group, previous, found), found


def test_plain_elements_are_taken():
    assert walk(PLAIN + bytes(12), last_group=0xFFFF) == (len(PLAIN), 0x00091001, FOUND)
    assert walk(b"...." + PLAIN, at=4)[2] == FOUND


def test_without_vrs_a_length_has_four_bytes():
    content = implicit(0x0008, 0x0060, b"CT") + implicit(0x0010, 0x0010, b"A^B ")
    found = {0x00080060: (b"", b"CT"), 0x00100010: (b"", b"A^B ")}
    assert walk(content, explicit=False) == (len(content), 0x00100010, found)


@pytest.mark.parametrize(
    "other",
    [
        long(0x0040, 0x0275, b"SQ", items(b""), UNDEFINED),
        short(0x0040, 0x0275, b"ZZ", b"abcd"),
        short(0x0040, 0x0275, b"cs", b"abcd"),
        short(0x0008, 0x0008, b"CS", b"abcd"),
        short(0x7FE0, 0x0010, b"US", b"abcd"),
        long(0x0040, 0x0275, b"OB", b"abcd", 5),
        long(0x0040, 0x0275, b"OB", b"abcd", UNDEFINED - 1),
    ],
    ids=["no length", "no VR", "small VR", "order", "group", "cut", "length beyond all"],
)
def test_it_stops_before_what_is_not_plain(other):
    assert walk(PLAIN + other) == (len(PLAIN), 0x00091001, FOUND)


@pytest.mark.parametrize("size", range(len(PLAIN)))
def test_nothing_is_taken_beyond_the_end(size):
    at, _, found = walk(PLAIN[:size])
    assert at <= size
    assert found.items() <= FOUND.items()
    assert len(found) == (size >= 12)


def test_a_place_before_the_content_is_refused():
    with pytest.raises(ValueError, match="no place"):
        walk(PLAIN, at=-1)
    with pytest.raises(ValueError, match="no place"):
        skip_items(PLAIN, -1, True, never)
    assert walk(PLAIN, at=10**9)[0] == 10**9


def never(tag):
    raise AssertionError(f"{tag:08x} says itself what it is")


NESTED = items(
    PLAIN + long(0x0040, 0x0275, b"SQ", items(PLAIN, b""), UNDEFINED) + PLAIN,
    short(0x0008, 0x0060, b"CS", b"MR"),
)


def test_a_sequence_ends_behind_its_mark():
    assert skip_items(NESTED + PLAIN, 0, True, never) == len(NESTED)
    assert skip_items(b"...." + NESTED, 4, True, never) == 4 + len(NESTED)
    known = implicit(*ITEM, PLAIN) + implicit(*SEQUENCE_END, b"")
    assert skip_items(known, 0, True, never) == len(known)


@pytest.mark.parametrize("size", range(len(NESTED)))
def test_a_sequence_that_is_cut_is_known_as_such(size):
    assert skip_items(NESTED[:size], 0, True, never) == CUT


def test_without_vrs_a_sequence_is_one_by_its_tag():
    inner = implicit(0x0040, 0x0275, items(implicit(0x0008, 0x0060, b"CT")), UNDEFINED)
    content = items(inner)
    asked = []
    assert skip_items(content, 0, False, lambda tag: asked.append(tag) or True) == len(content)
    assert asked == [0x00400275]
    assert skip_items(content, 0, False, lambda tag: False) == UNUSUAL


def test_an_error_of_who_is_asked_is_handed_on():
    content = items(implicit(0x0040, 0x0275, items(b""), UNDEFINED))
    with pytest.raises(AssertionError, match="00400275"):
        skip_items(content, 0, False, never)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        items(long(0x0009, 0x1001, b"UN", items(b""), UNDEFINED)),
        items(short(0x0040, 0x0275, b"ZZ", b"abcd")),
    ],
    ids=["no item", "no sequence", "no VR"],
)
def test_what_is_no_sequence_is_for_others(content):
    assert skip_items(content, 0, True, never) == UNUSUAL


def test_what_is_nested_too_deep_is_for_others():
    content = items(b"")
    for _ in range(16):
        content = items(long(0x0040, 0x0275, b"SQ", content, UNDEFINED))
    assert skip_items(content, 0, True, never) == len(content)
    assert skip_items(items(long(0x0040, 0x0275, b"SQ", content, UNDEFINED)), 0, True, never) < 0


def test_damage_never_leads_beyond_the_content():
    rng = random.Random(4)
    for _ in range(3000):
        content = bytearray(PLAIN + NESTED + PLAIN)
        for _ in range(rng.choice((1, 1, 2, 8))):
            content[rng.randrange(len(content))] = rng.choice((0, 255, rng.randrange(256)))
        content = bytes(content[: rng.randrange(len(content) + 1)])
        for explicit in (True, False):
            at, _, found = walk(content, explicit=explicit, last_group=0xFFFF)
            assert at <= len(content)
            assert sum(len(value) for _, value in found.values()) <= len(content)
            start = min(len(PLAIN), len(content))
            end = skip_items(content, start, explicit, lambda tag: tag % 2 == 0)
            assert end in (CUT, UNUSUAL) or start < end <= len(content)
