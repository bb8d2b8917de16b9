"""Tolerances: how far two values of one feature may lie apart.

::

    format: biomarker-tolerance/1
    default: {rel: 1.0e-9, abs: 1.0e-12}
    families: {glcm: {rel: 1.0e-6}}
    features:
      original.morphology.volume: {ibsi: 0.5, source: "IBSI-1, digital phantom"}
      adc.intensity.mean: {rc_percent: 7.4, source: "repeatability 2026-11"}

What names the feature itself goes before a pattern, a pattern before the family, the
family before the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from biomarker_cli.multicentre.errors import ComparisonFileError
from biomarker_cli.protocol.document import Strict
from biomarker_cli.protocol.loading import load_model

FORMAT = "biomarker-tolerance/1"

_NON_NEGATIVE = Field(default=0.0, ge=0.0)


class ToleranceLimit(Strict):
    """How far two values may lie apart: `abs` + `rel` x |A|, or one limit of another kind.

    Attributes
    ----------
    abs, rel : float
        In the unit of the feature; a fraction of the value of A.
    ibsi : float
        Tolerance of a published IBSI value, in the unit of the feature.
    rc : float
        Repeatability coefficient, in the unit of the feature.
    rc_percent : float
        Repeatability coefficient in percent of the mean of both values.
    source : str
        Where the limit comes from.
    """

    abs: float = _NON_NEGATIVE
    rel: float = _NON_NEGATIVE
    ibsi: float | None = Field(default=None, ge=0.0)
    rc: float | None = Field(default=None, ge=0.0)
    rc_percent: float | None = Field(default=None, ge=0.0)
    source: str = ""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> ToleranceLimit:
        others = [name for name in ("ibsi", "rc", "rc_percent") if getattr(self, name) is not None]
        if len(others) + bool({"abs", "rel"} & self.model_fields_set) != 1:
            raise ValueError("expected one of: abs and rel, ibsi, rc, rc_percent")
        return self

    @property
    def terms(self) -> tuple[float, float, float]:
        """The limit is first + second x |A| + third x |mean of A and B|."""
        if self.rc_percent is not None:
            return 0.0, 0.0, self.rc_percent / 100.0
        alone = self.ibsi if self.ibsi is not None else self.rc
        return (self.abs, self.rel, 0.0) if alone is None else (alone, 0.0, 0.0)

    @property
    def beyond(self) -> str:
        """What a value is called that lies further apart."""
        is_repeatability = self.rc is not None or self.rc_percent is not None
        return "exceeds_rc95" if is_repeatability else "out_of_tolerance"

    def __str__(self) -> str:
        if self.rc_percent is not None:
            text = f"%RC {self.rc_percent:g} % of the mean"
        elif self.rc is not None:
            text = f"RC {self.rc:g}"
        elif self.ibsi is not None:
            text = f"IBSI tolerance {self.ibsi:g}"
        else:
            text = f"{self.abs:g} + {self.rel:g} x |A|"
        return f"{text} ({self.source})" if self.source else text


class ToleranceFile(Strict):
    """A file of tolerances."""

    format: Literal["biomarker-tolerance/1"]
    default: ToleranceLimit | None = None
    families: Mapping[str, ToleranceLimit] = {}
    features: Mapping[str, ToleranceLimit] = {}


DEFAULT = ToleranceLimit(
    rel=1e-9, abs=1e-12, source="default: engines and versions agree so closely"
)
"""Between two tables of this program: what its engines are held to."""


@dataclass(frozen=True)
class Tolerances:
    """Limits by feature.

    Attributes
    ----------
    name : str
        The file, or ``default``.
    default : ToleranceLimit
    families, features : mapping of str to ToleranceLimit
        A key of `features` may be a pattern with ``*``.
    """

    name: str
    default: ToleranceLimit
    families: Mapping[str, ToleranceLimit]
    features: Mapping[str, ToleranceLimit]

    @cached_property
    def _patterns(self) -> list[tuple[str, ToleranceLimit]]:
        return [(key, limit) for key, limit in self.features.items() if "*" in key or "?" in key]

    def limit_of(self, feature_id: str) -> ToleranceLimit:
        """Return the limit of a feature."""
        if feature_id in self.features:
            return self.features[feature_id]
        for pattern, limit in self._patterns:
            if fnmatchcase(feature_id, pattern):
                return limit
        for family, limit in self.families.items():
            # The name of an image may hold dots itself (log-sigma-3.0-mm).
            if f".{family}." in feature_id:
                return limit
        return self.default


def default_tolerances(limit: ToleranceLimit = DEFAULT) -> Tolerances:
    """Return the tolerances where no file names others."""
    return Tolerances("default", limit, {}, {})


def load_tolerances(path: Path, default: ToleranceLimit = DEFAULT) -> Tolerances:
    """Read a file of tolerances.

    Parameters
    ----------
    path : Path
    default : ToleranceLimit
        Where the file has none of its own.

    Raises
    ------
    ComparisonFileError
        ``TOLERANCE-INVALID``.
    """
    found = load_model(path, ToleranceFile, FORMAT, "TOLERANCE-INVALID", ComparisonFileError)
    return Tolerances(path.name, found.default or default, found.families, found.features)
