"""What a run says of how it was made: sentences for a methods section, each with its source.

A sentence states what a table or a protocol holds. What neither knows (who drew the ROIs,
which patients, which model) is not said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from biomarker_cli.model.wording import bounded, counted
from biomarker_cli.report.derived import cell, words
from biomarker_cli.report.run_reading import RunTables

_MOST_NAMED = 12
_LONGEST_NAME = 200
_MOST_PARAMETERS = 1500


@dataclass(frozen=True)
class MethodsEvidence:
    """A sentence, and where it stands.

    Attributes
    ----------
    sentence : str
    file, column : str
        Several are joined by ``;``.
    """

    sentence: str
    file: str
    column: str


def methods_evidence(tables: RunTables, beside: Sequence[str]) -> dict[str, MethodsEvidence]:
    """Return what a run is evidence of, by name, in the order of a methods section.

    Parameters
    ----------
    tables : RunTables
    beside : sequence of str
        Tables of other commands that belong to it, as ``folder/repeatability.csv``.
    """
    found = {
        "sites": _sites(tables),
        "acquisition": _acquisition(tables),
        "segmentation": _segmentation(tables),
        "preprocessing": _preprocessing(tables),
        "resampling": _of_column(tables, "interpolation", "Interpolation of the image"),
        "discretisation": _of_column(tables, "discretisation", "Grey levels"),
        "image_types": _of_column(tables, "image_filter", "Images that were measured"),
        "software": _software(tables),
        "families": _families(tables),
        "feature_count": _feature_count(tables),
        "parameters": _parameters(tables),
        "missing": _missing(tables),
        "repeatability": _beside(beside, "repeatability.csv", "Repeatability was estimated"),
        "harmonisation": _beside(beside, "combat_report.csv", "Site effects were harmonised"),
    }
    return {name: one for name, one in found.items() if one is not None}


def _sites(tables: RunTables) -> MethodsEvidence | None:
    counts = Counter(row["site_id"] for row in tables.cases)
    if not counts:
        return None
    subjects = {(row["site_id"], row["subject_id"]) for row in tables.cases}
    return MethodsEvidence(
        f"{counted(len(tables.cases), 'image')} of {counted(len(subjects), 'subject')} came from "
        f"{counted(len(counts), 'site')}: {_numbered(counts)}.",
        "cases.csv",
        "site_id; subject_id",
    )


def _acquisition(tables: RunTables) -> MethodsEvidence | None:
    scanners = Counter(
        " ".join(filter(None, (row["modality"], row["manufacturer"], row["model"])))
        for row in tables.cases
        if row["modality"]
    )
    if not scanners:
        return None
    said = f"Scanners: {_numbered(scanners)}; acquisition parameters of each image are tabulated."
    file, column = "cases.csv; facts.csv", "manufacturer; model; fact"
    if tables.checks:
        protocols = sorted({f"{c['protocol_id']}@{c['protocol_version']}" for c in tables.checks})
        outcomes = Counter(words(check["outcome"]) for check in tables.checks)
        said += (
            f" They were checked against {_listed(protocols)}: outcomes of "
            f"{counted(len(tables.checks), 'check')}: {_numbered(outcomes)}."
        )
        file, column = f"{file}; checks.csv", f"{column}; protocol_id; outcome"
    return MethodsEvidence(said, file, column)


def _segmentation(tables: RunTables) -> MethodsEvidence | None:
    kinds = Counter(row["source_kind"] for rows in tables.rois.values() for row in rows)
    del kinds[""]
    if not kinds:
        return None
    return MethodsEvidence(
        f"ROIs were imported, not drawn, by the software: {_numbered(kinds)}. "
        "Every import was audited for gaps, holes and what lies outside the image.",
        "rois.csv",
        "source_kind; n_gaps; n_holes; clipped_fraction",
    )


def _software(tables: RunTables) -> MethodsEvidence | None:
    if not tables.features:
        return None
    engines = sorted({f"{row['engine']} {row['engine_version']}" for row in tables.features})
    held = sum(row["ibsi_benchmarked"] == "true" for row in tables.features)
    made = tables.manifest.get("software") or {}
    version = f" (biomarker {made['biomarker']})" if made.get("biomarker") else ""
    return MethodsEvidence(
        f"Features were computed by {_listed(engines)}{version}; the definitions of {held} of "
        f"{len(tables.features)} are held against published IBSI values.",
        "features.csv; manifest.json",
        "engine; engine_version; ibsi_benchmarked; software",
    )


def _families(tables: RunTables) -> MethodsEvidence | None:
    families = sorted({row["family"] for row in tables.features} - {""})
    if not families:
        return None
    named = _listed([words(family) for family in families], most=40)
    return MethodsEvidence(f"Feature families: {named}.", "features.csv", "family")


def _feature_count(tables: RunTables) -> MethodsEvidence | None:
    if not tables.features:
        return None
    counts = Counter(row["analysis_id"] for row in tables.features)
    return MethodsEvidence(
        f"Features of each ROI by analysis: {_numbered(counts)}.",
        "features.csv",
        "analysis_id; feature_id",
    )


def _of_column(tables: RunTables, name: str, what: str) -> MethodsEvidence | None:
    """Return what a column of ``features.csv`` holds, by analysis."""
    spacing = "resampled_spacing_mm" if name == "interpolation" else ""
    found: dict[str, dict[str, None]] = {}
    for row in tables.features:
        if row[name]:
            to = f" to {row[spacing]} mm (x y z)" if spacing and row[spacing] else ""
            is_original = name == "image_filter" and row[name] == "none"
            value = "original, without a filter" if is_original else f"{row[name]}{to}"
            found.setdefault(row["analysis_id"], {})[value] = None
    if not found:
        return None
    said = "; ".join(f"{analysis}: {_listed(list(one))}" for analysis, one in found.items())
    return MethodsEvidence(
        f"{what}: {said}.", "features.csv", "; ".join(filter(None, (name, spacing)))
    )


def _preprocessing(tables: RunTables) -> MethodsEvidence | None:
    """Return the settings of each analysis whose protocol is at hand as it was used."""
    settings = {ident: _settings(ident, sha256) for ident, sha256 in _analyses(tables)}
    said = "; ".join(f"{ident}: {one}" for ident, one in settings.items() if one)
    if not said:
        return None
    return MethodsEvidence(f"Settings of the analyses: {said}.", "manifest.json", "protocols")


def _settings(ident: str, sha256: str) -> str:
    from biomarker_cli.case.analysis import load_analysis
    from biomarker_cli.model.errors import BiomarkerError

    # An id from a table may look like a path: a shipped protocol alone is meant.
    if set(ident.partition("@")[0]) & set("/\\."):
        return ""
    try:
        analysis = load_analysis(ident)
    except (BiomarkerError, OSError):
        return ""
    if analysis.document.sha256 != sha256:
        return ""
    given = analysis.rules.model_dump(mode="json", exclude_none=True)
    listed = ", ".join(
        f"{words(name)} {_setting(value)}"
        for name, value in given.items()
        if value not in ([], {}, "")
    )
    return bounded(f"{analysis.protocol.measure} with {listed}", _MOST_PARAMETERS)


def _setting(value: Any) -> str:
    if isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        return " ".join(f"({cell(one)})" for one in value)
    return cell(value)


def _parameters(tables: RunTables) -> MethodsEvidence | None:
    analyses = [f"{ident} (sha256 {sha256[:12]})" for ident, sha256 in _analyses(tables)]
    if not analyses:
        return None
    return MethodsEvidence(
        f"Every parameter, defaults among them, is fixed by versioned analysis protocols: "
        f"{_listed(analyses)}.",
        "features.csv; manifest.json",
        "analysis_id; analysis_sha256; protocols",
    )


def _missing(tables: RunTables) -> MethodsEvidence | None:
    status = tables.measurements.texts["status"]
    counts = Counter(status.words[code] for code in status.codes)
    if not counts:
        return None
    failed = sum(row["status"] == "failed" for row in tables.cases)
    left_out = Counter(words(row["reason"]) for row in tables.exclusions)
    pooled = f" Left out of the pool: {_numbered(left_out)}." if left_out else ""
    return MethodsEvidence(
        f"Values that could not be determined are empty and keep their reason; none was imputed. "
        f"Of {counts.total()} values: {_numbered(counts)}; {counted(failed, 'image')} failed."
        + pooled,
        "measurements.csv; cases.csv" + ("; exclusions.csv" if left_out else ""),
        "status; error_code" + ("; reason" if left_out else ""),
    )


def _beside(beside: Sequence[str], name: str, what: str) -> MethodsEvidence | None:
    files = [one for one in beside if one.rpartition("/")[2] == name]
    if not files:
        return None
    return MethodsEvidence(
        f"{what}; the figures are in {_listed(files)}.", "; ".join(files), "statistic"
    )


def _analyses(tables: RunTables) -> list[tuple[str, str]]:
    return sorted({(row["analysis_id"], row["analysis_sha256"]) for row in tables.features})


def _numbered(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return _listed([f"{bounded(name, _LONGEST_NAME)} ({n})" for name, n in ordered])


def _listed(names: Iterable[str], most: int = _MOST_NAMED) -> str:
    found = [bounded(name, 2 * _LONGEST_NAME) for name in names]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
