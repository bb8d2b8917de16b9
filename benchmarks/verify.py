"""Qualify the installation: wall and processor time of ``biomarker verify``, suite by suite.

    python -m benchmarks.verify [--data DIR]

It should take less than 60 s without ``--data``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from functools import partial

from benchmarks.timing import compile_package, measure
from biomarker_cli.multicentre.qualification.qualifying import SUITES

PASSED = {0, 3}
"""Within tolerance, or nothing to measure without data."""


def verify(*arguments: str) -> str:
    """Run the command; return what it says where it does not pass."""
    command = [sys.executable, "-m", "biomarker_cli", "verify", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode in PASSED else f"exit code {done.returncode}\n{done.stdout}"


def main() -> int:
    """Time each suite by itself and all together, and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data")
    options = parser.parse_args()
    data = ["--data", options.data] if options.data else []
    compile_package()
    jobs: dict[str, Callable[[], str]] = {suite: partial(verify, suite, *data) for suite in SUITES}
    jobs["all"] = partial(verify, *data)
    for name, (wall, processor) in measure(jobs, 1).items():
        print(f"{name:<10}{wall:8.1f} s wall{processor:8.1f} s processor")
    return 0


if __name__ == "__main__":
    sys.exit(main())
