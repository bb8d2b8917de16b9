"""Units that programs write beside the numbers of a phantom."""

from __future__ import annotations

from types import MappingProxyType

_SQUARE_MM_S = "mm2/s"
_FACTORS = MappingProxyType(
    {
        "mL": {"ml": 1.0, "cm3": 1.0, "ccm": 1.0, "cc": 1.0, "mm3": 1e-3, "ul": 1e-3, "l": 1e3},
        "g": {"g": 1.0, "suv*ml": 1.0, "suvml": 1.0, "g/ml*ml": 1.0, "suv*cm3": 1.0},
        "g/mL": {"g/ml": 1.0, "suv": 1.0, "1": 1.0, "g/cm3": 1.0, "kg/l": 1.0, "g/l": 1e-3},
        "cm2/mL": {"cm2/ml": 1.0, "suv": 1.0, "1": 1.0, "m2/l": 10.0, "m2/ml": 1e4},
        "Bq/mL": {"bq/ml": 1.0, "kbq/ml": 1e3, "mbq/ml": 1e6, "bq/cm3": 1.0, "kbq/cm3": 1e3},
        "mm2/s": {
            _SQUARE_MM_S: 1.0,
            "10-3mm2/s": 1e-3,
            "1e-3mm2/s": 1e-3,
            "x10-3mm2/s": 1e-3,
            "10-6mm2/s": 1e-6,
            "1e-6mm2/s": 1e-6,
            "x10-6mm2/s": 1e-6,
            "um2/s": 1e-6,
            "um2/ms": 1e-3,
            "cm2/s": 1e2,
            "10-5cm2/s": 1e-3,
        },
        "ms": {"ms": 1.0, "msec": 1.0, "s": 1e3, "sec": 1e3, "us": 1e-3},
        "[hnsf'U]": {"[hnsf'u]": 1.0, "hu": 1.0, "1": 1.0},
        "[hnsf'U]2": {"[hnsf'u]2": 1.0, "hu2": 1.0, "1": 1.0},
        "1": {"1": 1.0, "bit": 1.0, "bits": 1.0},
    }
)
_WRITTEN = str.maketrans(
    {
        "²": "2",
        "³": "3",
        "µ": "u",
        "μ": "u",
        "^": "",
        "·": "*",
        "−": "-",
        "⁻": "-",
        "×": "x",
        "⁶": "6",
        "⁵": "5",
    }
)


def unit_factor(written: str, wanted: str) -> float:
    """Return what a number in a written unit is multiplied with; 1 for an empty unit.

    Parameters
    ----------
    written : str
        As a person wrote it: ``kBq/ml``, ``10^-3 mm²/s``.
    wanted : str
        UCUM unit of the item.

    Raises
    ------
    ValueError
        For a unit that the quantity cannot have, as far as is known.
    """
    plain = "".join(written.translate(_WRITTEN).split()).casefold()
    if not plain:
        return 1.0
    known = _FACTORS[wanted]
    if plain not in known:
        raise ValueError(f"the unit is {written[:60]!r}, the row asks for {wanted}")
    return known[plain]
