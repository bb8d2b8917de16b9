"""Fetching by DICOMweb from a real server: same bytes, cuts, silence, TLS, passwords."""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.certificates import Authority, new_authority
from servers.orthanc import Orthanc
from servers.proxies import Proxy

from biomarker_cli.exchange.fetching.choosing import Credentials
from biomarker_cli.exchange.fetching.dicomweb import DicomwebRemote
from biomarker_cli.exchange.fetching.errors import RemoteError, SourceError, SourceRefusedError
from biomarker_cli.exchange.fetching.fetching import Fetch
from biomarker_cli.exchange.fetching.remote import Query, RemoteSeries
from biomarker_cli.exchange.fetching.sources import DicomwebSource

pytestmark = pytest.mark.oracle

WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
SEEDS = range(5) if WHOLE else (0, 1)
EVERYTHING = Query(first_date="19000101")


@pytest.fixture(scope="module")
def files(sample_dir: Path) -> list[Path]:
    return sorted((sample_dir / "centre_a").rglob("*.dcm"))[:60]


@pytest.fixture(scope="module")
def orthanc(new_orthanc: Callable[..., Orthanc], files: list[Path]) -> Orthanc:
    server = new_orthanc()
    server.upload(files)
    return server


def source_of(port: int, scheme: str = "http", **more: Any) -> DicomwebSource:
    url = f"{scheme}://localhost:{port}/dicom-web"
    return DicomwebSource(url=url, **{"idle_timeout_s": 5.0, **more})


def fetched(source: DicomwebSource, folder: Path, credentials: Credentials | None = None) -> Fetch:
    with DicomwebRemote(source, credentials or Credentials()) as remote:
        fetch = Fetch(remote, folder, pauses_s=(0.0, 0.0))
        fetch.run(remote.find_series(EVERYTHING))
    return fetch


def bytes_in(folder: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in folder.rglob("*.dcm"))


def bytes_of(files: list[Path]) -> list[bytes]:
    return sorted(path.read_bytes() for path in files)


def test_same_bytes(orthanc: Orthanc, files: list[Path], tmp_path: Path) -> None:
    fetch = fetched(source_of(orthanc.http_port), tmp_path)
    assert {row.status for row in fetch.rows} == {"complete"}
    assert bytes_in(tmp_path) == bytes_of(files)
    for path in files[::7]:
        next(tmp_path.rglob(f"{_uid(path)}.dcm")).unlink()
    again = fetched(source_of(orthanc.http_port), tmp_path)
    assert again.n_files_received == len(files[::7])
    assert bytes_in(tmp_path) == bytes_of(files)


def _uid(path: Path) -> str:
    from biomarker_cli.exchange.fetching.completeness import read_stored

    found = read_stored(path)
    assert found is not None
    return found.sop_instance_uid


@pytest.mark.parametrize("how", ["cut", "silent"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_loss_at_any_moment_ends_by_name_and_is_resumed(
    how: str, seed: int, orthanc: Orthanc, files: list[Path], tmp_path: Path
) -> None:
    total = sum(path.stat().st_size for path in files)
    after = random.Random(f"{how}{seed}").randrange(1000, total)
    start = time.monotonic()
    with Proxy(orthanc.http_port, **{f"{how}_after": after}) as proxy:
        try:
            fetch = fetched(source_of(proxy.port, idle_timeout_s=0.3), tmp_path)
            codes = {row.error_code for row in fetch.rows} - {""}
        except RemoteError as error:
            codes = {error.code}
    assert codes <= {"FETCH-CUT", "FETCH-IDLE", "FETCH-UNREACHABLE"}
    assert codes
    assert time.monotonic() - start < 20
    assert set(bytes_in(tmp_path)) <= set(bytes_of(files))
    fetched(source_of(orthanc.http_port), tmp_path)
    assert bytes_in(tmp_path) == bytes_of(files)
    assert not list(tmp_path.rglob("*.part"))


def test_a_server_that_is_killed_ends_by_name_and_is_resumed(
    new_orthanc: Callable[..., Orthanc], files: list[Path], tmp_path: Path
) -> None:
    server = new_orthanc()
    server.upload(files)
    source = source_of(server.http_port)
    with DicomwebRemote(source, Credentials()) as remote:
        fetch = Fetch(remote, tmp_path, lambda now: now.n_bytes and server.kill(), (0.0, 0.0))
        series = remote.find_series(EVERYTHING)
        fetch.run(series)
    assert {row.error_code for row in fetch.rows} - {""} <= {"FETCH-CUT", "FETCH-UNREACHABLE"}
    assert {row.series_uid for row in fetch.rows} == {one.series_uid for one in series}
    assert not all(row.status == "complete" for row in fetch.rows)
    server.start()
    fetched(source, tmp_path)
    assert bytes_in(tmp_path) == bytes_of(files)


def refusal_of(source: DicomwebSource, credentials: Credentials | None = None) -> RemoteError:
    start = time.monotonic()
    remote = DicomwebRemote(source, credentials or Credentials())
    with remote, pytest.raises(RemoteError) as raised:
        remote.find_series(EVERYTHING)
    assert time.monotonic() - start < 5
    return raised.value


def test_a_wrong_password_is_named(
    new_orthanc: Callable[..., Orthanc], files: list[Path], tmp_path: Path
) -> None:
    guarded = new_orthanc(users={"reader": "right"})
    guarded.upload(files[:3])
    source = source_of(guarded.http_port)
    for credentials in (Credentials(), Credentials("reader", "wrong"), Credentials(token="x")):
        refused = refusal_of(source, credentials)
        assert isinstance(refused, SourceRefusedError)
        assert refused.code == "FETCH-DENIED"
    fetched(source, tmp_path, Credentials("reader", "right"))
    assert bytes_in(tmp_path) == bytes_of(files[:3])


@pytest.fixture
def tls(orthanc: Orthanc, private_authority: Authority) -> Iterator[Proxy]:
    with Proxy(orthanc.http_port, tls=private_authority.server_context()) as proxy:
        yield proxy


def test_a_private_authority_is_the_only_one_that_is_trusted(
    tls: Proxy,
    private_authority: Authority,
    files: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours = {"scheme": "https", "ca_file": str(private_authority.certificate)}
    other = new_authority(tmp_path / "other")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.certificate))
    fetched(source_of(tls.port, **ours), tmp_path / "out")
    assert bytes_in(tmp_path / "out") == bytes_of(files)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(private_authority.certificate))
    for wrong in ({"ca_file": str(other.certificate)}, {}):
        refused = refusal_of(source_of(tls.port, "https", **wrong))
        assert isinstance(refused, SourceRefusedError)
        assert refused.code == "FETCH-TLS"


def test_a_certificate_of_another_name_is_refused(
    tls: Proxy, private_authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **named: found("localhost", *more, **named)
    )
    source = source_of(tls.port, "https", ca_file=str(private_authority.certificate))
    other = source.model_copy(update={"url": source.url.replace("localhost", "pacs.example")})
    refused = refusal_of(other)
    assert refused.code == "FETCH-TLS"
    assert "mismatch" in refused.message.lower()


def test_a_client_certificate_is_asked_for(
    orthanc: Orthanc, private_authority: Authority, files: list[Path], tmp_path: Path
) -> None:
    ours = {"ca_file": str(private_authority.certificate)}
    asking = private_authority.server_context(asks_client=True)
    certificate, key = private_authority.signed("caller")
    stranger, stranger_key = new_authority(tmp_path / "other").signed("stranger")
    with Proxy(orthanc.http_port, tls=asking) as proxy:
        signed = {"client_certificate": str(certificate), "client_key": str(key)}
        fetched(source_of(proxy.port, "https", **ours, **signed), tmp_path / "out")
        assert bytes_in(tmp_path / "out") == bytes_of(files)
        foreign = {"client_certificate": str(stranger), "client_key": str(stranger_key)}
        for wrong in ({}, foreign):
            refused = refusal_of(source_of(proxy.port, "https", **ours, **wrong))
            # By TLS 1.3 a server says no after the handshake: what it says may be lost.
            assert refused.code == "FETCH-TLS" or "client_certificate" in refused.hint
    swapped = {"client_certificate": str(certificate), "client_key": str(stranger_key)}
    with pytest.raises(SourceError) as raised:
        DicomwebRemote(source_of(1, "https", **ours, **swapped), Credentials())
    assert raised.value.code == "SOURCE-FILE"


def test_plain_http_on_a_port_of_tls_is_named(tls: Proxy) -> None:
    assert refusal_of(source_of(tls.port)).code in {"FETCH-CUT", "FETCH-STATUS"}


def test_a_series_that_is_gone_is_not_complete(orthanc: Orthanc, tmp_path: Path) -> None:
    with DicomwebRemote(source_of(orthanc.http_port), Credentials()) as remote:
        fetch = Fetch(remote, tmp_path, pauses_s=(0.0, 0.0))
        fetch.run([RemoteSeries("1.2.3", "1.2.3.4")])
    assert fetch.rows[0].status == "failed"


@pytest.mark.data
def test_a_real_archive_has_the_same_bytes(
    new_orthanc: Callable[..., Orthanc], data_dir: Path, tmp_path: Path
) -> None:
    files = sorted((data_dir / "sts").rglob("*.dcm"))[:447]
    server = new_orthanc()
    server.upload(files)
    fetch = fetched(source_of(server.http_port), tmp_path)
    assert {row.status for row in fetch.rows} == {"complete"}
    assert fetch.n_files_received == 447
    assert bytes_in(tmp_path) == bytes_of(files)
