"""Radiomic features against peers: in a warm process and as a whole process, CPU, wall, memory.

    python -m benchmarks.radiomics [CASE...] [--peers] [--slow] [--markdown]

All programs read the same NIfTI files. ``biomarker`` is the native engine by the
conventions of pyradiomics; ``pyradiomics`` the package in the same environment as its
users call it, on the whole image and region after region; ``wrapper`` the package
behind our engine, which crops where nothing is filtered. ``--peers`` adds pictologics
and MIRP in environments of their own, which measure IBSI features with the same bins
and no filters.

In process: image and masks are in memory (MIRP reads them in its one call), and the
best of several runs (five, and a second in all) counts after a first one that loads
and compiles what is not yet; what takes half a minute runs once. Memory is the peak above what the
process held before the counted runs, with the image loaded. Whole: one command from
files to numbers, with imports and reading, the best of three. CPU is that of the
process and its threads. Of ten regions with filters the package measures one.
``--slow`` adds MIRP on large images.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.peers import environment
from benchmarks.timing import compile_package

CHECKOUT = Path(__file__).resolve().parent.parent
SHAPE = (200, 512, 512)
SPACING_MM = (0.8, 0.8, 2.0)
SIGMAS_MM = [1.0, 2.0, 3.0, 4.0, 5.0]

# name: (voxels of each region, regions, filters); no voxels: the CT phantom of IBSI
CASES = {
    "phantom": (0, 1, False),
    "30k": (30_000, 1, False),
    "300k": (300_000, 1, False),
    "1M": (1_000_000, 1, False),
    "10x3k": (3_000, 10, False),
    "phantom-filters": (0, 1, True),
    "30k-filters": (30_000, 1, True),
    "300k-filters": (300_000, 1, True),
    "10x3k-filters": (3_000, 10, True),
}

MEASURE = """
import json, resource, sys, threading, time
from pathlib import Path

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

class Peak(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.highest, self.running = 0, True
    def run(self):
        while self.running:
            self.highest = max(self.highest, resident())
            time.sleep(0.003)

def report(work, runs=5, least_s=1.0, enough_s=5.0, slow_s=25.0):
    before, peak = resident(), Peak()
    peak.start()
    cpu, wall = [], []
    def again():
        few = len(cpu) <= runs or sum(wall[1:]) < least_s
        return few and sum(wall[1:]) <= enough_s and sum(wall[:1]) <= slow_s

    while again():
        if len(cpu) == 1:
            # What the first run leaves behind, such as modules, is not the work's own.
            before, peak.highest = resident(), 0
        c, w = time.process_time(), time.perf_counter()
        number = work()
        cpu.append(time.process_time() - c)
        wall.append(time.perf_counter() - w)
    if len(cpu) > 1:
        del cpu[0], wall[0]
    peak.running = False
    peak.join()
    found = {"cpu_s": min(cpu), "wall_s": min(wall), "memory_mb": peak.highest - before}
    print("RESULT " + json.dumps({**found, "values": number}))

image_path, mask_path, labels, filters = sys.argv[1:5]
labels, filters = int(labels), filters == "filters"
"""

OURS = """
import numpy
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.radiomics.rules import RadiomicsRules
from biomarker_cli.radiomics.measuring import radiomics_measurements
image, mask = read_image_file(Path(image_path), HU), read_image_file(Path(mask_path), HU)
volume = Volume(image.array.astype(numpy.float64), image.geometry, HU)
regions = [
    Region(mask.array == label, image.geometry, f"r{label}", f"r{label}")
    for label in range(1, labels + 1)
]
document = load_document(ProtocolKind.ANALYSIS, sys.argv[5])
rules = validate_section(RadiomicsRules, document, "radiomics")
rules = rules.model_copy(update={"engine": sys.argv[6]})
report(lambda: sum(map(len, radiomics_measurements(volume, regions, rules).values())))
"""

PYRADIOMICS = """
import logging
import SimpleITK
from radiomics.featureextractor import RadiomicsFeatureExtractor
logging.getLogger("radiomics").setLevel(logging.CRITICAL + 1)
"""

EXTRACT = """
def extractor():
    found = RadiomicsFeatureExtractor(binWidth=25)
    if filters:
        found.enableImageTypeByName("LoG", customArgs={"sigma": [1.0, 2.0, 3.0, 4.0, 5.0]})
        found.enableImageTypeByName("Wavelet")
    return found
image, mask = SimpleITK.ReadImage(image_path), SimpleITK.ReadImage(mask_path)
def work():
    rows = [extractor().execute(image, mask, label) for label in range(1, labels + 1)]
    return sum(not key.startswith("diagnostics") for row in rows for key in row)
"""

PICTOLOGICS = """
from pictologics import RadiomicsPipeline, load_image
pipeline = RadiomicsPipeline()
families = ["intensity", "morphology", "texture", "histogram", "ivh"]
pipeline.add_config("bench", [
    {"step": "discretise", "params": {"method": "FBS", "bin_width": 25, "min_val": -1000}},
    {"step": "extract_features", "params": {"families": families}},
])
"""

PICTOLOGICS_WARM = """
image, mask = load_image(image_path), load_image(mask_path, stored_type=True)
report(lambda: len(pipeline.run(image, mask, config_names=["bench"])["bench"]))
"""

PICTOLOGICS_WHOLE = """
print(pipeline.run(image_path, mask_path, config_names=["bench"])["bench"].to_csv())
"""

MIRP = """
import logging
import mirp
logging.disable(logging.CRITICAL)
def work():
    (table,) = mirp.extract_features(
        image=image_path, mask=mask_path, image_modality="ct",
        base_discretisation_method="fixed_bin_size", base_discretisation_bin_width=25.0,
        resegmentation_intensity_range=[-1000.0, 4000.0],
    )
    return table.shape[1]
"""

PLAIN = """
import sys
image_path, mask_path, labels, filters = sys.argv[1:5]
labels, filters = int(labels), filters == "filters"
"""


def make_files(case: str, folder: Path, data: Path) -> tuple[Path, Path]:
    """Write a smooth random image and balls in it, or return the phantom."""
    import nibabel
    import numpy as np
    from scipy.ndimage import gaussian_filter

    voxels, regions, _ = CASES[case]
    if not voxels:
        phantom = data / "ibsi" / "ct_phantom" / "nifti"
        return phantom / "image" / "phantom.nii.gz", phantom / "mask" / "mask.nii.gz"
    affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1])
    image, mask = folder / "image.nii.gz", folder / f"{voxels}x{regions}.nii.gz"
    if not image.is_file():
        array = gaussian_filter(np.random.default_rng(7).normal(0, 60, SHAPE), 1.0)
        array = np.round(3 * array).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(array.T, affine), image)
    if not mask.is_file():
        radius = (3 * voxels / (4 * np.pi)) ** (1 / 3)
        z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
        labels = np.zeros(SHAPE, dtype=np.uint8)
        for number in range(regions):
            centre = (SHAPE[0] // 2, SHAPE[1] // 2 + 18 * (number % 4), 100 + 30 * number)
            if regions == 1:
                centre = (SHAPE[0] // 2, SHAPE[1] // 2, SHAPE[2] // 2)
            squares = ((a - c) ** 2 for a, c in zip((z, y, x), centre, strict=True))
            labels[sum(squares) < radius**2] = number + 1
        nibabel.save(nibabel.Nifti1Image(labels.T, affine), mask)
    return image, mask


def make_analysis(filters: bool, folder: Path) -> Path:
    """Write the analysis protocol: the defaults of pyradiomics, with filters or without."""
    import yaml

    (source,) = sorted((CHECKOUT / "protocols/analysis/pyradiomics-default").glob("1.*.yaml"))[-1:]
    data = yaml.safe_load(source.read_text(encoding="utf-8"))
    data |= {"id": "bench-filters" if filters else "bench"}
    if filters:
        log = {"filter": "pyradiomics_log", "sigma_mm": SIGMAS_MM}
        data["radiomics"]["images"] += [log, {"filter": "pyradiomics_wavelet"}]
    target = folder / f"{data['id']}.yaml"
    target.write_text(yaml.safe_dump(data, default_flow_style=None), encoding="utf-8")
    return target


Commands = dict[str, tuple[list[str], list[str]]]


def programs(case: str, options: argparse.Namespace, folder: Path, data: Path) -> Commands:
    """Return the warm and the whole command of each program."""
    _, regions, filters = CASES[case]
    # In a process of its own: the peak memory of a child begins with that of its parent.
    maker = "import sys; from pathlib import Path; from benchmarks.radiomics import make_files; "
    maker += "print(*make_files(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])), sep='\\n')"
    made = [sys.executable, "-c", maker, case, str(folder), str(data)]
    done = subprocess.run(made, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    image, mask = done.stdout.splitlines()
    analysis = make_analysis(filters, folder)
    files = [image, mask]
    tail = [*files, str(regions), "filters" if filters else "plain"]
    one = [*files, "1", tail[-1]]
    python = [sys.executable, "-c"]
    extract = [sys.executable, "-m", "biomarker_cli", "extract", "radiomics", "--quantity", "hu"]
    extract += ["--image", files[0], "--mask", files[1], "--analysis", str(analysis)]
    extract += ["-o", str(folder / "out"), "--overwrite"]
    ours = [*python, MEASURE + OURS, *tail, str(analysis)]
    found: Commands = {"biomarker": ([*ours, "native"], extract)}
    slow = filters and regions > 1
    theirs = one if slow else tail
    found["pyradiomics" + (" (1 region)" if slow else "")] = (
        [*python, MEASURE + PYRADIOMICS + EXTRACT + "report(work)", *theirs],
        [*python, PLAIN + PYRADIOMICS + EXTRACT + "print(work())", *theirs],
    )
    if not slow:
        found["wrapper"] = ([*ours, "pyradiomics"], [])
    if options.peers and not filters and regions == 1:
        if peer := environment("pictologics"):
            run = [str(peer / "python"), "-c"]
            found["pictologics"] = (
                [*run, MEASURE + PICTOLOGICS + PICTOLOGICS_WARM, *tail],
                [*run, PLAIN + PICTOLOGICS + PICTOLOGICS_WHOLE, *tail],
            )
        wanted = case == "phantom" or (options.slow and case in {"30k", "300k"})
        if wanted and (peer := environment("suv")):
            run = [str(peer / "python"), "-c"]
            found["MIRP"] = (
                [*run, MEASURE + MIRP + "report(work)", *tail],
                [*run, PLAIN + MIRP + "print(work())", *tail],
            )
    return found


def warm(command: list[str]) -> dict[str, Any]:
    """Return what a program reports of its runs in one process."""
    done = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=False, env=_environment()
    )
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return dict(json.loads(line.removeprefix("RESULT ")))
    raise RuntimeError((done.stderr.strip().splitlines() or ["no output"])[-1])


def whole(command: list[str], runs: int = 3) -> dict[str, float]:
    """Return CPU, wall time and peak memory of a process; the best of several short ones."""
    found: list[tuple[float, float, float]] = []
    while len(found) < runs and sum(wall for _, wall, _ in found) < 20:
        start = time.perf_counter()
        with subprocess.Popen(
            command, cwd=CHECKOUT, stdout=subprocess.DEVNULL, env=_environment()
        ) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"exit code {process.returncode}")
        cpu = usage.ru_utime + usage.ru_stime
        found.append((cpu, time.perf_counter() - start, usage.ru_maxrss / 1024))
    cpu, wall, peak = (min(column) for column in zip(*found, strict=True))
    return {"whole_cpu_s": cpu, "whole_s": wall, "peak_mb": peak}


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONWARNINGS": "ignore"}


COLUMNS = {
    "values": ("values", ".0f"),
    "cpu_s": ("CPU s", ".3f"),
    "wall_s": ("wall s", ".3f"),
    "memory_mb": ("memory MB", ".0f"),
    "whole_cpu_s": ("whole CPU s", ".2f"),
    "whole_s": ("whole wall s", ".2f"),
    "peak_mb": ("whole MB", ".0f"),
}


def line(cells: list[str], markdown: bool) -> str:
    """Return one row of the table."""
    if markdown:
        return "| " + " | ".join(cells) + " |"
    return f"{cells[0]:17}{cells[1]:24}" + "".join(f"{cell:>14}" for cell in cells[2:])


def main() -> int:
    """Run each program of each case in processes of its own and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", choices=[[], *CASES], metavar="CASE")
    for flag in ("--peers", "--slow", "--markdown"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    data = Path(os.environ.get("BIOMARKER_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
    compile_package()
    print(line(["case", "program", *(head for head, _ in COLUMNS.values())], options.markdown))
    if options.markdown:
        print(line(["---"] * (2 + len(COLUMNS)), True))
    with tempfile.TemporaryDirectory() as folder:
        for case in options.cases or CASES:
            if not CASES[case][0] and not (data / "ibsi").is_dir():
                print(f"{case} is left out: no phantom in {data} (BIOMARKER_TEST_DATA)")
                continue
            for name, (hot, cold) in programs(case, options, Path(folder), data).items():
                try:
                    found = warm(hot) | (whole(cold) if cold else {})
                except RuntimeError as error:
                    print(f"{case}: {name} is left out: {error}", file=sys.stderr)
                    continue
                cells = [
                    f"{found[key]:{form}}" if key in found else ""
                    for key, (_, form) in COLUMNS.items()
                ]
                print(line([case, name, *cells], options.markdown), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
