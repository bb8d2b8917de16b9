"""The file of sources, ``biomarker-sources/1``: where to fetch from, and no secret in it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from biomarker_cli.model.wording import quoted
from biomarker_cli.protocol.document import Strict

FORMAT = "biomarker-sources/1"
IN_FOLDER = "biomarker-sources.yaml"
"""Looked for in the current folder first."""

OF_USER = "sources.yaml"
"""Looked for in the user's configuration folder next."""

OF_A_URL = "url"
"""Name of a source that the command line gives by its URL."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]", re.ASCII)
_SECRET = re.compile(
    r"(?:.*[_-])?(?:password|passwd|pwd|passphrase|secret|token|credentials?|bearer|api_?key)"
    r"(?:[_-].*)?",
    re.IGNORECASE,
)
_PORT = Field(ge=1, le=65535)
_WEB = ("https", "http")
_UNPRINTABLE_AE = "\\"


class _Source(Strict):
    """What every source says.

    Attributes
    ----------
    ca_file : str
        PEM file of the authorities that are trusted instead of those of the system.
    client_certificate, client_key : str
        PEM files of a client certificate and its key, without a passphrase.
    idle_timeout_s : float
        A source that sends nothing for so long is given up; a long transfer is not.
    """

    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""
    idle_timeout_s: float = Field(default=60.0, ge=0.1, le=3600.0)

    @model_validator(mode="after")
    def _key_has_certificate(self) -> _Source:
        if self.client_key and not self.client_certificate:
            raise ValueError("client_key needs client_certificate")
        return self


class DicomwebSource(_Source):
    """A DICOMweb server: QIDO-RS and WADO-RS.

    Attributes
    ----------
    url : str
        Of the service, up to what stands before ``/studies``.
    user : str
        Whose password is asked for, where the environment does not say it.
    proxy : str
        URL of a proxy; those of the environment are not taken.
    """

    kind: Literal["dicomweb"] = "dicomweb"
    url: str
    user: str = ""
    proxy: str = ""

    @field_validator("url", "proxy")
    @classmethod
    def _is_web(cls, url: str) -> str:
        return web_url(url) if url else url

    @property
    def is_private(self) -> bool:
        """Whether what is sent can be read by nobody on the way: TLS, or this machine."""
        parts = urlsplit(self.url)
        # What goes by a proxy leaves this machine, wherever the URL leads.
        is_here = not self.proxy and is_loopback(parts.hostname or "")
        return parts.scheme == "https" or is_here


class DimseSource(_Source):
    """A DICOM node: C-FIND with C-GET or C-MOVE.

    Attributes
    ----------
    host, port, called_ae, calling_ae : str or int
    tls : bool
    tls_name : str
        Name on the certificate of the node, where it is not the host.
    retrieve : str
        ``get``, or ``move`` where the site demands it: then `listen_host` and
        `listen_port` are what the node knows `calling_ae` by.
    """

    kind: Literal["dimse"] = "dimse"
    host: str
    port: int = _PORT
    called_ae: str
    calling_ae: str = "BIOMARKER"
    tls: bool = False
    tls_name: str = ""
    retrieve: Literal["get", "move"] = "get"
    listen_host: str = ""
    listen_port: int | None = Field(default=None, ge=1, le=65535)

    @field_validator("called_ae", "calling_ae")
    @classmethod
    def _is_ae_title(cls, title: str) -> str:
        printable = title.isascii() and title.isprintable() and _UNPRINTABLE_AE not in title
        if not printable or not 1 <= len(title.strip()) <= len(title) <= 16:
            raise ValueError("an AE title has 1 to 16 ASCII characters, no backslash (PS3.5 6.2)")
        return title

    @field_validator("host")
    @classmethod
    def _is_host(cls, host: str) -> str:
        if not _HOST.fullmatch(host):
            raise ValueError("expected the name or address of a machine")
        return host.strip("[]")

    @model_validator(mode="after")
    def _move_listens(self) -> DimseSource:
        if self.retrieve == "move" and self.listen_port is None:
            raise ValueError("retrieve: move needs listen_port, where the node sends to")
        return self


Source = Annotated[DicomwebSource | DimseSource, Field(discriminator="kind")]
"""What a name of the file stands for."""


class SourcesFile(Strict):
    """A file of sources.

    Attributes
    ----------
    sources : mapping of str to Source
        By name: small letters, digits and ``-``.
    """

    format: Literal["biomarker-sources/1"]
    sources: Mapping[str, Source] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _holds_no_secret(cls, data: Any) -> Any:
        for key in _keys_of_sources(data):
            if _SECRET.fullmatch(key):
                raise ValueError(
                    f"{quoted(key)}: a secret does not belong in this file, "
                    "set BIOMARKER_SOURCE_<NAME>_PASSWORD or _TOKEN instead"
                )
        return data

    @field_validator("sources")
    @classmethod
    def _are_named(cls, sources: Mapping[str, Source]) -> Mapping[str, Source]:
        for name in sources:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{quoted(name)}: a name has small letters, digits and -")
        return sources


def _keys_of_sources(data: Any) -> Iterator[str]:
    """Yield the keys at the top and of each source; the names of sources are free."""
    if not isinstance(data, dict):
        return
    yield from map(str, data)
    sources = data.get("sources")
    for source in sources.values() if isinstance(sources, dict) else ():
        yield from map(str, source if isinstance(source, dict) else ())


def web_url(url: str) -> str:
    """Return the URL of a service without the stroke at its end.

    Raises
    ------
    ValueError
        Where it is none, or holds what a server must not be told; it is not quoted.
    """
    wrong = "expected https://host[:port]/path without user, password, ? and #"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError(wrong)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError(wrong) from error
    host = parts.netloc.rpartition("@")[2]
    named = re.sub(r":\d{1,5}\Z", "", host)
    if "@" in parts.netloc:
        raise ValueError(
            "a user or password does not belong in a URL, "
            "set BIOMARKER_SOURCE_<NAME>_USER and _PASSWORD instead"
        )
    if parts.scheme not in _WEB or parts.query or parts.fragment or not _HOST.fullmatch(named):
        raise ValueError(wrong)
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
