"""A private certificate authority and what it signs, for servers and callers on loopback."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Authority:
    """A private authority in a folder, made by openssl."""

    folder: Path

    @property
    def certificate(self) -> Path:
        """Its own certificate: what a caller is given as ``ca_file``."""
        return self.folder / "ca.pem"

    def signed(self, name: str) -> tuple[Path, Path]:
        """Return certificate and key (PEM) for a name, valid for localhost and 127.0.0.1."""
        key, request, certificate, extensions = (
            self.folder / f"{name}.{kind}" for kind in ("key", "csr", "pem", "ext")
        )
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        subject = ["-subj", f"/CN={name}"]
        _openssl("req", *NEW_KEY, "-keyout", str(key), "-out", str(request), *subject)
        _openssl(
            *("x509", "-req", "-days", "2", "-in", str(request), "-out", str(certificate)),
            *("-CA", str(self.certificate), "-CAkey", str(self.folder / "ca.key")),
            *("-CAcreateserial", "-extfile", str(extensions)),
        )
        return certificate, key

    def server_context(self, *, asks_client: bool = False) -> ssl.SSLContext:
        """Return what a server speaks; ``asks_client`` takes only callers that it has signed."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.signed("server"))
        if asks_client:
            context.load_verify_locations(self.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def new_authority(folder: Path) -> Authority:
    """Make an authority in a new folder."""
    folder.mkdir(parents=True)
    made = Authority(folder)
    _openssl(
        *("req", "-x509", "-days", "2", *NEW_KEY, "-subj", "/CN=private authority"),
        *("-keyout", str(folder / "ca.key"), "-out", str(made.certificate)),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    return made


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
