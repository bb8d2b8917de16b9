"""The SUV phantom: PET whose uptake, volumes and SUVpeak are known in closed form."""

from __future__ import annotations

from types import MappingProxyType

from biomarker_cli.multicentre.objects.pet import DIALECTS
from biomarker_cli.multicentre.phantoms.suv_mistakes import (
    STORED_AT,
    WITHOUT_DOSE,
    at_start,
    mistakes,
)
from biomarker_cli.multicentre.phantoms.suv_reading import PEAKS, SuvAssumptions, values
from biomarker_cli.multicentre.phantoms.truth import ItemLimit, Mistake, Phantom, SheetItem

KIND, VERSION = "suv", 1
DIALECT_NAMES = tuple(DIALECTS)

PEAK_ITEM = "ramp/suvbw.uptake.peak"

_SUV = ItemLimit(
    "PS3.3 C.8.9.1, C.8.9.4; 0.025 as for the IBSI-SUV reference objects", absolute=0.025
)
_BODY = ItemLimit(
    "SUV x mass / weight (CID 85); 0.025 of 4 as for the IBSI-SUV objects", 0.0, 0.00625
)
_ACTIVITY = ItemLimit("RescaleSlope of each slice, PS3.3 C.8.9.4; 0.025 of 4", 0.0, 0.00625)
_VOLUME = ItemLimit("voxels whose centre lies inside x voxel volume; 1 % is ours", 0.0, 0.01)
_TLG = ItemLimit(
    "sum of SUV x volume of the voxels at or above the threshold; 1 % is ours", 0.0, 0.01
)

_WORDS = MappingProxyType(
    {
        "mean": "SUV by body weight, mean",
        "max": "SUV by body weight, maximum",
        "min": "SUV by body weight, minimum",
        "peak": "SUVpeak, by the definition said above",
        "sul_janma": "SUL (Janmahasatian), mean",
        "sul_james128": "SUL (James: 1.10 W - 128 (W/H)^2), mean",
        "suvbsa": "SUV by body surface (Du Bois), mean",
        "suvibw": "SUV by ideal body weight, mean",
    }
)


def suv_phantom(dialect: str, peak: str = "") -> Phantom:
    """Return the phantom in a dialect.

    Parameters
    ----------
    dialect : str
        Of `DIALECT_NAMES`.
    peak : str
        Definition of SUVpeak that the sheet states.
    """
    elapsed_s = STORED_AT.get(dialect, at_start)(0)
    truth = values(SuvAssumptions(), elapsed_s, peak)
    names = [*truth]
    if PEAK_ITEM not in names:
        names.insert(names.index("ramp/suvbw.uptake.min") + 1, PEAK_ITEM)
    found: tuple[Mistake, ...] = tuple(mistakes(dialect, peak))
    if dialect in WITHOUT_DOSE:
        names.remove("hot/activity.mean")
        del truth["hot/activity.mean"]
    why = (
        f"the sheet does not state one of the definitions of SUVpeak: {', '.join(PEAKS)}"
        if PEAK_ITEM not in truth
        else ""
    )
    return Phantom(
        KIND,
        dialect,
        VERSION,
        tuple(_item(name) for name in names),
        truth,
        found,
        {PEAK_ITEM: why} if why else {},
    )


def _item(name: str) -> SheetItem:
    _, _, quantity = name.partition("/")
    if quantity == "activity.mean":
        return SheetItem(name, "activity concentration, mean", "Bq/mL", _ACTIVITY)
    if quantity == "volume":
        return SheetItem(name, "volume", "mL", _VOLUME)
    image, _, rest = quantity.partition(".uptake.")
    for kind, unit, limit in (("mtv", "mL", _VOLUME), ("tlg", "g", _TLG)):
        if rest.startswith(kind):
            return SheetItem(name, f"{kind.upper()} at {_threshold(rest)}", unit, limit)
    if image != "suvbw":
        unit = "cm2/mL" if image == "suvbsa" else "g/mL"
        return SheetItem(name, _WORDS[image], unit, _BODY)
    return SheetItem(name, _WORDS[rest], "g/mL", _SUV)


def _threshold(rest: str) -> str:
    threshold = rest.partition(".")[2]
    if threshold.startswith("fixed_"):
        return f"SUV {threshold.removeprefix('fixed_')}"
    return f"{threshold.partition('pct')[0]} % of the maximum"
