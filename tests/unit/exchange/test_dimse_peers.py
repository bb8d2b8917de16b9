"""Associations: bounds of what is read, what lets us in, certificates that cannot be used."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest
from pydicom.dataset import Dataset
from pynetdicom import build_context, evt

from biomarker_cli.exchange.dimse.association import associated, status_of, status_words
from biomarker_cli.exchange.dimse.contexts import (
    CLASSES_AT_ONCE,
    CONTEXTS_AT_MOST,
    FIND,
    class_words,
    common_storage_classes,
    one_each,
    one_per_encoding,
)
from biomarker_cli.exchange.dimse.getting import part_10_file
from biomarker_cli.exchange.dimse.peers import Peer, peer_of, require_pynetdicom, server_context
from biomarker_cli.exchange.dimse.watching import Activity, WatchedSocket
from biomarker_cli.exchange.fetching.choosing import Credentials
from biomarker_cli.exchange.fetching.dimse import DimseRemote
from biomarker_cli.exchange.fetching.errors import RemoteError, SourceError
from biomarker_cli.exchange.fetching.remote import Query
from biomarker_cli.exchange.fetching.sources import DimseSource
from tests.servers.dimse_node import Node
from tests.synthetic_pacs import pacs_of

CONTENTS = {uid: content for one in pacs_of(1, 2).series.values() for uid, content in one.items()}


def test_a_pdu_without_end_is_not_read():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def announce():
            caller, _ = server.accept()
            with caller:
                caller.recv(4096)
                # An answer to the request that would have 4 GB.
                caller.sendall(struct.pack(">BBL", 2, 0, 0xFFFFFFFF) + b"x" * 1000)
                caller.recv(1)

        thread = threading.Thread(target=announce)
        thread.start()
        began = time.monotonic()
        peer = Peer("127.0.0.1", server.getsockname()[1], "NODE", "US", idle_timeout_s=20.0)
        with pytest.raises(RemoteError, match="4294967295 bytes") as info:
            DimseRemote(peer).__enter__()
        assert info.value.code == "DIMSE-LOST"
        assert time.monotonic() - began < 10
        thread.join()


def test_a_message_without_end_is_not_kept():
    def endless(event):
        answer = Dataset()
        answer.StudyInstanceUID = "1.2.3"
        answer.StudyDescription = "x" * 200_000
        yield 0xFF00, answer

    with Node(behave={"find": endless}) as node:
        peer = Peer("127.0.0.1", node.port, "NODE", "US", idle_timeout_s=20.0)
        activity = Activity(20.0, 100_000)
        with associated(peer, [build_context(FIND)], activity) as association:
            asked = Dataset()
            asked.QueryRetrieveLevel = "STUDY"
            with pytest.raises(RemoteError, match="more than 100000 bytes"):
                [status_of(peer, one, activity) for one, _ in association.send_c_find(asked, FIND)]


def test_bytes_that_come_slowly_are_no_silence():
    """The time counts from the last byte, not from the start of a message."""

    def slow(event):
        for _ in range(4):
            time.sleep(0.6)
            answer = Dataset()
            answer.StudyInstanceUID = "1.2.3"
            yield 0xFF00, answer

    with Node(behave={"find": slow}) as node:
        peer = Peer("127.0.0.1", node.port, "NODE", "US", idle_timeout_s=1.0)
        activity = Activity(1.0, 1 << 20)
        with associated(peer, [build_context(FIND)], activity) as association:
            asked = Dataset()
            asked.QueryRetrieveLevel = "STUDY"
            statuses = [
                status_of(peer, answer, activity)
                for answer, _ in association.send_c_find(asked, FIND)
            ]
    assert statuses == [0xFF00] * 4 + [0x0000]


def test_a_patient_in_another_script_is_asked_for_in_utf_8():
    heard = []

    def hear(event):
        heard.append((event.identifier.PatientID, event.identifier.get("SpecificCharacterSet")))
        yield from ()

    with Node(behave={"find": hear}) as node:
        peer = Peer("127.0.0.1", node.port, "NODE", "US", idle_timeout_s=20.0)
        with DimseRemote(peer) as remote:
            assert remote.find_series(Query(patient_id="Größe-川")) == []
            assert remote.find_series(Query(patient_id="P1")) == []
    assert heard == [("Größe-川", "ISO_IR 192"), ("P1", None)]


def test_user_and_password_are_told_to_a_node_that_asks(monkeypatch):
    heard = []

    def identify(event):
        heard.append((event.primary_field, event.secondary_field))
        return True, None

    with Node() as node:
        node._server.bind(evt.EVT_USER_ID, identify)
        source = DimseSource(host="127.0.0.1", port=node.port, called_ae="NODE")
        peer = peer_of(source, Credentials("reader", "secret"))
        assert "secret" not in repr(peer)
        with DimseRemote(peer):
            pass
    assert heard == [(b"reader", b"secret")]


def test_a_password_does_not_travel_openly():
    source = DimseSource(host="10.1.2.3", port=104, called_ae="NODE")
    for credentials in (Credentials("reader", "secret"), Credentials(token="secret")):
        with pytest.raises(SourceError) as info:
            peer_of(source, credentials)
        assert info.value.code == "SOURCE-CREDENTIALS"
        assert "secret" not in str(info.value)


def test_certificates_that_cannot_be_used_are_named(tmp_path, private_authority):
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("-----BEGIN CERTIFICATE-----\nnothing\n")
    certificate, _ = private_authority.signed("one")
    _, key = private_authority.signed("other")
    for said in (
        {"ca_file": str(garbage)},
        {"ca_file": str(tmp_path / "absent.pem")},
        {"client_certificate": str(certificate), "client_key": str(key)},
        {"client_certificate": str(garbage)},
    ):
        source = DimseSource(host="localhost", port=104, called_ae="NODE", tls=True, **said)
        with pytest.raises(SourceError) as info:
            peer_of(source, Credentials())
        assert info.value.code == "DIMSE-CERTIFICATE"
    source = DimseSource(host="localhost", port=104, called_ae="NODE", tls=True)
    with pytest.raises(SourceError, match="needs `client_certificate`"):
        server_context(source)


def test_without_pynetdicom_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("biomarker_cli.exchange.dimse.peers.find_spec", lambda _: None)
    with pytest.raises(SourceError, match=r"dimse\]") as info:
        require_pynetdicom()
    assert info.value.code == "FETCH-NO-DIMSE"


def test_what_is_offered_fits_into_one_association():
    classes = [f"1.2.{n}" for n in range(CLASSES_AT_ONCE)]
    contexts = one_per_encoding(classes)
    assert all(len(one.transfer_syntax) == 1 for one in contexts)
    assert len(contexts) + 1 <= CONTEXTS_AT_MOST < len(one_per_encoding([*classes, "1.3"])) + 1
    assert len(one_each(common_storage_classes())) + 1 <= CONTEXTS_AT_MOST


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0xA801, "0xA801 (it does not know our AE title as a destination: register it there)"),
        (0xA7FF, "0xA7FF (out of resources)"),
        (0xC123, "0xC123 (it cannot process it)"),
        (0x0123, "0x0123"),
    ],
)
def test_a_status_is_said_in_words(status, words):
    assert status_words(status) == words


def test_a_class_is_named_with_its_uid():
    uid = "1.2.840.10008.5.1.4.1.1.66.7"
    assert class_words(uid) == f"Label Map Segmentation Storage ({uid})"
    assert class_words("1.2.840.10008.5.1.4.1.1.2").startswith("CT Image Storage (")
    assert class_words("1.2.3") == "1.2.3"


@pytest.mark.parametrize("option", [socket.TCP_KEEPCNT, None])
def test_what_comes_is_acknowledged_at_once_where_the_system_can(monkeypatch, option):
    # Quick acknowledgement cannot be read back; another option of the kind can.
    monkeypatch.setattr("biomarker_cli.exchange.dimse.watching._QUICK", option)
    with Node() as node:
        peer = Peer("127.0.0.1", node.port, "NODE", "US", idle_timeout_s=20.0)
        with associated(peer, [build_context(FIND)], Activity(20.0, 1 << 20)) as association:
            connection = association.dul.socket.socket
            read = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
            assert (read == 1) == (option is not None)
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_object_without_a_name_is_an_answer_that_cannot_be_used():
    class Nameless:
        request = None

        @property
        def file_meta(self):
            raise ValueError

    with pytest.raises(RemoteError) as info:
        next(part_10_file(Nameless()))
    assert info.value.code == "DIMSE-ANSWER"


def test_no_answer_is_taken_away_by_the_thread_of_the_association():
    with Node() as node:
        peer = Peer("127.0.0.1", node.port, "NODE", "US", idle_timeout_s=20.0)
        with associated(peer, [build_context(FIND)], Activity(20.0, 1 << 20)) as association:
            association.dimse.msg_queue.put((1, "answer"))
            time.sleep(0.1)
            assert association.dimse.get_msg(block=False) == (None, None)
            assert association.dimse.get_msg(block=True) == (1, "answer")


def test_a_connection_that_is_gone_when_it_stands_is_named(monkeypatch):
    """Who waits for a connection would wait for ever for one that fails unseen."""

    class Gone:
        def getsockname(self):
            raise OSError(107, "Transport endpoint is not connected")

    monkeypatch.setattr(WatchedSocket, "_connected", lambda *_: Gone())
    with Node() as node, pytest.raises(RemoteError, match="not connected") as info:
        DimseRemote(Peer("127.0.0.1", node.port, "NODE", "US")).__enter__()
    assert info.value.code == "DIMSE-CONNECT"


def test_a_peer_that_resets_each_connection_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def reset():
            for _ in range(20):
                caller, _ = server.accept()
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                caller.close()

        thread = threading.Thread(target=reset)
        thread.start()
        for _ in range(20):
            with pytest.raises(RemoteError) as info:
                DimseRemote(Peer("127.0.0.1", port, "NODE", "US")).__enter__()
            assert info.value.code in {"DIMSE-CONNECT", "DIMSE-LOST"}
        thread.join()
