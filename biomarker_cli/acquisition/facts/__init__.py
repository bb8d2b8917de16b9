"""The library of facts: one module per field, registered when this package is imported."""

from biomarker_cli.acquisition.facts import (
    ct,
    geometry,
    identity,
    mr,
    pet,
    phantom,
    temporal,
    uptake,
)
from biomarker_cli.acquisition.facts.registry import (
    FACTS,
    INFERRED,
    FactDefinition,
    FactRegistry,
    Reading,
)

__all__ = [
    "FACTS",
    "INFERRED",
    "FactDefinition",
    "FactRegistry",
    "Reading",
    "ct",
    "geometry",
    "identity",
    "mr",
    "pet",
    "phantom",
    "temporal",
    "uptake",
]
