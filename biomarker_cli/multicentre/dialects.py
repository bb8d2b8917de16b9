"""Dialects: what the columns of another program's table mean, said in a versioned file.

A file ``protocols/dialects/<program>/<version>.yaml`` names for each column the
feature of ours by its id, with the IBSI id and the aggregation, the unit, and the
relation of the two values where they are not the same by definition. A column is
known by the file alone, never by an id that stands in its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from biomarker_cli.model.features import AGGREGATIONS
from biomarker_cli.multicentre.errors import ComparisonFileError
from biomarker_cli.multicentre.tolerances import ToleranceLimit
from biomarker_cli.protocol.document import Strict, VersionedHeader
from biomarker_cli.protocol.loading import load_model
from biomarker_cli.protocol.locator import closest, protocol_root
from biomarker_cli.protocol.versions import Version, in_range

FORMAT = "biomarker-dialect/1"
FOLDER = "dialects"

SAME = "same"
OTHER_DISCRETISATION = "other_discretisation"
UNDEFINED = "undefined"
UNIT = "unit"

STANDARD_RELATIONS: Mapping[str, str] = {
    SAME: "the same feature",
    UNIT: "the same feature in another unit, converted",
    OTHER_DISCRETISATION: "the grey levels were made otherwise: not judged",
    UNDEFINED: "undefined on one side; the other has a number in its place, or nothing",
}
"""Relations that every dialect has."""


class Relation(Strict):
    """How a value of the other program becomes ours, or why it cannot.

    Ours = (theirs x `factor` + `offset`) ^ `power` x sqrt(N / (N - 1)), the last where
    `bessel` is set, with N the voxels of the ROI.

    Attributes
    ----------
    why : str
    judged : bool
        Whether the converted value must meet ours.
    factor, offset, power : float
    bessel : bool
    rel : float or None
        Relative tolerance in place of the usual one.
    unless_discretisation : str
        An analysis whose discretisation says so measures by the conventions of the other
        program: the relation does not hold, the values must be the same.
    """

    why: str = Field(min_length=1)
    judged: bool = True
    factor: float = 1.0
    offset: float = 0.0
    power: float = 1.0
    bessel: bool = False
    rel: float | None = Field(default=None, gt=0.0)
    unless_discretisation: str = ""


class FeatureColumn(Strict):
    """The column of one feature, or its stem where the feature has aggregations.

    Attributes
    ----------
    column : str
    ibsi : str
        Id of the IBSI manual, empty where it has none.
    suffixes : str
        Which `aggregations` of the dialect follow the stem.
    unit : str
        UCUM code of the other program's values, where it is not that of ours.
    relation : str or mapping of str to str
        Of all, or by aggregation.
    """

    column: str = Field(min_length=1)
    ibsi: str = ""
    suffixes: str = ""
    unit: str = ""
    relation: str | Mapping[str, str] = SAME

    def relation_of(self, aggregation: str) -> str:
        """Return the relation of one aggregation."""
        if isinstance(self.relation, str):
            return self.relation
        return self.relation.get(aggregation, SAME)


class MaskCheck(Strict):
    """A column that tells whether the mask was the same.

    Attributes
    ----------
    column : str
    against : str
        Column of rois.csv.
    after_resampling : bool
        Whether it speaks of the mask as measured: then it is looked at only where
        nothing was resampled.
    """

    column: str
    against: Literal["n_voxels", "volume_mm3"]
    after_resampling: bool = True


class Discretisation(Strict):
    """What the named groups ``method`` and ``number`` of a column's name say.

    Attributes
    ----------
    methods : mapping of str to str
        Their word -> the beginning of ours; ``{number}`` stands for the number.
    families : tuple of str
        Families that depend on it; their columns without the words are not discretised.
    """

    methods: Mapping[str, str]
    families: tuple[str, ...]


class TableForm(Strict):
    """How the table is laid out.

    Attributes
    ----------
    layout : str
        ``wide`` (a row per image and ROI) or ``long`` (a row per feature).
    files : str
        Pattern of the tables in a folder.
    delimiter, decimal : str
    case, roi : str
        Columns that name the image and the ROI; the second may be empty.
    key, value : str
        Of a long table: columns of the feature and of its value.
    strip : str
        Regular expression; what it finds in a column's name is taken out, its groups
        ``method``, ``number`` and ``unit`` are read.
    units : mapping of str to str
        Their unit -> UCUM, for the group ``unit``.
    ignore : tuple of str
        Patterns of columns that are no features.
    undefined : tuple of float
        Numbers that stand for a value that is not defined; an empty cell always does.
    masks : tuple of MaskCheck
    sheet : str
        Sheet to save as CSV, of a program that writes workbooks.
    """

    layout: Literal["wide", "long"] = "wide"
    files: str = "*.csv"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    decimal: Literal[".", ","] = "."
    case: str
    roi: str = ""
    key: str = ""
    value: str = ""
    strip: str = ""
    units: Mapping[str, str] = {}
    ignore: tuple[str, ...] = ()
    undefined: tuple[float, ...] = ()
    masks: tuple[MaskCheck, ...] = ()
    sheet: str = ""

    @field_validator("strip")
    @classmethod
    def _is_expression(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from error
        return value

    @model_validator(mode="after")
    def _long_has_key(self) -> TableForm:
        if self.layout == "long" and not (self.key and self.value):
            raise ValueError("a long table has key and value")
        return self


class Program(Strict):
    """The program that writes such tables."""

    name: str
    versions: str
    licence: str = ""


@dataclass(frozen=True)
class Meaning:
    """What one column means.

    Attributes
    ----------
    feature_id, ibsi_id, aggregation : str
    unit : str
        Empty where it is that of ours.
    relation : str
    """

    feature_id: str
    ibsi_id: str
    aggregation: str
    unit: str
    relation: str


class Dialect(VersionedHeader):
    """A dialect file."""

    model_config = Strict.model_config

    format: Literal["biomarker-dialect/1"]
    program: Program
    tables: tuple[TableForm, ...] = Field(min_length=1)
    tolerance: ToleranceLimit
    discretisation: Discretisation | None = None
    aggregations: Mapping[str, Mapping[str, str]] = {}
    relations: Mapping[str, Relation] = {}
    features: Mapping[str, FeatureColumn] = Field(min_length=1)
    no_feature: Mapping[str, str] = {}

    @property
    def ident(self) -> str:
        """``id@version``."""
        return f"{self.id}@{self.version}"

    @model_validator(mode="after")
    def _names_what_is_there(self) -> Dialect:
        for feature, entry in self.features.items():
            if entry.suffixes and entry.suffixes not in self.aggregations:
                raise ValueError(f"{feature}: no aggregations are called {entry.suffixes!r}")
            named = [entry.relation] if isinstance(entry.relation, str) else entry.relation.values()
            for relation in named:
                if relation != SAME and relation not in self.relations:
                    raise ValueError(f"{feature}: no relation is called {relation!r}")
        for suffixes in self.aggregations.values():
            for aggregation in suffixes:
                if aggregation not in AGGREGATIONS:
                    raise ValueError(f"no aggregation is called {aggregation!r}")
        return self

    @cached_property
    def meanings(self) -> Mapping[str, tuple[Meaning, ...]]:
        """What each column means; on images of two kinds it may be two features of ours."""
        found: dict[str, list[Meaning]] = {}
        for feature, entry in self.features.items():
            for column, meaning in self._columns(feature, entry):
                found.setdefault(column, []).append(meaning)
        return {column: tuple(meanings) for column, meanings in found.items()}

    def _columns(self, feature: str, entry: FeatureColumn) -> Iterator[tuple[str, Meaning]]:
        if not entry.suffixes:
            _, _, last = feature.rpartition(".")
            aggregation = last if last in AGGREGATIONS else ""
            for known in AGGREGATIONS:  # 2.5d and its like hold a dot
                if known and feature.endswith(f".{known}"):
                    aggregation = known
            relation = entry.relation_of(aggregation)
            yield entry.column, Meaning(feature, entry.ibsi, aggregation, entry.unit, relation)
            return
        for aggregation, suffix in self.aggregations[entry.suffixes].items():
            relation = entry.relation_of(aggregation)
            yield (
                entry.column + suffix,
                Meaning(f"{feature}.{aggregation}", entry.ibsi, aggregation, entry.unit, relation),
            )

    def why(self, relation: str) -> str:
        """Return what a relation says, for people."""
        if relation in self.relations:
            return self.relations[relation].why
        return STANDARD_RELATIONS[relation]


def shipped_dialects() -> dict[str, dict[Version, Path]]:
    """Return the files of the shipped dialects by id and version."""
    found: dict[str, dict[Version, Path]] = {}
    for path in sorted((protocol_root() / FOLDER).glob("*/*.yaml")):
        found.setdefault(path.parent.name, {})[Version.parse(path.stem)] = path
    return {name: dict(sorted(versions.items())) for name, versions in found.items()}


def load_dialect(wanted: str) -> Dialect:
    """Load a dialect by ``id[@version]`` or by the path of its file.

    Raises
    ------
    ComparisonFileError
        ``DIALECT-NOT-FOUND``, ``DIALECT-INVALID``.
    """
    return load_model(_locate(wanted), Dialect, FORMAT, "DIALECT-INVALID", ComparisonFileError)


def _locate(wanted: str) -> Path:
    path = Path(wanted)
    if path.suffix in {".yaml", ".yml"}:
        return path
    shipped = shipped_dialects()
    ident, _, version = wanted.partition("@")
    try:
        matching = [
            p for v, p in shipped.get(ident, {}).items() if not version or in_range(v, version)
        ]
    except ValueError:
        matching = []
    if matching:
        return matching[-1]
    known = ", ".join(f"{name}@{list(versions)[-1]}" for name, versions in shipped.items())
    near = closest(ident, shipped)
    meant = f"Did you mean {' or '.join(near)}? " if near and near != [ident] else ""
    raise ComparisonFileError(
        "DIALECT-NOT-FOUND",
        f"no dialect is called {wanted[:100]!r}",
        hint=f"{meant}Shipped are: {known}. A file of one's own ends in .yaml.",
    )
