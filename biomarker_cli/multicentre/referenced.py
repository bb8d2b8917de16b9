"""Where values stand in the reference ranges of their features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from biomarker_cli.multicentre.covariates import KEYS
from biomarker_cli.multicentre.errors import ReferenceRangeError
from biomarker_cli.multicentre.observations import FEATURE, Observations
from biomarker_cli.multicentre.reference_model import HIGH, LOG, LOW, ReferenceModel
from biomarker_cli.multicentre.reference_ranges import (
    ReferenceFile,
    ReferenceRange,
    covariate_cells,
    feature_key,
    standing,
)
from biomarker_cli.tables.measured_rows import LEFT_OUT, WHY
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table

REFERENCED = Table(
    "referenced",
    "value x feature",
    (
        *(Column(name, "string", "whose value it is") for name in KEYS),
        Column("analysis_id", "string", "analysis protocol, id@version"),
        Column("role", "string", "image role of the cases"),
        Column("roi_id", "string", "ROI"),
        Column("feature_id", "string", "image.family.feature[.variant]"),
        Column("value", "number", "the value; empty where there is none"),
        Column("unit", "string", "UCUM code"),
        Column("group", "string", "categories of the covariates, as the reference has them"),
        Column("z", "number", "SD above what is expected, of the logarithm for scale log"),
        Column("percentile", "number", "part of the cohort below the value, in percent"),
        Column("percentile_ci90_low", "number", "lower 90 % confidence limit"),
        Column("percentile_ci90_high", "number", "upper 90 % confidence limit"),
        Column("low", "number", "2.5 % of the cohort lie below, at these covariates"),
        Column("low_ci90_low", "number", "lower 90 % confidence limit"),
        Column("low_ci90_high", "number", "upper 90 % confidence limit"),
        Column("high", "number", "2.5 % of the cohort lie above, at these covariates"),
        Column("high_ci90_low", "number", "lower 90 % confidence limit"),
        Column("high_ci90_high", "number", "upper 90 % confidence limit"),
        Column(
            "verdict",
            "string",
            "where the value lies; not_applicable where the reference does not hold for it",
            ("within", "below", "above", "not_applicable"),
        ),
        Column("n_reference", "integer", "subjects of the range"),
        Column("method", "string", "how the limits were found", ("normal", "ranks")),
        Column("reference", "string", "id@version of the file"),
        Column("differs", "string", "scanner, where the reference has none like it"),
        Column("reason", "string", "why it is not applicable"),
    ),
    (*KEYS, *FEATURE),
)


def referenced_rows(
    observations: Observations, reference: ReferenceFile, table: Path | None
) -> list[dict[str, Any]]:
    """Return the rows of `REFERENCED`: where each value stands in the range of its feature.

    Parameters
    ----------
    observations : Observations
    reference : ReferenceFile
    table : Path or None
        CSV of covariates by subject.

    Raises
    ------
    ReferenceRangeError
        ``REFERENCE-HARMONISED`` where one was harmonised otherwise than the other.
    TableError
        ``TABLE-COLUMNS`` where a covariate is missing.
    AgreementError
        ``COMBAT-COVARIATE``.
    """
    theirs = str(reference.conditions.get("combat_sha256", ""))
    if observations.combat_sha256 != theirs:
        raise ReferenceRangeError(
            "REFERENCE-HARMONISED",
            "values and reference were not harmonised by one model: "
            f"{observations.combat_sha256[:12] or 'none'} and {theirs[:12] or 'none'}",
        )
    frame = observations.frame
    cells = covariate_cells(frame, table, [one.name for one in reference.covariates])
    digests = frozenset(filter(None, reference.conditions.get("analyses", {}).values()))
    scanners = frozenset(reference.conditions.get("scanners", ()))
    names = (*KEYS, *FEATURE, "value", "unit", LEFT_OUT, "analysis_sha256", "scanner")
    found = []
    for place, told in enumerate(zip(*(frame[name] for name in names), strict=True)):
        seen = dict(zip(names, told, strict=True))
        group, numbers, why = standing(reference.covariates, cells, place)
        entry = reference.ranges.get((feature_key(tuple(seen[name] for name in FEATURE)), group))
        row: dict[str, Any] = {name: seen[name] for name in (*KEYS, *FEATURE, "unit")}
        row |= {
            "value": None if seen["value"] != seen["value"] else float(seen["value"]),
            "group": group,
            "reference": reference.ident,
            "verdict": "not_applicable",
            "differs": "scanner" if seen["scanner"] and seen["scanner"] not in scanners else "",
        }
        digest = seen["analysis_sha256"]
        reason = why or _why_not(row, entry, seen[LEFT_OUT])
        if not reason and digest and digests and digest not in digests:
            reason = "the reference was measured by another content of the analysis"
        if entry is None or reason:
            found.append(row | {"reason": reason})
        else:
            found.append(row | _placed(row["value"], numbers, entry.model))
    return found


def _why_not(row: Mapping[str, Any], entry: ReferenceRange | None, left_out: str) -> str:
    """Return why a value cannot be held against a range; empty where it can."""
    if entry is None:
        return "the reference has no such feature or group"
    if entry.unit != row["unit"]:
        return f"the reference has it in another unit: {entry.unit or 'none'}"
    if left_out:
        return WHY[left_out]
    if entry.model.scale == LOG and not row["value"] > 0:
        return "the value is not above 0"
    return ""


def _placed(value: float, numbers: tuple[float, ...], model: ReferenceModel) -> dict[str, Any]:
    low, high = (model.limit(part, numbers) for part in (LOW, HIGH))
    row: dict[str, Any] = {
        "z": model.z(value, numbers),
        "verdict": "below" if value < low.value else "above" if value > high.value else "within",
        "n_reference": model.n,
        "method": model.method,
    }
    estimates = {"percentile": model.percentile(value, numbers), "low": low, "high": high}
    for name, one in estimates.items():
        row |= {name: one.value, f"{name}_ci90_low": one.low, f"{name}_ci90_high": one.high}
    return row
