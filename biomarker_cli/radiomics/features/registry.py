"""The dictionary of radiomic features, filled by the family modules beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from biomarker_cli.model.features import FeatureDefinition, FeatureRegistry

RADIOMICS = FeatureRegistry()
"""Every definition of every family, by ``family.name[.aggregation]``."""

AGGREGATED_BY_DIRECTION = (
    "2d_average",
    "2d_slice_merged",
    "2.5d_merged_by_direction",
    "2.5d_merged",
    "3d_average",
    "3d_merged",
)
"""Aggregations of families with one matrix per direction: GLCM and GLRLM."""

AGGREGATED_BY_SLICE = ("2d", "2.5d", "3d")
"""Aggregations of the families without directions."""

# Families of IBSI-1 that the IBSI scheme of DICOM PS3.16 (pydicom's codes.IBSI) leaves out.
_WITHOUT_DICOM_CODES = frozenset({"local_intensity", "intensity", "ivh"})

# pyradiomics leaves it out unless it is named; it is the root of the variance.
_DEPRECATED = frozenset({"firstorder_StandardDeviation"})

FeatureRow = tuple[str, str, str] | tuple[str, str, str, str]
"""Name, IBSI id, pyradiomics feature, and the title where it is not the name in words."""

Family = Mapping[str, Mapping[str, FeatureDefinition]]
"""Definitions by name, then by aggregation."""


def define_family(
    family: str,
    rows: Iterable[FeatureRow],
    *,
    reference: str,
    aggregations: tuple[str, ...] = ("",),
    units: Mapping[str, str] = MappingProxyType({}),
    pyradiomics_class: str = "",
) -> Family:
    """Register a family and return its definitions by name and aggregation.

    Parameters
    ----------
    family : str
    rows : iterable of FeatureRow
        Empty strings where a scheme has no such feature.
    reference : str
        Where the definitions stand.
    aggregations : tuple of str
        One definition is registered for each.
    units : mapping
        UCUM unit by feature name; ``1`` where it is absent.
    pyradiomics_class : str
        Class of pyradiomics; a row may name another as ``class_Feature``.
    """
    found: dict[str, Mapping[str, FeatureDefinition]] = {}
    for name, ibsi_id, peer, *title in rows:
        peer_name = peer if "_" in peer or not peer else f"{pyradiomics_class}_{peer}"
        found[name] = MappingProxyType(
            {
                aggregation: RADIOMICS.register(
                    FeatureDefinition(
                        family=family,
                        name=name,
                        title=title[0] if title else _in_words(name),
                        unit=units.get(name, "1"),
                        ibsi_id=ibsi_id,
                        aggregation=aggregation,
                        dicom_code="" if family in _WITHOUT_DICOM_CODES else ibsi_id,
                        pyradiomics_name=peer_name,
                        reference=reference,
                    )
                )
                for aggregation in aggregations
            }
        )
    return MappingProxyType(found)


def _in_words(name: str) -> str:
    return name.replace("_", " ").replace("non uniformity", "non-uniformity").capitalize()


def is_offered(definition: FeatureDefinition, conventions: str) -> bool:
    """Tell whether the conventions ``ibsi`` or ``pyradiomics`` define a feature."""
    if conventions == "ibsi":
        return bool(definition.ibsi_id)
    return bool(definition.pyradiomics_name) and definition.pyradiomics_name not in _DEPRECATED
