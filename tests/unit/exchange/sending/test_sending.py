"""Files into a node that speaks DIMSE: what leaves, what does not, and how it is said."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom.association import Association

from biomarker_cli.dicom.identity import OWN_MANUFACTURER, UidMap
from biomarker_cli.exchange.dimse.peers import Peer
from biomarker_cli.exchange.fetching.errors import RemoteError, SourceError
from biomarker_cli.exchange.sending.cstore import StoreTarget
from biomarker_cli.exchange.sending.outgoing_files import OutgoingFile, files_below, is_keyed
from biomarker_cli.exchange.sending.sending import Sending
from biomarker_cli.exchange.sending.sent_table import SentRow, require_place, write_sent
from tests.servers.dimse_node import Node
from tests.synthetic_pacs import content_of, pacs_of
from tests.synthetic_series import slice_dataset

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
PACS = pacs_of(n_series=2, n_instances=3)
CONTENTS = {uid: content for one in PACS.series.values() for uid, content in one.items()}


def folder_of(path: Path, contents: dict[str, bytes] = CONTENTS) -> Path:
    folder = path / "objects"
    (folder / "images").mkdir(parents=True)
    for number, content in enumerate(contents.values()):
        (folder / f"images/{number}.dcm").write_bytes(content)
    return folder


def changed(content: bytes, **values: object) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(content))
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    return content_of(dataset)


def sent(node: Node, folder: Path, **named: object) -> Sending:
    peer = Peer("127.0.0.1", node.port, node.title, "BIOMARKER", idle_timeout_s=20.0)
    with StoreTarget(peer) as target:
        sending = Sending(target, pauses_s=(0.0, 0.0), **named)
        sending.run(folder)
    return sending


def by_name(rows: list[SentRow]) -> dict[str, tuple[str, str]]:
    return {row.file: (row.status, row.error_code) for row in rows}


def data_set(content: bytes) -> bytes:
    return content[144 + int.from_bytes(content[140:144], "little") :]


def test_every_file_arrives_as_it_lies_there(tmp_path):
    folder = folder_of(tmp_path)
    (folder / "objects.csv").write_text("file\n")
    with Node() as node:
        sending = sent(node, folder)
    assert Counter(row.status for row in sending.rows) == {"sent": 6, "not_dicom": 1}
    assert sending.n_files_sent == 6
    assert {uid: data_set(one) for uid, one in node.stored.items()} == {
        uid: data_set(one) for uid, one in CONTENTS.items()
    }


def test_what_is_held_is_not_sent_again_and_a_dry_run_sends_nothing(tmp_path):
    folder = folder_of(tmp_path)
    held = dict(list(CONTENTS.items())[:2])
    with Node(held) as node:
        dry = sent(node, folder, dry_run=True)
        assert node.stored == {}
        sending = sent(node, folder)
    assert Counter(row.status for row in dry.rows) == {"held": 2, "to_send": 4}
    assert Counter(row.status for row in sending.rows) == {"held": 2, "sent": 4}
    assert set(node.stored) == set(CONTENTS) - set(held)


def test_what_may_not_leave_is_named(tmp_path):
    folder = folder_of(tmp_path)
    one = (folder / "images/0.dcm").read_bytes()
    (folder / "again.dcm").write_bytes(one)
    (folder / "cut.dcm").write_bytes(one[:-20])
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "text.dcm").write_text("no image")
    (folder / "head.dcm").write_bytes(one[:150])
    (folder / "uid.dcm").write_bytes(changed(one, StudyInstanceUID="../../x"))
    (folder / "meta.dcm").write_bytes(one.replace(CT.encode(), MR.encode(), 1))
    (folder / "link.dcm").symlink_to(tmp_path / "outside.dcm")
    (tmp_path / "outside.dcm").write_bytes(one)
    with Node() as node:
        rows = by_name(sent(node, folder).rows)
    assert {name: code for name, (status, code) in rows.items() if status == "refused"} == {
        "images/0.dcm": "SEND-TWICE",
        "cut.dcm": "SEND-CUT",
        "empty.dcm": "SEND-NOT-DICOM",
        "text.dcm": "SEND-NOT-DICOM",
        "head.dcm": "SEND-CUT",
        "uid.dcm": "SEND-UID",
        "meta.dcm": "SEND-UID",
        "link.dcm": "SEND-LINK",
    }
    assert len(node.stored) == len(CONTENTS)


def test_results_under_mapped_uids_need_their_study_at_the_target(tmp_path):
    mapped = UidMap(b"key of a study")
    image = next(iter(CONTENTS.values()))
    study = mapped("1.2.3")
    result = changed(
        image,
        StudyInstanceUID=study,
        SeriesInstanceUID=mapped("1.2.4"),
        SOPInstanceUID=mapped("1.2.5"),
        Manufacturer="biomarker",
    )
    folder = folder_of(tmp_path, {"result": result})
    with Node() as node:
        sending = sent(node, folder)
        assert by_name(sending.rows)["images/0.dcm"] == ("refused", "SEND-STUDY-ABSENT")
        assert node.stored == {}
        # Beside its images, which go first whatever their names are, it may leave.
        series, uid = mapped("1.2.6"), mapped("1.2.7")
        named = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": uid}
        copy = changed(image, **named)
        (folder / "z.dcm").write_bytes(copy)
        assert {row.status for row in sent(node, folder, dry_run=True).rows} == {"to_send"}
    with Node({uid: copy}) as node:
        rows = by_name(sent(node, folder).rows)
    assert rows == {"images/0.dcm": ("sent", ""), "z.dcm": ("held", "")}


def test_a_uid_of_a_key_is_told_from_others():
    assert is_keyed(UidMap(b"key")("1.2.3"))
    for other in ("1.2.3", "2.25.1", "2.25.", "2.25.x", f"2.25.{1 << 130}", "2.250.1"):
        assert not is_keyed(other)
    assert not is_keyed(pydicom.uid.generate_uid(prefix=None))


def test_a_class_that_is_not_taken_is_named_and_the_others_go(tmp_path):
    first = next(iter(CONTENTS.values()))
    other = changed(first, SOPClassUID=MR, SOPInstanceUID="1.2.3.4", SeriesInstanceUID="1.2.3")
    folder = folder_of(tmp_path, {**CONTENTS, "other": other})
    with Node(classes=(CT,)) as node:
        rows = sent(node, folder).rows
    assert Counter(row.status for row in rows) == {"sent": 6, "failed": 1}
    (bad,) = [row for row in rows if row.error_code]
    assert bad.error_code == "DIMSE-CLASS"
    assert "MR Image Storage" in bad.error_message


@pytest.mark.parametrize(
    ("status", "ends", "words"),
    [
        (0xA700, "failed", "resources"),
        (0xC001, "failed", "0xC001"),
        (0xB000, "sent", "0xB000 (elements were changed)"),
    ],
)
def test_what_the_target_answers_stands_in_the_row(tmp_path, status, ends, words):
    folder = folder_of(tmp_path)
    with Node(store_status=status) as node:
        rows = sent(node, folder).rows
    assert {row.status for row in rows} == {ends}
    assert all(words in row.error_message for row in rows)


def test_a_target_that_goes_away_leaves_a_row_for_each_file(tmp_path):
    folder = folder_of(tmp_path)

    def vanish(event):
        event.assoc.abort()
        return 0x0000

    with Node(behave={"store": vanish}) as node:
        rows = sent(node, folder).rows
    assert {(row.status, row.error_code) for row in rows} == {("failed", "DIMSE-LOST")}


def test_a_target_that_ends_between_two_files_is_connected_with_again(tmp_path, monkeypatch):
    folder = folder_of(tmp_path)

    def sends_after_the_end(association, path):
        # The end of the association that took one file comes before the next is sent.
        if ended_after.pop(id(association), False):
            association.abort()
        ended_after[id(association)] = True
        return send(association, path)

    ended_after: dict[int, bool] = {}
    send = Association.send_c_store
    monkeypatch.setattr(Association, "send_c_store", sends_after_the_end)
    with Node() as node:
        rows = sent(node, folder).rows
    assert {row.status for row in rows} == {"sent"}
    assert len(node.stored) == len(CONTENTS)


def test_a_file_that_is_gone_when_its_turn_comes_is_named_and_the_others_go(tmp_path):
    folder = folder_of(tmp_path)

    def find(_):
        (folder / "images/1.dcm").unlink(missing_ok=True)
        yield 0x0000, None

    with Node(behave={"find": find}) as node:
        rows = by_name(sent(node, folder).rows)
    assert rows.pop("images/1.dcm") == ("refused", "SEND-CHANGED")
    assert set(rows.values()) == {("sent", "")}
    assert len(node.stored) == len(CONTENTS) - 1


def test_a_file_that_fails_on_its_way_is_named_and_the_others_go(tmp_path, monkeypatch):
    folder = folder_of(tmp_path)

    def sends_what_can_be_read(association, path):
        if path.name == "1.dcm":
            raise OSError(5, "Input/output error")
        return send(association, path)

    send = Association.send_c_store
    monkeypatch.setattr(Association, "send_c_store", sends_what_can_be_read)
    with Node() as node:
        sending = sent(node, folder)
    rows = by_name(sending.rows)
    assert rows.pop("images/1.dcm") == ("failed", "SEND-UNREADABLE")
    assert set(rows.values()) == {("sent", "")}
    assert len(node.stored) == len(CONTENTS) - 1


def test_an_interruption_leaves_a_row_for_each_file(tmp_path):
    folder = folder_of(tmp_path)

    class Interrupting:
        def held(self, series):
            raise KeyboardInterrupt

    sending = Sending(Interrupting())
    with pytest.raises(KeyboardInterrupt):
        sending.run(folder)
    assert {row.error_code for row in sending.rows} == {"SEND-INTERRUPTED"}
    assert len(sending.rows) == 6


def test_a_target_that_says_nothing_of_a_file_is_asked_three_times(tmp_path):
    folder = folder_of(tmp_path, dict(list(CONTENTS.items())[:1]))
    asked = []

    class Mute:
        def held(self, series):
            return set()

        def store(self, files, tell):
            asked.append(len(files))

    sending = Sending(Mute(), pauses_s=(0.0, 0.0))
    sending.run(folder)
    assert asked == [1, 1, 1]
    assert [row.error_code for row in sending.rows] == ["SEND-UNANSWERED"]


def test_the_table_is_written_where_nothing_else_lies(tmp_path):
    rows = [SentRow(file='=HYPERLINK("x").dcm', status="sent")]
    write_sent(rows, tmp_path / "sent")
    require_place(tmp_path / "sent")
    write_sent(rows, tmp_path / "sent")
    with (tmp_path / "sent/sent.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert not row["file"].startswith("=")
    (tmp_path / "sent/mine.txt").write_text("x")
    with pytest.raises(SourceError) as info:
        require_place(tmp_path / "sent")
    assert info.value.code == "OUTPUT-EXISTS"


@pytest.mark.parametrize("refusing", ["open", "pread"])
def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch, refusing):
    folder = folder_of(tmp_path)
    bad = folder / "images/0.dcm"
    asked = getattr(os, refusing)

    def guarded(place, *arguments, **named):
        named_by = Path(f"/proc/self/fd/{place}").readlink() if refusing == "pread" else place
        if named_by == bad:
            raise PermissionError(13, "Permission denied")
        return asked(place, *arguments, **named)

    monkeypatch.setattr(os, refusing, guarded)
    with Node() as node:
        rows = by_name(sent(node, folder).rows)
    assert rows.pop("images/0.dcm") == ("refused", "SEND-UNREADABLE")
    assert set(rows.values()) == {("sent", "")}


def said_by_pydicom(path: Path) -> tuple[str, ...]:
    header = pydicom.dcmread(path)
    meta = header.file_meta
    uids = (header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID)
    return (*map(str, uids), str(header.SOPClassUID), str(meta.TransferSyntaxUID))


def said_of(file: OutgoingFile) -> tuple[str, ...]:
    uids = (file.study_uid, file.series_uid, file.sop_instance_uid)
    return (*uids, file.sop_class_uid, file.encoding)


def test_a_file_is_opened_once_and_read_by_no_second_reader(tmp_path, monkeypatch):
    folder = folder_of(tmp_path)
    expected = [said_by_pydicom(path) for path in sorted((folder / "images").iterdir())]
    opened = Counter()
    open_by_system = os.open

    def counting(path, *arguments, **named):
        opened[str(path)] += 1
        return open_by_system(path, *arguments, **named)

    def no_second(path, *_, **__):
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr(os, "open", counting)
    for place, name in ((Path, "open"), (Path, "read_bytes"), (pydicom, "dcmread")):
        monkeypatch.setattr(place, name, no_second)
    found = list(files_below(folder))
    assert [said_of(file) for file in found] == expected
    assert {opened[str(file.path)] for file in found} == {1}


@pytest.mark.parametrize(
    "encoding",
    [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
    ids=lambda uid: uid.keyword,
)
def test_other_encodings_say_the_same(tmp_path, encoding):
    dataset = slice_dataset((0.0, 0.0, 0.0), np.ones((6, 4)))
    dataset.file_meta.TransferSyntaxUID = encoding
    dataset.Manufacturer = OWN_MANUFACTURER
    dataset["PixelData"].VR = "OW"
    path = tmp_path / "a.dcm"
    path.write_bytes(content_of(dataset))
    (file,) = files_below(tmp_path)
    assert said_of(file) == said_by_pydicom(path)
    assert file.is_ours


def test_a_uid_that_an_archive_has_stored_as_unknown_is_read_all_the_same(tmp_path):
    content = next(iter(CONTENTS.values()))
    # SOPInstanceUID as UN has a length of four bytes behind two reserved ones.
    head = b"\x08\x00\x18\x00UI"
    at = content.index(head)
    length = content[at + 6 : at + 8]
    path = tmp_path / "a.dcm"
    path.write_bytes(
        content[:at] + head[:4] + b"UN\0\0" + length + b"\0\0" + content[at + len(head) + 2 :]
    )
    (file,) = files_below(tmp_path)
    assert said_of(file) == said_by_pydicom(path)


@pytest.mark.parametrize("folder", ["pet/ge_sts001_raw", "dwi", "seg/pydicom_syntax"])
def test_real_files_say_what_pydicom_reads_of_them(data_dir, folder):
    found = [one for one in files_below(data_dir / folder) if isinstance(one, OutgoingFile)]
    assert len(found) > 5
    assert [said_of(file) for file in found] == [said_by_pydicom(file.path) for file in found]


def test_names_that_are_no_text_and_a_pipe_stop_nothing(tmp_path):
    folder = folder_of(tmp_path, dict(list(CONTENTS.items())[:1]))
    odd = os.fsencode(folder) + b"/\xff\x1b[31m.dcm"
    Path(os.fsdecode(odd)).write_bytes(list(CONTENTS.values())[1])
    os.mkfifo(folder / "pipe.dcm")
    with Node() as node:
        sending = sent(node, folder)
    write_sent(sending.rows, tmp_path / "sent")
    assert [row.status for row in sending.rows] == ["sent", "sent"]
    assert b"\x1b" not in (tmp_path / "sent/sent.csv").read_bytes()


def test_two_files_that_are_shown_alike_have_a_row_each(tmp_path):
    contents = list(CONTENTS.values())
    for name, content in zip(("a\x1b.dcm", "a\\x1b.dcm", "a\\x1b.dcm (2)"), contents, strict=False):
        (tmp_path / name).write_bytes(content)
    with Node() as node:
        rows = sent(node, tmp_path).rows
    assert len({row.file for row in rows}) == len(rows) == 3
    assert {row.sop_instance_uid for row in rows} == set(node.stored)


def test_nobody_there_is_an_error_of_the_command(tmp_path):
    node = Node()
    node.port = 1
    with pytest.raises(RemoteError) as info:
        sent(node, folder_of(tmp_path))
    assert info.value.code == "DIMSE-CONNECT"
