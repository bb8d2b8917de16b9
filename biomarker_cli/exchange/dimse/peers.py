"""Whom an association is opened with, as a source of the file names it."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field
from importlib.util import find_spec

from biomarker_cli.exchange.fetching.choosing import Credentials
from biomarker_cli.exchange.fetching.errors import SourceError, SourceRefusedError
from biomarker_cli.exchange.fetching.sources import DimseSource, is_loopback
from biomarker_cli.model.wording import shown


@dataclass(frozen=True)
class Peer:
    """Whom an association is opened with.

    Attributes
    ----------
    host : str
        Name or address.
    port : int
    called_ae, calling_ae : str
        AE titles, theirs and ours.
    tls : ssl.SSLContext or None
        None: plain TCP.
    tls_name : str
        Name on its certificate, where it is not the host.
    idle_timeout_s : float
        Seconds without one byte after which an exchange has failed.
    user, password : str
        Of the user identity that some nodes ask for (PS3.7 D.3.3.7); empty: none.
    """

    host: str
    port: int
    called_ae: str
    calling_ae: str
    tls: ssl.SSLContext | None = None
    tls_name: str = ""
    idle_timeout_s: float = 60.0
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        """How an error names it."""
        return f"{self.called_ae}@{self.host}:{self.port}"

    def addresses(self) -> list[str]:
        """Return the addresses of the host.

        Raises
        ------
        SourceRefusedError
            ``DIMSE-CONNECT``: it has none.
        """
        try:
            found = socket.getaddrinfo(self.host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise SourceRefusedError(
                "DIMSE-CONNECT", f"no address for the host: {shown(str(error))}", where=self.place
            ) from None
        return [str(one[4][0]) for one in found]


def require_pynetdicom() -> None:
    """Require the extra that speaks DIMSE.

    Raises
    ------
    SourceError
        ``FETCH-NO-DIMSE``.
    """
    if find_spec("pynetdicom") is None:
        raise SourceError(
            "FETCH-NO-DIMSE",
            "a source of kind dimse needs pynetdicom, which is not installed",
            hint="pip install 'biomarker-cli[dimse]'",
        )


def peer_of(source: DimseSource, credentials: Credentials) -> Peer:
    """Return whom a source of the file stands for.

    Raises
    ------
    SourceError
        ``DIMSE-CERTIFICATE``, or ``SOURCE-CREDENTIALS`` where a password would travel openly.
    """
    if credentials.token:
        raise SourceError("SOURCE-CREDENTIALS", "a source of kind dimse takes no token")
    if credentials.user and not source.tls and not is_loopback(source.host):
        raise SourceError(
            "SOURCE-CREDENTIALS", "they would travel openly: the source has no `tls: true`"
        )
    return Peer(
        source.host,
        source.port,
        source.called_ae,
        source.calling_ae,
        client_context(source) if source.tls else None,
        source.tls_name,
        source.idle_timeout_s,
        credentials.user,
        credentials.password,
    )


def client_context(source: DimseSource) -> ssl.SSLContext:
    """Return how we speak TLS with a node that we call.

    Raises
    ------
    SourceError
        ``DIMSE-CERTIFICATE``.
    """
    try:
        context = ssl.create_default_context(cafile=source.ca_file or None)
        if source.client_certificate:
            _load_own(context, source)
    except (OSError, ValueError) as error:
        raise _unusable(error) from None
    return context


def server_context(source: DimseSource) -> ssl.SSLContext:
    """Return how we speak TLS with a node that calls us (C-MOVE): it shows a certificate too.

    Raises
    ------
    SourceError
        ``DIMSE-CERTIFICATE``.
    """
    if not source.client_certificate:
        raise SourceError(
            "DIMSE-CERTIFICATE",
            "`retrieve: move` over TLS needs `client_certificate`, which the node is shown",
        )
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=source.ca_file or None)
        context.verify_mode = ssl.CERT_REQUIRED
        _load_own(context, source)
    except (OSError, ValueError) as error:
        raise _unusable(error) from None
    return context


def _load_own(context: ssl.SSLContext, source: DimseSource) -> None:
    # Of a key with a passphrase the terminal would be asked.
    context.load_cert_chain(
        source.client_certificate, source.client_key or None, password=lambda: ""
    )


def _unusable(error: Exception) -> SourceError:
    return SourceError(
        "DIMSE-CERTIFICATE",
        f"a certificate or key of the source cannot be used: {shown(str(error))}",
        hint="PEM files: `ca_file`, `client_certificate`, `client_key` without a passphrase.",
    )
