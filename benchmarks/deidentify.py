"""De-identify one patient's CT, MR and PET with structure sets: files per second.

python -m benchmarks.deidentify [--data DIR] [--dicognito PYTHON]

dicognito looks at each file once and checks nothing afterwards; here each file is read
twice, and each copy is searched for what names somebody in any of them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import compile_package, run_child

_DATA = Path(os.environ.get("BIOMARKER_TEST_DATA", ""))
_DICOGNITO = "import sys; from dicognito.__main__ import main; main(sys.argv[1:])"
_PARTS = ("CT", "MR_T1", "PET")


def main() -> int:
    """De-identify with each tool and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=_DATA / "sts" / "STS_001")
    parser.add_argument("--dicognito", help="interpreter of an environment that has it")
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory() as name:
        source, folder = Path(name) / "source", Path(name)
        source.mkdir()
        for part in _PARTS:
            (source / part).symlink_to((options.data / part).resolve())
        ours = [sys.executable, "-m", "biomarker_cli", "deidentify", str(source)]
        ours += ["--key", str(folder / "key"), "-o", str(folder / "ours")]
        worked = _measured("biomarker", ours, folder / "ours")
        if options.dicognito:
            parts = [str(source / part) for part in _PARTS]
            theirs = [options.dicognito, "-c", _DICOGNITO, "-o", str(folder / "theirs"), *parts]
            worked &= _measured("dicognito", theirs, folder / "theirs")
    return 0 if worked else 1


def _measured(tool: str, command: list[str], output: Path) -> bool:
    """Print what a tool took; return whether it worked."""
    used = run_child(command)
    n_files = sum(path.suffix != ".json" for path in output.rglob("*") if path.is_file())
    print(f"{tool}: {n_files} files in {used.said}, {n_files / used.seconds:.0f} files/s")
    return used.worked and n_files > 0


if __name__ == "__main__":
    sys.exit(main())
