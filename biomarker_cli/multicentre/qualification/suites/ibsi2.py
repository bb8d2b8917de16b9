"""Suite ``ibsi-2``: response maps of IBSI chapter 2, and the values of the filtered CT phantom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import UNITLESS
from biomarker_cli.multicentre.qualification.bench import Bench
from biomarker_cli.multicentre.qualification.checks import Found, KnownCheck, SuiteResult, compared
from biomarker_cli.multicentre.qualification.ct_phantom import ct_phantom, ct_phantom_lacks
from biomarker_cli.multicentre.qualification.suites.ibsi1 import measured_alone, rules_of
from biomarker_cli.multicentre.qualification.truths import published
from biomarker_cli.multicentre.qualification.truths.response_maps import (
    MAPS,
    SPACING_MM,
    expected_of,
)
from biomarker_cli.radiomics.filters.applying import filtered_images
from biomarker_cli.radiomics.filters.rules import FilterRules

NAME = "ibsi-2"

_PHANTOMS = "filter_phantoms"
_MAPS = "filter_reference_maps"
_WHERE_FROM = "github.com/theibsi/ibsi_2_reference_data"

_FILTER: TypeAdapter[FilterRules] = TypeAdapter(FilterRules)


def run(bench: Bench) -> SuiteResult:
    """Measure the suite."""
    lacks = ct_phantom_lacks(bench.data)
    if lacks:
        return SuiteResult(NAME, (), (f"all of it: {lacks}",))
    checks: list[KnownCheck] = []
    image, region = ct_phantom(bench.data or Path())
    for config in published.CONFIGURATIONS_2:
        checks += compared(
            NAME,
            published.chapter_2(config),
            partial(_configuration, config, image, region),
        )
    maps, skipped = _maps(bench.data or Path())
    return SuiteResult(NAME, (*checks, *maps), skipped)


def _maps(data: Path) -> tuple[list[KnownCheck], tuple[str, ...]]:
    """Return the checks of the response maps, and what lacks for them."""
    absent = [test for test in MAPS if not all(path.is_file() for path in _files(data, test))]
    if absent:
        where = f"need ibsi/{_PHANTOMS} and ibsi/{_MAPS} below --data ({_WHERE_FROM})"
        return [], (f"{len(MAPS)} response maps: {where}",)
    checks: list[KnownCheck] = []
    for test in MAPS:
        checks += compared(NAME, [expected_of(test)], partial(_map, data, test))
    return checks, ()


def _files(data: Path, test: str) -> tuple[Path, Path]:
    """Return where a phantom and its response map lie."""
    phantom, _, _ = MAPS[test]
    image = data / "ibsi" / _PHANTOMS / phantom / "image" / f"{phantom}.nii.gz"
    return image, data / "ibsi" / _MAPS / f"{test}-ValidCRM.nii.gz"


def _map(data: Path, test: str) -> Mapping[str, Found]:
    _, given, planar = MAPS[test]
    image, known = (read_image_file(path, UNITLESS).as_float64() for path in _files(data, test))
    rules = _FILTER.validate_python(given)
    ((_, found),) = filtered_images(image, SPACING_MM, rules, planar)
    return {expected_of(test).name: float((np.abs(found - known) / np.ptp(known)).max())}


def _configuration(config: str, image: Volume, region: Region) -> Mapping[str, Found]:
    rules = rules_of(f"ibsi-2-config-{config.replace('.', '-').lower()}")
    found = {row.definition.ibsi_id: row.value for row in measured_alone(image, region, rules)}
    return {f"{config} {tag}": found.get(ident) for tag, ident in published.IBSI_IDS.items()}
