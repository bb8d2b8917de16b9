"""A fitted ComBat model as a versioned file: what it was fitted on, and what it may be used for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.usability import USABLE_WORDS
from biomarker_cli.model.version import __version__
from biomarker_cli.model.wording import quoted
from biomarker_cli.multicentre.combat import (
    STOPS,
    CombatFit,
    CombatRules,
    Samples,
    adjust,
    fit_combat,
)
from biomarker_cli.multicentre.combat_samples import STRATUM, Stratum
from biomarker_cli.multicentre.covariates import Covariate, learned
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.sealed_files import read_sealed, sealed

FORMAT = "biomarker-combat/1"

FEW_SAMPLES = 20
"""Samples of a batch below which its scale is poorly known."""

HARMONISED = Table(
    "harmonised",
    "sample x feature, without the effect of its batch",
    (
        Column("site_id", "string", "centre"),
        Column("subject_id", "string", "identifier that the study assigned"),
        Column("timepoint", "string", "visit"),
        Column("repeat_id", "string", "repeat, where the table has one"),
        Column("role", "string", "image role of the cases"),
        Column("roi_id", "string", "ROI"),
        Column("analysis_id", "string", "analysis protocol, id@version"),
        Column("analysis_sha256", "string", "digest of its merged content"),
        Column("feature_id", "string", "image.family.feature[.variant]"),
        Column("value", "number", "harmonised value"),
        Column("unit", "string", "UCUM code"),
        Column("scale", "string", "whether 0 means none of it", ("ratio", "interval")),
        Column("scanner", "string", "manufacturer, model and software"),
        Column("batch", "string", "batch whose effect was taken away"),
        Column("combat_sha256", "string", "digest of the model"),
        Column(
            "usable",
            "string",
            "whether the measured value may be pooled; empty where its table does not say",
            USABLE_WORDS,
        ),
    ),
    (
        *("site_id", "subject_id", "timepoint", "repeat_id", "role", "roi_id"),
        *("analysis_id", "feature_id"),
    ),
)


@dataclass(frozen=True)
class CombatPlan:
    """What to fit.

    Attributes
    ----------
    batch : str
        Column that tells the batches.
    covariates : tuple of str
        Columns to keep; ``name:categorical`` takes numbers for names.
    rules : CombatRules
    """

    batch: str
    covariates: tuple[str, ...]
    rules: CombatRules


def fit_model(
    strata: Sequence[Stratum], plan: CombatPlan, analyses: Mapping[str, str]
) -> dict[str, Any]:
    """Fit every stratum and return the content of a model file.

    Parameters
    ----------
    strata : sequence of Stratum
    plan : CombatPlan
    analyses : mapping
        Digest of each analysis.

    Raises
    ------
    AgreementError
        As `fit_combat`; the message names the stratum.
    """
    return sealed(
        {
            "format": FORMAT,
            "software": {"biomarker": __version__},
            "batch": plan.batch,
            **asdict(plan.rules),
            "stop_limit": STOPS[plan.rules.stop],
            "analyses": dict(analyses),
            "strata": [_fitted(stratum, plan) for stratum in strata],
        }
    )


def _fitted(stratum: Stratum, plan: CombatPlan) -> dict[str, Any]:
    covariates = []
    for text in plan.covariates:
        name, _, kind = text.partition(":")
        if kind not in {"", "categorical"} or name == plan.batch:
            raise AgreementError(
                "COMBAT-COVARIATE",
                f"expected NAME or NAME:categorical, and not the batch, found {quoted(text)}",
            )
        cells = stratum.column(name)
        covariates.append(learned(name, cells, is_categorical=kind == "categorical"))
    samples = _samples(stratum, plan.batch, covariates)
    try:
        fit = fit_combat(samples, plan.rules)
    except AgreementError as error:
        raise AgreementError(
            error.code, error.message, where=stratum.name, hint=error.hint
        ) from error
    counts = Counter(samples.batch)
    return {
        **dict(zip(STRATUM, stratum.key, strict=True)),
        "n_samples": len(samples.batch),
        "n_samples_left_out": len(stratum.left_out),
        "n_subjects_repeated": stratum.n_repeated,
        "rows": sorted(stratum.row_digests()),
        "batches": [
            {"name": name, "n": counts[name], "iterations": steps}
            for name, steps in zip(fit.batches, fit.iterations, strict=True)
        ],
        "covariates": [covariate.as_json() for covariate in covariates],
        "features": list(_features(stratum, fit)),
    }


def _features(stratum: Stratum, fit: CombatFit) -> Iterator[dict[str, Any]]:
    for place, name in enumerate(stratum.features):
        yield {
            "feature_id": name,
            "unit": stratum.units[place],
            "range": [
                float(stratum.values[:, place].min()),
                float(stratum.values[:, place].max()),
            ],
            "grand_mean": float(fit.grand_mean[place]),
            "variance": float(fit.variance[place]),
            "slopes": [float(value) for value in fit.slopes[:, place]],
            "gamma": [float(value) for value in fit.gamma[:, place]],
            "delta": [float(value) for value in fit.delta[:, place]],
        }


def _samples(stratum: Stratum, batch: str, covariates: Sequence[Covariate]) -> Samples:
    columns = [covariate.columns(stratum.column(covariate.name)) for covariate in covariates]
    design = np.hstack(columns) if columns else np.zeros((len(stratum.values), 0))
    return Samples(stratum.values, stratum.column(batch), design, stratum.features)


def load_model(path: Path) -> dict[str, Any]:
    """Read a model file.

    Raises
    ------
    InputNotFoundError
        ``COMBAT-MODEL-NOT-FOUND``.
    AgreementError
        ``COMBAT-MODEL`` where it is none, or was edited.
    """
    if not path.is_file():
        raise InputNotFoundError("COMBAT-MODEL-NOT-FOUND", f"no such file: {path}")
    content = read_sealed(path, FORMAT)
    if content is None:
        raise AgreementError(
            "COMBAT-MODEL",
            f"it is no {FORMAT}, or its digest does not fit its content",
            where=str(path),
            hint="Write it again with `biomarker combat fit`; it is not edited by hand.",
        )
    return content


@dataclass(frozen=True)
class Harmonised:
    """A stratum before and after.

    Attributes
    ----------
    stratum : Stratum
        With the features of the model, in its order.
    samples : Samples
        Batch and covariates as the model has them.
    covariates : tuple of Covariate
    values : ndarray, shape (n, f)
        After.
    n_fitted : int
        Samples that the model was fitted on.
    fitted_range : ndarray, shape (2, f)
        Smallest and largest value that each feature was fitted on.
    """

    stratum: Stratum
    samples: Samples
    covariates: tuple[Covariate, ...]
    values: FloatArray
    n_fitted: int
    fitted_range: FloatArray


def apply_model(
    model: Mapping[str, Any], strata: Sequence[Stratum], analyses: Mapping[str, str]
) -> list[Harmonised]:
    """Harmonise samples by a fitted model; other features than its own are left out.

    Parameters
    ----------
    model : mapping
    strata : sequence of Stratum
    analyses : mapping
        Digest of each analysis of the samples.

    Raises
    ------
    AgreementError
        ``COMBAT-STRATUM``, ``COMBAT-FEATURES``, ``COMBAT-ANALYSIS``,
        ``COMBAT-BATCH-UNKNOWN``, ``COMBAT-COVARIATE``, ``COMBAT-INCOMPLETE``.
    """
    known = {tuple(one[name] for name in STRATUM): one for one in model["strata"]}
    found = []
    for stratum in strata:
        if stratum.key not in known:
            raise AgreementError(
                "COMBAT-STRATUM",
                f"the model was not fitted for {stratum.name}",
                hint="Choose what it was fitted for with --roi and --feature, or fit anew.",
            )
        analysis = stratum.key[0]
        if analyses.get(analysis) != model["analyses"].get(analysis):
            raise AgreementError(
                "COMBAT-ANALYSIS",
                f"{analysis or 'the analysis'} has another content than the one that was fitted",
                hint="Measure with the same file, or fit a model for this one.",
            )
        found.append(_applied(known[stratum.key], model, stratum))
    return found


def _applied(entry: Mapping[str, Any], model: Mapping[str, Any], stratum: Stratum) -> Harmonised:
    chosen = _same_features(entry, stratum)
    covariates = tuple(Covariate.from_json(one) for one in entry["covariates"])
    samples = _samples(chosen, model["batch"], covariates)
    features = entry["features"]
    fit = CombatFit(
        batches=tuple(one["name"] for one in entry["batches"]),
        reference=model["reference"],
        grand_mean=np.array([one["grand_mean"] for one in features]),
        variance=np.array([one["variance"] for one in features]),
        slopes=np.array([one["slopes"] for one in features]).T.reshape(-1, len(features)),
        gamma=np.array([one["gamma"] for one in features]).T,
        delta=np.array([one["delta"] for one in features]).T,
        iterations=tuple(one["iterations"] for one in entry["batches"]),
    )
    values = adjust(fit, samples)
    fitted = set(entry["rows"])
    n_fitted = sum(row in fitted for row in chosen.row_digests())
    ranges = np.array([one["range"] for one in features]).T
    return Harmonised(chosen, samples, covariates, values, n_fitted, ranges)


def _same_features(entry: Mapping[str, Any], stratum: Stratum) -> Stratum:
    """Return the stratum with the features of the model, in its order."""
    names = [one["feature_id"] for one in entry["features"]]
    absent = [name for name in names if name not in stratum.features]
    if absent:
        raise AgreementError(
            "COMBAT-FEATURES",
            f"the samples lack {len(absent)} of {len(names)} features, such as {absent[0]}",
            where=stratum.name,
        )
    places = [stratum.features.index(name) for name in names]
    units = tuple(stratum.units[place] for place in places)
    for one, unit in zip(entry["features"], units, strict=True):
        if one["unit"] != unit:
            raise AgreementError(
                "COMBAT-FEATURES",
                f"{one['feature_id']} was fitted in {one['unit'] or 'no unit'}, found "
                f"{unit or 'none'}",
                where=stratum.name,
            )
    return Stratum(
        key=stratum.key,
        samples=stratum.samples,
        features=tuple(names),
        units=units,
        values=stratum.values[:, places],
        is_ratio=tuple(stratum.is_ratio[place] for place in places),
        usable=stratum.usable[:, places],
        left_out=stratum.left_out,
    )


def harmonised_rows(
    found: Sequence[Harmonised], model: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of `HARMONISED`."""
    for one in found:
        names = ("site_id", "subject_id", "timepoint", "repeat_id", "scanner")
        columns = [one.stratum.samples[name] for name in names]
        for line, cells in enumerate(zip(*columns, strict=True)):
            head = dict(zip(names, cells, strict=True)) | {
                **dict(zip(STRATUM, one.stratum.key, strict=True)),
                "analysis_sha256": model["analyses"].get(one.stratum.key[0], ""),
                "batch": one.samples.batch[line],
                "combat_sha256": model["sha256"],
            }
            for place, feature in enumerate(one.stratum.features):
                yield head | {
                    "feature_id": feature,
                    "value": float(one.values[line, place]),
                    "unit": one.stratum.units[place],
                    "scale": "ratio" if one.stratum.is_ratio[place] else "interval",
                    "usable": one.stratum.usable[line, place],
                }
