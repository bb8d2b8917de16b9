"""Speed of ADC on 128 x 128 x 40 voxels and 13 volumes, beside peers, in one run.

    python -m benchmarks.adc [--seconds-per-line 3]

Every line is the best of several runs in this process, in seconds, and as a
multiple of a float64 ``sum`` over the same stack. Peers are timed where they are
installed (``pip install dipy osipi-ivim``): dipy's OLS tensor mean diffusivity
needs the same reading of ln S; osipi-ivim fits voxel by voxel, so that a part of
the voxels is timed and the rest is counted in proportion.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import sys
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import curve_fit

from biomarker_cli.diffusion.direction_mean import geometric_log_mean
from biomarker_cli.diffusion.fitting import fit_volume
from biomarker_cli.diffusion.ivim import fit_ivim, refit_ivim

SHAPE = (40, 128, 128)
N_VOLUMES = 13
B_SHELLS = np.linspace(0.0, 1200.0, N_VOLUMES)
B_IVIM = np.array([0.0, 10, 20, 40, 60, 80, 110, 150, 200, 300, 400, 600, 800])
PART = 400
"""Voxels that a per-voxel loop is timed on."""


def make_stack(b: np.ndarray) -> np.ndarray:
    """Return signal with noise, shape (13, 40, 128, 128)."""
    rng = np.random.default_rng(5)
    adc = rng.uniform(0.5e-3, 2.0e-3, SHAPE)
    stack = np.empty((len(b), *SHAPE))
    for index, value in enumerate(b):
        clean = 1000.0 * np.exp(-value * adc)
        stack[index] = np.hypot(clean + rng.normal(0, 20, SHAPE), rng.normal(0, 20, SHAPE))
    return stack


def best_of(function: Callable[[], object], seconds: float) -> float:
    """Return the shortest time of at least 2 runs within about `seconds`."""
    best, started = float("inf"), time.perf_counter()
    runs = 0
    while runs < 2 or time.perf_counter() - started < seconds:
        before = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - before)
        runs += 1
    return best


def scipy_loop(stack: np.ndarray) -> float:
    """Return the time of a per-voxel SciPy fit of all voxels, from a part of them."""
    signals = stack.reshape(N_VOLUMES, -1)[:, :PART].T
    before = time.perf_counter()
    for signal in signals:
        curve_fit(lambda b, s0, d: s0 * np.exp(-b * d), B_SHELLS, signal, p0=(signal[0], 1e-3))
    return (time.perf_counter() - before) * np.prod(SHAPE) / PART


def dipy_mean_diffusivity(stack: np.ndarray, seconds: float) -> float | None:
    """Return the time of dipy's OLS tensor fit and its mean diffusivity."""
    if importlib.util.find_spec("dipy") is None:
        return None
    from dipy.core.gradients import gradient_table
    from dipy.reconst.dti import TensorModel

    rng = np.random.default_rng(1)
    directions = rng.normal(size=(N_VOLUMES, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    directions[0] = 0.0
    table = gradient_table(np.r_[0.0, np.full(N_VOLUMES - 1, 1000.0)], bvecs=directions)
    data = np.ascontiguousarray(np.moveaxis(stack, 0, -1))
    return best_of(lambda: TensorModel(table, fit_method="OLS").fit(data).md, seconds)


def osipi_segmented(stack: np.ndarray) -> float | None:
    """Return the time of osipi-ivim's segmented fit of all voxels, from a part of them."""
    found = importlib.util.find_spec("wrappers")
    if found is None or not found.submodule_search_locations:
        return None
    # The wheel imports itself as ``src``, which it does not install.
    package = types.ModuleType("src")
    package.__path__ = [str(Path(next(iter(found.submodule_search_locations))).parent)]
    sys.modules["src"] = package
    from src.standardized.OJ_GU_seg import OJ_GU_seg  # type: ignore[import-not-found]

    signals = stack.reshape(N_VOLUMES, -1)[:, :PART].T / 1000.0
    with contextlib.redirect_stdout(io.StringIO()):
        model = OJ_GU_seg(bvalues=B_IVIM, thresholds=[200])
        before = time.perf_counter()
        for signal in signals:
            model.ivim_fit(signal, B_IVIM)
        spent = time.perf_counter() - before
    return spent * float(np.prod(SHAPE)) / PART


def measure(seconds: float) -> list[tuple[str, float | None]]:
    """Return the name and time of every line; None where a peer is not installed."""
    stack = make_stack(B_SHELLS)
    baseline = best_of(stack.sum, seconds)
    directions = np.array([0.0, 1000.0])

    def lls_of_shells() -> object:
        return fit_volume(np.log(stack), B_SHELLS, "lls")

    def lls_of_directions() -> object:
        logs = np.stack([np.log(stack[0]), geometric_log_mean(stack[1:])])
        return fit_volume(logs, directions, "lls")

    lines: list[tuple[str, float | None]] = [
        ("float64 sum over the stack", baseline),
        ("lls, 13 b-values", best_of(lls_of_shells, seconds)),
        ("lls, b = 0 and 12 directions", best_of(lls_of_directions, seconds)),
        ("wls, 13 b-values", best_of(lambda: fit_volume(np.log(stack), B_SHELLS, "wls"), seconds)),
        (
            "nlls, 13 b-values",
            best_of(lambda: fit_volume(np.log(stack), B_SHELLS, "nlls"), seconds),
        ),
        ("scipy curve_fit voxel by voxel (part, in proportion)", scipy_loop(stack)),
        ("dipy OLS tensor, mean diffusivity", dipy_mean_diffusivity(stack, seconds)),
    ]
    ivim = make_stack(B_IVIM)
    tissue = B_IVIM >= 200
    lines += [
        (
            "ivim segmented with D*, 13 b-values",
            best_of(lambda: fit_ivim(np.log(ivim), B_IVIM, tissue, (3e-3, 0.3)), seconds),
        ),
        (
            "ivim refit, 13 b-values",
            best_of(lambda: refit_ivim(np.log(ivim), B_IVIM, tissue, (5e-3, 0.2)), seconds),
        ),
        ("osipi-ivim OJ_GU_seg voxel by voxel (part, in proportion)", osipi_segmented(ivim)),
    ]
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds-per-line", type=float, default=3.0)
    seconds = parser.parse_args().seconds_per_line
    warnings.simplefilter("ignore")
    lines = measure(seconds)
    baseline = lines[0][1] or float("nan")
    print(f"{'':58} {'seconds':>10} {'x sum':>10}")
    for name, spent in lines:
        if spent is None:
            print(f"{name:58} {'not installed':>21}")
        else:
            print(f"{name:58} {spent:10.4f} {spent / baseline:10.1f}")
    times = dict(lines)
    nlls, loop = times["nlls, 13 b-values"], times[lines[5][0]]
    if nlls and loop:
        print(f"nlls is {loop / nlls:.0f} times as fast as the loop over voxels")


if __name__ == "__main__":
    main()
