"""HTTP as far as a DICOMweb source needs it: one origin, bounded answers, errors by name."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin, urlsplit

from biomarker_cli.exchange.fetching.choosing import Credentials
from biomarker_cli.exchange.fetching.errors import (
    RemoteError,
    SeriesRefusedError,
    SourceError,
    SourceRefusedError,
)
from biomarker_cli.exchange.fetching.sources import DicomwebSource

if TYPE_CHECKING:
    from requests import Request, Response

_CHUNK_BYTES = 256 * 1024
_MOST_REDIRECTS = 3
_NONE_STORED = 409
"""STOW-RS: the body says why (PS3.18 10.5.3.1)."""
_PORTS = {"https": 443, "http": 80}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_AGAIN = "The same command asks for what is missing."


class Origin(NamedTuple):
    """Whom a URL leads to."""

    scheme: str
    host: str
    port: int


def origin_of(url: str) -> Origin:
    """Return the origin of a URL (RFC 6454); a port that is none is 0."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").lower()
    except ValueError:
        return Origin("", "", 0)
    return Origin(parts.scheme, host, port or _PORTS.get(parts.scheme, 0))


def require_requests() -> None:
    """Refuse to go on without the package that speaks HTTP.

    Raises
    ------
    SourceError
        ``FETCH-NO-DICOMWEB``.
    """
    if find_spec("requests") is None:
        raise SourceError(
            "FETCH-NO-DICOMWEB",
            "fetching by DICOMweb needs requests, which is not installed",
            hint="pip install 'biomarker-cli[dicomweb]'",
        )


class WebSession:
    """Asks one service; nothing leads to another host, and nothing is asked for ever.

    Parameters
    ----------
    source : DicomwebSource
    credentials : Credentials

    Raises
    ------
    SourceError
        ``FETCH-NO-DICOMWEB``; ``SOURCE-FILE`` for certificates that cannot be used.
    """

    def __init__(self, source: DicomwebSource, credentials: Credentials) -> None:
        require_requests()
        import requests

        from biomarker_cli.exchange.fetching.pacing import PacedAdapter

        self._origin = origin_of(source.url)
        self._timeout_s = source.idle_timeout_s
        self._base = source.url
        self._session = requests.Session()
        # Proxies, authorities and passwords of the environment are none that a person chose
        # for this source: REQUESTS_CA_BUNDLE would put other authorities in place of its own.
        self._session.trust_env = False
        self._session.verify = source.ca_file or True
        self._session.proxies = dict.fromkeys(_PORTS, source.proxy) if source.proxy else {}
        self._session.headers.update({"Accept-Encoding": "identity", **_authorization(credentials)})
        is_tls = self._origin.scheme == "https"
        adapter = PacedAdapter(_tls_context(source) if is_tls else None)
        self._session.mount(f"{self._origin.scheme}://", adapter)

    def __enter__(self) -> WebSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End its connections."""
        self._session.close()

    @contextmanager
    def asked(
        self, path: str, accept: str, parameters: Mapping[str, str] | None = None
    ) -> Iterator[Response]:
        """Yield the answer to a request whose status says that there is one; its body waits.

        Parameters
        ----------
        path : str
            Below the service; made of checked UIDs.
        accept : str
            Media types.
        parameters : mapping of str to str, optional

        Raises
        ------
        RemoteError
            By what is left to do; see `errors`.
        """
        from requests import Request

        url = f"{self._base}{path}"
        for _ in range(_MOST_REDIRECTS + 1):
            asked = Request("GET", url, {"Accept": accept}, params=parameters)
            with self._answer(asked) as response:
                if response.status_code not in _REDIRECTS:
                    _require_success(response)
                    yield response
                    return
                url, parameters = self._next(url, response), None
        raise SourceRefusedError("FETCH-REDIRECT", "the source redirects without end")

    @contextmanager
    def posted(
        self, path: str, body: Iterator[bytes], content_type: str, accept: str
    ) -> Iterator[Response]:
        """Yield the answer to files that are stored, also one that says why none was.

        Parameters
        ----------
        path : str
            Below the service.
        body : iterator of bytes
            Sent as it comes.
        content_type, accept : str
            Media types.

        Raises
        ------
        RemoteError
            By what is left to do; see `errors`. No redirect is followed.
        """
        from requests import Request

        heads = {"Content-Type": content_type, "Accept": accept}
        with self._answer(Request("POST", f"{self._base}{path}", heads, data=body)) as response:
            if response.status_code != _NONE_STORED:
                _require_success(response)
            yield response

    def _answer(self, asked: Request) -> Response:
        with _named_failures():
            # Not by the session, which reads the body of a redirect, however long it is.
            return self._session.get_adapter(str(asked.url)).send(
                self._session.prepare_request(asked),
                stream=True,
                timeout=self._timeout_s,
                verify=self._session.verify,
                proxies=self._session.proxies,
            )

    def _next(self, url: str, response: Response) -> str:
        try:
            target = urljoin(url, response.headers.get("Location", ""))
            is_ours = origin_of(target) == self._origin and "@" not in urlsplit(target).netloc
        except ValueError:
            target, is_ours = "", False
        if not is_ours:
            raise SourceRefusedError(
                "FETCH-REDIRECT",
                "the source redirects to another host, port or scheme; it is not followed",
                hint="Where that is meant, write that URL in the file of sources.",
            )
        return target


def chunks_of(response: Response) -> Iterator[bytes]:
    """Yield the body of an answer as the network gives it, in constant memory.

    Raises
    ------
    RemoteError
        ``FETCH-CUT`` where it ends before it should, ``FETCH-IDLE`` where nothing comes.
    """
    with _named_failures():
        # Not more than there is: a slow source must not wait until a chunk is full.
        while chunk := response.raw.read1(_CHUNK_BYTES):
            yield chunk


def body_of(response: Response, most_bytes: int) -> bytes:
    """Return the whole body of an answer.

    Raises
    ------
    SeriesRefusedError
        ``FETCH-ANSWER`` where it is larger.
    RemoteError
        As `chunks_of` does.
    """
    body = bytearray()
    for chunk in chunks_of(response):
        body += chunk
        if len(body) > most_bytes:
            raise SeriesRefusedError("FETCH-ANSWER", f"an answer has more than {most_bytes} bytes")
    return bytes(body)


def _authorization(credentials: Credentials) -> dict[str, str]:
    if credentials.token:
        return {"Authorization": f"Bearer {credentials.token}"}
    if not credentials.user:
        return {}
    pair = f"{credentials.user}:{credentials.password}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _tls_context(source: DicomwebSource) -> ssl.SSLContext:
    def no_passphrase() -> str:
        raise ValueError

    try:
        context = ssl.create_default_context(cafile=source.ca_file or None)
        if source.client_certificate:
            # Without the function, OpenSSL would ask on the terminal.
            context.load_cert_chain(
                source.client_certificate, source.client_key or None, no_passphrase
            )
    except (ssl.SSLError, ValueError, OSError) as error:
        raise SourceError(
            "SOURCE-FILE",
            "ca_file, client_certificate or client_key cannot be used: expected PEM, a key that "
            "belongs to the certificate, and no passphrase",
        ) from error
    return context


def _require_success(response: Response) -> None:
    status = response.status_code
    if status in {401, 403, 407}:
        refused = SourceRefusedError if status != 403 else SeriesRefusedError
        raise refused(
            "FETCH-DENIED",
            f"the source does not let us in: status {status}",
            hint="Check user, password or token of the source, and what they may read.",
        )
    if status == 404:
        raise SeriesRefusedError(
            "FETCH-NOT-FOUND", "the source has nothing there: status 404", hint="Check its URL."
        )
    if status in _BUSY:
        raise RemoteError("FETCH-BUSY", f"the source is busy: status {status}", hint=_AGAIN)
    if not 200 <= status < 300:
        raise SeriesRefusedError("FETCH-STATUS", f"the source answers with status {status}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise SeriesRefusedError("FETCH-ANSWER", "the source packs its answer, unasked")


@contextmanager
def _named_failures() -> Iterator[None]:
    """Say what the network did in our words; what others say may quote a URL."""
    import requests
    import urllib3

    try:
        yield
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        # ValueError: what http.client lets through of a chunk whose length is no number.
        raise _failure(error) from error


def _failure(error: BaseException) -> RemoteError:
    import requests
    import urllib3

    causes = list(_causes(error))
    tls = next((one for one in causes if isinstance(one, ssl.SSLError)), None)
    if tls is not None and not isinstance(tls, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        reason = getattr(tls, "verify_message", "") or tls.reason or "the handshake failed"
        return SourceRefusedError(
            "FETCH-TLS",
            f"no trusted connection to the source: {reason}",
            hint="Check ca_file, client_certificate and the name in the URL.",
        )
    idle = (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError)
    early = (requests.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError)
    if any(isinstance(one, idle) for one in causes) and not any(
        isinstance(one, early) for one in causes
    ):
        return RemoteError(
            "FETCH-IDLE",
            "the source sent nothing for as long as idle_timeout_s, or next to nothing for longer",
            hint=_AGAIN,
        )
    lost = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ProxyError, *early)
    if any(isinstance(one, lost) for one in causes):
        return RemoteError(
            "FETCH-UNREACHABLE",
            "no connection to the source",
            hint="Check host, port and proxy, and whether it is up.",
        )
    if any(isinstance(one, ConnectionError | ssl.SSLError) for one in causes):
        # Of TLS 1.3 this is often all that comes of "certificate required".
        return RemoteError(
            "FETCH-CUT",
            "the source ended the connection without a word",
            hint="Does it ask for a client_certificate, and know ours? Else ask again.",
        )
    return RemoteError("FETCH-CUT", "the source ended the connection", hint=_AGAIN)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what is within it: others wrap them in arguments as well."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
