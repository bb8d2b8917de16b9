"""Shares from a stranger: whatever they hold, they are refused by name and write nothing."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import zipfile

import pytest

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.publishing import publish
from biomarker_cli.protocol.share_archives import archive_bytes, read_archive
from biomarker_cli.protocol.shares import read_share
from tests.synthetic_protocols import protocol_head

RULES = "rules:\n  - {id: A, title: a, fact: EchoTime, check: {max: 90}, unit: ms}\n"
BAD_NAMES = [
    "../x.yaml",
    "a/../../x.yaml",
    "/etc/x.yaml",
    "a\\..\\x.yaml",
    "C:x.yaml",
    "a/\x1b[2Jx.yaml",
    "a" * 400,
]


def zip_of(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return stream.getvalue()


def tar_of(*members: tarfile.TarInfo | str, data: bytes = b"x") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for one in members:
            member = tarfile.TarInfo(one) if isinstance(one, str) else one
            member.size = len(data) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def link(kind: bytes, target: str = "/etc/passwd") -> tarfile.TarInfo:
    member = tarfile.TarInfo("index.json")
    member.type, member.linkname = kind, target
    return member


@pytest.fixture
def refused(tmp_path):
    def check(content: bytes, told: str | None = None, name: str = "s.zip") -> None:
        path = tmp_path / name
        path.write_bytes(content)
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(ProtocolError, match=told) as caught:
            read_archive(path)
        assert caught.value.code == "SHARE-INVALID"
        assert "\x1b" not in str(caught.value)
        assert sorted(tmp_path.rglob("*")) == before

    return check


class TestArchives:
    @pytest.mark.parametrize("name", BAD_NAMES)
    def test_a_name_that_leads_out(self, refused, name):
        refused(zip_of((name, b"x")), "leads out")
        refused(tar_of(name), "leads out", "s.tar")

    @pytest.mark.parametrize("twice", ["a/x.yaml", "A/X.yaml", "./a/x.yaml", "a//x.yaml"])
    def test_a_name_that_stands_twice(self, refused, twice):
        refused(tar_of("a/x.yaml", twice), "stands twice", "s.tar")

    @pytest.mark.parametrize(
        "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
    )
    def test_links_and_devices_of_a_tar(self, refused, kind):
        refused(tar_of(link(kind)), "no regular file", "s.tar")

    def test_a_link_of_a_zip(self, refused):
        entry = zipfile.ZipInfo("index.json")
        entry.external_attr = 0o120777 << 16
        refused(zip_of((entry, b"/etc/passwd")), "no regular file")

    def test_a_bomb(self, refused):
        refused(zip_of(("index.json", bytes(900_000))), "beyond all bounds")
        refused(zip_of(("index.json", bytes(2_000_000))), "larger than")
        refused(gzip.compress(bytes(100_000_000)), "beyond all bounds", "s.tar.gz")
        refused(tar_of("index.json", data=os.urandom(1_000_001)), "larger than", "s.tar")

    def test_more_members_than_any_collection(self, refused):
        refused(zip_of(*((f"{n}.yaml", b"") for n in range(2_001))), "more than any")

    def test_more_than_any_collection_in_all(self, refused):
        data = os.urandom(9_000) * 100
        refused(zip_of(*((f"{n}.yaml", data) for n in range(60))), "more than any")

    def test_a_member_that_says_less_than_it_holds(self, refused):
        content = bytearray(zip_of(("index.json", os.urandom(5_000))))
        place = content.rindex(b"PK\x01\x02") + 24
        content[place : place + 4] = (10).to_bytes(4, "little")
        refused(bytes(content))

    @pytest.mark.parametrize("name", ["s.zip", "s.tar", "s.tar.gz", "s.tgz"])
    def test_no_archive_at_all(self, refused, name):
        for content in (b"", b"PK", b"\x1f\x8b", b"index.json" * 99, bytes(4096)[:511]):
            refused(content, name=name)

    def test_every_place_where_it_is_cut_or_damaged(self, tmp_path):
        for name in ("s.zip", "s.tar.gz"):
            whole = archive_bytes(
                {"index.json": b"{}" * 50, "a/x.yaml": b"y" * 300}, tmp_path / name
            )
            path = tmp_path / name
            for place in range(0, len(whole), 7):
                for content in (whole[:place], whole[:place] + b"\xff" + whole[place + 1 :]):
                    path.write_bytes(content)
                    try:
                        read_archive(path)
                    except ProtocolError as error:
                        assert error.code == "SHARE-INVALID"  # noqa: PT017 - or it is read

    def test_packed_in_another_way(self, refused):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_LZMA) as archive:
            archive.writestr("index.json", b"{}" * 99)
        refused(stream.getvalue(), "packed in a way")

    def test_the_folder_of_a_host_around_it(self, tmp_path):
        source = tmp_path / "site.yaml"
        source.write_text(protocol_head() + RULES)
        document = load_document(ProtocolKind.ACQUISITION, str(source))
        index = publish([(ProtocolKind.ACQUISITION, document)], tmp_path / "plain.zip")
        inside = read_archive(tmp_path / "plain.zip")
        path = tmp_path / "hosted.zip"
        path.write_bytes(zip_of(*((f"repo-main/{name}", data) for name, data in inside.items())))
        assert read_share(path).index.sha256 == index.sha256


ENTRY = {
    "kind": "acquisition",
    "id": "site",
    "version": "0.1.0",
    "main": "site.yaml",
    "files": {"site.yaml": "0" * 64},
    "sha256": "0" * 64,
}


class TestIndex:
    def read(self, tmp_path, content: bytes | dict) -> str:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (tmp_path / "index.json").write_bytes(data)
        with pytest.raises(BiomarkerError) as caught:
            read_share(tmp_path)
        return caught.value.code

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "rules"},
            {"id": "../site"},
            {"id": "a" * 200},
            {"version": "1"},
            {"main": "other.yaml"},
            {"main": "../site.yaml", "files": {"../site.yaml": "0" * 64}},
            {"main": "a/b.yaml", "files": {"a/b.yaml": "0" * 64}},
            {"files": {"site.yaml": "0" * 63}},
            {"files": {"site.yaml": "0" * 64, "SITE.yaml": "0" * 64}},
            {"files": {}},
            {"files": {"site.yaml": "0" * 64, "run.sh": "0" * 64}},
            {"sha256": None},
            {"more": 1},
        ],
    )
    def test_an_entry_that_cannot_be(self, tmp_path, change):
        index = {"format": "biomarker-protocols/1", "protocols": [ENTRY | change]}
        assert self.read(tmp_path, index) == "SHARE-INVALID"

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b"{",
            b"\xff\xfe",
            b"[" * 100_000,
            b"null",
            {"format": "biomarker-protocols/2"},
        ],
    )
    def test_no_index(self, tmp_path, content):
        assert self.read(tmp_path, content) == "SHARE-INVALID"

    def test_a_protocol_that_stands_twice(self, tmp_path):
        index = {"format": "biomarker-protocols/1", "protocols": [ENTRY, ENTRY]}
        assert self.read(tmp_path, index) == "SHARE-INVALID"

    def test_a_huge_one(self, tmp_path):
        assert self.read(tmp_path, b" " * 1_000_001) == "SHARE-INVALID"


class TestFolders:
    def test_there_is_none(self, tmp_path):
        for path in (tmp_path / "absent", tmp_path):
            with pytest.raises(ProtocolError) as caught:
                read_share(path)
            assert caught.value.code == "SHARE-NOT-FOUND"

    def test_a_file_that_is_no_archive_by_its_name(self, tmp_path):
        path = tmp_path / "share.yaml"
        path.write_text("a: b")
        with pytest.raises(ProtocolError, match="expected a folder") as caught:
            read_share(path)
        assert caught.value.code == "SHARE-INVALID"

    @pytest.mark.parametrize(
        "linked", ["index.json", "acquisition", "acquisition/site/0.1.0/site.yaml"]
    )
    def test_a_link_in_it(self, tmp_path, linked):
        source = tmp_path / "site.yaml"
        source.write_text(protocol_head() + RULES)
        document = load_document(ProtocolKind.ACQUISITION, str(source))
        share = tmp_path / "share"
        publish([(ProtocolKind.ACQUISITION, document)], share)
        elsewhere = tmp_path / "elsewhere"
        (share / linked).rename(elsewhere)
        (share / linked).symlink_to(elsewhere)
        with pytest.raises(ProtocolError, match="is a link") as caught:
            read_share(share)
        assert caught.value.code == "SHARE-INVALID"
