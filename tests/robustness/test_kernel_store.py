"""Machine code that is kept between processes: whose it is, whether it is whole, its bits."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from biomarker_cli.radiomics.kernels import library as library_module
from biomarker_cli.radiomics.kernels.compilation import kernel
from biomarker_cli.radiomics.kernels.jitting import compile_package, jit_here
from biomarker_cli.radiomics.kernels.library import Library, trusted_dir
from biomarker_cli.radiomics.kernels.loading import Code, KernelError
from biomarker_cli.radiomics.kernels.signatures import native_call, python_call
from biomarker_cli.radiomics.kernels.store import Content, read_store, write_store

NOWHERE = "/proc/no/such/folder"

TOY = """
from __future__ import annotations
import numpy as np
from biomarker_cli.radiomics.kernels.arrays import *
from biomarker_cli.radiomics.kernels.compilation import inner, kernel

@inner
def bits(value: float) -> tuple[float, int]:
    return np.log2(value) + np.exp(-value) + value**1.7, 3

@kernel
def entropy(values: Floats2, weight: float, type: int, strict: bool) -> float:
    total = 0.0
    for row in range(values.shape[0]):
        for k in range(values.shape[1]):
            found, more = bits(values[row, k])
            total += found * weight + type * more
    return total if strict else -total

@kernel
def every(
    a: Floats1, b: Singles2, c: Longs3, d: Ints4, e: Words1, f: Marks2, function: int
) -> int:
    total = function
    for k in range(a.size):
        total += int(a[k]) + int(b[0, k]) + c[0, 0, k] + d[0, 0, 0, k] + e[k]
        if f[0, k]:
            total += 1
    return total

@kernel
def double(values: Longs1, result: Longs1) -> None:
    for k in range(values.size):
        result[k] = 2 * values[k]

@kernel
def has(values: Longs1, value: int) -> bool:
    for k in range(values.size):
        if values[k] == value:
            return True
    return False

@kernel
def fails(values: Longs1) -> int:
    if values[0] == 7:
        raise ValueError("seven")
    return values[0]

@kernel
def waits(flag: Longs1, ticks: Longs1) -> bool:
    for _ in range(10**11):
        ticks[0] += 1
        if flag[0] != 0:
            return True
    return False
"""

RUN = """
import sys, numpy as np
from toykernels.sums import double, entropy
result = np.empty(3, np.int64)
double(np.arange(3), result)
assert result.tolist() == [0, 2, 4], result
print(entropy(np.arange(1.0, 13.0).reshape(3, 4), 0.3, 2, True).hex(), "numba" in sys.modules)
"""


def write_toy(folder, text=TOY):
    package = folder / "toykernels"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "sums.py").write_text(text)


def start(code, path, folder, **environment):
    kept = {k: v for k, v in os.environ.items() if k in {"PATH", "LD_LIBRARY_PATH"}}
    kept["PYTHONPATH"] = os.pathsep.join([str(path), *filter(None, sys.path)])
    if folder:
        kept["NUMBA_CACHE_DIR"] = str(folder)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    try:
        out, err = process.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, err
    return out.split()


def run(code, path, folder, **environment):
    return finish(start(code, path, folder, **environment))


def stores(folder):
    return sorted(folder.glob("kernels-*.store"))


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Return the folder of a package of kernels, its store, and a result."""
    path = tmp_path_factory.mktemp("toy")
    write_toy(path)
    folder = path / "kept"
    result, loaded = run(RUN, path, folder)
    assert loaded == "True"
    assert len(stores(folder)) == 1
    return path, folder, result


@pytest.fixture(scope="module")
def sums(toy):
    """Return the module of the toy kernels, loaded into this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(toy[0]))
        patch.setenv("NUMBA_CACHE_DIR", str(toy[1]))
        module = importlib.import_module("toykernels.sums")
        assert library_module.library("toykernels").code() is not None
        yield module
    library_module.library.cache_clear()
    for name in ("toykernels", "toykernels.sums"):
        del sys.modules[name]


@pytest.fixture
def copied(toy, tmp_path):
    folder = tmp_path / "copied"
    shutil.copytree(toy[1], folder)
    folder.chmod(0o700)
    return folder


def test_a_warm_process_does_without_numba(toy):
    path, folder, result = toy
    assert run(RUN, path, folder) == [result, "False"]


def test_kernels_of_the_product_do_without_numba_too(tmp_path):
    code = (
        "import sys, numpy as np\n"
        "from biomarker_cli.radiomics.kernels.binning import levels_between\n"
        "levels = np.empty(2, np.int64)\n"
        "levels_between(np.array([0.5, 1.5]), np.arange(3.0), levels)\n"
        "print(*levels, 'numba' in sys.modules)\n"
    )
    assert run(code, "", tmp_path / "kept") == ["1", "2", "True"]
    assert run(code, "", tmp_path / "kept") == ["1", "2", "False"]


def test_every_kernel_of_the_product_is_kept():
    content = compile_package("biomarker_cli.radiomics.kernels")
    folder = Path(library_module.__file__).parent
    own = {path.stem for path in folder.glob("*.py") if "\n@kernel\n" in path.read_text()}
    assert {name.split(".")[3] for name in content.symbols} == own
    assert not content.refused
    code = Code(content)
    assert all(code.address_of(name) for name in content.symbols)


@pytest.mark.parametrize("damage", ["cut", "emptied", "changed", "renamed", "garbage"])
def test_a_damaged_store_is_not_read(copied, damage):
    (path,) = stores(copied)
    data = path.read_bytes()
    key = data.split(b"\n", 3)[2].decode()
    assert read_store(copied, key).symbols
    middle = len(data) // 2
    other = "0" * 64
    path.write_bytes(
        {
            "cut": data[:-1],
            "emptied": b"",
            "changed": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
            "renamed": data,
            "garbage": b"\n\n\n\n\xff",
        }[damage]
    )
    if damage == "renamed":
        path.rename(copied / f"kernels-{other[:32]}.store")
        key = other
    assert read_store(copied, key) is None


def test_a_damaged_store_is_compiled_again(toy, copied):
    (path,) = stores(copied)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert run(RUN, toy[0], copied) == [toy[2], "True"]
    assert run(RUN, toy[0], copied) == [toy[2], "False"]


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_folder_where_others_can_write_keeps_no_code(toy, copied, mode):
    copied.chmod(mode)
    before = [path.stat() for path in stores(copied)]
    process = start(RUN, toy[0], copied)
    _, err = process.communicate()
    assert process.returncode == 0
    assert "others can write there" in err
    assert [path.stat()[:8] for path in stores(copied)] == [old[:8] for old in before]
    assert not list(copied.glob("**/*.nbc"))


def test_a_folder_or_a_file_of_another_user_is_not_trusted(copied, monkeypatch):
    (path,) = stores(copied)
    key = path.read_bytes().split(b"\n", 3)[2].decode()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(copied))
    assert trusted_dir() == copied
    path.chmod(0o666)
    assert read_store(copied, key) is None
    path.chmod(0o644)
    found = os.stat_result((*path.stat()[:4], os.getuid() + 1, *path.stat()[5:]))
    monkeypatch.setattr(os, "fstat", lambda _: found)
    assert read_store(copied, key) is None
    monkeypatch.setattr(type(copied), "stat", lambda *_, **__: found)
    assert trusted_dir() is None


def test_where_nothing_can_be_written_numba_gives_the_same_bits(toy):
    # A folder that is a file can be written by nobody, not even by root.
    guard = "import tempfile; tempfile.tempdir = '/dev/null'\n"
    path, _, result = toy
    assert run(guard + RUN, path, None, XDG_CACHE_HOME=NOWHERE) == [result, "True"]
    assert run(RUN, path, NOWHERE) == [result, "True"]


def test_without_llvm_numba_gives_the_same_bits(toy):
    path, folder, result = toy
    broken = "from biomarker_cli.radiomics.kernels import library as l\ndef no(_): raise OSError\n"
    assert run(broken + "l.Code = no\n" + RUN, path, folder) == [result, "True"]


def test_without_compiling_kernels_are_python(toy):
    found, _ = run(RUN, toy[0], toy[1], NUMBA_DISABLE_JIT="1")
    assert float.fromhex(found) == pytest.approx(float.fromhex(toy[2]), rel=1e-14)


def test_two_processes_that_come_first_both_get_code(toy, tmp_path):
    folder = tmp_path / "kept"
    both = [start(RUN, toy[0], folder) for _ in range(2)]
    assert {finish(process)[0] for process in both} == {toy[2]}
    assert len(stores(folder)) == 1
    assert not list(folder.glob("*.part"))
    assert run(RUN, toy[0], folder) == [toy[2], "False"]


def test_changed_sources_and_settings_are_compiled_anew(toy, copied, tmp_path):
    write_toy(tmp_path, TOY.replace("2 * values[k]", "values[k] + values[k]"))
    assert run(RUN, tmp_path, copied) == [toy[2], "True"]
    assert len(stores(copied)) == 2
    assert run(RUN, toy[0], copied, NUMBA_OPT="2")[1] == "True"
    assert len(stores(copied)) == 3


def test_old_stores_go(tmp_path):
    for number in range(12):
        write_store(tmp_path, f"{number:064x}"[::-1], Content((), (), "", b""))
        (path,) = tmp_path.glob(f"kernels-{f'{number:064x}'[::-1][:32]}.store")
        os.utime(path, (number, number))
    assert len(stores(tmp_path)) == 8


REFUSED = {
    "random": "value = np.random.random()",
    "print": "print(value)",
    "big": "value = TABLE[int(value)]",
    "work": "value = np.zeros(values.size)[0]",
}


@pytest.mark.parametrize("reason", sorted(REFUSED))
def test_code_that_needs_numba_is_refused_once_and_runs_by_numba(tmp_path, reason):
    text = (
        "from __future__ import annotations\nimport numpy as np\n"
        "from biomarker_cli.radiomics.kernels.arrays import *\n"
        "from biomarker_cli.radiomics.kernels.compilation import kernel\n"
        "TABLE = np.zeros(300_000)\n"
        "@kernel\ndef odd(values: Floats1) -> float:\n"
        f"    value = values[0]\n    {REFUSED[reason]}\n    return value * 0.0 + values[0]\n"
    )
    write_toy(tmp_path, text)
    code = "import numpy as np\nfrom toykernels.sums import odd\nprint(odd(np.ones(1)))"
    process = start(code, tmp_path, tmp_path / "kept")
    out, err = process.communicate()
    assert (process.returncode, out.split()[-1:]) == (0, ["1.0"]), err
    assert "toykernels.sums.odd" in err
    process = start(code, tmp_path, tmp_path / "kept")
    out, err = process.communicate()
    assert (process.returncode, out.split()[-1]) == (0, "1.0")
    assert "toykernels.sums.odd" not in err


def test_missing_symbols_are_found_before_llvm_ends_the_process(copied):
    (path,) = stores(copied)
    content = read_store(copied, path.read_bytes().split(b"\n", 3)[2].decode())
    with pytest.raises(KernelError, match="no_such_function"):
        Code(Content(content.symbols, ("no_such_function",), "", content.code))


def both_ways(sums, name):
    own = getattr(sums, name)
    code = library_module.library("toykernels").code()
    native = native_call(own.signature, code.address_of(own.symbol), code)
    return native, python_call(own.signature, jit_here(own, None))


def test_both_ways_give_the_same_bits(sums):
    rng = np.random.default_rng(1)
    native, jitted = both_ways(sums, "entropy")
    for _ in range(20):
        values = rng.random((7, 9)) + 0.1
        given = (values, float(rng.normal()), int(rng.integers(9)), bool(rng.integers(2)))
        assert native(*given).hex() == jitted(*given).hex()


def test_filters_give_the_same_bits_both_ways():
    rng = np.random.default_rng(2)
    package = "biomarker_cli.radiomics.kernels"
    code = Code(compile_package(package))
    for name in ("filter_double_lines", "filter_single_lines", "convolve_rows", "convolve_lines"):
        module = importlib.import_module(
            f"{package}.{'recursive' if name.startswith('filter') else 'wavelets'}"
        )
        own = getattr(module, name)
        native = native_call(own.signature, code.address_of(own.symbol), code)
        results = []
        for call in (native, python_call(own.signature, jit_here(own, None))):
            rng = np.random.default_rng(2)
            given = arguments(name, rng)
            call(*given)
            results.append(given[-1].tobytes())
        assert results[0] == results[1]


def arguments(name, rng):
    if name.startswith("filter"):
        dtype = np.float64 if "double" in name else np.float32
        image = rng.normal(size=5 * 9 * 21).astype(dtype)
        steps = np.array([189, 21, 1, 0, 189, 21, 1, 945])
        coefficients = rng.normal(size=(2, 20)) * 0.2
        work = np.empty((3, 9 * 16))
        result = np.zeros(2 * 945, np.float32)
        return image, np.array([5, 9, 21]), steps, coefficients, np.array([0, 9]), work, result
    taps, wrapped = rng.normal(size=4), np.array([0, 0, 1, 2, 3, 4])
    if name == "convolve_rows":
        return rng.normal(size=(3, 9, 5)), taps, wrapped, np.zeros((3, 6, 5))
    return rng.normal(size=(3, 9)), taps, wrapped, np.zeros((3, 6))


def test_types_of_all_kinds_reach_the_code(sums):
    given = [
        np.array([1.0, 2.0]),
        np.array([[3, 4]], np.float32),
        np.array([[[5, 6]]], np.int64),
        np.array([[[[7, 8]]]], np.int32),
        np.array([9, 10], np.uint16),
        np.array([[True, False]]),
    ]
    assert sums.every(*given, 100) == 156
    assert sums.every(*given, function=np.int16(-2)) == 54
    assert sums.has(np.arange(3), 2) is True
    assert sums.has(np.arange(3), 2**62) is False
    assert sums.has(np.empty(0, np.int64), -(2**63)) is False
    fixed = np.arange(3)
    fixed.flags.writeable = False
    assert sums.has(fixed, 1)
    assert sums.entropy(np.ones((2, 2)), np.float32(1), np.uint8(1), np.bool_(True)) > 0
    assert sums.has.__name__ == "has"


WRONG = {
    "type": ([1, 2, 3], "found list"),
    "nothing": (None, "found NoneType"),
    "dtype": (np.arange(3, dtype=np.int32), "found int32 array of 1 dimension"),
    "unsigned": (np.arange(3, dtype=np.uint64), "found uint64 array"),
    "order of bytes": (np.arange(3).astype(">i8"), "found >i8 array"),
    "dimensions": (np.zeros((1, 3), np.int64), "found int64 array of 2 dimension"),
    "scalar": (np.int64(1), "found int64"),
    "strides": (np.arange(6)[::2], "not C-contiguous"),
    "backwards": (np.arange(6)[::-1], "not C-contiguous"),
    "alignment": (np.zeros(25, np.int8)[1:].view(np.int64), "not aligned"),
}


@pytest.mark.parametrize("kind", sorted(WRONG))
def test_a_wrong_array_never_reaches_the_code(sums, kind):
    value, message = WRONG[kind]
    for call in (sums.has, both_ways(sums, "has")[1]):
        with pytest.raises(TypeError, match=r"has: values: expected C-contiguous int64") as caught:
            call(value, 1)
        assert message in str(caught.value)


def test_a_wrong_order_of_axes_never_reaches_the_code(sums):
    with pytest.raises(TypeError, match="not C-contiguous"):
        sums.entropy(np.ones((3, 4)).T, 1.0, 1, True)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ((1.0, 1.0, True), "type"),
        ((1.0, 2**63, True), "type"),
        ((1.0, "1", True), "type"),
        (("1.0", 1, True), "weight"),
        ((None, 1, True), "weight"),
        ((1j, 1, True), "weight"),
        ((1.0, 1, 1), "strict"),
        ((1.0, np.array(1), True), "type"),
    ],
)
def test_a_wrong_scalar_never_reaches_the_code(sums, given, name):
    with pytest.raises(TypeError, match=rf"entropy: {name}: expected (int|float|bool), found"):
        sums.entropy(np.ones((3, 4)), *given)


def test_arguments_are_counted(sums):
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        sums.has(np.arange(3))
    with pytest.raises(TypeError, match="unexpected keyword"):
        sums.has(np.arange(3), other=1)


def test_an_exception_in_machine_code_is_one_here(sums):
    assert sums.fails(np.array([3])) == 3
    with pytest.raises(RuntimeError, match="kernel fails"):
        sums.fails(np.array([7]))


def test_threads_get_the_code_at_once_and_run_it_side_by_side(toy, sums):
    path, folder, result = toy
    code = (
        "from concurrent.futures import ThreadPoolExecutor\nimport numpy as np\n"
        "from toykernels.sums import entropy\n"
        "def take(_):\n"
        "    return entropy(np.arange(1.0, 13.0).reshape(3, 4), 0.3, 2, True).hex()\n"
        "with ThreadPoolExecutor(8) as pool:\n    print(*set(pool.map(take, range(64))))\n"
    )
    assert run(code, path, folder) == [result]
    flag, ticks = np.zeros(1, np.int64), np.zeros(1, np.int64)
    with ThreadPoolExecutor(1) as pool:
        ends = pool.submit(sums.waits, flag, ticks)
        while not ticks[0]:
            threading.Event().wait(0.001)
        # With the lock of the interpreter held nobody could set it.
        flag[0] = 1
        assert ends.result() is True


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
@pytest.mark.parametrize("before", ["entropy(VALUES, 0.3, 2, True)", "None"])
def test_workers_of_a_pool_get_the_code(toy, tmp_path, method, before):
    path, folder, result = toy
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, sys, numpy as np\nfrom toykernels.sums import entropy\n"
        "VALUES = np.arange(1.0, 13.0).reshape(3, 4)\n"
        "def take(_):\n"
        "    return entropy(VALUES, 0.3, 2, True).hex(), 'numba' in sys.modules\n"
        "if __name__ == '__main__':\n"
        f"    {before}\n"
        f"    with multiprocessing.get_context('{method}').Pool(2) as pool:\n"
        "        for pair in set(pool.map(take, range(4))):\n            print(*pair)\n"
    )
    code = f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')"
    if method != "fork":
        # What is not forked imports the main module by its path.
        code = (
            f"import subprocess, sys; subprocess.run([sys.executable, {str(script)!r}], check=True)"
        )
    assert run(code, path, folder) == [result, "False"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_waits_for_the_thread_that_loads(toy):
    code = (
        "import os, threading, numpy as np\nfrom toykernels.sums import has\n"
        "from biomarker_cli.radiomics.kernels import library as l\n"
        "real, begun = l.Code, threading.Event()\n"
        "def slow(content):\n"
        "    begun.set()\n    threading.Event().wait(0.5)\n    return real(content)\n"
        "l.Code = slow\n"
        "other = threading.Thread(target=has, args=(np.arange(3), 1))\n"
        "other.start()\nbegun.wait()\n"
        "child = os.fork()\n"
        "if child == 0:\n    os._exit(0 if has(np.arange(3), 1) else 1)\n"
        "print(os.waitpid(child, 0)[1])\nother.join()\n"
    )
    path, folder, _ = toy
    assert run(code, path, folder) == ["0"]


def no_note(values):
    return 0


def array_note(values: Floats) -> int:  # noqa: F821
    return 0


def returned(values: Longs1) -> Longs1:  # noqa: F821
    return values


def default(values: Longs1, size: int = 1) -> int:  # noqa: F821
    return size


def many(*values: int) -> int:
    return 0


def hidden(_values: int) -> int:
    return 0


@pytest.mark.parametrize("function", [no_note, array_note, returned, default, many, hidden])
def test_what_cannot_be_compiled_is_no_kernel(function):
    with pytest.raises(TypeError, match=f"kernel {function.__name__}: "):
        kernel(function)


def test_kernels_outside_a_package_are_compiled_one_by_one():
    assert Library("").code() is None
