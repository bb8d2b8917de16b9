"""What a kernel takes and returns, read from its annotations, and the call that checks it."""

from __future__ import annotations

import ctypes
import functools
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import ARRAYS, ArrayKind

SCALARS = ("int", "float", "bool")
RETURNS = ("None", *SCALARS)

_VARIADIC = 0x04 | 0x08  # code flags of *args and **kwargs
_C_CONTIGUOUS_ALIGNED = 0x0001 | 0x0100  # of numpy's array flags
_LONG = (-(2**63), 2**63 - 1)


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes
    ----------
    name : str
    array : ArrayKind, optional
        None for a scalar.
    scalar : str
        "int", "float" or "bool"; empty for an array.
    """

    name: str
    array: ArrayKind | None
    scalar: str


@dataclass(frozen=True)
class Signature:
    """Parameters and return type ("None", "int", "float" or "bool") of a kernel."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: str

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Signature:
        """Read the annotations of a function.

        Raises
        ------
        TypeError
            For an annotation that no machine code can be compiled for.
        """
        name, code = function.__qualname__, function.__code__
        if code.co_flags & _VARIADIC or code.co_kwonlyargcount or function.__defaults__:
            raise TypeError(f"kernel {name}: only plain parameters without defaults")
        notes = function.__annotations__
        names = code.co_varnames[: code.co_argcount]
        if any(own.startswith("_") for own in names):
            raise TypeError(f"kernel {name}: no parameter may begin with an underscore")
        parameters = tuple(_parameter(name, own, notes.get(own)) for own in names)
        returns = notes.get("return")
        if returns not in RETURNS:
            raise TypeError(f"kernel {name}: returns {returns!r}, expected one of {RETURNS}")
        return cls(function.__name__, parameters, returns)


def _parameter(kernel: str, name: str, note: object) -> Parameter:
    if isinstance(note, str) and note in ARRAYS:
        return Parameter(name, ARRAYS[note], "")
    if isinstance(note, str) and note in SCALARS:
        return Parameter(name, None, note)
    raise TypeError(
        f"kernel {kernel}: {name} is annotated {note!r}; expected int, float, bool or "
        "an array type of arrays.py, as text (from __future__ import annotations)"
    )


def native_call(signature: Signature, address: int, owner: object) -> Callable[..., Any]:
    """Return a function that checks its arguments and calls machine code without the GIL.

    Parameters
    ----------
    signature : Signature
    address : int
        Of code that takes pointers to the result and to what numba says of an
        exception, and for each array its address and shape; it returns 0 unless
        the kernel raised.
    owner : object
        Frees the code when it goes: kept.
    """
    types: list[Any] = [ctypes.c_void_p, ctypes.c_void_p]
    given = []
    for parameter in signature.parameters:
        if parameter.array:
            types += [ctypes.c_void_p] + [ctypes.c_int64] * parameter.array.ndim
            given += [f"_address({parameter.name})", f"*{parameter.name}.shape"]
        else:
            types.append(ctypes.c_double if parameter.scalar == "float" else ctypes.c_int64)
            given.append(parameter.name)
    # Threads share it: what is written there nobody reads.
    ignored = ctypes.create_string_buffer(16)
    names = {
        "_function": ctypes.CFUNCTYPE(ctypes.c_int32, *types)(address),
        "_slot": ctypes.c_double if signature.returns == "float" else ctypes.c_int64,
        "_ignored": ctypes.addressof(ignored),
        "_kept": (ignored, owner),
    }
    call = f"_function({{}}, _ignored + 8, {', '.join(given)})"
    if signature.returns == "None":
        lines = [f"if {call.format('_ignored')}: _fail()"]
    else:
        value = "_result.value != 0" if signature.returns == "bool" else "_result.value"
        lines = ["_result = _slot()", f"if {call.format('_addressof(_result)')}: _fail()"]
        lines.append(f"return {value}")
    return _checked(signature, lines, names)


def python_call(signature: Signature, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that checks its arguments and calls another with them."""
    given = ", ".join(parameter.name for parameter in signature.parameters)
    names: dict[str, Any] = {"_function": function}
    if signature.returns == "None":
        return _checked(signature, [f"_function({given})"], names)
    return _checked(signature, [f"return _{signature.returns}(_function({given}))"], names)


def _checked(signature: Signature, lines: list[str], names: dict[str, Any]) -> Callable[..., Any]:
    """Write the checks in front of some lines: a loop over parameters takes three times as long."""
    checks = []
    for number, parameter in enumerate(signature.parameters):
        own = parameter.name
        if parameter.array:
            names[f"_dtype_{number}"] = parameter.array.dtype
            checks += [
                f"if not (_isinstance({own}, _ndarray) and {own}.dtype == _dtype_{number}"
                f" and {own}.ndim == {parameter.array.ndim}"
                f" and {own}.flags.num & {_C_CONTIGUOUS_ALIGNED} == {_C_CONTIGUOUS_ALIGNED}):",
                f"    _refuse({number}, {own})",
            ]
            continue
        within = f" or not {_LONG[0]} <= {own} <= {_LONG[1]}" if parameter.scalar == "int" else ""
        checks += [
            f"if _type({own}) is not _{parameter.scalar}{within}:",
            f"    {own} = _scalar({number}, {own})",
        ]
    given = ", ".join(parameter.name for parameter in signature.parameters)
    body = "\n    ".join([*checks, *lines])
    # No parameter begins with an underscore.
    space = {
        **names,
        "_type": type,
        "_int": int,
        "_float": float,
        "_bool": bool,
        "_isinstance": isinstance,
        "_ndarray": np.ndarray,
        "_address": _address,
        "_addressof": ctypes.addressof,
        "_refuse": functools.partial(_refuse, signature),
        "_scalar": functools.partial(_scalar, signature),
        "_fail": functools.partial(_fail, signature),
    }
    source = f"def call_{signature.name}({given}):\n    {body}\n"
    exec(compile(source, f"<call of {signature.name}>", "exec"), space)  # noqa: S102 (own text)
    call: Callable[..., Any] = space[f"call_{signature.name}"]
    return call


_from_buffer = ctypes.c_char.from_buffer


def _address(array: Any) -> int:
    try:
        # A quarter of the time of `array.ctypes.data`.
        return ctypes.addressof(_from_buffer(array))
    except (TypeError, ValueError, BufferError):
        # Read-only or empty.
        address: int = array.__array_interface__["data"][0]
        return address


def _refuse(signature: Signature, number: int, value: object) -> NoReturn:
    parameter = signature.parameters[number]
    expected = _described(parameter)
    if isinstance(value, np.ndarray):
        order = "" if value.flags.c_contiguous else " that is not C-contiguous"
        order += "" if value.flags.aligned else " that is not aligned"
        found = f"{value.dtype.str} array of {value.ndim} dimension(s){order}"
        if value.dtype.isnative:
            found = found.replace(value.dtype.str, str(value.dtype), 1)
    else:
        found = type(value).__name__
    raise TypeError(f"{signature.name}: {parameter.name}: expected {expected}, found {found}")


def _described(parameter: Parameter) -> str:
    if parameter.array is None:
        return parameter.scalar
    return f"C-contiguous {parameter.array.dtype} array of {parameter.array.ndim} dimension(s)"


def _scalar(signature: Signature, number: int, value: Any) -> int | float | bool:
    """Return a scalar of another type as the one that is expected, where nothing is lost."""
    kind = signature.parameters[number].scalar
    if kind == "int" and isinstance(value, int | np.integer):
        whole = operator.index(value)
        if _LONG[0] <= whole <= _LONG[1]:
            return whole
    if kind == "float" and isinstance(value, int | float | np.integer | np.floating):
        return float(value)
    if kind == "bool" and isinstance(value, np.bool_):
        return bool(value)
    _refuse(signature, number, value)


def _fail(signature: Signature) -> NoReturn:
    raise RuntimeError(f"kernel {signature.name} raised an exception: its arguments do not fit")
