"""Plain elements are taken whole, and no byte beyond the content is looked at."""

import os
import random
import struct

import pytest

from biomarker_cli.kernels.compiled import (
    pick_elements,
    pick_elements_of_file,
    skip_items,
    walk_elements,
)

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


def tags(*numbers):
    return struct.pack(f"={len(numbers)}I", *numbers)


PIXELS = long(0x7FE0, 0x0010, b"OW", b"ab")
GROUP_LENGTH = short(0x7FE0, 0x0000, b"UL", b"abcd")


def part10(*elements, syntax=b"1.2.840.10008.1.2.1\0", pixels=PIXELS):
    meta = short(0x0002, 0x0010, b"UI", syntax)
    return bytes(128) + b"DICM" + meta + b"".join(elements) + pixels


UID = short(0x0008, 0x0018, b"UI", b"1.2 ")
CT = short(0x0008, 0x0060, b"CS", b"CT")
MR = short(0x0008, 0x0060, b"CS", b"MR")
PRIVATE = long(0x0009, 0x1001, b"UN", b"abcd")
ROWS = short(0x0028, 0x0010, b"US", b"\x04\x00")


def pick(content, size=None, holds=lambda tag: False):
    asked, varying = tags(0x00080060, 0x00280010), tags(0x00080018, 0x00200032)
    return pick_elements(
        content, len(content) if size is None else size, asked, varying, (b"CT",), holds
    )


def test_a_key_holds_what_is_asked_for_and_values_stand_beside_it():
    key, values = pick(part10(UID, CT, PRIVATE, short(0x0010, 0x0010, b"PN", b"A^"), ROWS))
    assert key == UID[:6] + CT + ROWS
    assert values == [b"1.2 ", None]


def test_private_elements_are_part_of_the_key_but_where_they_are_not_asked_for():
    assert pick(part10(MR, PRIVATE))[0] == MR + PRIVATE
    assert pick(part10(CT, PRIVATE))[0] == CT
    assert pick(part10(PRIVATE))[0] == PRIVATE


def test_a_key_without_vrs_has_none():
    uid, modality = implicit(0x0008, 0x0018, b"1.2 "), implicit(0x0008, 0x0060, b"CT")
    pixels = implicit(0x7FE0, 0x0010, b"abcdefgh")
    content = part10(uid, modality, syntax=b"1.2.840.10008.1.2\0", pixels=pixels)
    assert pick(content) == (uid[:4] + modality, [b"1.2 ", None])


def test_sequences_of_undefined_length_are_gone_over():
    sequence = long(0x0008, 0x1140, b"SQ", items(b""), UNDEFINED)
    assert pick(part10(UID, sequence, ROWS))[0] == UID[:6] + ROWS


@pytest.mark.parametrize(
    "content",
    [
        part10(UID)[:-4],
        part10(UID, pixels=b""),
        part10(UID, pixels=long(0x7FE0, 0x0010, b"OW", b"ab", 8)),
        part10(UID, pixels=long(0x7FE0, 0x0008, b"OF", b"abcd")),
        part10(UID, pixels=short(0x7FE0, 0x0010, b"US", b"abcdefgh")),
        part10(
            UID, pixels=short(0x7FE0, 0x0000, b"UL", b"abcd") + long(0x7FE0, 0x0010, b"OW", b"")
        ),
        part10(CT, UID),
        part10(UID, UID),
        part10(short(0x0008, 0x0060, b"ZZ", b"CT")),
        part10(long(0x0008, 0x0060, b"OB", b"CT", UNDEFINED)),
        part10(long(0x0008, 0x1140, b"SQ", items(b"")[:-8], UNDEFINED)),
        part10(UID, syntax=b"1.2.840.10008.1.2.2\0"),
        part10(UID, syntax=b"1.2.840.10008.1.2.1.99"),
        part10(UID, syntax=b"1.2.840.10008.1.20"),
        part10(UID, syntax=b"1.2"),
        bytes(128) + b"DICM" + UID + ROWS + PIXELS,
        part10(UID).replace(b"DICM", b"DICX"),
    ],
    ids=[
        "no room for a header",
        "no pixels",
        "pixels beyond the end",
        "floating pixels",
        "short pixels",
        "group length",
        "order",
        "twice",
        "no VR",
        "no length",
        "sequence without end",
        "big endian",
        "deflated",
        "longer root",
        "no syntax of DICOM",
        "no meta",
        "no DICOM",
    ],
)
def test_what_is_not_plain_is_not_picked(content):
    assert pick(content) is None


def test_compressed_pixels_have_no_end_to_be_beyond():
    assert pick(part10(UID, pixels=long(0x7FE0, 0x0010, b"OB", b"", UNDEFINED))) is not None


@pytest.mark.parametrize("cut", range(len(part10(UID, CT, PRIVATE, ROWS))))
def test_picking_looks_at_nothing_beyond_the_end(cut):
    whole = part10(UID, CT, PRIVATE, ROWS)
    found = pick(whole[:cut], len(whole))
    # The header of the pixels has twelve bytes; what is behind it is not looked at.
    assert (found is not None) == (cut >= len(whole) - 2)


ROOM = 16 * 1024


def pick_of_file(path, room=ROOM, **other):
    status = path.stat()
    signature = {
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "ctime_ns": status.st_ctime_ns,
        "inode": status.st_ino,
    }
    asked, varying = tags(0x00080060, 0x00280010), tags(0x00080018, 0x00200032)
    which = asked, varying, (b"CT",), lambda tag: False
    with path.open("rb") as stream:
        return pick_elements_of_file(stream.fileno(), *(signature | other).values(), room, *which)


# A header is read in two steps: it may end in the first, between them, in the second or behind.
@pytest.mark.parametrize("n_bytes", [2, 3000, *range(3900, 4110, 4), 9000, 16000, 16370])
def test_a_file_is_picked_as_its_beginning_is(tmp_path, n_bytes):
    path = tmp_path / "a.dcm"
    content = part10(UID, long(0x0009, 0x1001, b"UN", bytes(n_bytes)), ROWS) + bytes(50_000)
    path.write_bytes(content)
    assert pick_of_file(path) == pick(content[:ROOM], len(content))
    assert (pick_of_file(path) is None) == (n_bytes > 16_200)


@pytest.mark.parametrize("room", [1, 143, 400, 4096, 4097])
def test_no_more_than_the_room_is_read(tmp_path, room):
    path = tmp_path / "a.dcm"
    content = part10(UID, long(0x0009, 0x1001, b"UN", bytes(300)), ROWS) + bytes(9000)
    path.write_bytes(content)
    assert pick_of_file(path, room) == pick(content[:room], len(content))


@pytest.mark.parametrize("part", ["size", "mtime_ns", "ctime_ns", "inode"])
def test_a_file_that_is_not_the_one_that_was_found_is_not_picked(tmp_path, part):
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(UID, ROWS))
    assert pick_of_file(path) is not None
    status = path.stat()
    was = {"size": status.st_size, "inode": status.st_ino} | {
        name: getattr(status, f"st_{name}") for name in ("mtime_ns", "ctime_ns")
    }
    for change in (-1, 1):
        assert pick_of_file(path, **{part: was[part] + change}) is None


def test_what_cannot_be_read_is_not_picked(tmp_path):
    path = tmp_path / "empty"
    path.write_bytes(b"")
    assert pick_of_file(path) is None
    path.write_bytes(part10(UID, ROWS))
    status = path.stat()
    signature = status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
    asked = tags(0x00080060), tags(0x00080018), (b"CT",), lambda tag: False
    closed = os.open(path, os.O_RDONLY)
    os.close(closed)
    assert pick_elements_of_file(closed, *signature, ROOM, *asked) is None
    with path.open("ab") as stream:
        assert pick_elements_of_file(stream.fileno(), *signature, ROOM, *asked) is None


def test_a_file_cannot_be_read_without_room(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(part10(UID, ROWS))
    with pytest.raises(ValueError, match="no room"):
        pick_of_file(path, 0)
