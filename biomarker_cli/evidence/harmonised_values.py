"""Harmonised values in the place of the measured ones, unless the model has seen them.

A harmonisation that was fitted on the rows it is tested on leaks: the covariates that it
kept, and so often the endpoint, are in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from biomarker_cli.evidence.association_plan import AssociationPlan
from biomarker_cli.evidence.errors import AssociationError
from biomarker_cli.evidence.measured_values import MeasuredRow
from biomarker_cli.model.wording import counted
from biomarker_cli.tables.cells import is_finite_number
from biomarker_cli.tables.columns import require_columns
from biomarker_cli.tables.packaged import PackagedTable, required_table
from biomarker_cli.tables.reading import read_cells
from biomarker_cli.tables.sealed_files import read_sealed, row_digest

MODEL_FORMAT = "biomarker-combat/1"

_KEY = ("site_id", "subject_id", "timepoint", "role", "roi_id", "analysis_id", "feature_id")


@dataclass(frozen=True)
class Harmonisation:
    """Values that a model has harmonised.

    Attributes
    ----------
    sha256 : str
        Of the model.
    values : mapping
        By the columns of `_KEY`.
    strata : mapping
        Entry of the model, by analysis, role and ROI.
    """

    sha256: str
    values: Mapping[tuple[str, ...], float]
    strata: Mapping[tuple[str, str, str], Mapping[str, Any]]


def load_harmonisation(table: Path, model: Path) -> Harmonisation:
    """Read a table of harmonised values and the model that made it.

    Raises
    ------
    AssociationError
        ``ASSOCIATION-HARMONISED`` where the model cannot be used, or made another table.
    TableError
        Where the table cannot be read.
    """
    content = read_sealed(model, MODEL_FORMAT) if model.is_file() else None
    if content is None:
        raise AssociationError(
            "ASSOCIATION-HARMONISED",
            f"it is no {MODEL_FORMAT}, or its digest does not fit its content",
            where=str(model),
            hint="Name the model that `biomarker combat fit` wrote.",
        )
    frame = read_cells(table, ["value"])
    require_columns(table, [*_KEY, "value", "combat_sha256"], frame.columns)
    if set(frame["combat_sha256"]) != {content["sha256"]}:
        raise AssociationError(
            "ASSOCIATION-HARMONISED",
            f"the table was not made by the model {content['sha256'][:12]}",
            where=str(table),
        )
    keys = zip(*(frame[name] for name in _KEY), strict=True)
    values = dict(zip(keys, map(float, frame["value"]), strict=True))
    if len(values) < len(frame):
        raise AssociationError(
            "ASSOCIATION-HARMONISED",
            "a region of a visit has two harmonised values of one feature",
            where=str(table),
        )
    strata = {(one["analysis_id"], one["role"], one["roi_id"]): one for one in content["strata"]}
    return Harmonisation(content["sha256"], values, strata)


def harmonised(
    rows: Mapping[str, Sequence[MeasuredRow]],
    plan: AssociationPlan,
    found: Harmonisation,
    tables: Mapping[str, PackagedTable],
) -> dict[str, list[MeasuredRow]]:
    """Return the planned rows with their harmonised values.

    A row that was not harmonised has no value.

    Raises
    ------
    AssociationError
        ``ASSOCIATION-HARMONISED`` where the model was fitted on a row, or nothing tells.
    """
    result = {}
    strata: set[tuple[str, str, str]] = set()
    for name, measured in rows.items():
        planned = plan.features[name]
        replaced = []
        for row in measured:
            case = row.case
            key = (case.site, case.subject, case.timepoint, case.role, planned.roi)
            value = found.values.get((*key, row.analysis_id, planned.feature))
            is_measured = row.value is not None
            replaced.append(replace(row, value=value if is_measured else None))
            if is_measured and value is not None:
                strata.add((row.analysis_id, case.role, planned.roi))
        result[name] = replaced
    for stratum in sorted(strata):
        _refuse_fitted(stratum, found, tables)
    return result


def _refuse_fitted(
    stratum: tuple[str, str, str], found: Harmonisation, tables: Mapping[str, PackagedTable]
) -> None:
    """Refuse a stratum in which a sample is one that the model was fitted on."""
    if stratum not in found.strata:
        raise AssociationError(
            "ASSOCIATION-HARMONISED", f"the model was not fitted for {' '.join(stratum)}"
        )
    entry = found.strata[stratum]
    fitted = set(entry["rows"])
    names = [one["feature_id"] for one in entry["features"]]
    samples = _samples(stratum, names, tables)
    whole = [values for values in samples.values() if len(values) == len(names)]
    n_fitted = sum(row_digest(values[name] for name in names) in fitted for values in whole)
    if n_fitted or not whole:
        said = (
            f"the harmonisation was fitted on {counted(n_fitted, 'sample')} of {len(whole)} here"
            if n_fitted
            else "nothing tells whether the harmonisation was fitted on these samples"
        )
        raise AssociationError(
            "ASSOCIATION-HARMONISED",
            said,
            where=" ".join(stratum),
            hint="Fit on other subjects with `combat fit`, and `combat apply` to these.",
        )


def _samples(
    stratum: tuple[str, str, str], features: Sequence[str], tables: Mapping[str, PackagedTable]
) -> dict[str, dict[str, float]]:
    """Return the measured values of each case of a stratum."""
    columns = ("case_id", "roi_id", "analysis_id", "feature_id", "value", "status")
    measurements = required_table(tables, "measurements", *columns)
    places = [measurements.column_names.index(name) for name in columns]
    wanted = set(features)
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for row in measurements.rows():
        case_id, roi, analysis, feature, value, status = (row[place] for place in places)
        if (analysis, case_id.rpartition("/")[2], roi) != stratum or feature not in wanted:
            continue
        if status == "ok" and is_finite_number(value):
            found[case_id][feature] = float(value)
    return found
