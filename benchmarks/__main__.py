"""Run every benchmark, each beside its peers: ``make bench`` or ``python -m benchmarks [NAME]``.

Peers get environments of their own on first use (``benchmarks/peers.py``). Figures compare
within one run on one machine only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.peers import environment

CHECKOUT = Path(__file__).resolve().parent.parent
_ROOMS = ("scan", "check", "regions", "suv", "adc", "perfusion", "radiomics", "size")
NAMES = (
    *_ROOMS,
    "run",
    "compare",
    "pool",
    "verify",
    "response",
    "report",
    "deidentify",
    "exchange",
    "registration",
)


def command(name: str, data: Path) -> list[str]:
    """Return the command line of a benchmark with the peers that are there."""
    python, arguments = sys.executable, []
    if name == "check" and (folder := environment("dicompare")):
        arguments = ["--dicompare", str(folder / "dicompare")]
    if name == "regions" and (folder := environment("regions")):
        arguments = ["--dcmrtstruct2nii", str(folder / "dcmrtstruct2nii")]
    if name == "suv":
        raw = data / "pet" / "ge_sts001_raw"
        mask = next((raw / "mask").iterdir())
        arguments = ["--series", str(raw / "image"), "--rtstruct", str(mask), "--roi", "GTV_Mass"]
        if folder := environment("suv"):
            arguments += ["--peers", str(folder / "python")]
    if name == "deidentify" and (folder := environment("dicognito")):
        arguments = ["--dicognito", str(folder / "python")]
    if name == "exchange" and (folder := environment("dicomweb")):
        arguments = ["--dicomweb-client", str(folder / "python")]
    if name == "registration":
        arguments = _interpreters("greedy", "elastix")
    if name == "radiomics":
        arguments = ["--peers"]
    if name == "adc" and (folder := environment("diffusion")):
        python = str(folder / "python")
    return [python, "-m", f"benchmarks.{name}", *arguments]


def _interpreters(*peers: str) -> list[str]:
    folders = {name: environment(name) for name in peers}
    return [
        word
        for name, folder in folders.items()
        if folder
        for word in (f"--{name}", str(folder / "python"))
    ]


def main() -> int:
    """Run the benchmarks named on the command line, or all."""
    data = Path(os.environ.get("BIOMARKER_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
    failed = []
    for name in sys.argv[1:] or NAMES:
        if name in {"check", "deidentify", "exchange", "run", "suv"} and not data.is_dir():
            print(f"{name} is left out: no reference DICOM in {data} (BIOMARKER_TEST_DATA)")
            continue
        print(f"\n== {name}", flush=True)
        environment_of_run = {**os.environ, "BIOMARKER_TEST_DATA": str(data)}
        done = subprocess.run(
            command(name, data), cwd=CHECKOUT, env=environment_of_run, check=False
        )
        if done.returncode != 0:
            failed.append(name)
    print(f"\nfailed: {', '.join(failed)}" if failed else "\nall benchmarks ran")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
