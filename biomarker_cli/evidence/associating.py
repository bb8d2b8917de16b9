"""Hold planned features against a planned endpoint, and write what was found."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biomarker_cli.evidence.analysing import Analysed, Found, analysed
from biomarker_cli.evidence.association_plan import AssociationPlan
from biomarker_cli.evidence.association_tables import ASSOCIATIONS, FLOW, STEPS, SUBJECTS
from biomarker_cli.evidence.clinical_values import (
    ClinicalTables,
    EndpointValue,
    JoinedCovariate,
    covariates_of,
    endpoint_of,
)
from biomarker_cli.evidence.errors import EvidenceNotFoundError
from biomarker_cli.evidence.harmonised_values import Harmonisation, harmonised
from biomarker_cli.evidence.measured_cases import measured_cases
from biomarker_cli.evidence.measured_values import (
    MeasuredRow,
    Subject,
    SubjectValue,
    planned_rows,
    subject_values,
)
from biomarker_cli.evidence.models import require_statsmodels
from biomarker_cli.evidence.multiplicity import adjusted
from biomarker_cli.model.packages import version_of
from biomarker_cli.model.version import __version__
from biomarker_cli.tables.package import DATA_PACKAGE, write_datapackage
from biomarker_cli.tables.packaged import read_package
from biomarker_cli.tables.sealed_files import sealed
from biomarker_cli.tables.writing import write_json, write_table

FORMAT = "biomarker-association-result/1"

PROVENANCE = "association.json"
"""File that says what the numbers were made from and with."""


@dataclass(frozen=True)
class FeatureEvidence:
    """What was found of one feature.

    Attributes
    ----------
    name : str
        In the plan.
    analysis_id : str
        That measured it; as planned where nothing was measured.
    values : mapping of Subject to SubjectValue
        Of all subjects of the study; `left_out` includes endpoint and covariates.
    endpoints : mapping of Subject to EndpointValue
    found : tuple of Found
    """

    name: str
    analysis_id: str
    values: Mapping[Subject, SubjectValue]
    endpoints: Mapping[Subject, EndpointValue]
    found: tuple[Found, ...]


@dataclass(frozen=True)
class Evidence:
    """What came of a plan.

    Attributes
    ----------
    plan : AssociationPlan
    plan_sha256 : str
    package_sha256 : str
        Digest of the data package that was read.
    combat_sha256 : str
        Digest of the harmonisation; empty for none.
    features : tuple of FeatureEvidence
    """

    plan: AssociationPlan
    plan_sha256: str
    package_sha256: str
    combat_sha256: str
    features: tuple[FeatureEvidence, ...]

    @property
    def head(self) -> dict[str, str]:
        """What every row of every table says of the plan."""
        return {
            "plan_id": self.plan.id,
            "plan_sha256": self.plan_sha256,
            "made": self.plan.made,
        }


def associate(
    folder: Path,
    plan: AssociationPlan,
    plan_sha256: str,
    harmonisation: Harmonisation | None = None,
) -> Evidence:
    """Carry out a plan.

    Parameters
    ----------
    folder : Path
        Of a run or a pool, with joined tables.
    plan : AssociationPlan
        Read before the data are.
    plan_sha256 : str
    harmonisation : Harmonisation, optional
        Values in the place of the measured ones.

    Raises
    ------
    AssociationError
        Where the plan does not fit the data; see docs/errors/evidence.md.
    EvidenceNotFoundError
        ``ASSOCIATION-EMPTY`` where no subject is left of any feature.
    TableError
        Where a table cannot be read.
    """
    require_statsmodels()
    tables = read_package(folder)
    cases = measured_cases(tables)
    clinical = ClinicalTables(tables, cases)
    rows = planned_rows(tables, cases, plan)
    if harmonisation is not None:
        rows = harmonised(rows, plan, harmonisation, tables)
    subjects = sorted({(case.site, case.subject) for case in cases})
    features = tuple(
        _feature_evidence(name, of_feature, subjects, clinical, plan)
        for name, of_feature in rows.items()
    )
    if not any(value.value is not None for one in features for value in one.values.values()):
        reasons = Counter(value.left_out for one in features for value in one.values.values())
        said = ", ".join(f"{STEPS[step]}: {n}" for step, n in sorted(reasons.items()))
        raise EvidenceNotFoundError("ASSOCIATION-EMPTY", f"no subject is left ({said})")
    package_sha256 = hashlib.sha256((folder / DATA_PACKAGE).read_bytes()).hexdigest()
    combat_sha256 = harmonisation.sha256 if harmonisation else ""
    return Evidence(plan, plan_sha256, package_sha256, combat_sha256, features)


def _feature_evidence(
    name: str,
    rows: Sequence[MeasuredRow],
    subjects: Sequence[Subject],
    clinical: ClinicalTables,
    plan: AssociationPlan,
) -> FeatureEvidence:
    planned = plan.features[name]
    measured = subject_values(rows, subjects, planned, plan.usable)
    endpoints = endpoint_of(clinical, plan.endpoint, planned.roi)
    covariates = covariates_of(clinical, plan, planned.roi)
    values = {
        subject: _complete(subject, value, endpoints, covariates)
        for subject, value in measured.items()
    }
    kept = {subject: one.value for subject, one in values.items() if one.value is not None}
    data = Analysed.of(kept, endpoints, covariates)
    analysis = rows[0].analysis_id if rows else planned.analysis
    return FeatureEvidence(name, analysis, values, endpoints, tuple(analysed(data, planned, plan)))


def _complete(
    subject: Subject,
    value: SubjectValue,
    endpoints: Mapping[Subject, EndpointValue],
    covariates: Sequence[JoinedCovariate],
) -> SubjectValue:
    if value.value is None:
        return value
    if subject not in endpoints:
        return SubjectValue(None, "no_endpoint")
    if any(subject not in covariate.cells for covariate in covariates):
        return SubjectValue(None, "no_covariate")
    return value


def association_rows(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the rows of `ASSOCIATIONS`; p-values of the planned tests are adjusted."""
    plan = evidence.plan
    rows = [
        _association_row(one, found, evidence) for one in evidence.features for found in one.found
    ]
    planned = [row for row in rows if row["is_planned_test"]]
    p_values = [row["p_value"] for row in planned]
    for row, p in zip(planned, adjusted(p_values, plan.multiplicity), strict=True):
        row["p_adjusted"] = p
    return rows


def _association_row(one: FeatureEvidence, found: Found, evidence: Evidence) -> dict[str, Any]:
    plan = evidence.plan
    planned = plan.features[one.name]
    number = found.association
    visit = f"{planned.baseline}>{planned.timepoint}" if planned.baseline else planned.timepoint
    return evidence.head | {
        "name": one.name,
        "analysis_id": one.analysis_id,
        "role": planned.role,
        "roi_id": planned.roi,
        "feature_id": planned.feature,
        "timepoint": visit,
        "unit": planned.unit_of_value,
        "endpoint": f"{plan.endpoint.table}.{plan.endpoint.column}",
        "scope": found.scope,
        "site_id": found.site,
        "statistic": found.statistic,
        "value": number.value if number else None,
        "ci95_low": number.low if number else None,
        "ci95_high": number.high if number else None,
        "p_value": number.p_value if number else None,
        "p_adjusted": None,
        "is_planned_test": found.is_planned_test,
        "n_tests": len(plan.features),
        "multiplicity": plan.multiplicity,
        "method": number.method if number else "",
        "n_subjects": len(found.subjects.subjects),
        "n_events": found.subjects.n_events(plan.endpoint.kind),
        "combat_sha256": evidence.combat_sha256,
        "status": "ok" if number else "undefined",
        "note": number.note if number else found.reason,
    }


def flow_rows(evidence: Evidence) -> Iterator[dict[str, Any]]:
    """Yield the rows of `FLOW`."""
    for one in evidence.features:
        sites = sorted({site for site, _ in one.values})
        scopes = [("all", "")]
        scopes += [("site", site) for site in sites] if len(sites) > 1 else []
        for scope, site in scopes:
            own = [v for (of_site, _), v in one.values.items() if scope == "all" or of_site == site]
            counts = Counter(value.left_out for value in own)
            steps = [("subjects", len(own))]
            steps += [(step, counts[step]) for step in STEPS]
            steps.append(("analysed", counts[""]))
            for position, (step, n) in enumerate(steps, start=1):
                yield evidence.head | {
                    "name": one.name,
                    "scope": scope,
                    "site_id": site,
                    "position": position,
                    "step": step,
                    "n_subjects": n,
                }


def subject_rows(evidence: Evidence) -> Iterator[dict[str, Any]]:
    """Yield the rows of `SUBJECTS`."""
    has_time = evidence.plan.endpoint.kind == "time_to_event"
    for one in evidence.features:
        for (site, subject), value in one.values.items():
            endpoint = one.endpoints.get((site, subject)) if value.value is not None else None
            yield evidence.head | {
                "name": one.name,
                "site_id": site,
                "subject_id": subject,
                "value": value.value,
                "endpoint": endpoint.value if endpoint else None,
                "time": endpoint.time if endpoint and has_time else None,
                "left_out": value.left_out,
            }


def write_evidence(evidence: Evidence, folder: Path) -> None:
    """Write the tables of a plan and their data package; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    write_table(ASSOCIATIONS, association_rows(evidence), folder)
    write_table(FLOW, flow_rows(evidence), folder)
    write_table(SUBJECTS, subject_rows(evidence), folder)
    title = f"{evidence.plan.id}-{evidence.plan_sha256}"
    write_datapackage((ASSOCIATIONS, FLOW, SUBJECTS), folder, title)
    write_json(sealed(_provenance(evidence)), folder / PROVENANCE)


def _provenance(evidence: Evidence) -> dict[str, Any]:
    """Return what the numbers were made from and with."""
    return {
        "format": FORMAT,
        "software": {"biomarker": __version__}
        | {package: version_of(package) or "" for package in ("numpy", "scipy", "statsmodels")},
        "plan_sha256": evidence.plan_sha256,
        "plan": evidence.plan.model_dump(mode="json"),
        "package_sha256": evidence.package_sha256,
        "combat_sha256": evidence.combat_sha256,
    }
