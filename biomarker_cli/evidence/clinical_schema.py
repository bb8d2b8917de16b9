"""The schema of a clinical table: what its columns mean, and how its rows meet the measurements.

::

    format: biomarker-clinical/1
    id: pathology
    title: Biopsy of the primary
    keys: {site: centre, subject: patient, lesion: lesion}
    window: {column: biopsy_date, before_days: 30, after_days: 0}
    matches: nearest
    missing: ["", NA, unknown]
    columns:
      weight: {type: number, unit: kg, minimum: 30, maximum: 250}
      grade: {type: ordinal, codes: {"1": G1, "2": G2, "3": G3}}
      ki67: {column: "Ki-67 (%)", type: number, unit: "%", minimum: 0, maximum: 100}

A column of the table that no key, window or entry names is not taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from biomarker_cli.evidence.errors import ClinicalError
from biomarker_cli.protocol.document import Strict
from biomarker_cli.protocol.loading import load_sealed_model

FORMAT = "biomarker-clinical/1"

ColumnType = Literal["number", "integer", "boolean", "category", "ordinal"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_TABLE = re.compile(r"[a-z][a-z_]{0,39}")

TAKEN_NAMES = frozenset({"case_id", "roi_id", "line", "days_before_scan"})
"""Columns that every joined table has."""


class ClinicalColumn(Strict):
    """A column that is taken.

    Attributes
    ----------
    column : str
        Its name in the table; that of the entry where it is empty.
    type : str
    unit : str
        UCUM code; numbers must have one, ``1`` for a count or an index.
    minimum, maximum : float
        What a person can have; numbers must have both: no other thing tells grams from
        kilograms.
    codes : mapping of str to str
        Cell to the word that the joined table holds; of an ordinal in its order; of a
        boolean to ``true`` and ``false``.
    missing : tuple of str
        Cells without a value, besides those of all columns.
    required : bool
        Whether a row without a value is refused.
    title : str
    """

    column: str = ""
    type: ColumnType
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    codes: Mapping[str, str] = {}
    missing: tuple[str, ...] = ()
    required: bool = False
    title: str = ""

    @model_validator(mode="after")
    def _says_what_it_needs(self) -> Self:
        is_number = self.type in {"number", "integer"}
        if is_number and (not self.unit or self.minimum is None or self.maximum is None):
            raise ValueError("a number needs its unit (UCUM, 1 for none), minimum and maximum")
        if is_number and self.minimum is not None and self.maximum is not None:
            if self.minimum >= self.maximum:
                raise ValueError("the minimum is not below the maximum")
            if self.codes:
                raise ValueError("a number has no codes")
        if not is_number and (self.unit or self.minimum is not None or self.maximum is not None):
            raise ValueError(f"a {self.type} has no unit, minimum or maximum")
        if not is_number and len(set(self.codes.values())) < 2:
            raise ValueError(f"a {self.type} needs codes of two words or more: free text stays out")
        if self.type == "boolean" and set(self.codes.values()) != {"true", "false"}:
            raise ValueError('the codes of a boolean lead to "true" and "false"')
        return self

    @property
    def words(self) -> tuple[str, ...]:
        """Different words of the codes, in their order."""
        return tuple(dict.fromkeys(self.codes.values()))


class ClinicalKeys(Strict):
    """Columns that say whose row it is.

    Attributes
    ----------
    subject : str
    site, timepoint : str
        Empty where the table has none.
    lesion : str
        Holds `roi_id`; with it rows meet regions, without it cases.
    """

    subject: str
    site: str = ""
    timepoint: str = ""
    lesion: str = ""


class ClinicalWindow(Strict):
    """How far the date of a row may lie from the scan; both limits are inside.

    Attributes
    ----------
    column : str
        Dates as YYYY-MM-DD or YYYYMMDD.
    before_days, after_days : int
        Before and after the study date of the case.
    shifted_alike : bool
        The dates were moved with those of the images, by the same days for each subject:
        where images say that theirs were moved, nothing else makes the two comparable.
    """

    column: str
    before_days: int = Field(ge=0, le=36525)
    after_days: int = Field(default=0, ge=0, le=36525)
    shifted_alike: bool = False


class ClinicalSchema(Strict):
    """Content of a schema file."""

    format: Literal["biomarker-clinical/1"]
    id: str
    title: str = ""
    keys: ClinicalKeys
    window: ClinicalWindow | None = None
    matches: Literal["refuse", "nearest", "first"] = "refuse"
    missing: tuple[str, ...] = ("",)
    columns: Mapping[str, ClinicalColumn] = Field(min_length=1)

    @field_validator("id")
    @classmethod
    def _names_a_table(cls, value: str) -> str:
        if not _TABLE.fullmatch(value):
            raise ValueError("an id has small letters and underscores, and at most 40 of them")
        return value

    @field_validator("columns")
    @classmethod
    def _name_columns(cls, value: Mapping[str, ClinicalColumn]) -> Mapping[str, ClinicalColumn]:
        bad = [name for name in value if not _NAME.fullmatch(name) or name in TAKEN_NAMES]
        if bad:
            raise ValueError(
                "names have small letters, digits and underscores, and are none of "
                f"{', '.join(sorted(TAKEN_NAMES))}: {bad[0][:60]}"
            )
        return value

    @model_validator(mode="after")
    def _rules_have_dates(self) -> Self:
        if self.matches != "refuse" and self.window is None:
            raise ValueError(f"matches: {self.matches} needs a window with dates")
        sources = [*self.source_columns]
        twice = sorted({name for name in sources if sources.count(name) > 1})
        if twice:
            raise ValueError(f"a column of the table is named twice: {twice[0][:60]}")
        return self

    @property
    def source_columns(self) -> tuple[str, ...]:
        """Columns of the table that are read: keys, dates and what is taken."""
        keys = (self.keys.subject, self.keys.site, self.keys.timepoint, self.keys.lesion)
        window = (self.window.column,) if self.window else ()
        taken = (one.column or name for name, one in self.columns.items())
        return (*filter(None, keys), *window, *taken)


def load_clinical_schema(path: Path) -> tuple[ClinicalSchema, str]:
    """Return a schema and the sha256 of its file.

    Raises
    ------
    ClinicalError
        ``CLINICAL-SCHEMA``, with the line and the key.
    """
    return load_sealed_model(path, ClinicalSchema, FORMAT, "CLINICAL-SCHEMA", ClinicalError)
