"""The phantoms that there are, and how one is named in a sheet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from biomarker_cli.model.wording import quoted
from biomarker_cli.multicentre.phantoms import adc, rtstruct, seg, suv, t1, texture
from biomarker_cli.multicentre.phantoms.errors import SheetError
from biomarker_cli.multicentre.phantoms.truth import Phantom


class Kind(NamedTuple):
    """A kind of phantom.

    Attributes
    ----------
    make : callable
        Returns the phantom of a dialect; with the definition of SUVpeak.
    version : int
    dialects : tuple of str
        The first is the one that is written unless another is asked for.
    """

    make: Callable[[str, str], Phantom]
    version: int
    dialects: tuple[str, ...]


def _without_peak(make: Callable[[str], Phantom]) -> Callable[[str, str], Phantom]:
    return lambda dialect, _peak: make(dialect)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        suv.KIND: Kind(suv.suv_phantom, suv.VERSION, suv.DIALECT_NAMES),
        adc.KIND: Kind(_without_peak(adc.adc_phantom), adc.VERSION, adc.DIALECT_NAMES),
        t1.KIND: Kind(_without_peak(t1.t1_phantom), t1.VERSION, t1.DIALECT_NAMES),
        texture.KIND: Kind(
            _without_peak(texture.texture_phantom), texture.VERSION, texture.DIALECT_NAMES
        ),
        rtstruct.KIND: Kind(
            _without_peak(rtstruct.rtstruct_phantom), rtstruct.VERSION, rtstruct.DIALECT_NAMES
        ),
        seg.KIND: Kind(_without_peak(seg.seg_phantom), seg.VERSION, seg.DIALECT_NAMES),
    }
)

_IDENT = re.compile(r"([a-z][a-z0-9-]*)/([0-9]{1,6}) +([a-z-]+)")


def phantom_of(kind: str, dialect: str = "", peak: str = "") -> Phantom:
    """Return a phantom.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    dialect : str
        Of the kind; empty means its first.
    peak : str
        Definition of SUVpeak that a sheet states.

    Raises
    ------
    SheetError
        ``PHANTOM-DIALECT``.
    """
    found = KINDS[kind]
    if dialect and dialect not in found.dialects:
        raise SheetError(
            "PHANTOM-DIALECT",
            f"the phantom {kind} has no dialect {quoted(dialect)}",
            hint=f"It has {', '.join(found.dialects)}.",
        )
    return found.make(dialect or found.dialects[0], peak)


def phantom_named(ident: str, peak: str, where: str) -> Phantom:
    """Return the phantom that a sheet was written for.

    Raises
    ------
    SheetError
        ``SHEET-PHANTOM`` where there is none of that name and version.
    """
    match = _IDENT.fullmatch(ident.strip())
    if match is not None:
        kind, version, dialect = match.groups()
        known = KINDS.get(kind)
        if known and known.version == int(version) and dialect in known.dialects:
            return phantom_of(kind, dialect, peak)
    raise SheetError(
        "SHEET-PHANTOM",
        f"info/phantom is {quoted(ident)}, which is no phantom of this version",
        where=where,
        hint="Leave that row as it was written; a sheet of another version goes with the objects "
        "and the program of that version.",
    )
