"""Under which conditions a run measured: date, settings of the scanner, kind of mask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.model.shifted_dates import FACT as DATES_MODIFIED
from biomarker_cli.model.shifted_dates import are_shifted
from biomarker_cli.model.study_dates import STUDY_DATE
from biomarker_cli.tables.reading import read_table
from biomarker_cli.tables.schema import FACTS, ROIS

if TYPE_CHECKING:
    import pandas as pd

MOVED = "moved "
"""Before a date that de-identification moved."""

SETTINGS = (
    "device_serial",
    "field_strength_t",
    "kernel",
    "pixel_spacing_mm",
    "reconstruction_method",
    "slice_thickness_mm",
    "tube_voltage_kv",
)
"""Facts that two visits have alike where nothing was changed between them."""

_BETWEEN, _IS = "|", "="


def add_conditions(frame: pd.DataFrame, folder: Path) -> None:
    """Add the columns ``date``, ``acquisition`` and ``mask_method`` to measurements of a run.

    Empty where the run does not tell. A date that was moved begins with `MOVED`: by how much
    it was moved is told by no run, so that it fits no date of another one.

    Parameters
    ----------
    frame : DataFrame
        With case_id and roi_id.
    folder : Path
        Of the run.
    """
    dates, settings = _of_cases(folder)
    frame["date"] = [dates.get(case_id, "") for case_id in frame["case_id"]]
    frame["acquisition"] = [settings.get(case_id, "") for case_id in frame["case_id"]]
    masks = _masks(folder)
    pairs = zip(frame["case_id"], frame["roi_id"], strict=True)
    frame["mask_method"] = [masks.get(pair, "") for pair in pairs]


def _of_cases(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    if not (folder / FACTS.file_name).is_file():
        return {}, {}
    facts = read_table(FACTS, folder)
    wanted = (STUDY_DATE, DATES_MODIFIED, *SETTINGS)
    facts = facts[facts["fact"].isin(wanted) & (facts["value"] != "")]
    dates: dict[str, str] = {}
    found: dict[str, set[str]] = {}
    shifted: set[str] = set()
    for case_id, fact, value in zip(facts["case_id"], facts["fact"], facts["value"], strict=True):
        if fact == STUDY_DATE:
            # Of two dates nobody can say which one it is.
            dates[case_id] = value if dates.get(case_id, value) == value else ""
        elif fact == DATES_MODIFIED:
            shifted |= {case_id} if are_shifted(value) else set()
        else:
            found.setdefault(case_id, set()).add(f"{fact}{_IS}{value}")
    dates = {case: MOVED * (case in shifted and day != "") + day for case, day in dates.items()}
    settings = {case_id: _BETWEEN.join(sorted(said)) for case_id, said in found.items()}
    return dates, settings


def _masks(folder: Path) -> dict[tuple[str, str], str]:
    if not (folder / ROIS.file_name).is_file():
        return {}
    rois = read_table(ROIS, folder)
    keys = zip(rois["case_id"], rois["roi_id"], strict=True)
    return dict(zip(keys, rois["source_kind"], strict=True))


def differing_settings(one: str, other: str) -> Iterator[str]:
    """Yield the names of settings that two visits do not share, of those that both tell."""
    ours, theirs = (_parsed(said) for said in (one, other))
    for name in sorted(ours.keys() & theirs.keys()):
        if ours[name] != theirs[name]:
            yield name


def _parsed(said: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for part in filter(None, said.split(_BETWEEN)):
        name, _, value = part.partition(_IS)
        found.setdefault(name, set()).add(value)
    return found
