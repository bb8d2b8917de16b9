"""An Orthanc of Debian on loopback, which a test starts, kills and starts again."""

from __future__ import annotations

import base64
import json
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
STARTS_IN_S = 30.0
OUR_AE = "BIOMARKER"
"""The AE title under which the tests call."""


def free_port() -> int:
    """Return a port of loopback on which nobody listens now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Orthanc:
    """One server with a store of its own; ``start`` after ``kill`` finds what was stored.

    ``users`` are the names and passwords of its HTTP side: none, and everyone may ask.
    ``move_ports`` are ports on which a caller takes C-MOVE, by its AE title.
    """

    folder: Path
    dicomweb: bool = True
    users: dict[str, str] = field(default_factory=dict)
    move_ports: dict[str, int] = field(default_factory=dict)
    checks_called_ae: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    ae_title: str = "ORTHANC"

    def __post_init__(self) -> None:
        self.http_port, self.dicom_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def url(self) -> str:
        """Address of its REST interface."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def dicomweb_url(self) -> str:
        """Address of its DICOMweb service."""
        return f"{self.url}/dicom-web"

    def start(self) -> Orthanc:
        """Start it and wait until it answers, on both ports."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = self.folder / "orthanc.json"
        settings.write_text(json.dumps(self._configuration()))
        self._log = (self.folder / "orthanc.log").open("ab")
        self._process = subprocess.Popen(
            [str(shutil.which("Orthanc")), str(settings)],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **self.environment},
            start_new_session=True,
        )
        until = time.monotonic() + STARTS_IN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"Orthanc did not start:\n{self.log_text()[-3000:]}")
            time.sleep(0.05)
        return self

    def kill(self) -> None:
        """End it at once, and wait until it is gone: two on one store break the store."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order; killed where it does not go."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Let it fall silent: its ports stay open and nothing comes."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it speak again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def log_text(self) -> str:
        """Return what it has written so far."""
        return (self.folder / "orthanc.log").read_text(errors="replace")

    def upload(self, paths: list[Path]) -> list[str]:
        """Put files in by its own REST interface, and return its ids of them."""
        return [json.loads(self.request("/instances", path.read_bytes()))["ID"] for path in paths]

    def instances(self) -> list[str]:
        """Return the SOP Instance UIDs that it holds."""
        found = json.loads(self.request("/instances?expand"))
        return sorted(one["MainDicomTags"]["SOPInstanceUID"] for one in found)

    def held_file(self, sop_instance_uid: str) -> bytes:
        """Return one file as it stands in its store."""
        (found,) = json.loads(self.request("/tools/lookup", sop_instance_uid.encode()))
        return self.request(f"/instances/{found['ID']}/file")

    def empty(self) -> None:
        """Take everything out."""
        for patient in json.loads(self.request("/patients")):
            self.request(f"/patients/{patient}", method="DELETE")

    def request(self, path: str, body: bytes | None = None, method: str | None = None) -> bytes:
        """Ask its REST interface, as the first of its users."""
        asked = urllib.request.Request(self.url + path, data=body, method=method)
        for user, password in list(self.users.items())[:1]:
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            asked.add_header("Authorization", f"Basic {token}")
        # A proxy of the environment has nothing to do with loopback.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(asked, timeout=30) as answer:
            return bytes(answer.read())

    def _answers(self) -> bool:
        try:
            self.request("/system")
            with socket.create_connection(("127.0.0.1", self.dicom_port), timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            # A frozen one takes no other signal before it goes on.
            self._process.send_signal(signal.SIGCONT)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def _configuration(self) -> dict[str, Any]:
        ours = {
            OUR_AE: {
                "AET": OUR_AE,
                "Host": "127.0.0.1",
                "Port": 1,
                "AllowMove": True,
                "AllowGet": True,
            }
        }
        for title, port in self.move_ports.items():
            ours[title] = {"AET": title, "Host": "127.0.0.1", "Port": port}
        return {
            "Name": "tests",
            "StorageDirectory": str(self.folder / "store"),
            "IndexDirectory": str(self.folder / "store"),
            "Plugins": [str(PLUGIN)] if self.dicomweb else [],
            "HttpPort": self.http_port,
            "DicomPort": self.dicom_port,
            "DicomAet": self.ae_title,
            "DicomCheckCalledAet": self.checks_called_ae,
            "DicomModalities": ours,
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": bool(self.users),
            "RegisteredUsers": self.users,
            "HttpsVerifyPeers": False,
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False},
            "ConcurrentJobs": 1,
            "StorageCompression": False,
            "LimitFindResults": 0,
            **self.settings,
        }
