"""Archives from outside: what `biomarker bundle` would not have written is refused whole."""

from __future__ import annotations

import hashlib
import html
import io
import json
import stat
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomarker_cli.exchange.bundles.archives import (
    MOST_JSON_BYTES,
    PlainArchive,
    is_member_name,
    write_archive,
)
from biomarker_cli.exchange.bundles.bundle_checking import check_bundle
from biomarker_cli.exchange.bundles.bundling import require_no_leak
from biomarker_cli.exchange.errors import BundleError, LeakError
from biomarker_cli.model.zip_files import zip_bytes
from biomarker_cli.tables.outgoing_text import OutgoingText

CSV = b"case_id,value\nA/S/T1/ct,1\n"
PROTOCOL = b'{"id":"x"}'


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def members(**changed):
    package = {"resources": [{"path": "cases.csv", "hash": f"sha256:{sha256(CSV)}"}]}
    manifest = {"protocols": [{"sha256": sha256(PROTOCOL)}]}
    found = {
        "cases.csv": CSV,
        "datapackage.json": json.dumps(package).encode(),
        "manifest.json": json.dumps(manifest).encode(),
        "protocols/analysis/x/1.0.0.json": PROTOCOL,
    }
    return found | changed


def described(found, **said):
    files = [{"path": name, "sha256": sha256(content)} for name, content in found.items()]
    head = {"format": "biomarker-bundle/1", "study": "s", "identity": "study", "files": files}
    return {**found, "bundle.json": json.dumps({**head, **said}).encode()}


def write(path, found):
    path.write_bytes(zip_bytes(found))
    return path


def refusal(path):
    with pytest.raises(BundleError) as caught:
        check_bundle(path)
    return caught.value.code


def test_a_whole_bundle_is_read(tmp_path):
    found = check_bundle(write(tmp_path / "a.zip", described(members())))
    assert found.tables == {"cases": 1}
    assert found.protocols == ["analysis/x@1.0.0"]
    assert found.n_files == 4


@pytest.mark.parametrize("name", sorted(members()))
def test_a_member_that_was_edited_is_named(tmp_path, name):
    whole = described(members())
    assert refusal(write(tmp_path / "a.zip", {**whole, name: whole[name] + b" "})) == (
        "BUNDLE-CHANGED"
    )


@pytest.mark.parametrize("name", sorted(members()))
def test_a_member_that_is_gone_or_was_put_in_is_named(tmp_path, name):
    whole = described(members())
    gone = {key: value for key, value in whole.items() if key != name}
    assert refusal(write(tmp_path / "a.zip", gone)) == "BUNDLE-CHANGED"
    assert refusal(write(tmp_path / "b.zip", {**whole, "more.csv": CSV})) == "BUNDLE-CHANGED"


def test_a_table_edited_with_its_digest_contradicts_the_data_package(tmp_path):
    found = members()
    found["cases.csv"] = CSV.replace(b",1", b",2")
    assert refusal(write(tmp_path / "a.zip", described(found))) == "BUNDLE-CHANGED"


def test_a_protocol_edited_with_its_digest_contradicts_the_manifest(tmp_path):
    found = members()
    found["protocols/analysis/x/1.0.0.json"] = b'{"id":"y"}'
    assert refusal(write(tmp_path / "a.zip", described(found))) == "BUNDLE-CHANGED"


@pytest.mark.parametrize(
    "said",
    [b"", b"[]", b"{", b'{"format":"biomarker-bundle/2"}', b"[" * 100_000],
    ids=["empty", "list", "cut", "later", "deep"],
)
def test_a_description_that_is_none(tmp_path, said):
    found = {**members(), "bundle.json": said}
    assert refusal(write(tmp_path / "a.zip", found)) == "BUNDLE-FORMAT"


@pytest.mark.parametrize(
    "said",
    [{"identity": "mine"}, {"files": 3}, {"files": [{"path": "x"}]}, {"files": None}],
    ids=str,
)
def test_a_description_with_damaged_parts(tmp_path, said):
    assert refusal(write(tmp_path / "a.zip", described(members(), **said))) == "BUNDLE-FORMAT"


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../x", "a/../../x", "a//b", "C:\\x", ".hidden", "a/.b", "a\nb", "", "a" * 301],
)
def test_no_member_is_called_so(tmp_path, name):
    assert not is_member_name(name)
    with pytest.raises(ValueError, match="no name"):
        write_archive(io.BytesIO(), {name: bytes})
    if not name:
        return
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    assert refusal(path) == "BUNDLE-UNSAFE"


@pytest.mark.parametrize("where", ["archive", "member", "field"])
def test_an_archive_with_room_for_other_text_is_refused(tmp_path, where):
    path, found = tmp_path / "a.zip", described(members())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in found.items():
            entry = zipfile.ZipInfo(name)
            entry.comment = b"Doe" if where == "member" else b""
            entry.extra = b"\x99\x99\x03\x00Doe" if where == "field" else b""
            archive.writestr(entry, content)
        archive.comment = b"Doe" if where == "archive" else b""
    assert refusal(path) == "BUNDLE-UNSAFE"


def hostile(path, *entries):
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content, compression in entries:
            archive.writestr(entry, content, compression)
    return path


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_links_double_names_other_compressions_and_bombs_are_refused(tmp_path):
    link = zipfile.ZipInfo("a.csv")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    stored, deflated, lzma = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA
    for number, entries in enumerate(
        (
            [(link, b"/etc/passwd", stored)],
            [("a.csv", b"1", stored), ("a.csv", b"2", stored)],
            [("a.csv", b"1", stored), ("A.CSV", b"2", stored)],
            [("a.csv", b"1" * 100, lzma)],
            [("a.csv", bytes(20_000_000), deflated)],
            [("folder/", b"", stored)],
        )
    ):
        assert refusal(hostile(tmp_path / f"{number}.zip", *entries)) == "BUNDLE-UNSAFE", entries[0]


def test_an_encrypted_member_is_refused(tmp_path):
    content = bytearray(zip_bytes({"a.csv": b"1"}))
    # The flags of the local and of the central header (APPNOTE 4.3.7, 4.3.12).
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    assert refusal(tmp_path / "a.zip") == "BUNDLE-UNSAFE"


def test_a_member_that_says_another_size_than_it_has_is_damaged(tmp_path):
    content = bytearray(zip_bytes(described(members())))
    place = content.index(b"PK\x01\x02") + 24
    content[place : place + 4] = (5).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    assert refusal(tmp_path / "a.zip") == "BUNDLE-UNREADABLE"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_archive_is_refused_and_no_more(tmp_path_factory, data):
    whole = zip_bytes(described(members()))
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    path = tmp_path_factory.mktemp("damaged") / "a.zip"
    path.write_bytes(content)
    try:
        found = check_bundle(path)
    except BundleError:
        return
    # What the damage did not reach is as it was.
    assert found == check_bundle(write(path, described(members())))


def test_the_order_of_members_does_not_count():
    found = members()
    assert zip_bytes(found) == zip_bytes(dict(reversed(found.items())))


def test_members_are_read_one_at_a_time(tmp_path):
    with PlainArchive(write(tmp_path / "a.zip", members())) as archive:
        assert archive.read("cases.csv") == CSV
        with pytest.raises(KeyError):
            archive.read("none.csv")


def test_a_leak_is_counted_and_not_told():
    with pytest.raises(LeakError) as caught:
        require_no_leak({"a.csv": b"x 1.2.3.4.5.6 y"}, {"1.2.3.4.5.6", "7.8.9"})
    assert caught.value.code == "BUNDLE-LEAK"
    word = 'Müller "A" & <B>/1.dcm'
    written = (word, word.replace('"', '""'), json.dumps(word), html.escape(word))
    for one in (*written, json.dumps(word, ensure_ascii=False), html.escape(word, quote=False)):
        with pytest.raises(LeakError):
            require_no_leak({"a.json": one.encode()}, {word})
    assert "1.2.3" not in str(caught.value.message)
    require_no_leak({"a.csv": b"x"}, {"1.2.3.4.5.6"})


def test_digits_of_a_digest_are_no_date():
    digest = "ab" * 10 + "20240311" + "f0" * 18
    said = OutgoingText(keeps=False).plain({"sha256": digest, "at": "20240311"}, "S")
    assert said == {"sha256": digest, "at": "(left out)"}


def test_a_uid_keeps_the_number_of_its_volume():
    text = OutgoingText(keeps=False, uid=lambda uid: f"2.25.{len(uid)}")
    assert text.text("1.2.840.113619.2.55#2 and 1.2.840.113619.2.55", "") == "2.25.19#2 and 2.25.19"


def test_json_is_bounded_more_closely_than_tables_are(tmp_path):
    # Stored, so that no ratio says anything of it.
    path = tmp_path / "a.zip"
    for name, expected in (("a.csv", "BUNDLE-FORMAT"), ("a.json", "BUNDLE-UNSAFE")):
        with path.open("wb") as stream:
            write_archive(stream, {name: lambda: bytes(MOST_JSON_BYTES + 1)}, {name})
        assert refusal(path) == expected


@pytest.mark.parametrize("name", ["con", "kept/AUX.mask", "lpt1.csv", "a.", "kept./a", "nul/x.csv"])
def test_a_name_that_some_system_does_not_have_is_none_for_a_member(name):
    assert not is_member_name(name)


@pytest.mark.parametrize("name", ["icon", "kept/AUXIL.mask", "a.b", "null/x.csv", "x/xcon"])
def test_a_name_that_is_like_one_of_a_device_is_one_for_a_member(name):
    assert is_member_name(name)


@pytest.mark.parametrize("name", ["cases.csv/x", "CASES.CSV/x/y", "protocols"])
def test_a_member_that_is_the_folder_of_another_one_is_refused(tmp_path, name):
    path = write(tmp_path / "x.zip", described(members(**{name: b"x"})))
    assert refusal(path) == "BUNDLE-UNSAFE"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"bytes": len(CSV)}, ""),
        ({"bytes": len(CSV) + 1}, "BUNDLE-CHANGED"),
        ({"bytes": [1]}, "BUNDLE-CHANGED"),
        ({"path": 1}, "BUNDLE-FORMAT"),
        ({"path": ["cases.csv"]}, "BUNDLE-FORMAT"),
        ({"sha256": None}, "BUNDLE-FORMAT"),
    ],
)
def test_a_list_of_files_that_lies_is_told(tmp_path, change, code):
    found = described(members())
    said = json.loads(found["bundle.json"])
    said["files"][0] |= change
    path = write(tmp_path / "x.zip", found | {"bundle.json": json.dumps(said).encode()})
    if code:
        assert refusal(path) == code
    else:
        assert check_bundle(path).n_files == len(said["files"])
