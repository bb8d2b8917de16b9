"""The feature dictionary: one definition per feature, registered beside its code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

Aggregation = Literal[
    "2d_average",
    "2d_slice_merged",
    "2.5d_merged_by_direction",
    "2.5d_merged",
    "3d_average",
    "3d_merged",
    "2d",
    "2.5d",
    "3d",
]
"""How texture matrices of slices and directions become one number (IBSI-1, 3.6-3.11)."""

AGGREGATIONS: tuple[str, ...] = ("", *get_args(Aggregation))
"""Every aggregation; empty for features that have none."""

UNIT_OF_IMAGE = "{image}"
"""Stands for the unit of the image the feature is computed on."""


@dataclass(frozen=True, slots=True)
class FeatureDefinition:
    """One row of the feature dictionary.

    Attributes
    ----------
    family : str
        ``morphology``, ``intensity``, ``glcm``, ``uptake`` ...
    name : str
        Snake-case name within the family.
    title : str
        Name for people.
    unit : str
        UCUM code; ``{image}`` inside it stands for the unit of the image.
    ibsi_id : str
        Four-letter id of the IBSI manual, empty where it has none.
    aggregation : str
        One of `AGGREGATIONS`.
    dicom_code : str
        Code value in the DCM, SCT or IBSI scheme, empty where none exists.
    pyradiomics_name : str
        ``class_Feature`` of pyradiomics, empty where it has none.
    definition_version : str
        Rises when the same name would give another number.
    reference : str
        Where the definition stands.
    """

    family: str
    name: str
    title: str
    unit: str
    ibsi_id: str = ""
    aggregation: str = ""
    dicom_code: str = ""
    pyradiomics_name: str = ""
    definition_version: str = "1"
    reference: str = ""

    def __post_init__(self) -> None:
        if self.aggregation not in AGGREGATIONS:
            raise ValueError(f"unknown aggregation {self.aggregation!r}")

    @property
    def key(self) -> str:
        """Family, name and variant: the feature id without its image."""
        variant = f".{self.aggregation}" if self.aggregation else ""
        return f"{self.family}.{self.name}{variant}"

    def feature_id(self, image: str) -> str:
        """Return ``image.family.feature[.variant]``."""
        return f"{image}.{self.key}"

    def name_on(self, image: str) -> str:
        """Return a name for people that no other feature of an analysis has.

        ``Joint entropy (original, glcm, 3d_average)``: titles recur over images, families
        and aggregations.
        """
        where = ", ".join(filter(None, (image, self.family, self.aggregation)))
        return f"{self.title} ({where})"

    def unit_on(self, image_unit: str) -> str:
        """Return the unit of the feature on an image of `image_unit`."""
        if self.unit == UNIT_OF_IMAGE:
            return image_unit
        if UNIT_OF_IMAGE in self.unit:
            if image_unit == "1":
                # A factor of ``1`` in a UCUM product is noise; the other factors stay.
                factors = [f for f in self.unit.split(".") if UNIT_OF_IMAGE not in f]
                return ".".join(factors) or "1"
            return self.unit.replace(UNIT_OF_IMAGE, f"({image_unit})")
        return self.unit


class FeatureRegistry:
    """Definitions by key; refuses to define one key twice."""

    def __init__(self) -> None:
        self._by_key: dict[str, FeatureDefinition] = {}

    def register(self, definition: FeatureDefinition) -> FeatureDefinition:
        """Add a definition and return it.

        Raises
        ------
        ValueError
            When the key is taken by another definition.
        """
        known = self._by_key.setdefault(definition.key, definition)
        if known != definition:
            raise ValueError(f"feature {definition.key!r} is defined twice")
        return definition

    def __getitem__(self, key: str) -> FeatureDefinition:
        return self._by_key[key]

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def __iter__(self) -> Iterator[FeatureDefinition]:
        return iter(sorted(self._by_key.values(), key=lambda d: d.key))

    def __len__(self) -> int:
        return len(self._by_key)


class FeatureNamesError(RuntimeError):
    """Code computes other features than the dictionary defines: a fault of ours."""


def require_names(
    family: str, computed: Iterable[str], planned: Iterable[str], defined: Iterable[str]
) -> None:
    """Hold what was computed against the dictionary: a name too few or too many is no value.

    Parameters
    ----------
    family : str
        For the message.
    computed, planned, defined : iterable of str
        Names of features: of the values at hand, of the rows to come, of the family.

    Raises
    ------
    FeatureNamesError
    """
    names = set(computed)
    lacking, unknown = set(planned) - names, names - set(defined)
    if lacking:
        raise FeatureNamesError(f"{family}: {', '.join(sorted(lacking))} not computed")
    if unknown:
        raise FeatureNamesError(f"{family}: {', '.join(sorted(unknown))} not defined")
