"""The compiled kernels: built of these sources, strict about arrays, without the GIL."""

import ast
import importlib.util
import inspect
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from biomarker_cli.kernels import compiled
from biomarker_cli.kernels.compiled import (
    SOURCES_SHA256,
    count_pairs,
    farthest_squared,
    filter_double_lines,
    levels_between,
    longest_inside,
    sum_places,
)

CHECKOUT = Path(__file__).resolve().parents[3]
STUB = CHECKOUT / "biomarker_cli" / "kernels" / "compiled.pyi"


def test_the_extension_is_built_of_these_sources():
    path = CHECKOUT / "hatch_build.py"
    spec = importlib.util.spec_from_file_location("hatch_build", path)
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    assert hook.digest_of(hook.sources()) == SOURCES_SHA256, "run make setup"


def test_the_stub_names_every_kernel_and_its_parameters():
    written = {
        node.name: [argument.arg for argument in node.args.args]
        for node in ast.parse(STUB.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    built = {
        name: list(inspect.signature(value).parameters)
        for name, value in vars(compiled).items()
        if callable(value) and getattr(value, "__module__", "") == compiled.__name__
    }
    assert len(built) > 20
    assert written == built


VALUES, EDGES, LEVELS = np.arange(4.0), np.array([1.0, 2.0]), np.zeros(4, dtype=np.int64)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("values", "edges", "levels", "expected"),
    [
        (VALUES.astype(np.float32), EDGES, LEVELS, "Buffer dtype mismatch"),
        (VALUES.astype(">f8"), EDGES, LEVELS, "Big-endian"),
        (VALUES[np.newaxis], EDGES, LEVELS, "wrong number of dimensions"),
        (np.arange(8.0)[::2], EDGES, LEVELS, "not C-contiguous"),
        (VALUES.tolist(), EDGES, LEVELS, "bytes-like"),
        (None, EDGES, LEVELS, "must not be None"),
        (VALUES, EDGES, LEVELS.astype(np.uint64), "Buffer dtype mismatch"),
        (VALUES, EDGES, read_only(LEVELS), "read-only"),
        (VALUES, EDGES, LEVELS[:3], "levels_between: the shapes"),
        (VALUES, EDGES[:1], LEVELS, "levels_between: the shapes"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(values, edges, levels, expected):
    with pytest.raises((TypeError, ValueError), match=expected):
        levels_between(values, edges, levels)
    assert not levels.any()


def test_what_is_only_read_may_be_read_only():
    levels = np.zeros(4, dtype=np.int64)
    levels_between(read_only(VALUES), read_only(EDGES), levels)
    assert levels.tolist() == [0, 1, 2, 2]


@pytest.mark.parametrize(
    "mask", [np.ones((2, 2, 2), np.uint8), [[[True]]], np.ones((2, 2), np.bool_), None]
)
def test_a_mask_is_an_array_of_bool_in_three_dimensions(mask):
    with pytest.raises((TypeError, ValueError)):
        sum_places(mask, np.zeros(3, dtype=np.int64), np.zeros((3, 3), dtype=np.int64))


@pytest.mark.parametrize(
    "spoilt", ["ranks", "ends", "steps", "counts", "size"], ids=lambda name: f"other {name}"
)
def test_shapes_are_held_against_each_other(spoilt):
    given = {
        "ranks": np.zeros((3, 3, 3), np.uint16),
        "ends": np.zeros((3, 3, 2), np.int64),
        "steps": np.zeros((2, 3), np.int64),
        "size": 4,
        "counts": np.zeros((2, 16), np.int32),
    }
    count_pairs(**given)
    value = given[spoilt]
    given[spoilt] = value + 1 if isinstance(value, int) else np.ascontiguousarray(value[:, :1])
    with pytest.raises(ValueError, match="count_pairs: the shapes"):
        count_pairs(**given)


@pytest.mark.parametrize(
    ("steps", "bounds"),
    [
        ([0, 1, 9, 0, 0, 1, 8, 0], [0, 8]),  # reaches beyond the image
        ([0, 1, 8, 0, 0, 1, 9, 0], [0, 8]),  # reaches beyond the result
        ([0, -1, 8, 0, 0, 1, 8, 0], [0, 8]),
        ([0, 1, 8, 0, 0, 1, 8, 0], [0, 9]),
        ([0, 1, 8, 0, 0, 1, 8, 0], [-1, 8]),
    ],
)
def test_lines_stay_within_their_arrays(steps, bounds):
    lanes = np.zeros((3, 8 * compiled.LANES))
    image, result = np.zeros(16), np.zeros(16, dtype=np.float32)
    fixed = np.array([1, 8, 2]), np.zeros((1, 20))
    filter_double_lines(
        image, fixed[0], np.array([0, 1, 8, 0] * 2), fixed[1], np.array([0, 8]), lanes, result
    )
    with pytest.raises(ValueError, match="filter_lines: the shapes"):
        filter_double_lines(
            image, fixed[0], np.array(steps), fixed[1], np.array(bounds), lanes, result
        )


def test_other_threads_run_while_a_kernel_does():
    points = np.random.default_rng(0).normal(size=(20_000, 3))
    begun, done = threading.Event(), threading.Event()

    def work():
        begun.set()
        # One cell: every pair is looked at, which takes a fraction of a second.
        cells = np.zeros(2, np.int64), np.empty(40_000, np.int64), np.empty((1, 7))
        farthest_squared(points, 1, points.min(axis=0), np.zeros(3), *cells)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
    ticks = 0
    while not done.is_set():
        time.sleep(0.001)
        ticks += 1
    thread.join()
    assert ticks > 10


@pytest.fixture
def unbuilt(tmp_path):
    """Return a copy of the package in which the kernels have not been built."""
    shutil.copytree(
        CHECKOUT / "biomarker_cli",
        tmp_path / "biomarker_cli",
        ignore=shutil.ignore_patterns("compiled*.so", "compiled*.pyd", "__pycache__"),
    )
    (tmp_path / "protocols").symlink_to(CHECKOUT / "protocols")
    return tmp_path


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "biomarker_cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )


def test_without_the_extension_a_case_fails_and_says_what_to_run(unbuilt):
    visit = CHECKOUT / "sample_data" / "centre_a" / "S0001" / "T1" / "ct"
    done = run(
        unbuilt,
        *("extract", "radiomics", "--image", visit / "image", "--mask", visit / "rtstruct.dcm"),
        *("--roi", "GTV-1", "--analysis", "radiomics-ct", "-o", unbuilt / "out"),
    )
    assert done.returncode != 0
    assert "KERNELS-NOT-BUILT" in done.stdout + done.stderr
    assert "make setup" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extension_the_doctor_says_so(unbuilt):
    done = run(unbuilt, "doctor")
    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if "kernels" in line)
    assert "MISSING" in line


@pytest.mark.parametrize(
    ("shape", "corners", "found"),
    [
        ((2, 5, 5), [[2, 3]], (1, 4)),
        ((1, 5, 5), [[2, 3, 4]], (1, 4)),
        ((1, 5, 5), [[2, 3]], (0, 4)),
        ((1, 5, 5), [[2, 3]], (1, 3)),
        ((1, 5, 5), [[0, 3]], (1, 4)),
        ((1, 5, 5), [[8, 3]], (1, 4)),
        ((1, 5, 5), [[2, 8]], (1, 4)),
        ((1, 1, 5), [[1, 3]], (1, 4)),
    ],
)
def test_a_corner_beyond_the_plane_is_refused(shape, corners, found):
    corners = np.array(corners, dtype=np.int64)
    with pytest.raises(ValueError, match="longest_inside: the shapes"):
        longest_inside(
            np.ones(shape, np.bool_), corners, 1.0, 1.0, 0.0, np.empty(found, dtype=np.int64)
        )
