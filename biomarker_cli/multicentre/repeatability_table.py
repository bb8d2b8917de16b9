"""Repeatability of every feature of a table: per site and overall, and the file that keeps it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.version import __version__
from biomarker_cli.model.wording import quoted
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.observations import FEATURE, Observations
from biomarker_cli.multicentre.repeatability import Statistic, repeatability, undefined
from biomarker_cli.multicentre.repeats import RC_FACTOR, Repeats
from biomarker_cli.multicentre.subject_bootstrap import N_BOOTSTRAP, SEED
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.measured_rows import LEFT_OUT, NO_VALUE
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.sealed_files import sealed

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "biomarker-repeatability/1"

LEFT_OUT_COLUMNS = (
    Column("n_no_value", "integer", "values that are absent: undefined, failed or skipped"),
    Column(
        "n_not_usable",
        "integer",
        "values that are left out: `usable` is no, or the size of a mask of another visit",
    ),
)
"""What of the table took no part."""

REPEATABILITY = Table(
    "repeatability",
    "site or overall x ROI x feature x statistic",
    (
        Column("scope", "string", "what was pooled", ("overall", "site")),
        Column("site_id", "string", "centre; empty for overall"),
        Column("analysis_id", "string", "analysis protocol, id@version"),
        Column("role", "string", "image role of the cases"),
        Column("roi_id", "string", "ROI; empty where all ROIs were pooled"),
        Column("feature_id", "string", "image.family.feature[.variant]"),
        Column("statistic", "string", "name of the statistic, see docs/agreement.md"),
        Column("value", "number", "the number; empty unless status is ok"),
        Column("ci95_low", "number", "lower 95 % confidence limit"),
        Column("ci95_high", "number", "upper 95 % confidence limit"),
        Column(
            "interval",
            "string",
            "how the limits were found",
            ("chi_square", "approximate", "f", "t", "bootstrap_subjects"),
        ),
        Column("unit", "string", "UCUM code"),
        Column("n_subjects", "integer", "subjects with two values or more"),
        Column("n_targets", "integer", "subjects x ROIs with two values or more"),
        Column("n_repeats", "integer", "different repeats"),
        Column("n_left_out", "integer", "subjects x ROIs with fewer than two values"),
        *LEFT_OUT_COLUMNS,
        Column("status", "string", "whether there is a value", ("ok", "undefined")),
        Column("reason", "string", "why there is no value or no limit"),
    ),
    ("scope", "site_id", "analysis_id", "role", "roi_id", "feature_id", "statistic"),
)


class LeftOutValues(NamedTuple):
    """How many values took no part: those that are absent, and those not to be used."""

    n_no_value: int
    n_not_usable: int

    @classmethod
    def of(cls, words: Sequence[str]) -> LeftOutValues:
        """Count the words of a column `LEFT_OUT`."""
        n_no_value = sum(word == NO_VALUE for word in words)
        return cls(n_no_value, sum(map(bool, words)) - n_no_value)

    @property
    def words(self) -> str:
        """How many, as a sentence; empty for none."""
        if not any(self):
            return ""
        return f"Left out: {self.n_no_value} without a value, {self.n_not_usable} not usable."


@dataclass(frozen=True)
class FeatureRepeatability:
    """What the repeats of one feature say, of a site or overall.

    Attributes
    ----------
    key : tuple of str
        scope, site_id, and the columns of `FEATURE`.
    labels : tuple of str
        Names of the repeats, in their order.
    repeats : Repeats or None
        None where no target has two values.
    n_left_out : int
        Targets with fewer than two values.
    values_left_out : LeftOutValues
    statistics : dict of Statistic
    """

    key: tuple[str, ...]
    labels: tuple[str, ...]
    repeats: Repeats | None
    n_left_out: int
    values_left_out: LeftOutValues
    statistics: dict[str, Statistic]

    @property
    def is_overall(self) -> bool:
        """Whether all sites are pooled."""
        return self.key[0] == "overall"

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of `REPEATABILITY`."""
        names = ("scope", "site_id", *FEATURE)
        head = dict(zip(names, self.key, strict=True)) | {
            "n_subjects": self.repeats.n_subjects if self.repeats else 0,
            "n_targets": len(self.repeats.subjects) if self.repeats else 0,
            "n_repeats": len(self.labels),
            "n_left_out": self.n_left_out,
            **self.values_left_out._asdict(),
        }
        for name, statistic in self.statistics.items():
            estimate = statistic.estimate
            yield head | {
                "statistic": name,
                "value": estimate.value if estimate else None,
                "ci95_low": estimate.low if estimate else None,
                "ci95_high": estimate.high if estimate else None,
                "interval": statistic.interval,
                "unit": statistic.unit,
                "status": "ok" if estimate else "undefined",
                "reason": statistic.reason,
            }


def natural_order(text: str) -> list[tuple[int, str]]:
    """Return a key that sorts ``T2`` before ``T10``."""
    return [
        (int(part), "") if part.isascii() and part.isdigit() else (-1, part)
        for part in re.split(r"([0-9]+)", text)
    ]


def repeat_column(observations: Observations, asked: str) -> str:
    """Return the column that tells the repeats: the one asked for, else the one there is.

    Raises
    ------
    TableError
        ``TABLE-COLUMNS`` where no table tells the repeat.
    """
    columns = observations.frame.columns
    if asked and asked not in columns:
        raise TableError("TABLE-COLUMNS", f"not every table has the column {quoted(asked)}")
    name = asked or ("repeat_id" if "repeat_id" in columns else "timepoint")
    if (observations.frame[name] == "").any():
        raise TableError(
            "TABLE-COLUMNS",
            f"expected the repeat in the column {name}, found rows without",
            hint="Give each value its timepoint, or its repeat in a column repeat_id.",
        )
    return name


def study_repeats(
    frame: pd.DataFrame, column: str, *, pool_rois: bool = False
) -> list[FeatureRepeatability]:
    """Return the repeatability of every feature, overall and per site.

    Parameters
    ----------
    frame : DataFrame
        As `Observations.frame`, perhaps fewer rows.
    column : str
        That tells the repeats.
    pool_rois : bool
        Take all ROIs of a subject for targets of one kind, such as lesions.

    Raises
    ------
    InputNotFoundError
        ``REPEATS-NOT-FOUND`` where nothing was measured twice in two subjects.
    AgreementError
        ``OBSERVATION-REPEATED`` where one repeat of a target has two values.
    """
    _require_single(frame, [*FEATURE, "site_id", "subject_id", column])
    has_sites = len(set(frame["site_id"])) > 1
    found = []
    for feature, values in sorted(_values_by_feature(frame, column, pool_rois=pool_rois).items()):
        found.append(_judged(("overall", "", *feature), values))
        sites = sorted({value.site for value in values})
        for site in sites if has_sites else ():
            of_site = [value for value in values if value.site == site]
            found.append(_judged(("site", site, *feature), of_site))
    if not any(one.repeats and one.repeats.n_subjects > 1 for one in found):
        raise InputNotFoundError(
            "REPEATS-NOT-FOUND",
            "expected two subjects whose values were measured again, found fewer",
            hint=f"The column {column} tells the repeats; --repeat names another one.",
        )
    return found


def _require_single(frame: pd.DataFrame, key: list[str]) -> None:
    twice = frame[frame.duplicated(key, keep=False)]
    if len(twice):
        row = twice.iloc[0]
        where = ", ".join(f"{name} {row[name]}" for name in key if row[name])
        raise AgreementError(
            "OBSERVATION-REPEATED",
            f"expected one value, found {len(twice[(twice[key] == row[key]).all(axis=1)])}",
            where=where,
            hint="Name the column that tells these values apart with --repeat.",
        )


class _Value(NamedTuple):
    """One row; data frames of one feature each would take ten times as long."""

    site: str
    subject: str
    roi: str
    label: str
    value: float
    unit: str
    is_ratio: bool
    left_out: str


def _values_by_feature(
    frame: pd.DataFrame, column: str, *, pool_rois: bool
) -> dict[tuple[str, ...], list[_Value]]:
    features = zip(*(frame[name].tolist() for name in FEATURE), strict=True)
    names = ("site_id", "subject_id", "roi_id", column, "value", "unit", "is_ratio", LEFT_OUT)
    # A carried mask has the same size at both, which says nothing of a repeat.
    frame = frame.assign(value=frame["value"].mask(frame[LEFT_OUT] != ""))
    rows = zip(*(frame[name].tolist() for name in names), strict=True)
    found: dict[tuple[str, ...], list[_Value]] = {}
    place = FEATURE.index("roi_id")
    for feature, row in zip(features, rows, strict=True):
        key = (*feature[:place], "", *feature[place + 1 :]) if pool_rois else feature
        found.setdefault(key, []).append(_Value(*row))
    return found


def _judged(key: tuple[str, ...], rows: Sequence[_Value]) -> FeatureRepeatability:
    labels = tuple(sorted({row.label for row in rows}, key=natural_order))
    places = {label: place for place, label in enumerate(labels)}
    targets = sorted({(row.site, row.subject, row.roi) for row in rows})
    lines = {target: line for line, target in enumerate(targets)}
    values = np.full((len(targets), len(labels)), np.nan)
    for row in rows:
        values[lines[row.site, row.subject, row.roi], places[row.label]] = row.value
    kept = np.isfinite(values).sum(axis=1) > 1
    n_left_out = int((~kept).sum())
    values_left_out = LeftOutValues.of([row.left_out for row in rows])
    unit, is_ratio = rows[0].unit, rows[0].is_ratio
    if not kept.any():
        nothing = undefined(unit, "no target was measured twice")
        return FeatureRepeatability(key, labels, None, n_left_out, values_left_out, nothing)
    subjects = tuple(
        f"{site}/{subject}"
        for (site, subject, _), is_kept in zip(targets, kept, strict=True)
        if is_kept
    )
    # A repeat that no kept target has would leave none complete.
    some = np.isfinite(values[kept]).any(axis=0)
    repeats = Repeats(values[kept][:, some], subjects, unit, is_ratio)
    labels = tuple(label for label, is_there in zip(labels, some, strict=True) if is_there)
    if repeats.n_subjects < 2:
        statistics = undefined(unit, "one subject only: nothing is said of others")
    else:
        statistics = repeatability(repeats)
    return FeatureRepeatability(key, labels, repeats, n_left_out, values_left_out, statistics)


def repeatability_file(
    found: Sequence[FeatureRepeatability],
    observations: Observations,
    conditions: dict[str, str],
) -> dict[str, Any]:
    """Return what `change` needs of repeatability, and the conditions that it was found under.

    Parameters
    ----------
    found : sequence of FeatureRepeatability
        Those of sites are left out.
    observations : Observations
        Conditions are of those that were taken.
    conditions : dict of str
        ``repeat``, ``interval`` and ``roi_method``, as people say them; empty where unknown.

    Returns
    -------
    dict
        For JSON; ``sha256`` is the digest of all else in it.
    """
    taken = observations.taken
    content: dict[str, Any] = {
        "format": FORMAT,
        "software": {"biomarker": __version__},
        "conditions": {
            **conditions,
            "analyses": taken.analyses,
            "scanners": list(taken.scanners),
            "sites": list(taken.sites),
            "combat_sha256": observations.combat_sha256,
        },
        "rc_factor": RC_FACTOR,
        "bootstrap": {"draws": N_BOOTSTRAP, "seed": SEED, "unit": "subject"},
        "features": [_entry(one) for one in found if one.is_overall],
    }
    return sealed(content)


def _entry(one: FeatureRepeatability) -> dict[str, Any]:
    entry: dict[str, Any] = dict(zip(FEATURE, one.key[2:], strict=True))
    entry["unit"] = one.statistics["RC"].unit
    entry["n_subjects"] = one.repeats.n_subjects if one.repeats else 0
    entry["n_targets"] = len(one.repeats.subjects) if one.repeats else 0
    entry |= {"n_left_out": one.n_left_out, **one.values_left_out._asdict()}
    entry["repeats"] = list(one.labels)
    for name in ("wSD", "wSD_about_bias", "RC", "wCV", "change_low", "change_high"):
        estimate = one.statistics[name].estimate
        entry[name] = None if estimate is None else [estimate.value, estimate.low, estimate.high]
    return entry
