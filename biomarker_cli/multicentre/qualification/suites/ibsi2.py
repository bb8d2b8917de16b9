"""Suite ``ibsi-2``: the values of response maps of IBSI chapter 2, on the CT phantom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.multicentre.qualification.bench import Bench
from biomarker_cli.multicentre.qualification.checks import Check, Found, SuiteResult, compared
from biomarker_cli.multicentre.qualification.ct_phantom import ct_phantom, ct_phantom_lacks
from biomarker_cli.multicentre.qualification.suites.ibsi1 import measured_alone, rules_of
from biomarker_cli.multicentre.qualification.truths import published

NAME = "ibsi-2"


def run(bench: Bench) -> SuiteResult:
    """Measure the suite."""
    lacks = ct_phantom_lacks(bench.data)
    if lacks:
        return SuiteResult(NAME, (), (f"all of it: {lacks}",))
    checks: list[Check] = []
    image, region = ct_phantom(bench.data or Path())
    for config in published.CONFIGURATIONS_2:
        checks += compared(
            NAME,
            published.chapter_2(config),
            partial(_configuration, config, image, region),
        )
    return SuiteResult(NAME, tuple(checks))


def _configuration(config: str, image: Volume, region: Region) -> Mapping[str, Found]:
    rules = rules_of(f"ibsi-2-config-{config.replace('.', '-').lower()}")
    found = {row.definition.ibsi_id: row.value for row in measured_alone(image, region, rules)}
    return {f"{config} {tag}": found.get(ident) for tag, ident in published.IBSI_IDS.items()}
