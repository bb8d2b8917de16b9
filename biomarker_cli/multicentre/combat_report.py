"""What harmonisation did: the effect of the batch before and after, and of the covariates.

No classifier: whether one could tell the batches apart depends on the classifier.

=================== ==========================================================
kruskal_h, _p       Kruskal-Wallis test of the batches
epsilon2            its effect, H / (n - 1)
variance_explained  part of the variance between batches (eta squared)
partial_r2          part of the variance left by the batch that a covariate explains
=================== ==========================================================

References
----------
Kruskal and Wallis 1952, J Am Stat Assoc 47:583; Tomczak and Tomczak 2014 (epsilon
squared).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.wording import counted
from biomarker_cli.multicentre.combat_model import FEW_SAMPLES, Harmonised
from biomarker_cli.multicentre.combat_samples import STRATUM, Stratum
from biomarker_cli.multicentre.icc import ROUNDING
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table

_MOST_NAMED = 8

COMBAT_REPORT = Table(
    "combat_report",
    "feature x effect, before and after harmonisation",
    (
        Column("analysis_id", "string", "analysis protocol, id@version"),
        Column("role", "string", "image role of the cases"),
        Column("roi_id", "string", "ROI"),
        Column("feature_id", "string", "image.family.feature[.variant]"),
        Column("term", "string", "batch, or the name of a covariate"),
        Column(
            "statistic",
            "string",
            "what was computed",
            ("kruskal_h", "kruskal_p", "epsilon2", "variance_explained", "partial_r2"),
        ),
        Column("before", "number", "of the values as measured"),
        Column("after", "number", "of the harmonised values"),
    ),
    (*STRATUM, "feature_id", "term", "statistic"),
)


def report_rows(found: Sequence[Harmonised]) -> Iterator[dict[str, Any]]:
    """Yield the rows of `COMBAT_REPORT`."""
    for one in found:
        head = dict(zip(STRATUM, one.stratum.key, strict=True))
        for place, feature in enumerate(one.stratum.features):
            sides = (one.stratum.values[:, place], one.values[:, place])
            before, after = (batch_effect(side, one.samples.batch) for side in sides)
            of_feature = head | {"feature_id": feature}
            for name in before:
                told = {"statistic": name, "before": before[name], "after": after[name]}
                yield of_feature | {"term": "batch"} | told
            for covariate in one.covariates:
                cells = one.stratum.column(covariate.name)
                columns = covariate.columns(cells)
                parts = [partial_r2(side, one.samples.batch, columns) for side in sides]
                told = {"statistic": "partial_r2", "before": parts[0], "after": parts[1]}
                yield of_feature | {"term": covariate.name} | told


def batch_effect(values: FloatArray, batch: Sequence[str]) -> dict[str, float | None]:
    """Return the Kruskal-Wallis test and the part of the variance between batches.

    Parameters
    ----------
    values : ndarray, shape (n,)
    batch : sequence of str, length n

    Returns
    -------
    dict
        None where there is one batch, or no spread.
    """
    groups = [values[[b == name for b in batch]] for name in sorted(set(batch))]
    if len(groups) < 2 or np.ptp(values) == 0:
        return dict.fromkeys(("kruskal_h", "kruskal_p", "epsilon2", "variance_explained"))
    from scipy.stats import kruskal

    h, p = kruskal(*groups)
    mean = values.mean()
    between = sum(len(group) * (group.mean() - mean) ** 2 for group in groups)
    return {
        "kruskal_h": float(h),
        "kruskal_p": float(p),
        "epsilon2": float(h) / (len(values) - 1),
        "variance_explained": float(between / ((values - mean) ** 2).sum()),
    }


def partial_r2(values: FloatArray, batch: Sequence[str], columns: FloatArray) -> float | None:
    """Return the part of the variance left by the batch that a covariate explains.

    Parameters
    ----------
    values : ndarray, shape (n,)
    batch : sequence of str, length n
    columns : ndarray, shape (n, c)
        Of the covariate.
    """
    names = sorted(set(batch))
    indicators = np.array([[float(b == name) for name in names] for b in batch])
    without = _residual_squares(indicators, values)
    if not without > ROUNDING * float((values**2).sum()):
        return None
    centred = columns - columns.mean(axis=0)
    return 1 - _residual_squares(np.hstack([indicators, centred]), values) / without


def _residual_squares(design: FloatArray, values: FloatArray) -> float:
    found = np.linalg.lstsq(design, values, rcond=None)[0]
    return float(((values - design @ found) ** 2).sum())


def notes(found: Sequence[Harmonised], model: Mapping[str, Any]) -> list[str]:
    """Return what to know of a harmonisation, in sentences.

    Parameters
    ----------
    found : sequence of Harmonised
    model : mapping
        As `load_model` gives it.
    """
    said = []
    for one in found:
        name = one.stratum.name
        n = len(one.samples.batch)
        if one.n_fitted:
            said.append(
                f"{name}: {one.n_fitted} of {counted(n, 'sample')} were fitted on: what is learned "
                "from them and tested on them leaks; fit on training data, apply to the rest"
            )
        said += left_out_notes(one.stratum)
        if one.stratum.n_repeated:
            said.append(repeated_note(name, one.stratum.n_repeated))
        said += [f"{name}: {text}" for text in _overlap(one)]
        said += _beyond(one)
    for entry in model["strata"]:
        name = " ".join(filter(None, (entry[key] for key in STRATUM))) or "all"
        few = [f"{b['name']} {b['n']}" for b in entry["batches"] if b["n"] < FEW_SAMPLES]
        if few:
            said.append(
                f"{name}: fitted on fewer than {FEW_SAMPLES} samples of {', '.join(few)}: "
                "their scale is poorly known"
            )
    return said


def left_out_notes(stratum: Stratum) -> list[str]:
    """Return what to know of the samples that took no part, and of values that should not."""
    said = []
    if stratum.left_out:
        named = ", ".join(stratum.left_out[:_MOST_NAMED])
        more = ", ..." if len(stratum.left_out) > _MOST_NAMED else ""
        n = counted(len(stratum.left_out), "sample")
        said.append(f"{stratum.name}: left out {n} without any usable value: {named}{more}")
    n_not_usable = int((stratum.usable == "no").sum())
    if n_not_usable:
        n = counted(n_not_usable, "value")
        said.append(f"{stratum.name}: {n} not usable: harmonised, and so marked in the table")
    return said


def repeated_note(name: str, n_repeated: int) -> str:
    """Return what to know where subjects stand in several samples."""
    return (
        f"{name}: {counted(n_repeated, 'subject stands', 'subjects stand')} in several samples: "
        "this is no longitudinal model, and takes true change away with the batch"
    )


def _beyond(one: Harmonised) -> Iterator[str]:
    """Yield a sentence where values lie beyond those that were fitted."""
    values, low, high = one.stratum.values, one.fitted_range[0], one.fitted_range[1]
    is_beyond = (values < low) | (values > high)
    if is_beyond.any():
        n = counted(int(is_beyond.sum()), "value")
        worst = one.stratum.features[int(is_beyond.sum(axis=0).argmax())]
        yield f"{one.stratum.name}: {n} beyond the range that was fitted, most of {worst}"


def _overlap(one: Harmonised) -> Iterator[str]:
    """Yield a sentence for each covariate whose batches do not overlap."""
    for covariate in one.covariates:
        cells = one.stratum.column(covariate.name)
        by_batch: dict[str, list[str]] = {}
        for batch, cell in zip(one.samples.batch, cells, strict=True):
            by_batch.setdefault(batch, []).append(cell)
        if covariate.levels:
            counts = {batch: Counter(found) for batch, found in sorted(by_batch.items())}
            for level in covariate.levels:
                lacking = [batch for batch, count in counts.items() if not count[level]]
                if lacking:
                    yield f"{covariate.name} {level} is not in {', '.join(lacking)}"
            continue
        ranges = {b: (min(map(float, c)), max(map(float, c))) for b, c in sorted(by_batch.items())}
        low, high = max(r[0] for r in ranges.values()), min(r[1] for r in ranges.values())
        if low > high:
            told = ", ".join(f"{b} {r[0]:g} to {r[1]:g}" for b, r in ranges.items())
            yield f"{covariate.name} does not overlap between batches: {told}"
