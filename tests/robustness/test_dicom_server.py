"""The DICOM server of the tests and what stands before it do what the tests take them for."""

from __future__ import annotations

import socket
import ssl
import time

import pytest

from tests.servers.certificates import new_authority
from tests.servers.proxies import Proxy

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def orthanc(new_orthanc):
    return new_orthanc()


def _get(port: int, context: ssl.SSLContext | None = None) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
        if context is None:
            return _answer(plain)
        with context.wrap_socket(plain, server_hostname="localhost") as caller:
            return _answer(caller)


def _answer(caller: socket.socket) -> bytes:
    caller.sendall(b"GET /system HTTP/1.0\r\n\r\n")
    return b"".join(iter(lambda: caller.recv(65536), b""))


def test_what_was_stored_is_there_after_a_kill(orthanc, sample_dir):
    path = sorted((sample_dir / "centre_a/S0001/T1/ct/image").glob("*"))[0]
    orthanc.upload([path])
    held = orthanc.instances()
    orthanc.kill()
    with pytest.raises(OSError, match="refused"):
        _get(orthanc.http_port)
    orthanc.start()
    assert orthanc.instances() == held
    assert orthanc.held_file(held[0]) == path.read_bytes()
    orthanc.empty()
    assert orthanc.instances() == []


def test_a_frozen_server_is_silent_and_comes_back(orthanc):
    orthanc.freeze()
    with socket.create_connection(("127.0.0.1", orthanc.http_port), timeout=0.3) as caller:
        caller.sendall(b"GET /system HTTP/1.0\r\n\r\n")
        with pytest.raises(TimeoutError):
            caller.recv(1)
    orthanc.thaw()
    assert b"Orthanc" in _get(orthanc.http_port) or b"tests" in _get(orthanc.http_port)


def test_a_password_is_asked_for(new_orthanc):
    guarded = new_orthanc(users={"reader": "right"})
    assert b" 401 " in _get(guarded.http_port).split(b"\n")[0]
    assert b"Version" in guarded.request("/system")


def test_the_proxy_cuts_after_so_many_bytes(orthanc):
    with Proxy(orthanc.http_port, cut_after=50) as proxy:
        assert len(_get(proxy.port)) == 50 == proxy.handed_back


def test_the_proxy_falls_silent_after_so_many_bytes(orthanc):
    with Proxy(orthanc.http_port, silent_after=50) as proxy:
        began = time.monotonic()
        address = ("127.0.0.1", proxy.port)
        with (
            socket.create_connection(address, timeout=0.5) as caller,
            pytest.raises(TimeoutError),
        ):
            _answer(caller)
        assert time.monotonic() - began < 3


def test_the_tls_proxy_is_known_by_its_authority_alone(orthanc, private_authority, tmp_path):
    other = new_authority(tmp_path / "other")
    with Proxy(orthanc.http_port, tls=private_authority.server_context()) as proxy:
        context = ssl.create_default_context(cafile=private_authority.certificate)
        assert b"Version" in _get(proxy.port, context)
        with pytest.raises(ssl.SSLCertVerificationError):
            _get(proxy.port, ssl.create_default_context(cafile=other.certificate))


def test_the_tls_proxy_asks_for_a_certificate(orthanc, private_authority):
    asking = private_authority.server_context(asks_client=True)
    with Proxy(orthanc.http_port, tls=asking) as proxy:
        context = ssl.create_default_context(cafile=private_authority.certificate)
        with pytest.raises(OSError, match=r".") as refused:
            _get(proxy.port, context)
        assert not isinstance(refused.value, TimeoutError)
        context.load_cert_chain(*private_authority.signed("caller"))
        assert b"Version" in _get(proxy.port, context)
