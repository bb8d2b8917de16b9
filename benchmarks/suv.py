"""From a DICOM PET series to an SUV map and all metrics of one lesion, beside peers.

    python -m benchmarks.suv --series DIR --rtstruct FILE --roi NAME [--peers PYTHON] [--runs 5]

Each program runs in a process of its own, the programs in turn; the best run
counts. ``--peers`` is a Python that has the peers (``pip install mirp==2.7.0
z-rad==26.9.0``); those that are absent are named and left out. ``work`` is the
time after the imports, ``whole`` that of the process, ``memory`` its peak, and
``above imports`` what the work adds to it.

The peers measure less: intensity statistics and the two local peaks of IBSI.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

OURS = """
import json, resource, sys, time
from pathlib import Path
import numpy, pydicom, pydicom.pixels, pydantic, scipy.ndimage
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.pet.rules import SuvRules
from biomarker_cli.pet.suv import suv_volume
from biomarker_cli.pet.uptake import uptake_measurements
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.regions.target import ImageTarget
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.importing import import_regions

series, rtstruct, roi = sys.argv[1:]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
start = time.perf_counter()
(candidate,) = scan([Path(series)]).volumes
rules = validate_section(SuvRules, load_document(ProtocolKind.ANALYSIS, "fdg-suv"), "suv")
result = suv_volume(read_volume(candidate), rules)
target = ImageTarget.from_volume(result.volume)
(imported,) = import_regions(Path(rtstruct), target, RegionRules(), None, (roi,))
rows = uptake_measurements(result, imported.region, rules)
work = time.perf_counter() - start
value = {row.definition.name: row.value for row in rows}
"""

MIRP = """
import json, logging, resource, sys, time
import mirp
logging.disable(logging.CRITICAL)
series, rtstruct, roi = sys.argv[1:]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
start = time.perf_counter()
(table,) = mirp.extract_features(
    image=series, mask=rtstruct, roi_name=roi, image_modality="pet",
    base_feature_families=["statistics", "local_intensity"],
)
work = time.perf_counter() - start
rows = [c for c in table.columns if c.startswith(("stat_", "loc_"))]
value = {"max": float(table["stat_max"].iloc[0]), "mean": float(table["stat_mean"].iloc[0])}
"""

ZRAD = """
import json, resource, sys, time
from zrad.image import Image
from zrad.preprocessing import IntensityMaskBuilder, RoiData
from zrad.radiomics import Radiomics
series, rtstruct, roi = sys.argv[1:]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
start = time.perf_counter()
image = Image.from_dicom(series, "PET")
mask = Image.from_dicom_mask(rtstruct, roi, image)
data = IntensityMaskBuilder().apply(RoiData(image=image, morphological_mask=mask))
rows = Radiomics().extract_features(data, ["intensity_statistics", "local_intensity"])
work = time.perf_counter() - start
value = {"max": float(rows["stat_max"]), "mean": float(rows["stat_mean"])}
"""

REPORT = """
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("RESULT " + json.dumps({
    "work_s": work, "peak_mb": peak, "above_imports_mb": peak - before,
    "n_numbers": len(rows), "max": value["max"], "mean": value["mean"],
}))
"""


def run(python: str, code: str, arguments: list[str]) -> dict[str, Any] | str:
    """Run one program in a process of its own; return what it reports, or why not."""
    start = time.perf_counter()
    done = subprocess.run(
        [python, "-c", code + REPORT, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore", "QT_QPA_PLATFORM": "offscreen"},
    )
    whole = time.perf_counter() - start
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return {"whole_s": whole, **json.loads(line.removeprefix("RESULT "))}
    return (done.stderr.strip().splitlines() or ["no output"])[-1]


def main() -> int:
    """Time the programs in turn and print the best run of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=Path, required=True)
    parser.add_argument("--rtstruct", type=Path, required=True)
    parser.add_argument("--roi", required=True)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    arguments = [str(options.series), str(options.rtstruct), options.roi]
    programs = {
        "biomarker": (sys.executable, OURS),
        "MIRP": (options.peers, MIRP),
        "z-rad": (options.peers, ZRAD),
    }
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in programs}
    for _ in range(options.runs):
        for name, (python, code) in list(programs.items()):
            found = run(python, code, arguments)
            if isinstance(found, str):
                print(f"{name}: left out: {found}", file=sys.stderr)
                del programs[name]
            else:
                results[name].append(found)
    head = ("work s", "whole s", "peak MB", "above imports MB", "numbers", "SUVmax", "SUVmean")
    print(f"{'':12}" + "".join(f"{h:>18}" for h in head))
    for name, runs in results.items():
        if not runs:
            continue
        best = {key: min(r[key] for r in runs) for key in runs[0]}
        print(
            f"{name:12}{best['work_s']:18.3f}{best['whole_s']:18.3f}{best['peak_mb']:18.0f}"
            f"{best['above_imports_mb']:18.0f}{best['n_numbers']:18d}"
            f"{best['max']:18.5f}{best['mean']:18.5f}"
        )
    return 0 if results["biomarker"] else 1


if __name__ == "__main__":
    sys.exit(main())
