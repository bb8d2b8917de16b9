"""Native engine against pyradiomics: CPU, wall time and memory, in one process each.

``python -m benchmarks.radiomics [CASE...]`` prints one line per case and
engine. Both engines measure the same arrays by the same rules; the first run warms
up (kernels, imports) and is not counted. Peak memory is above the memory after
imports and after the image has been made, in units of the float64 image.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

CASES = {
    # name: (shape z y x, voxels of each region, regions, filters)
    "30k": ((200, 512, 512), 30_000, 1, False),
    "300k": ((200, 512, 512), 300_000, 1, False),
    "1M": ((200, 512, 512), 1_000_000, 1, False),
    "10x3k": ((200, 512, 512), 3_000, 10, False),
    "30k-filters": ((200, 512, 512), 30_000, 1, True),
    "300k-filters": ((200, 512, 512), 300_000, 1, True),
    "10x3k-filters": ((200, 512, 512), 3_000, 10, True),
}
FILTERS = [
    {"filter": "none"},
    {"filter": "pyradiomics_log", "sigma_mm": [1.0, 2.0, 3.0, 4.0, 5.0]},
    {"filter": "pyradiomics_wavelet"},
]


def make(shape, voxels, regions):
    """Return a smooth random image and balls in it."""
    import numpy as np
    from scipy.ndimage import gaussian_filter

    from biomarker_cli.imaging import Geometry, Region, Volume
    from biomarker_cli.model.quantity import HU

    rng = np.random.default_rng(7)
    array = gaussian_filter(rng.normal(0, 60, shape), 1.0)
    array = np.round(3 * array)
    geometry = Geometry(shape, (0.8, 0.8, 2.0))
    radius = (3 * voxels / (4 * np.pi)) ** (1 / 3)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    found = []
    for number in range(regions):
        centre = (shape[0] // 2, shape[1] // 2 + 18 * (number % 4), 100 + 30 * number)
        if regions == 1:
            centre = (shape[0] // 2, shape[1] // 2, shape[2] // 2)
        mask = sum((a - c) ** 2 for a, c in zip((z, y, x), centre, strict=True)) < radius**2
        found.append(Region(mask, geometry, f"r{number}", f"r{number}"))
    return Volume(array, geometry, HU), found


def resident() -> int:
    """Return the resident memory in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


class Peak(threading.Thread):
    """Sample the resident memory until told to stop."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.highest, self.running = 0, True

    def run(self) -> None:
        """Sample every 5 ms."""
        while self.running:
            self.highest = max(self.highest, resident())
            time.sleep(0.005)


def measure(case: str, engine: str) -> dict[str, float]:
    """Measure one case in this process."""
    from biomarker_cli.protocol import ProtocolKind, load_document, validate_section
    from biomarker_cli.radiomics import RadiomicsRules, radiomics_measurements

    shape, voxels, regions, filters = CASES[case]
    document = load_document(ProtocolKind.ANALYSIS, "pyradiomics-default")
    data = validate_section(RadiomicsRules, document, "radiomics").model_dump()
    data |= {"engine": engine, "images": FILTERS if filters else [{"filter": "none"}]}
    rules = RadiomicsRules.model_validate(data)
    radiomics_measurements(*make((12, 24, 24), 500, 1), rules)
    volume, masks = make(shape, voxels, regions)
    before, peak = resident(), Peak()
    peak.start()
    cpu, wall = time.process_time(), time.perf_counter()
    radiomics_measurements(volume, masks, rules)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak.running = False
    peak.join()
    memory = (peak.highest - before) / volume.array.nbytes
    return {"cpu_s": cpu, "wall_s": wall, "memory_images": memory}


def main() -> None:
    """Run each case and engine in a process of its own."""
    if len(sys.argv) == 4 and sys.argv[1] == "--one":
        print(json.dumps(measure(sys.argv[2], sys.argv[3])))
        return
    print(f"{'case':14}{'engine':14}{'CPU s':>9}{'wall s':>9}{'memory':>9}{'ratio':>8}")
    for case in sys.argv[1:] or CASES:
        cpu = {}
        for engine in ("native", "pyradiomics"):
            command = [sys.executable, "-m", "benchmarks.radiomics", "--one", case, engine]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            row = json.loads(done.stdout.splitlines()[-1])
            cpu[engine] = row["cpu_s"]
            ratio = f"{row['cpu_s'] / cpu['native']:8.1f}"
            print(
                f"{case:14}{engine:14}{row['cpu_s']:9.3f}{row['wall_s']:9.2f}"
                f"{row['memory_images']:9.2f}{ratio}",
                flush=True,
            )


if __name__ == "__main__":
    main()
