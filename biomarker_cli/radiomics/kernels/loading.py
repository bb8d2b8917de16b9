"""Machine code from an object file into the process, by llvmlite alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from biomarker_cli.radiomics.kernels.store import Content

_MATHEMATICS = (
    "acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh erf erfc exp exp2 expm1 fabs floor"
    " fma fmax fmin fmod hypot ldexp lgamma log log10 log1p log2 nearbyint pow rint round sin"
    " sincos sinh sqrt tan tanh tgamma trunc"
)

ALLOWED = frozenset(
    {"memcpy", "memmove", "memset", "memcmp"}
    | {name + suffix for name in _MATHEMATICS.split() for suffix in ("", "f")}
)
"""What machine code may take from the C library, which every process has."""

_ELF64 = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_SYMBOL = np.dtype(
    [
        ("name", "<u4"),
        ("info", "u1"),
        ("other", "u1"),
        ("section", "<u2"),
        ("value", "<u8"),
        ("size", "<u8"),
    ]
)


class KernelError(Exception):
    """Machine code cannot be kept or loaded; numba then has to compile in each process."""


class Code:
    """Machine code in the process.

    Parameters
    ----------
    content : Content

    Raises
    ------
    KernelError
        For code that needs what this process does not have.
    """

    def __init__(self, content: Content) -> None:
        import llvmlite.binding as llvm

        if content.refused:
            raise KernelError(content.refused)
        initialise()
        llvm.check_jit_execution()
        module = llvm.parse_assembly("")
        machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine()
        # Kept: the code lives as long as the engine.
        self._engine = llvm.create_mcjit_compiler(module, machine)
        # LLVM ends the process where it misses a symbol; with an engine it knows them all.
        missing = [name for name in content.needed if not llvm.address_of_symbol(name)]
        if missing or not ALLOWED.issuperset(content.needed):
            raise KernelError(f"symbols are missing: {', '.join(missing or content.needed)}")
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(content.code))
        self._engine.finalize_object()
        # All at once: a fork while another thread asks LLVM would leave its lock taken.
        self._addresses: dict[str, int] = {
            symbol: self._engine.get_function_address(symbol) for symbol in content.symbols
        }

    def address_of(self, symbol: str) -> int:
        """Return where the code of a kernel begins.

        Raises
        ------
        KernelError
            For a name that the code does not have.
        """
        address = self._addresses.get(symbol)
        if not address:
            raise KernelError(f"no code for {symbol}")
        return address


def initialise() -> None:
    """Prepare LLVM for this processor; as often as one likes."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def processor() -> str:
    """Return the processor and the version of LLVM: code for others may not run on this one."""
    import llvmlite
    import llvmlite.binding as llvm

    initialise()
    features = llvm.get_host_cpu_features().flatten()
    return (
        f"{llvmlite.__version__} {llvm.get_process_triple()} {llvm.get_host_cpu_name()} {features}"
    )


def symbols_of(code: bytes) -> tuple[set[str], set[str]]:
    """Return the names that an object file defines, and those that it needs.

    Raises
    ------
    KernelError
        For other formats than that of Linux (also what LLVM writes for itself on Windows).
    """
    import llvmlite.binding as llvm

    if not code.startswith(_ELF64):
        raise KernelError("machine code of this platform cannot be examined")
    parts: dict[bytes, bytes] = {}
    sections: Any = llvm.ObjectFileRef.from_data(code).sections()
    for section in sections:
        if section.name() in (b".symtab", b".strtab"):
            parts[section.name()] = section.data()
    if len(parts) < 2:
        raise KernelError("machine code without a table of symbols")
    table, names = np.frombuffer(parts[b".symtab"], _SYMBOL), parts[b".strtab"]
    defined: set[str] = set()
    needed: set[str] = set()
    for row in table:
        start = int(row["name"])
        name = names[start : names.index(b"\0", start)].decode()
        if name:
            (defined if row["section"] else needed).add(name)
    return defined, needed
