"""A server that is not ours, asked by DIMSE: the same bytes, whatever happens in between."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import pydicom
import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from biomarker_cli.exchange.dimse.moving import MoveDestination
from biomarker_cli.exchange.dimse.peers import Peer, client_context
from biomarker_cli.exchange.fetching.dimse import DimseRemote
from biomarker_cli.exchange.fetching.errors import RemoteError, SourceRefusedError
from biomarker_cli.exchange.fetching.fetching import Fetch
from biomarker_cli.exchange.fetching.remote import Query
from biomarker_cli.exchange.fetching.sources import DimseSource
from tests.servers.certificates import new_authority
from tests.servers.orthanc import OUR_AE, Orthanc, free_port
from tests.servers.proxies import Proxy

WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
pytestmark = [pytest.mark.oracle, pytest.mark.data]
MOVER = "MOVER"


@pytest.fixture(scope="module")
def files(data_dir) -> list[Path]:
    """Of two series."""
    folder = data_dir / "sts/STS_001"
    return [
        path
        for name, n_files in (("PET", 30), ("MR_T1", 8))
        for path in sorted((folder / f"{name}/image").glob("*.dcm"))[:n_files]
    ]


@pytest.fixture(scope="module")
def move_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def orthanc(new_orthanc, files, move_port) -> Orthanc:
    server = new_orthanc(dicomweb=False, move_ports={MOVER: move_port})
    server.upload(files)
    return server


def peer_of(server: Orthanc, port: int = 0, **changed: object) -> Peer:
    said = {"called_ae": server.ae_title, "calling_ae": OUR_AE, "idle_timeout_s": 20.0, **changed}
    return Peer("localhost", port or server.dicom_port, **said)


def fetched(remote: DimseRemote, output: Path) -> Fetch:
    fetch = Fetch(remote, output, pauses_s=(0.2, 0.2))
    fetch.run(remote.find_series(Query()))
    return fetch


def data_sets(paths: list[Path]) -> dict[str, tuple[str, bytes]]:
    """Return encoding and data set of each file, by SOP Instance UID.

    Orthanc gives sequences of undefined length a length: the data set is written anew
    before bytes are compared, of both sides.
    """
    found = {}
    for path in paths:
        read = pydicom.dcmread(path)
        encoding = read.file_meta.TransferSyntaxUID
        for element in read.iterall():
            if element.VR == "SQ":
                element.is_undefined_length = False
                for item in element.value:
                    item.is_undefined_length_sequence_item = False
        stream = DicomBytesIO()
        stream.is_little_endian, stream.is_implicit_VR = True, encoding.is_implicit_VR
        write_dataset(stream, read)
        found[str(read.SOPInstanceUID)] = (str(encoding), stream.getvalue())
    return found


@pytest.mark.parametrize("way", ["get", "move"])
def test_every_data_set_comes_as_it_was_stored(orthanc, files, move_port, tmp_path, way):
    destination = MoveDestination(move_port, "127.0.0.1") if way == "move" else None
    peer = peer_of(orthanc, calling_ae=MOVER if way == "move" else OUR_AE)
    with DimseRemote(peer, destination) as remote:
        fetch = fetched(remote, tmp_path)
    assert {row.status for row in fetch.rows} == {"complete"}
    assert data_sets(sorted(tmp_path.rglob("*.dcm"))) == data_sets(files)


@pytest.mark.slow
@pytest.mark.skipif(not WHOLE, reason="make test-all")
@pytest.mark.parametrize("way", ["get", "move"])
def test_every_file_of_all_subjects_comes_as_it_was_stored(new_orthanc, data_dir, tmp_path, way):
    port = free_port()
    server = new_orthanc(dicomweb=False, move_ports={MOVER: port})
    paths = sorted((data_dir / "sts").rglob("*.dcm"))
    server.upload(paths)
    destination = MoveDestination(port, "127.0.0.1") if way == "move" else None
    peer = peer_of(server, calling_ae=MOVER if way == "move" else OUR_AE)
    with DimseRemote(peer, destination) as remote:
        fetch = fetched(remote, tmp_path)
    assert {row.status for row in fetch.rows} == {"complete"}
    assert data_sets(sorted(tmp_path.rglob("*.dcm"))) == data_sets(paths)


@pytest.mark.parametrize("way", ["get", "move"])
def test_a_compressed_file_stays_as_it_is_stored(new_orthanc, files, tmp_path, way):
    port = free_port()
    server = new_orthanc(dicomweb=False, move_ports={MOVER: port})
    compressed = pydicom.dcmread(files[0])
    compressed.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
    compressed.save_as(tmp_path / "rle.dcm")
    server.upload([tmp_path / "rle.dcm", files[1]])
    destination = MoveDestination(port, "127.0.0.1") if way == "move" else None
    peer = peer_of(server, calling_ae=MOVER if way == "move" else OUR_AE)
    with DimseRemote(peer, destination) as remote:
        fetched(remote, tmp_path / "out")
    held = data_sets([tmp_path / "rle.dcm", files[1]])
    assert {encoding for encoding, _ in held.values()} > {str(pydicom.uid.RLELossless)}
    assert data_sets(sorted((tmp_path / "out").rglob("*.dcm"))) == held


def test_what_is_missing_alone_is_asked_for(orthanc, files, tmp_path):
    with DimseRemote(peer_of(orthanc)) as remote:
        fetched(remote, tmp_path)
        paths = sorted(tmp_path.rglob("*.dcm"))
        for path in paths[::3]:
            path.unlink()
        # A short one is as good as none.
        paths[1].write_bytes(paths[1].read_bytes()[:-100])
        again = fetched(remote, tmp_path)
    assert again.n_files_received == len(paths[::3]) + 1
    assert data_sets(sorted(tmp_path.rglob("*.dcm"))) == data_sets(files)


@pytest.mark.parametrize("seed", range(10 if WHOLE else 3))
def test_cut_silent_or_killed_at_any_moment_it_is_resumed(
    new_orthanc, orthanc, files, tmp_path, seed
):
    chance = random.Random(seed)
    n_bytes = sum(path.stat().st_size for path in files)
    moment = chance.randrange(2000, n_bytes)
    limit = {"cut_after": moment} if seed % 2 else {"silent_after": moment}
    began = time.monotonic()
    with Proxy(orthanc.dicom_port, **limit) as proxy:
        peer = peer_of(orthanc, proxy.port, idle_timeout_s=0.5)
        try:
            with DimseRemote(peer) as remote:
                problems = fetched(remote, tmp_path).problems
        except RemoteError as error:
            problems = [(None, error)]
    assert {error.code for _, error in problems} <= {
        "DIMSE-LOST",
        "DIMSE-SILENT",
        "DIMSE-CONNECT",
    }
    assert problems
    assert time.monotonic() - began < 60
    assert not list(tmp_path.rglob("*.part"))
    held = data_sets(sorted(tmp_path.rglob("*.dcm")))
    known = data_sets(files)
    assert held.items() <= known.items()
    with DimseRemote(peer_of(orthanc)) as remote:
        again = fetched(remote, tmp_path)
    assert again.n_files_received == len(known) - len(held)
    assert data_sets(sorted(tmp_path.rglob("*.dcm"))) == known


@pytest.mark.parametrize("seed", range(5 if WHOLE else 1))
def test_a_server_that_is_killed_and_comes_back_is_asked_again(new_orthanc, files, tmp_path, seed):
    moment = random.Random(seed).randrange(len(files))
    server = new_orthanc(dicomweb=False)
    server.upload(files)
    killed = threading.Event()

    def kill_once(advanced):
        if advanced.n_files > moment and not killed.is_set():
            killed.set()
            server.kill()
            server.start()

    with DimseRemote(peer_of(server)) as remote:
        fetch = Fetch(remote, tmp_path, kill_once, pauses_s=(0.2, 0.2))
        fetch.run(remote.find_series(Query()))
    assert killed.is_set()
    assert {row.status for row in fetch.rows} == {"complete"}
    assert data_sets(sorted(tmp_path.rglob("*.dcm"))) == data_sets(files)


def source_of(port: int, **said: object) -> DimseSource:
    return DimseSource(host="localhost", port=port, called_ae="ORTHANC", tls=True, **said)


def test_tls_by_a_private_authority_with_our_certificate(
    orthanc, private_authority, files, tmp_path
):
    certificate, key = private_authority.signed("node")
    with Proxy(orthanc.dicom_port, tls=private_authority.server_context(asks_client=True)) as proxy:
        source = source_of(
            proxy.port,
            ca_file=str(private_authority.certificate),
            client_certificate=str(certificate),
            client_key=str(key),
        )
        with DimseRemote(peer_of(orthanc, proxy.port, tls=client_context(source))) as remote:
            fetched(remote, tmp_path)
    assert data_sets(sorted(tmp_path.rglob("*.dcm"))) == data_sets(files)


def test_a_wrong_authority_no_certificate_and_no_tls_are_named(
    orthanc, private_authority, tmp_path
):
    other = new_authority(tmp_path / "other")
    ours = {"ca_file": str(private_authority.certificate)}
    context = private_authority.server_context(asks_client=True)
    with Proxy(orthanc.dicom_port, tls=context) as proxy:
        wrong = client_context(source_of(proxy.port, ca_file=str(other.certificate)))
        with pytest.raises(SourceRefusedError, match="certificate") as info:
            DimseRemote(peer_of(orthanc, proxy.port, tls=wrong)).__enter__()
        assert info.value.code == "DIMSE-TLS"
        bare = client_context(source_of(proxy.port, **ours))
        with pytest.raises(RemoteError, match="certificate") as info:
            DimseRemote(peer_of(orthanc, proxy.port, tls=bare)).__enter__()
        assert info.value.code in {"DIMSE-TLS", "DIMSE-LOST"}
        with pytest.raises(RemoteError, match="TLS") as info:
            DimseRemote(peer_of(orthanc, proxy.port)).__enter__()
        assert info.value.code == "DIMSE-LOST"


def test_another_called_title_is_named(orthanc):
    with pytest.raises(SourceRefusedError, match="called ae title") as info:
        DimseRemote(peer_of(orthanc, called_ae="ANOTHER")).__enter__()
    assert info.value.code == "DIMSE-REJECTED"


def test_a_destination_that_it_does_not_know_is_named(orthanc, tmp_path):
    destination = MoveDestination(free_port(), "127.0.0.1")
    with DimseRemote(peer_of(orthanc, calling_ae="NOBODY"), destination) as remote:
        fetch = fetched(remote, tmp_path)
    assert {error.code for _, error in fetch.problems} == {"DIMSE-STATUS"}
