"""Register two CT of one generated body, moved by a known motion: seconds, memory, error.

python -m benchmarks.registration [--greedy PYTHON] [--elastix PYTHON] [--size 256] [--slices N]

Ours is the command as it is: seven alignments (there, from three other starts, back, and
coarsely with left and right exchanged) on one thread, with its table and picture. greedy
and elastix (its own rigid parameters, 500 iterations) align once, on one thread as well,
and check nothing.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from benchmarks.timing import compile_package, run_child
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.alignment import centre_mm, moved_start

_SMALL = (32, 64, 64)
_BODY_MM = np.array([90.0, 70.0, 90.0])
_GREEDY = (
    "import sys; from picsl_greedy import Greedy3D; Greedy3D().execute(' '.join(sys.argv[1:]))"
)
_ELASTIX = """
import sys, itk, numpy as np
fixed, moving = (itk.imread(name, itk.F) for name in sys.argv[1:3])
parameters = itk.ParameterObject.New()
rigid = parameters.GetDefaultParameterMap("rigid", 4)
rigid["MaximumNumberOfIterations"] = ["500"]
rigid["NumberOfSpatialSamples"] = ["4096"]
rigid["RandomSeed"] = ["42"]
parameters.AddParameterMap(rigid)
_, found = itk.elastix_registration_method(
    fixed, moving, parameter_object=parameters, number_of_threads=1, log_to_console=False)
said = found.GetParameterMap(0)
euler = itk.Euler3DTransform[itk.D].New()
euler.SetComputeZYX(said["ComputeZYX"][0] == "true")
euler.SetCenter([float(one) for one in said["CenterOfRotationPoint"]])
numbers = itk.OptimizerParameters[itk.D]([float(one) for one in said["TransformParameters"]])
euler.SetParameters(numbers)
matrix = np.eye(4)
matrix[:3, :3] = itk.array_from_matrix(euler.GetMatrix())
matrix[:3, 3] = euler.TransformPoint([0.0, 0.0, 0.0])
np.savetxt(sys.argv[3], matrix)
"""
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def body(shape: tuple[int, int, int]) -> FloatArray:
    """Return a CT without noise: an ellipsoid with thirty organs, shape (z, y, x)."""
    random = np.random.default_rng(1)
    places = np.moveaxis(np.indices(_SMALL), 0, -1) / (np.array(_SMALL) - 1) * 2 - 1
    array = np.where((places**2).sum(-1) < 0.75, 40.0, -1000.0)
    for _ in range(30):
        centre, radii = random.uniform(-0.5, 0.5, 3), random.uniform(0.08, 0.25, 3)
        array[(((places - centre) / radii) ** 2).sum(-1) < 1] = random.uniform(-200, 600)
    factors = np.array(shape) / _SMALL
    return np.asarray(zoom(gaussian_filter(array, 0.7), factors, order=1))


def main() -> int:
    """Register with each tool and print what it took and how far it was off."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--greedy", help="interpreter of an environment that has picsl_greedy")
    parser.add_argument("--elastix", help="interpreter of an environment that has itk-elastix")
    parser.add_argument("--size", type=int, default=256, help="voxels along x and y")
    parser.add_argument("--slices", type=int, help="voxels along z; a third of those along x")
    options = parser.parse_args()
    compile_package()
    shape = (options.slices or options.size // 3, options.size, options.size)
    spacing = (360.0 / options.size, 360.0 / options.size, 3.0)
    grid = Geometry(shape, spacing, (-180.0, -180.0, -1.5 * shape[0]))
    truth = moved_start(centre_mm(grid), np.array([6.0, -8.0, 5.0]), (4.0, -6.0, 8.0))
    place, axes = truth @ grid.affine, truth[:3, :3] @ grid.axes
    origin = tuple(place[:3, 3].tolist())
    away = Geometry(shape, spacing, origin, tuple(axes.ravel().tolist()))
    values, random = body(shape), np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [folder / "fixed.nii.gz", folder / "moving.nii.gz"]
        for file, geometry in zip(files, (grid, away), strict=True):
            noisy = values + random.normal(0, 10, shape)
            write_nifti(noisy.astype(np.float32), geometry, file)
        print(f"{shape[2]} x {shape[1]} x {shape[0]} voxels, moved by 11 mm and 11 degrees")
        worked = _ours(files, folder / "ours", grid, truth)
        if options.greedy:
            worked &= _greedy(options.greedy, files, folder / "greedy.mat", grid, truth)
        if options.elastix:
            worked &= _elastix(options.elastix, files, folder / "elastix.txt", grid, truth)
    return 0 if worked else 1


def _ours(files: list[Path], output: Path, grid: Geometry, truth: FloatArray) -> bool:
    command = [sys.executable, "-m", "biomarker_cli", "register", *map(str, files)]
    command += ["--quantity", "hu", "--protocol", "rigid-same-modality", "-o", str(output)]
    used = run_child(command)
    if not (output / "transform.tfm").is_file():
        print(f"biomarker: no result, {used.said}")
        return False
    lines = (output / "transform.tfm").read_text().splitlines()
    said = {line.partition(":")[0]: line.partition(":")[2].split() for line in lines}
    numbers, centre = (np.array(said[w], float) for w in ("Parameters", "FixedParameters"))
    matrix = np.eye(4)
    matrix[:3, :3] = numbers[:9].reshape(3, 3)
    matrix[:3, 3] = numbers[9:] + centre - matrix[:3, :3] @ centre
    with (output / "registration.csv").open() as stream:
        status = next(csv.DictReader(stream))["status"]
    print(f"biomarker: {used.said}, {_error_mm(matrix, grid, truth):.3f} mm, status {status}")
    return True


def _greedy(
    python: str, files: list[Path], output: Path, grid: Geometry, truth: FloatArray
) -> bool:
    words = ["-d", "3", "-threads", "1", "-a", "-dof", "6", "-m", "NMI", "-ia-identity"]
    words += ["-i", *map(str, files), "-n", "100x50x10", "-o", str(output)]
    used = run_child([python, "-c", _GREEDY, *words])
    if not output.is_file():
        print(f"greedy: no result, {used.said}")
        return False
    matrix = _FLIP @ np.loadtxt(output) @ _FLIP  # it writes RAS
    print(f"greedy: {used.said}, {_error_mm(matrix, grid, truth):.3f} mm")
    return True


def _elastix(
    python: str, files: list[Path], output: Path, grid: Geometry, truth: FloatArray
) -> bool:
    used = run_child([python, "-c", _ELASTIX, *map(str, files), str(output)])
    if not output.is_file():
        print(f"elastix: no result, {used.said}")
        return False
    print(f"elastix: {used.said}, {_error_mm(np.loadtxt(output), grid, truth):.3f} mm")
    return True


def _error_mm(matrix: FloatArray, grid: Geometry, truth: FloatArray) -> float:
    """Return the mean distance from the truth over points of a box within the body."""
    steps = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 5)] * 3), axis=-1).reshape(-1, 3)
    points = centre_mm(grid) + steps * _BODY_MM
    apart = (matrix - truth) @ np.c_[points, np.ones(len(points))].T
    return float(np.linalg.norm(apart[:3], axis=0).mean())


if __name__ == "__main__":
    sys.exit(main())
