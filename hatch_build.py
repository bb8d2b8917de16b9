"""Build the kernels: for a wheel, for an editable install, or in place by `python hatch_build.py`.

They become one extension beside their sources. It keeps to the stable interface of Python
3.11, so one wheel of a platform serves every Python from there on.

``CFLAGS`` reach the compiler: ``CFLAGS="-O1 -g -fsanitize=address"`` finds what reads or
writes beyond an array (docs/decisions/kernels.md).
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
KERNELS = ROOT / "biomarker_cli" / "kernels"

# The bits of results: no contraction to fused operations, no relaxed arithmetic, whatever
# CFLAGS say. MSVC keeps to both by /fp:precise.
_UNIX = ["-O3", "-fno-fast-math", "-ffp-contract=off", "-fno-strict-aliasing"]
# What Python was built with is in CFLAGS: half of the extension would be its debugging data.
_UNIX += [] if "-g" in os.environ.get("CFLAGS", "").split() else ["-g0"]
_MSVC = ["/O2", "/fp:precise"]


def sources() -> list[Path]:
    """Return the files that the extension is made of."""
    return sorted([*KERNELS.glob("*.pyx"), *KERNELS.glob("*.pxi")])


def digest_of(paths: list[Path]) -> str:
    """Return the SHA-256 of names and contents."""
    found = hashlib.sha256()
    for path in paths:
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def build() -> Path:
    """Compile the kernels in place; return the extension.

    Raises
    ------
    RuntimeError
        Where the compiler does not do it, or is not there.
    """
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext
    from setuptools.errors import BaseError, CCompilerError

    class Build(build_ext):  # type: ignore[misc]
        def build_extension(self, extension: Extension) -> None:
            msvc = self.compiler.compiler_type == "msvc"
            extension.extra_compile_args = _MSVC if msvc else _UNIX
            super().build_extension(extension)

    kernels = Extension(
        "biomarker_cli.kernels.compiled",
        [str((KERNELS / "compiled.pyx").relative_to(ROOT))],
        define_macros=[
            ("Py_LIMITED_API", "0x030B0000"),
            ("KERNEL_SOURCES", f'"{digest_of(sources())}"'),
        ],
        py_limited_api=True,
    )
    with tempfile.TemporaryDirectory() as work:
        made = cythonize([kernels], build_dir=work, force=True, quiet=True, emit_linenums=True)
        command = Build(Distribution({"ext_modules": made}))
        command.build_temp, command.build_lib, command.force = work, work, True
        command.ensure_finalized()
        try:
            command.run()
        except (BaseError, CCompilerError) as error:
            raise RuntimeError(
                "the kernels could not be compiled; they need a C compiler and the headers of "
                f"Python (apt-get install gcc python3-dev): {error}"
            ) from error
        (built,) = command.get_outputs()
        target = KERNELS / Path(built).name
        # A process that holds the old one keeps it: a new file takes its name.
        fresh = target.with_suffix(".new")
        fresh.write_bytes(Path(built).read_bytes())
        fresh.replace(target)
    return target


class KernelHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the kernels before hatchling collects the files of a wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build, and name the wheel by its platform; an editable install is built in place."""
        extension = build()
        build_data["artifacts"].append(extension.relative_to(ROOT).as_posix())
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"cp311-abi3-{platform}"


if __name__ == "__main__":
    print(build())
