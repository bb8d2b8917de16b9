"""Every byte of an archive is one of its members: large ones are read, hidden bytes refused."""

from __future__ import annotations

import struct
import zipfile

import pytest

from biomarker_cli.exchange.bundles import archives
from biomarker_cli.exchange.bundles.archives import PlainArchive
from biomarker_cli.exchange.errors import BundleError
from biomarker_cli.model.zip_files import zip_bytes

HIDDEN = b"Doe^Jane"
WHOLE = zip_bytes({"a.csv": b"1,2\n" * 9, "b.csv": b"1,2\n" * 9})
SECOND_AT, LIST_AT = WHOLE.index(b"PK\x03\x04", 4), WHOLE.index(b"PK\x01\x02")
END_AT = WHOLE.index(b"PK\x05\x06")


def with_hidden(at, *, moves_second, moves_list=True):
    """Return the archive with bytes put in, and every offset that they move set right."""
    end = bytearray(WHOLE[END_AT:])
    start = struct.unpack_from("<I", end, 16)[0]
    struct.pack_into("<I", end, 16, start + len(HIDDEN) * moves_list)
    entries = bytearray(WHOLE[LIST_AT:END_AT])
    if moves_second:
        place = entries.rindex(b"PK\x01\x02") + 42
        struct.pack_into("<I", entries, place, SECOND_AT + len(HIDDEN))
    return (WHOLE[:LIST_AT] + entries + end)[:at] + HIDDEN + (WHOLE[:LIST_AT] + entries + end)[at:]


def in_a_header():
    """Put bytes into the extra field that stands before the first member alone."""
    content = bytearray(with_hidden(SECOND_AT, moves_second=True))
    name_end = 30 + len("a.csv")
    packed = content[name_end:SECOND_AT]
    content[name_end : SECOND_AT + len(HIDDEN)] = HIDDEN + packed
    struct.pack_into("<H", content, 28, len(HIDDEN))
    return bytes(content)


HIDING = {
    "before": HIDDEN + WHOLE,
    "between": with_hidden(SECOND_AT, moves_second=True),
    "before the list": with_hidden(LIST_AT, moves_second=False),
    "behind": WHOLE + HIDDEN,
    "in a header": in_a_header(),
}


@pytest.mark.parametrize("where", HIDING)
def test_bytes_of_no_member_are_refused(tmp_path, where):
    path = tmp_path / "x.zip"
    path.write_bytes(HIDING[where])
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None  # for any other tool it is a whole one
    with pytest.raises(BundleError) as caught:
        PlainArchive(path)
    assert caught.value.code == "BUNDLE-UNSAFE"
    path.write_bytes(WHOLE)
    with PlainArchive(path) as archive:
        assert archive.names == ["a.csv", "b.csv"]


def test_an_archive_beyond_the_offsets_of_32_bits_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    monkeypatch.setattr(archives, "_FAR", 1000)
    found = {f"{n}.dcm": bytes([n]) * 600 for n in range(5)}
    path = tmp_path / "x.zip"
    with path.open("wb") as stream:
        archives.write_archive(
            stream, {name: lambda one=one: one for name, one in found.items()}, found
        )
    with PlainArchive(path) as archive:
        assert {name: archive.read(name) for name in archive.names} == found
    content = path.read_bytes()
    at = content.rindex(struct.pack("<HH", 1, 8))
    path.write_bytes(content[:at] + b"\x02" + content[at + 1 :])
    with pytest.raises(BundleError):
        PlainArchive(path)
