"""Speed of diameters: spheres, shells and stars of several sizes, on CT of 0.7 x 0.7 x 1 mm.

    python -m benchmarks.size [--repeat 5]

Every line is the best of several runs in this process, in milliseconds, for one region of
all its slices: outline, longest diameter and short axis over concavities and inside. Beside
it stands the largest distance of pixel centres of the widest slice alone, by SciPy, as
programs without a search for lines inside compute it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from benchmarks.timing import measure
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.size.measuring import size_of
from biomarker_cli.size.rules import MeasurableRules, PlaneRules, SizeRules

SPACING_MM = (0.7, 0.7, 1.0)
DIAMETERS_MM = (10.0, 30.0, 100.0)
RULES = SizeRules(
    holes="keep",
    concave_above_mm=1.0,
    plane=PlaneRules(within_degrees=5),
    measurable=MeasurableRules(longest_diameter_mm=10, thickness_factor=2, thickness_above_mm=5),
)


def region_of(shape: str, diameter_mm: float) -> Region:
    """Return a sphere, a shell of a fifth of its radius, or a star of seven arms."""
    half = [int(diameter_mm / 2 / step) + 2 for step in reversed(SPACING_MM)]
    z, y, x = np.meshgrid(
        *(np.arange(-n, n + 1) * step for n, step in zip(half, reversed(SPACING_MM), strict=True)),
        indexing="ij",
    )
    radius = np.sqrt(x**2 + y**2 + z**2)
    edge: np.ndarray | float = diameter_mm / 2
    if shape == "star":
        edge = diameter_mm / 2 * (0.7 + 0.3 * np.cos(7 * np.arctan2(y, x)))
    mask = radius <= edge
    if shape == "shell":
        mask &= radius > 0.4 * diameter_mm
    return Region(mask, Geometry(mask.shape, SPACING_MM), shape, shape)


def widest_by_scipy(region: Region) -> float:
    """Return the largest distance of pixel centres on the slice with the most voxels."""
    mask = region.crop.mask
    plane = mask[int(np.argmax(mask.sum(axis=(1, 2))))]
    points = np.argwhere(plane) * SPACING_MM[0]
    return float(pdist(points[ConvexHull(points).vertices]).max())


def timed(job: Callable[..., object], *arguments: object) -> None:
    """Do a job; its answer is nobody's line of the report."""
    job(*arguments)


def main() -> int:
    """Print a line for each shape and size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    print(f"{'region':<16}{'slices':>8}{'ours ms':>10}{'hull of one slice ms':>23}")
    for shape in ("sphere", "shell", "star"):
        for diameter_mm in DIAMETERS_MM:
            region = region_of(shape, diameter_mm)
            jobs = {"ours": partial(timed, size_of, region, RULES)}
            jobs["hull"] = partial(timed, widest_by_scipy, region)
            (ours, _), (hull, _) = measure(jobs, repeat).values()
            name = f"{shape} {diameter_mm:g} mm"
            n_slices = region.crop.mask.shape[0]
            print(f"{name:<16}{n_slices:>8}{1e3 * ours:>10.1f}{1e3 * hull:>23.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
