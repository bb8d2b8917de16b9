"""Fetch CT, MR, PET and structure sets from an Orthanc on loopback: files per second.

python -m benchmarks.exchange [--data DIR] [--dicomweb-client PYTHON]

Ours lists first what there is, looks at each file on disk, and asks for what is missing;
getscu and movescu of dcmtk store what comes, and dicomweb-client decodes it and writes it
anew. All are whole programs, with their start.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.timing import compile_package, run_child
from tests.servers.orthanc import OUR_AE, Orthanc, free_port

_DATA = Path(os.environ.get("BIOMARKER_TEST_DATA", ""))
_MOVER = "MOVER"
_LOOP = """
import pathlib, sys, warnings
from dicomweb_client.api import DICOMwebClient
warnings.simplefilter("ignore")
client = DICOMwebClient(sys.argv[1])
for found in client.search_for_series():
    study, series = (found[tag]["Value"][0] for tag in ("0020000D", "0020000E"))
    folder = pathlib.Path(sys.argv[2], series)
    folder.mkdir(parents=True)
    for one in client.iter_series(study, series):
        one.save_as(folder / f"{one.SOPInstanceUID}.dcm", enforce_file_format=True)
"""


def main() -> int:
    """Fetch with each tool and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=_DATA / "sts")
    parser.add_argument("--files", type=int, default=447)
    parser.add_argument("--dicomweb-client", help="interpreter of an environment that has it")
    options = parser.parse_args()
    if shutil.which("Orthanc") is None:
        print("left out: no Orthanc (apt-get install orthanc orthanc-dicomweb dcmtk)")
        return 0
    compile_package()
    files = sorted(options.data.rglob("*.dcm"))[: options.files]
    worked = True
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        server = Orthanc(folder / "orthanc", move_ports={_MOVER: port}).start()
        try:
            server.upload(files)
            for tool, command, made in _commands(server, folder, port, options.dicomweb_client):
                used = run_child(command)
                n_files = sum(path.suffix not in {".csv", ".json"} for path in _files(made))
                rate = n_files / used.seconds
                print(f"{tool}: {n_files} files in {used.said}, {rate:.0f} files/s", flush=True)
                worked &= n_files == len(files)
        finally:
            server.stop()
    return 0 if worked else 1


def _commands(
    server: Orthanc, folder: Path, port: int, dicomweb_client: str | None
) -> Iterator[tuple[str, list[str], Path]]:
    node = f"kind: dimse, host: 127.0.0.1, port: {server.dicom_port}, called_ae: ORTHANC"
    sources = folder / "biomarker-sources.yaml"
    sources.write_text(
        "format: biomarker-sources/1\nsources:\n"
        f"  web: {{kind: dicomweb, url: '{server.dicomweb_url}'}}\n"
        f"  get: {{{node}}}\n"
        f"  move: {{{node}, calling_ae: {_MOVER}, retrieve: move, listen_port: {port}}}\n"
    )
    fetch = [sys.executable, "-m", "biomarker_cli", "fetch", "--sources", str(sources)]
    words = {"web": "DICOMweb", "get": "C-GET", "move": "C-MOVE"}
    for source, way in words.items():
        out = folder / source
        yield f"biomarker, {way}", [*fetch, source, "--all", "-o", str(out)], out
    held = json.loads(server.request("/studies?expand"))
    studies = [one["MainDicomTags"]["StudyInstanceUID"] for one in held]
    called = ["-aec", "ORTHANC", "127.0.0.1", str(server.dicom_port)]
    for tool, ways in (
        ("getscu", ["-aet", OUR_AE, "+B"]),
        # With +B it takes no heed of -od.
        ("movescu", ["-aet", _MOVER, "-aem", _MOVER, "--port", str(port)]),
    ):
        out = folder / tool
        out.mkdir()
        to = ["-od", str(out), "-k", "0008,0052=STUDY"]
        each = [
            " ".join([tool, "-S", *ways, *to, "-k", f"0020,000D={study}", *called])
            for study in studies
        ]
        if shutil.which(tool):
            yield f"{tool} of dcmtk", ["bash", "-c", " && ".join(each)], out
    if dicomweb_client:
        out = folder / "loop"
        loop = [dicomweb_client, "-c", _LOOP, server.dicomweb_url, str(out)]
        yield "dicomweb-client", loop, out


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


if __name__ == "__main__":
    sys.exit(main())
