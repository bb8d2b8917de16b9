"""Numba at work: the only module of kernels that loads it."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from biomarker_cli.radiomics.kernels.compilation import Inner, Kernel
from biomarker_cli.radiomics.kernels.loading import ALLOWED, KernelError, symbols_of
from biomarker_cli.radiomics.kernels.signatures import Signature
from biomarker_cli.radiomics.kernels.store import Content

_OPTIONS = {"nogil": True, "fastmath": False, "error_model": "numpy", "boundscheck": False}

# Arrays that come from Python belong to Python, and kernels make none: what numba calls
# for the last owner of an array is in the code, but never reached.
_NEVER_CALLED = """
define linkonce_odr void @NRT_MemInfo_call_dtor(ptr %block) {
    call void @llvm.trap()
    unreachable
}

declare void @llvm.trap()
"""


def numba_keeping_code_in(folder: Path | None) -> Any:
    """Return numba, which is told once where its own cache may lie."""
    if folder is not None and "numba" not in sys.modules:
        os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))
    import numba

    settings: Any = numba.config
    if folder is not None and not settings.CACHE_DIR:
        # Someone else loaded numba before: say it where numba looks when it compiles.
        settings.CACHE_DIR = str(folder)
    return numba


def jit_here(kernel: Kernel[..., Any], folder: Path | None) -> Callable[..., Any]:
    """Return a kernel as numba compiles it in this process, kept in numba's own cache."""
    numba = numba_keeping_code_in(folder)
    compiled: Callable[..., Any] = _Jit(numba, cache=folder is not None).of(kernel.function)
    return compiled


def compile_package(package: str) -> Content:
    """Compile all kernels of a package to one object file.

    Raises
    ------
    KernelError
        For a kernel whose machine code would not run without numba.
    """
    import numba

    jit = _Jit(numba, no_cpython_wrapper=True, no_cfunc_wrapper=True)
    modules = {}
    for kernel in _kernels_of(package):
        try:
            modules[kernel.symbol] = _entry_module(jit, kernel)
        except numba.core.errors.NumbaError as error:
            raise KernelError(f"{kernel.symbol}: {error}") from error
    if not modules:
        raise KernelError(f"no kernels in {package}")
    code = _object_of(list(modules.values()))
    defined, needed = symbols_of(code)
    if not needed <= ALLOWED:
        raise KernelError(_who_needs_more(modules))
    if not defined.issuperset(modules):
        raise KernelError(f"{package}: kernels are missing from the machine code")
    return Content(tuple(modules), tuple(sorted(needed)), "", code)


def _who_needs_more(modules: dict[str, Any]) -> str:
    found = []
    for name, module in modules.items():
        foreign = symbols_of(_object_of([module]))[1] - ALLOWED
        if foreign:
            found.append(f"{name} needs {', '.join(sorted(foreign))}")
    return f"not there without numba: {'; '.join(found)}"


def _kernels_of(package: str) -> Iterator[Kernel[..., Any]]:
    for module in pkgutil.iter_modules(sys.modules[package].__path__, package + "."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Kernel) and value.function.__module__ == module.name:
                yield value


class _Jit:
    """Makes numba's functions of marked ones, each once."""

    def __init__(self, numba: Any, **options: bool) -> None:
        self.numba = numba
        self.options = {**_OPTIONS, **options}
        self._known: dict[Callable[..., Any], Any] = {}

    def of(self, function: Callable[..., Any]) -> Any:
        """Return numba's function, whose globals are numba's functions in turn."""
        if function in self._known:
            if self._known[function] is None:
                raise KernelError(f"{function.__qualname__} calls itself")
            return self._known[function]
        self._known[function] = None
        names = dict(function.__globals__)
        for name in _names_in(function.__code__):
            if isinstance(names.get(name), Inner | Kernel):
                names[name] = self.of(names[name].function)
        copy = FunctionType(function.__code__, names, function.__name__)
        copy.__qualname__ = function.__qualname__
        self._known[function] = self.numba.njit(**self.options)(copy)
        return self._known[function]


def _names_in(code: CodeType) -> set[str]:
    inside = [_names_in(own) for own in code.co_consts if isinstance(own, CodeType)]
    return set(code.co_names).union(*inside)


def _entry_module(jit: _Jit, kernel: Kernel[..., Any]) -> Any:
    """Return an LLVM module with a function of C types, named by the kernel, that calls it."""
    import llvmlite.binding as llvm

    types = jit.numba.types
    source, names = _entry_source(kernel.signature)
    names.update(kernel=jit.of(kernel.function), carray=jit.numba.carray)
    exec(compile(source, f"<entry of {kernel.symbol}>", "exec"), names)  # noqa: S102 (own text)
    words = {"p": types.voidptr, "i": types.int64, "d": types.float64}
    given = [words[word] for word in _words(kernel.signature)]
    returned = {"None": types.void, "float": types.float64}.get(
        kernel.signature.returns, types.int64
    )
    entry = jit.numba.njit([returned(*given)], **jit.options)(names["entry"])
    module = llvm.parse_assembly(entry.inspect_llvm(entry.signatures[0]))
    for variable in module.global_variables:
        if variable.name.startswith("numba.dynamic.globals"):
            # An address of this process, such as that of a large constant array.
            raise KernelError(f"{kernel.symbol}: a global lies outside its machine code")
    found = [
        function
        for function in module.functions
        if not function.is_declaration and function.linkage == llvm.Linkage.external
    ]
    shape = [
        "ptr",
        "ptr",
        *({"p": "ptr", "i": "i64", "d": "double"}[w] for w in _words(kernel.signature)),
    ]
    if len(found) != 1 or [str(own.type) for own in found[0].arguments] != shape:
        raise KernelError(f"{kernel.symbol}: numba {jit.numba.__version__} calls in another way")
    found[0].name = kernel.symbol
    return module


def _words(signature: Signature) -> Iterator[str]:
    """Yield pointer, integer or double for each argument of the machine code."""
    for parameter in signature.parameters:
        if parameter.array:
            yield "p"
            yield from "i" * parameter.array.ndim
        else:
            yield "d" if parameter.scalar == "float" else "i"


def _entry_source(signature: Signature) -> tuple[str, dict[str, Any]]:
    """Return the text of a function that makes arrays of pointers, and the names that it uses."""
    taken, given, names = [], [], {}
    for number, parameter in enumerate(signature.parameters):
        own = f"a{number}"
        taken.append(own)
        if parameter.array:
            lengths = [f"{own}_{axis}" for axis in range(parameter.array.ndim)]
            taken += lengths
            names[f"dtype{number}"] = parameter.array.dtype.type
            given.append(f"carray({own}, ({', '.join(lengths)},), dtype{number})")
        else:
            given.append(f"{own} != 0" if parameter.scalar == "bool" else own)
    call = f"kernel({', '.join(given)})"
    if signature.returns != "None":
        call = f"return {call}"
    if signature.returns == "bool":
        call = f"{call} != 0"
    return f"def entry({', '.join(taken)}):\n    {call}\n", names


def _object_of(modules: list[Any]) -> bytes:
    """Return machine code of some modules, for the processor that numba compiles for."""
    import llvmlite.binding as llvm
    import numba
    from numba.core.registry import cpu_target

    whole = llvm.parse_assembly(
        f'target datalayout = "{modules[0].data_layout}"\n'
        f'target triple = "{modules[0].triple}"\n{_NEVER_CALLED}'
    )
    for module in modules:
        whole.link_in(module, preserve=True)
    whole.verify()
    settings: Any = numba.config
    triple, processor, features = cpu_target.target_context.codegen().magic_tuple()
    machine = llvm.Target.from_triple(triple).create_target_machine(
        cpu=processor,
        features=features,
        opt=settings.OPT,
        reloc="static" if triple.startswith("x86") else "default",
        jit=True,
    )
    code: bytes = machine.emit_object(whole)
    return code
