"""Speed of checking headers: ours against dicompare 0.11.1, each a process of its own.

    python -m benchmarks.check [--dicompare PATH] [--repeat N]

Ours is `biomarker check` with a protocol that fits, on files it has never seen and
on files that its index knows; and, beside it, every fact of the library. dicompare
(MR only; it needs pydicom < 3, so that it has an environment of its own) checks the
MR part against three fields: with the schema that it builds from these files itself
its check ends in an error.
Wall time and processor time (user + system) of whole processes, start-up
included; the best of N, alternating. The page cache is warm for both, and both
packages are compiled. Compare only within a run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import compile_package, measure

CHECKOUT = Path(__file__).resolve().parents[1]

SCHEMA = {
    "name": "base",
    "version": "1.0",
    "authors": [],
    "acquisitions": {
        "any": {
            "fields": [
                {"field": "RepetitionTime", "tag": "0018,0080", "value": 3e3, "tolerance": 1e5},
                {"field": "EchoTime", "tag": "0018,0081", "value": 80.0, "tolerance": 1e3},
                {"field": "MagneticFieldStrength", "tag": "0018,0087", "value": 3, "tolerance": 2},
            ],
            "series": [],
        }
    },
}
"""What dicompare checks: less than ours takes, in its favour."""

ALL_FACTS = """
import sys
from pathlib import Path
from biomarker_cli.acquisition.evaluating import evaluate
from biomarker_cli.acquisition.header_facts import header_facts
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.catalogue.reading import iterate_series
from biomarker_cli.catalogue.catalogue import scan
protocols = [load_acquisition(ident) for ident in sys.argv[2:]]
n_files = n_facts = n_checks = 0
for series in iterate_series(scan([Path(sys.argv[1])]).volumes):
    n_files += len({frame.path for frame in series.frames})
    n_facts += len(header_facts(series))
    n_checks += sum(
        r.outcome != "not_applicable" for p in protocols for r in evaluate(p, [series])
    )
print(n_files, "files,", n_facts, "facts,", n_checks, "judged")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dicompare", type=Path, help="its console script (else from PATH)")
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    data = Path(os.environ.get("BIOMARKER_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
    headers = data / "headers"
    if not headers.is_dir():
        sys.exit(f"no folder {headers}: set BIOMARKER_TEST_DATA")
    compile_package()
    dicompare = arguments.dicompare or shutil.which("dicompare")
    with tempfile.TemporaryDirectory() as scratch:
        mr = Path(scratch) / "mr"
        for folder in sorted(headers.glob("mr_*")):
            shutil.copytree(folder, mr / folder.name)
        everything = sum(path.is_file() for path in headers.rglob("*"))
        n_mr = sum(path.is_file() for path in mr.rglob("*"))
        print(f"{everything} files, {n_mr} of them MR; {platform.python_version()}")
        cold = Path(scratch) / "index"
        jobs = {
            "ours, all files, all facts": lambda: all_facts(headers, "base-ct", "base-mr"),
            "ours, MR, all facts": lambda: all_facts(mr, "base-mr"),
            "ours check, MR, new files": lambda: check(mr, cold, forget=True),
            "ours check, MR, known files": lambda: check(mr, cold, forget=False),
        }
        if dicompare:
            schema = Path(scratch) / "schema.json"
            schema.write_text(json.dumps(SCHEMA))
            jobs["dicompare check, MR"] = lambda: peer(dicompare, mr, schema, Path(scratch))
        best = measure(jobs, arguments.repeat)
    for name, (wall, cpu) in best.items():
        print(f"{name:28} {wall:7.2f} s wall {cpu:7.2f} s cpu")
    if "dicompare check, MR" not in best:
        return
    theirs = best["dicompare check, MR"]
    for name in ("ours check, MR, new files", "ours check, MR, known files"):
        wall, cpu = (peer / own for peer, own in zip(theirs, best[name], strict=True))
        print(f"dicompare / {name}: {wall:.1f} x wall, {cpu:.1f} x cpu")


def run(command: list[str], accepted: tuple[int, ...] = (0,), **env: str) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, **env},
    )
    if done.returncode not in accepted:
        sys.exit(f"{command[0]} failed: {done.stderr[-500:]}")
    return done.stdout.strip()


def all_facts(folder: Path, *protocols: str) -> str:
    return run([sys.executable, "-c", ALL_FACTS, str(folder), *protocols])


def check(folder: Path, index: Path, *, forget: bool) -> str:
    """Run the command with an index of its own, empty or as the run before left it."""
    if forget:
        shutil.rmtree(index, ignore_errors=True)
    command = [sys.executable, "-m", "biomarker_cli", "check", str(folder)]
    command += ["--protocol", "base-mr", "--format", "json"]
    said = run(command, accepted=(0, 4), BIOMARKER_CACHE_DIR=str(index))
    return f"{len(json.loads(said))} rows"


def peer(dicompare: Path, folder: Path, schema: Path, scratch: Path) -> str:
    command = [
        str(dicompare),
        "check",
        str(folder),
        str(schema),
        str(scratch / "report.json"),
        "-y",
    ]
    run(command)
    return "checked"


if __name__ == "__main__":
    main()
