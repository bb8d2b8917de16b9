"""Reference ranges of the features of a cohort, fitted and kept as a versioned file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.version import __version__
from biomarker_cli.model.wording import quoted
from biomarker_cli.multicentre.covariates import Covariate, learned, read_covariates
from biomarker_cli.multicentre.errors import ReferenceRangeError
from biomarker_cli.multicentre.observations import FEATURE, Observations
from biomarker_cli.multicentre.reference_model import (
    FEWEST,
    HIGH,
    LOW,
    ReferenceModel,
    fit_reference,
)
from biomarker_cli.tables.cells import number_of
from biomarker_cli.tables.columns import require_columns
from biomarker_cli.tables.measured_rows import LEFT_OUT
from biomarker_cli.tables.sealed_files import read_sealed, sealed

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "biomarker-reference/1"

_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_VERSION = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}")
_SUBJECT = ("site_id", "subject_id")


@dataclass(frozen=True)
class ReferenceRange:
    """The range of one feature in one group.

    Attributes
    ----------
    feature : tuple of str
        The columns of `FEATURE`.
    unit, group : str
    n_left_out : int
        Subjects without a usable value.
    model : ReferenceModel
    """

    feature: tuple[str, ...]
    unit: str
    group: str
    n_left_out: int
    model: ReferenceModel

    def as_json(self) -> dict[str, Any]:
        """Return what a file holds of it; the limits stand there for people."""
        model = self.model
        limits = {name: model.limit(part) for name, part in (("low", LOW), ("high", HIGH))}
        return {
            **dict(zip(FEATURE, self.feature, strict=True)),
            "unit": self.unit,
            "group": self.group,
            "n_left_out": self.n_left_out,
            "model": model.as_json(),
            **{name: [one.value, one.low, one.high] for name, one in limits.items()},
        }


@dataclass(frozen=True)
class ReferenceFile:
    """A file of reference ranges.

    Attributes
    ----------
    ident : str
        ``id@version``.
    covariates : tuple of Covariate
    ranges : mapping
        Feature and group -> range.
    conditions : mapping
        Digests of analyses, scanners, sites and the harmonisation of the cohort.
    """

    ident: str
    covariates: tuple[Covariate, ...]
    ranges: Mapping[tuple[tuple[str, ...], str], ReferenceRange]
    conditions: Mapping[str, Any]


@dataclass(frozen=True)
class FittedRanges:
    """What a fit gives.

    Attributes
    ----------
    content : dict
        Of the file, for JSON.
    ranges : list of ReferenceRange
    refused : list of (feature and group, reason)
    """

    content: dict[str, Any]
    ranges: list[ReferenceRange]
    refused: list[tuple[str, str]]


def fit_ranges(
    observations: Observations,
    table: Path | None,
    by: Sequence[str],
    ident: tuple[str, str],
) -> FittedRanges:
    """Fit the range of every feature, in every group that categories make.

    Parameters
    ----------
    observations : Observations
        One value of each subject for each feature.
    table : Path or None
        CSV of covariates by subject.
    by : sequence of str
        Covariates; ``NAME:categorical`` takes numbers for names.
    ident : tuple of str
        Id and version of the file.

    Raises
    ------
    ReferenceRangeError
        ``REFERENCE-ID``; ``REFERENCE-REPEATED`` where a subject has two values;
        ``REFERENCE-FEW`` where no feature has a range.
    AgreementError
        ``COMBAT-COVARIATE``.
    """
    if not _ID.fullmatch(ident[0]) or not _VERSION.fullmatch(ident[1]):
        raise ReferenceRangeError(
            "REFERENCE-ID",
            f"expected an id of small letters and a version such as 1.0.0, found "
            f"{quoted('@'.join(ident))}",
        )
    frame = observations.frame
    _require_single(frame)
    cells = covariate_cells(frame, table, [name.partition(":")[0] for name in by])
    covariates = _learned(frame, cells, by)
    ranges: list[ReferenceRange] = []
    refused: list[tuple[str, str]] = []
    for (feature, group), places in _places(frame, _groups(covariates, cells, len(frame))):
        rows = frame.iloc[places]
        is_kept = (rows[LEFT_OUT] == "").to_numpy()
        kept = np.asarray(places)[is_kept]
        try:
            model = fit_reference(
                frame["value"].to_numpy()[kept],
                _numbers(covariates, cells, kept),
                is_ratio=bool(rows["is_ratio"].iloc[0]),
            )
        except ValueError as error:
            refused.append((" ".join(filter(None, (*feature, group))), str(error)))
            continue
        unit = str(rows["unit"].iloc[0])
        ranges.append(ReferenceRange(feature, unit, group, len(rows) - len(kept), model))
    if not ranges:
        why = refused[0][1] if refused else "there is no value"
        raise ReferenceRangeError(
            "REFERENCE-FEW",
            f"no feature has a range: {why}",
            hint=f"A range takes {FEWEST} subjects in each group, with unlike values.",
        )
    taken = observations.taken
    content = sealed(
        {
            "format": FORMAT,
            "id": ident[0],
            "version": ident[1],
            "software": {"biomarker": __version__},
            "conditions": {
                "analyses": taken.analyses,
                "scanners": list(taken.scanners),
                "sites": list(taken.sites),
                "combat_sha256": observations.combat_sha256,
            },
            "covariates": [one.as_json() for one in covariates],
            "ranges": [one.as_json() for one in ranges],
        }
    )
    return FittedRanges(content, ranges, refused)


def load_reference(path: Path) -> ReferenceFile:
    """Read a file of reference ranges.

    Raises
    ------
    InputNotFoundError
        ``REFERENCE-NOT-FOUND``.
    ReferenceRangeError
        ``REFERENCE-FILE`` where it is none, or was edited.
    """
    if not path.is_file():
        raise InputNotFoundError(
            "REFERENCE-NOT-FOUND",
            f"no such file: {path}",
            hint="`biomarker reference fit TABLE -o FILE.json` writes one.",
        )
    content = read_sealed(path, FORMAT)
    if content is None:
        raise ReferenceRangeError(
            "REFERENCE-FILE",
            f"it is no {FORMAT}, or its digest does not fit its content",
            where=str(path),
            hint="Write it again with `biomarker reference fit`; it is not edited by hand.",
        )
    ranges = {}
    for one in content["ranges"]:
        feature = tuple(one[name] for name in FEATURE)
        model = ReferenceModel.from_json(one["model"])
        found = ReferenceRange(feature, one["unit"], one["group"], one["n_left_out"], model)
        ranges[feature_key(feature), one["group"]] = found
    covariates = tuple(map(Covariate.from_json, content["covariates"]))
    ident = f"{content['id']}@{content['version']}"
    return ReferenceFile(ident, covariates, ranges, content["conditions"])


def feature_key(feature: tuple[str, ...]) -> tuple[str, ...]:
    """Return a feature without the version of its analysis; the digest tells the rest."""
    return (feature[0].partition("@")[0], *feature[1:])


def _learned(
    frame: pd.DataFrame, cells: Mapping[str, Sequence[str]], by: Sequence[str]
) -> list[Covariate]:
    """Return the covariates; how far they reach is told by whose values are taken."""
    is_taken = (frame[LEFT_OUT] == "").tolist()
    if not any(is_taken):
        raise ReferenceRangeError(
            "REFERENCE-FEW",
            "no feature has a range: no value may be taken",
            hint="The columns status, flags and usable of the measurements say why.",
        )
    return [
        learned(
            name, list(compress(column, is_taken)), is_categorical=asked.endswith(":categorical")
        )
        for asked, (name, column) in zip(by, cells.items(), strict=True)
    ]


def _require_single(frame: pd.DataFrame) -> None:
    keys = [*_SUBJECT, *FEATURE]
    twice = frame[frame.duplicated(keys)]
    if len(twice):
        row = twice.iloc[0]
        raise ReferenceRangeError(
            "REFERENCE-REPEATED",
            "a subject has two values of one feature: they are not independent",
            where=", ".join(str(row[name]) for name in keys if row[name]),
            hint="Choose one visit with --timepoint.",
        )


def covariate_cells(
    frame: pd.DataFrame, table: Path | None, names: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Return the cells of each covariate, one of each row."""
    if not names:
        return {}
    if table is None:
        raise ReferenceRangeError(
            "REFERENCE-COVARIATES",
            f"the covariates {', '.join(names)} come from a table by subject_id",
            hint="Name it with --covariates FILE.csv.",
        )
    found = read_covariates(table, frame)
    require_columns(table, names, found.columns)
    return {name: tuple(map(str, found[name])) for name in names}


def _groups(
    covariates: Sequence[Covariate], cells: Mapping[str, Sequence[str]], n_rows: int
) -> list[str]:
    return [standing(covariates, cells, place)[0] for place in range(n_rows)]


def standing(
    covariates: Sequence[Covariate], cells: Mapping[str, Sequence[str]], place: int
) -> tuple[str, tuple[float, ...], str]:
    """Return group and numbers of a row, and why the reference does not reach it."""
    group, numbers, why = [], [], ""
    for one in covariates:
        cell = cells[one.name][place]
        if one.levels:
            group.append(f"{one.name}={cell}")
            continue
        found = number_of(cell)
        number = math.nan if found is None else found
        numbers.append(number)
        if not one.low <= number <= one.high:
            why = f"{one.name} {cell[:40]!r} is not within {one.low:g} to {one.high:g}"
    return ";".join(group), tuple(numbers), why


def _places(
    frame: pd.DataFrame, groups: Sequence[str]
) -> Iterator[tuple[tuple[tuple[str, ...], str], list[int]]]:
    found: dict[tuple[tuple[str, ...], str], list[int]] = {}
    features = zip(*(frame[name].tolist() for name in FEATURE), strict=True)
    for place, (feature, group) in enumerate(zip(features, groups, strict=True)):
        found.setdefault((feature, group), []).append(place)
    yield from sorted(found.items())


def _numbers(
    covariates: Sequence[Covariate], cells: Mapping[str, Sequence[str]], places: Any
) -> np.ndarray[Any, np.dtype[np.float64]]:
    columns = [
        [float(cells[one.name][place]) for place in places] for one in covariates if not one.levels
    ]
    return np.array(columns, dtype=np.float64).reshape(len(columns), len(places)).T
