"""Conversion between the UCUM units that acquisition rules are written in."""

from __future__ import annotations

from types import MappingProxyType

# (dimension, factor to the base unit of that dimension)
_UNITS = MappingProxyType(
    {
        "1": ("number", 1.0),
        "mm": ("length", 1.0),
        "cm": ("length", 10.0),
        "m": ("length", 1000.0),
        "um": ("length", 1e-3),
        "s": ("time", 1.0),
        "ms": ("time", 1e-3),
        "min": ("time", 60.0),
        "h": ("time", 3600.0),
        "d": ("time", 86400.0),
        "Bq": ("activity", 1.0),
        "kBq": ("activity", 1e3),
        "MBq": ("activity", 1e6),
        "GBq": ("activity", 1e9),
        "mCi": ("activity", 3.7e7),
        "Bq/kg": ("activity per mass", 1.0),
        "MBq/kg": ("activity per mass", 1e6),
        "kg": ("mass", 1.0),
        "g": ("mass", 1e-3),
        "T": ("flux density", 1.0),
        "G": ("flux density", 1e-4),
        "kV": ("voltage", 1.0),
        "mA": ("current", 1.0),
        "mGy": ("dose", 1.0),
        "deg": ("angle", 1.0),
        "s/mm2": ("b-value", 1.0),
        "mm2": ("area", 1.0),
        "mm3": ("volume", 1.0),
        "mL": ("volume", 1000.0),
        "%": ("percentage", 1.0),
        "Hz": ("frequency", 1.0),
        "MHz": ("frequency", 1e6),
        "mmol/L": ("glucose", 1.0),
        "mg/dL": ("glucose", 1.0 / 18.016),
        "mmol/kg": ("amount per mass", 1.0),
    }
)


def is_unit(unit: str) -> bool:
    """Tell whether `unit` can stand in a protocol."""
    return unit in _UNITS


def conversion_factor(source: str, target: str) -> float:
    """Return the factor from `source` to `target`.

    Raises
    ------
    ValueError
        For an unknown unit, or units of different dimensions.
    """
    for unit in (source, target):
        if unit not in _UNITS:
            raise ValueError(f"unknown unit {unit!r}")
    source_dimension, source_factor = _UNITS[source]
    target_dimension, target_factor = _UNITS[target]
    if source_dimension != target_dimension:
        raise ValueError(f"{source!r} ({source_dimension}) is no {target_dimension} {target!r}")
    return source_factor / target_factor
