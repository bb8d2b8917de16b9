"""A node that speaks DIMSE, well and badly: what comes, and how each fault is named."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from pydicom.dataset import Dataset
from pynetdicom import build_context

from biomarker_cli.exchange.dimse.moving import MoveDestination
from biomarker_cli.exchange.dimse.peers import Peer
from biomarker_cli.exchange.fetching.dimse import DimseRemote
from biomarker_cli.exchange.fetching.errors import (
    RemoteError,
    SeriesRefusedError,
    SourceError,
    SourceRefusedError,
)
from biomarker_cli.exchange.fetching.remote import Query, RemoteInstance
from tests.servers.dimse_node import Node
from tests.servers.orthanc import free_port
from tests.synthetic_pacs import pacs_of

PACS = pacs_of(n_series=2, n_instances=4)
CONTENTS = {uid: content for one in PACS.series.values() for uid, content in one.items()}
SERIES = next(iter(PACS.series))
CT = "1.2.840.10008.5.1.4.1.1.2"
IDLE_S = 1.0
PATIENT_S = 20.0
"""Longer than any answer takes on a machine that others use."""


def peer_of(node: Node, **changed: object) -> Peer:
    said = {"called_ae": node.title, "calling_ae": "BIOMARKER", "idle_timeout_s": PATIENT_S}
    return Peer("127.0.0.1", node.port, **{**said, **changed})


def data_set(content: bytes) -> bytes:
    """Return what stands behind the file meta information."""
    length = int.from_bytes(content[140:144], "little")
    return content[144 + length :]


class Received(dict[str, bytes]):
    """What was handed over, by the UID that its meta information says."""

    def __call__(self, pieces: Iterator[bytes]) -> None:
        whole = b"".join(pieces)
        known = [uid for uid in CONTENTS if uid.encode() in whole[:1000]]
        self[known[0]] = whole


def fetch(node: Node, destination: MoveDestination | None = None, **changed: object) -> Received:
    received = Received()
    with DimseRemote(peer_of(node, **changed), destination) as remote:
        for series in remote.find_series(Query(patient_id=PATIENT)):
            remote.retrieve(series, remote.find_instances(series), received)
    return received


PATIENT = ""


def test_get_hands_over_every_data_set_as_it_is_stored():
    with Node(CONTENTS) as node, DimseRemote(peer_of(node)) as remote:
        series = remote.find_series(Query(modality="CT"))
        assert sorted(series, key=str) == sorted(PACS.series, key=str)
        received = Received()
        for one in series:
            found = remote.find_instances(one)
            assert {i.sop_instance_uid for i in found} == set(PACS.series[one])
            assert {i.sop_class_uid for i in found} == {CT}
            remote.retrieve(one, found, received)
    assert set(received) == set(CONTENTS)
    for uid, content in received.items():
        assert content[128:132] == b"DICM"
        assert data_set(content) == data_set(CONTENTS[uid])


def test_move_hands_over_the_same_to_our_port():
    port = free_port()
    with Node(CONTENTS, move_to=("127.0.0.1", port)) as node:
        received = fetch(node, MoveDestination(port, "127.0.0.1"))
    assert {uid: data_set(one) for uid, one in received.items()} == {
        uid: data_set(one) for uid, one in CONTENTS.items()
    }


@pytest.mark.parametrize("moves", [False, True])
def test_a_class_that_was_not_told_is_asked_for_among_the_common_ones(moves):
    instances = [RemoteInstance(uid) for uid in PACS.series[SERIES]]
    port, received = free_port(), Received()
    destination = MoveDestination(port, "127.0.0.1") if moves else None
    with Node(CONTENTS, move_to=("127.0.0.1", port)) as node:
        DimseRemote(peer_of(node), destination).retrieve(SERIES, instances, received)
    assert set(received) == set(PACS.series[SERIES])


@pytest.mark.parametrize(
    ("query", "n_series"),
    [
        (Query(modality="MR"), 0),
        (Query(series_uid=SERIES.series_uid), 1),
        (Query(study_uid="1.2.3"), 0),
        (Query(study_uid=SERIES.study_uid), 2),
        (Query(first_date="20240116"), 0),
        (Query(first_date="20240115", last_date="20240115"), 2),
        (Query(patient_id="somebody else"), 0),
    ],
)
def test_what_does_not_match_is_left_out_even_where_the_node_heeds_no_key(query, n_series):
    def everything(event):
        for one in CONTENTS.values():
            answer = Dataset()
            from io import BytesIO

            from pydicom import dcmread

            held = dcmread(BytesIO(one))
            for word in ("StudyInstanceUID", "SeriesInstanceUID", "Modality", "StudyDate"):
                answer[word] = held[word]
            answer.PatientID = held.get("PatientID")
            yield 0xFF00, answer

    with (
        Node(CONTENTS, behave={"find": everything}) as node,
        DimseRemote(peer_of(node)) as remote,
    ):
        assert len(remote.find_series(query)) == n_series


def named(kind: type[Exception], code: str, *words: str) -> object:
    """Return a check that an error of this kind and code says these words."""

    class Check:
        def __enter__(self):
            self.raises = pytest.raises(kind)
            self.info = self.raises.__enter__()
            self.began = time.monotonic()

        def __exit__(self, *caught):
            done = self.raises.__exit__(*caught)
            assert type(self.info.value) is kind
            assert self.info.value.code == code
            for word in words:
                assert word in str(self.info.value)
            assert time.monotonic() - self.began < PATIENT_S
            return done

    return Check()


def test_a_called_title_that_is_not_its_own_is_named():
    with Node() as node, named(SourceRefusedError, "DIMSE-REJECTED", "called ae title"):
        fetch(node, called_ae="OTHER")


def test_a_calling_title_that_it_does_not_know_is_named():
    with (
        Node(knows=("FRIEND",)) as node,
        named(SourceRefusedError, "DIMSE-REJECTED", "calling ae title", "BIOMARKER"),
    ):
        fetch(node)


def test_nobody_there_is_named():
    with named(RemoteError, "DIMSE-CONNECT", "refused"):
        DimseRemote(Peer("127.0.0.1", free_port(), "NODE", "BIOMARKER")).__enter__()


def test_a_host_without_an_address_is_named():
    with named(SourceRefusedError, "DIMSE-CONNECT", "no address"):
        DimseRemote(Peer("nowhere.invalid", 104, "NODE", "BIOMARKER")).__enter__()


def test_a_server_that_speaks_something_else_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak():
            caller, _ = server.accept()
            with caller:
                caller.recv(100)
                caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)

        thread = threading.Thread(target=speak)
        thread.start()
        with named(RemoteError, "DIMSE-LOST", "TLS"):
            DimseRemote(Peer("127.0.0.1", server.getsockname()[1], "NODE", "BIOMARKER")).__enter__()
        thread.join()


def test_a_server_that_says_nothing_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = Peer("127.0.0.1", server.getsockname()[1], "N", "B", idle_timeout_s=0.5)
        with named(RemoteError, "DIMSE-SILENT", "0.5 s"):
            DimseRemote(peer).__enter__()


def test_an_association_lost_during_a_query_is_no_empty_answer():
    def vanish(event):
        event.assoc.abort()
        yield 0x0000, None

    with Node(behave={"find": vanish}) as node, named(RemoteError, "DIMSE-LOST"):
        fetch(node)


def test_a_refused_query_is_named_with_its_status():
    def refuse(event):
        yield 0xA900, None

    with Node(behave={"find": refuse}) as node, named(SeriesRefusedError, "DIMSE-STATUS", "0xA900"):
        fetch(node)


def test_an_answer_that_is_no_uid_is_refused_and_not_quoted():
    def lie(event):
        answer = Dataset()
        answer.StudyInstanceUID = "../../etc"
        yield 0xFF00, answer

    with Node(behave={"find": lie}) as node, named(RemoteError, "FETCH-UID") as _:
        fetch(node)


def test_silence_during_a_query_and_a_transfer_is_named_in_bounded_time():
    free = threading.Event()

    def silent(event):
        free.wait(PATIENT_S)
        yield 0x0000, None

    instances = [RemoteInstance(uid, CT) for uid in PACS.series[SERIES]]
    with Node(behave={"find": silent, "get": silent}) as node:
        with named(RemoteError, "DIMSE-SILENT"):
            fetch(node, idle_timeout_s=IDLE_S)
        peer = peer_of(node, idle_timeout_s=IDLE_S)
        with named(RemoteError, "DIMSE-SILENT"):
            DimseRemote(peer).retrieve(SERIES, instances, Received())
        free.set()


def test_a_class_that_is_not_offered_is_named_and_the_others_come():
    mr = "1.2.840.10008.5.1.4.1.1.4"
    instances = [RemoteInstance(uid, CT) for uid in PACS.series[SERIES]]
    instances.insert(0, RemoteInstance("1.2.3", mr))
    received = Received()
    with (
        Node(CONTENTS, classes=(CT,)) as node,
        named(SeriesRefusedError, "DIMSE-CLASS", "MR Image Storage", mr),
    ):
        DimseRemote(peer_of(node)).retrieve(SERIES, instances, received)
    assert set(received) == set(PACS.series[SERIES])


def test_what_the_receiver_raises_ends_the_transfer_at_once():
    came = []

    def full(pieces):
        came.append(sum(map(len, pieces)))
        raise OSError(28, "No space left on device")

    instances = [RemoteInstance(uid, CT) for uid in PACS.series[SERIES]]
    port = free_port()
    began = time.monotonic()
    for destination in (None, MoveDestination(port, "127.0.0.1")):
        with (
            Node(CONTENTS, move_to=("127.0.0.1", port)) as node,
            pytest.raises(OSError, match="No space"),
        ):
            DimseRemote(peer_of(node), destination).retrieve(SERIES, instances, full)
    assert len(came) == 2
    assert time.monotonic() - began < PATIENT_S / 2


def test_failed_parts_are_named():
    def none_of_them(event):
        yield 2
        yield 0xC000, Dataset()

    instances = [RemoteInstance(uid, CT) for uid in PACS.series[SERIES]]
    with Node(behave={"get": none_of_them}) as node, pytest.raises(RemoteError) as info:
        DimseRemote(peer_of(node)).retrieve(SERIES, instances, Received())
    assert info.value.code in {"DIMSE-PARTS", "DIMSE-STATUS"}


def test_the_port_of_a_move_takes_only_what_was_asked_for():
    # The node sends the whole series where one instance was asked for.
    port, received = free_port(), Received()
    one, *others = PACS.series[SERIES]
    destination = MoveDestination(port, "127.0.0.1")

    def too_much(event):
        event.identifier.SOPInstanceUID = None
        found = [held for held in node._read if held.SeriesInstanceUID == SERIES.series_uid]
        yield ("127.0.0.1", port, {"contexts": [build_context(CT)]})
        yield len(found)
        for held in found:
            yield 0xFF00, held

    with Node(CONTENTS, behave={"move": too_much}) as node, pytest.raises(RemoteError) as info:
        DimseRemote(peer_of(node), destination).retrieve(SERIES, [RemoteInstance(one)], received)
    assert info.value.code == "DIMSE-PARTS"
    assert set(received) == {one}
    assert len(destination.refused) == len(others)


def test_the_port_of_a_move_takes_only_the_address_of_its_node(monkeypatch):
    port, received = free_port(), Received()
    destination = MoveDestination(port, "127.0.0.1")
    # The receiver looks first: to it the node is elsewhere.
    told = iter([["192.0.2.1"], ["127.0.0.1"]])
    monkeypatch.setattr(Peer, "addresses", lambda _: next(told))
    instances = [RemoteInstance(uid, CT) for uid in PACS.series[SERIES]]
    with Node(CONTENTS, move_to=("127.0.0.1", port)) as node, pytest.raises(RemoteError):
        DimseRemote(peer_of(node), destination).retrieve(SERIES, instances, received)
    assert received == {}
    assert "a connection from 127.0.0.1" in destination.refused


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken, Node(CONTENTS) as node:
        destination = MoveDestination(taken.getsockname()[1], "127.0.0.1")
        with named(SourceError, "DIMSE-PORT"):
            fetch(node, destination)
