"""Suite ``ibsi-1``: image processing in closed form, and the values of IBSI chapter 1.

The digital phantom is built in. The CT phantom (CC BY-NC) is read below ``--data``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.measurement import Measurement
from biomarker_cli.model.quantity import HU, UNITLESS
from biomarker_cli.multicentre.qualification.bench import Bench
from biomarker_cli.multicentre.qualification.checks import Found, KnownCheck, SuiteResult, compared
from biomarker_cli.multicentre.qualification.ct_phantom import ct_phantom, ct_phantom_lacks
from biomarker_cli.multicentre.qualification.truths import preprocessing, published
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.rules import RadiomicsRules

NAME = "ibsi-1"

_PLAIN = {
    "conventions": "ibsi",
    "engine": "native",
    "quantities": ["any"],
    "discretisation": {"method": "fixed_bin_size", "width": 25, "anchor": 0},
    "families": ["morphology", "intensity", "intensity_histogram"],
    "aggregations": ["3d"],
}


def run(bench: Bench) -> SuiteResult:
    """Measure the suite."""
    checks: list[KnownCheck] = []
    for one in preprocessing.PREPARED:
        checks += compared(NAME, one.expected, partial(_prepared, one))
    checks += compared(NAME, published.chapter_1("digital"), _digital)
    lacks = ct_phantom_lacks(bench.data)
    if lacks:
        return SuiteResult(NAME, tuple(checks), (f"configurations A to E: {lacks}",))
    image, region = ct_phantom(bench.data or Path())
    for config in published.CONFIGURATIONS_1:
        checks += compared(
            NAME,
            published.chapter_1(config),
            partial(_configuration, config, image, region),
        )
    return SuiteResult(NAME, tuple(checks))


def rules_of(analysis: str) -> RadiomicsRules:
    """Return the section ``radiomics:`` of a shipped analysis."""
    document = load_document(ProtocolKind.ANALYSIS, analysis)
    return validate_section(RadiomicsRules, document, "radiomics")


def measured_alone(volume: Volume, region: Region, rules: RadiomicsRules) -> list[Measurement]:
    """Measure one region."""
    return radiomics_measurements(volume, [region], rules)[region.name]


def _prepared(one: preprocessing.Prepared) -> Mapping[str, Found]:
    geometry = Geometry(preprocessing.SHAPE, one.spacing_mm)
    volume = Volume(one.values, geometry, HU)
    region = Region(np.ones(one.values.shape, dtype=np.bool_), geometry, "all", "all")
    rules = RadiomicsRules.model_validate({**_PLAIN, **one.rules})
    rows = measured_alone(volume, region, rules)
    return {one.check_name(row.definition.ibsi_id): row.value for row in rows}


def _digital() -> Mapping[str, Found]:
    levels, mask = published.digital_phantom()
    geometry = Geometry((4, 4, 5), published.SPACING_MM)
    volume = Volume(levels.astype("float64"), geometry, UNITLESS)
    region = Region(mask, geometry, "phantom", "phantom")
    rows = measured_alone(volume, region, rules_of("ibsi-1-digital"))
    return _by_name("digital", rows)


def _configuration(config: str, image: Volume, region: Region) -> Mapping[str, Found]:
    rules = rules_of(f"ibsi-1-config-{config.lower()}")
    return _by_name(config, measured_alone(image, region, rules))


def _by_name(config: str, rows: Sequence[Measurement]) -> dict[str, Found]:
    found = {(row.definition.ibsi_id, row.definition.aggregation): row.value for row in rows}
    names = {expected.name for expected in published.chapter_1(config)}
    return {
        name: found.get((name.split()[2], name.split()[3] if len(name.split()) > 3 else ""))
        for name in names
    }
