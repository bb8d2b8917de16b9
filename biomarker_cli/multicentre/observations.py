"""Read what was measured again, or at another centre: runs, and tables of other programs.

A table that is not of a run has one row per value: ``subject_id``, ``feature_id``,
``value`` and a column that tells the repeat; ``site_id``, ``role``, ``roi_id``,
``analysis_id``, ``analysis_sha256``, ``unit``, ``scale`` (ratio or interval),
``scanner``, ``combat_sha256``, ``usable``, ``date`` (YYYY-MM-DD or YYYYMMDD),
``mask_method`` and ``acquisition`` (words that tell two settings apart) where they are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.model.usability import USABLE_WORDS
from biomarker_cli.model.wording import counted, quoted
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.run_conditions import add_conditions
from biomarker_cli.multicentre.scales import is_ratio_scale
from biomarker_cli.tables.columns import bad_value, require_columns
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.measured_rows import (
    LEFT_OUT,
    left_out_words,
    read_measurements,
    unknown_word,
    why_left_out,
)
from biomarker_cli.tables.reading import read_cells, read_table
from biomarker_cli.tables.schema import CASES, FEATURES, MEASUREMENTS

if TYPE_CHECKING:
    import pandas as pd

OPTIONAL = (
    "site_id",
    "role",
    "timepoint",
    "roi_id",
    "analysis_id",
    "analysis_sha256",
    "unit",
    "scale",
    "scanner",
    "combat_sha256",
    "usable",
    "date",
    "mask_method",
    "acquisition",
)
"""Columns that a table may lack; they are empty then."""

_REQUIRED = ("subject_id", "feature_id", "value")

FEATURE = ("analysis_id", "role", "roi_id", "feature_id")
"""Columns that say what was measured."""


@dataclass(frozen=True)
class Observations:
    """Values of one or several tables, one row each.

    Attributes
    ----------
    frame : DataFrame
        The columns of `OPTIONAL`, subject_id, feature_id, value (float64, NaN where there
        is none), left_out, is_ratio, and table, the place of its table in the list; a column
        ``repeat_id`` where every table has it. Sorted, so that the order of rows and of
        tables moves no number.
    """

    frame: pd.DataFrame

    @property
    def taken(self) -> Observations:
        """Those that may be taken together: with a value that is usable and of its visit."""
        return Observations(self.frame[self.frame[LEFT_OUT] == ""])

    @property
    def left_out(self) -> str:
        """How many may not be taken together and why, in one sentence; empty for none."""
        return left_out_words(self.frame[LEFT_OUT])

    @property
    def analyses(self) -> dict[str, str]:
        """Digest of each analysis; empty where it is not known."""
        pairs = self.frame[["analysis_id", "analysis_sha256"]].drop_duplicates()
        return dict(sorted(zip(pairs["analysis_id"], pairs["analysis_sha256"], strict=True)))

    @property
    def sites(self) -> tuple[str, ...]:
        """Different sites, sorted."""
        return tuple(sorted(set(self.frame["site_id"]) - {""}))

    @property
    def scanners(self) -> tuple[str, ...]:
        """Different scanners, sorted."""
        return tuple(sorted(set(self.frame["scanner"]) - {""}))

    @property
    def combat_sha256(self) -> str:
        """Digest of the harmonisation of all values; empty where they are as measured."""
        return str(self.frame["combat_sha256"].iloc[0]) if len(self.frame) else ""


def read_observations(paths: Sequence[Path]) -> Observations:
    """Read runs and tables, and refuse what may not be pooled.

    Parameters
    ----------
    paths : sequence of Path
        Folders of runs, or CSV files.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``, ``TABLE-VALUE``.
    AgreementError
        ``MIXED-ANALYSES``, ``MIXED-UNITS``, ``MIXED-HARMONISATION``.
    """
    import pandas as pd

    frames = [_of_run(path) if path.is_dir() else _of_file(path) for path in paths]
    has_repeat = all("repeat_id" in frame.columns for frame in frames)
    names = [*_REQUIRED, *OPTIONAL, LEFT_OUT, *(["repeat_id"] if has_repeat else [])]
    parts = [frame[names].assign(table=place) for place, frame in enumerate(frames)]
    frame = pd.concat(parts, ignore_index=True)
    frame["is_ratio"] = _ratio_scales(frame)
    keys = [name for name in names if name != "value"]
    frame = frame.sort_values([*keys, "value"], kind="stable", ignore_index=True)
    _require_one_analysis(frame)
    _require_one_unit(frame)
    _require_one_harmonisation(frame)
    return Observations(frame)


def _of_run(folder: Path) -> pd.DataFrame:
    """Return the measurements of a run, with what its other tables say of them."""
    frame = read_measurements(folder)
    is_ok = frame["status"] == "ok"
    absent = frame.index[is_ok & frame["value"].isna()]
    if len(absent):
        raise bad_value(folder / MEASUREMENTS.file_name, int(absent[0]) + 2, "no number")
    frame["value"] = frame["value"].where(is_ok)
    cases = read_table(CASES, folder)
    names = zip(cases["manufacturer"], cases["model"], cases["software"], strict=True)
    cases["scanner"] = ["|".join(parts).strip("|") for parts in names]
    digests = read_table(FEATURES, folder)[["analysis_id", "analysis_sha256"]].drop_duplicates()
    frame = frame.merge(
        cases[["case_id", "subject_id", "site_id", "timepoint", "scanner"]],
        on="case_id",
        how="left",
        validate="many_to_one",
    ).merge(digests, on="analysis_id", how="left")
    frame["role"] = frame["case_id"].str.rpartition("/")[2]
    add_conditions(frame, folder)
    frame["scale"] = frame["combat_sha256"] = ""
    absent = frame.index[frame["subject_id"].isna()]
    if len(absent):
        raise TableError(
            "TABLE-COLUMNS",
            f"cases.csv has no row for {quoted(frame['case_id'][absent[0]])}",
            where=str(folder),
        )
    return frame.fillna({"analysis_sha256": ""})


def _of_file(path: Path) -> pd.DataFrame:
    frame = read_cells(path, ["value"])
    require_columns(
        path,
        _REQUIRED,
        frame.columns,
        hint="Name the folder of a run, or a table with one row per value; docs/agreement.md "
        "lists its columns.",
    )
    for name in OPTIONAL:
        if name not in frame.columns:
            frame[name] = ""
    if "repeat_id" in frame.columns and (frame["repeat_id"] == "").all():
        # As harmonised.csv of a run has it.
        frame = frame.drop(columns="repeat_id")
    odd = sorted(set(frame["scale"]) - {"", "ratio", "interval"})
    if odd:
        raise TableError(
            "TABLE-VALUE", f"scale is ratio or interval, found {quoted(odd[0])}", where=str(path)
        )
    odd = sorted(set(frame["usable"]) - {"", *USABLE_WORDS})
    if odd:
        raise unknown_word(odd[0], str(path))
    rows = zip(frame["usable"].tolist(), frame["value"].notna().tolist(), strict=True)
    frame[LEFT_OUT] = [
        why_left_out(usable, has_value=has, is_carried_size=False) for usable, has in rows
    ]
    return frame


def _ratio_scales(frame: pd.DataFrame) -> list[bool]:
    known: dict[tuple[str, str, str], bool] = {}
    columns = (frame[name] for name in ("feature_id", "unit", "scale"))
    rows = list(zip(*columns, strict=True))
    for feature_id, unit, scale in set(rows):
        said = is_ratio_scale(feature_id, unit) if not scale else scale == "ratio"
        known[feature_id, unit, scale] = said
    return [known[row] for row in rows]


def _require_one_analysis(frame: pd.DataFrame) -> None:
    """Refuse two versions, or two contents, of one analysis."""
    pairs = frame[["analysis_id", "analysis_sha256"]].drop_duplicates()
    seen: dict[str, tuple[str, str]] = {}
    for ident, sha256 in zip(pairs["analysis_id"], pairs["analysis_sha256"], strict=True):
        name = ident.partition("@")[0]
        known = seen.setdefault(name, (ident, sha256))
        if known != (ident, sha256):
            found = " and ".join(
                f"{i or 'none'} ({s[:12] or 'no digest'})" for i, s in (known, (ident, sha256))
            )
            raise AgreementError(
                "MIXED-ANALYSES",
                f"the values come from two versions of one analysis: {found}",
                hint="Measure all with one version: values of two are no repeats of each other.",
            )


def _require_one_unit(frame: pd.DataFrame) -> None:
    keys = [name for name in FEATURE if name != "roi_id"]
    kinds = frame[[*keys, "unit", "is_ratio"]].drop_duplicates()
    twice = kinds[kinds.duplicated(keys, keep=False)]
    if len(twice):
        feature = twice["feature_id"].iloc[0]
        units = sorted(set(twice.loc[twice["feature_id"] == feature, "unit"]))
        raise AgreementError(
            "MIXED-UNITS",
            f"{quoted(feature)} stands in more than one unit or scale: "
            f"{', '.join(unit or 'none' for unit in units)}",
            hint="Convert the table whose unit differs.",
        )


def _require_one_harmonisation(frame: pd.DataFrame) -> None:
    models = sorted(set(frame["combat_sha256"]))
    if len(models) > 1:
        found = ", ".join(sha256[:12] or "none" for sha256 in models)
        raise AgreementError(
            "MIXED-HARMONISATION",
            f"the values were harmonised by {counted(len(models), 'model')}: {found}",
            hint="Harmonised values and values as measured are two things: take one of them.",
        )


def selected(frame: pd.DataFrame, features: Iterable[str], rois: Iterable[str]) -> pd.DataFrame:
    """Return the rows of features and ROIs that match patterns; without patterns, all.

    Parameters
    ----------
    frame : DataFrame
    features, rois : iterable of str
        Shell patterns such as ``adc.*``; a row needs one of each.
    """
    from fnmatch import fnmatchcase

    for name, patterns in (("feature_id", tuple(features)), ("roi_id", tuple(rois))):
        if patterns:
            kept = {v for v in set(frame[name]) if any(fnmatchcase(v, p) for p in patterns)}
            frame = frame[frame[name].isin(kept)]
    return frame
