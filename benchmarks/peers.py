"""Environments of the peers that the benchmarks measure themselves against.

Each peer lives in a virtual environment of its own below ``benchmarks/results/peers``
(git ignores it): their requirements exclude one another and ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDER = CHECKOUT / "benchmarks" / "results" / "peers"

REQUIREMENTS = {
    # environment: (Python, packages)
    "dicompare": ("", ("dicompare==0.11.1",)),
    "suv": ("", ("mirp==2.7.0", "z-rad==26.9.0")),
    "dicognito": ("", ("dicognito==0.19.0",)),
    "dicomweb": ("", ("dicomweb-client==0.61.2",)),
    "pictologics": ("python3.12", ("pictologics==0.9.0",)),
    "regions": ("", ("dcmrtstruct2nii", "pydicom<3")),
    "greedy": ("", ("picsl_greedy==1.4.0.3", "SimpleITK")),
    "elastix": ("", ("itk-elastix==0.25.4",)),
    # These are measured in one process with ours.
    "diffusion": ("", ("dipy", "osipi-ivim", str(CHECKOUT))),
}


def environment(name: str) -> Path | None:
    """Return the ``bin`` folder of a peer's environment, made where it is absent.

    None where the Python it needs is not installed or pip refuses: the peer is then
    named and left out.
    """
    python, packages = REQUIREMENTS[name]
    folder = FOLDER / name
    ready = folder / ".installed"
    if ready.is_file():
        return folder / "bin"
    interpreter = _interpreter(python) if python else sys.executable
    if interpreter is None:
        print(f"peer {name} is left out: no {python}")
        return None
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([interpreter, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    if subprocess.run([*pip, *packages], check=False).returncode != 0:
        print(f"peer {name} is left out: pip could not install {', '.join(packages)}")
        return None
    ready.touch()
    return folder / "bin"


def _interpreter(name: str) -> str | None:
    """Return a Python by its name: of the path, or of pyenv, whose shims may stand for none."""
    if not _runs(found := shutil.which(name)):
        version = name.removeprefix("python")
        root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
        places = sorted(root.glob(f"versions/{version}*/bin/{name}"))
        found = str(places[-1]) if places else None
    return found if _runs(found) else None


def _runs(interpreter: str | None) -> bool:
    command = [interpreter or "", "-c", ""]
    return (
        interpreter is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )
