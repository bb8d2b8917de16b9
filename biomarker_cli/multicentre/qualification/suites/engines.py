"""Suite ``engines``: the native engine, and pyradiomics where it is installed.

Both are held against shipped values of pyradiomics-bhklab 3.1.4, and against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.packages import REFERENCE_ENGINE, version_of
from biomarker_cli.model.quantity import HU
from biomarker_cli.multicentre.objects.instances import ObjectGrid
from biomarker_cli.multicentre.qualification.bench import Bench
from biomarker_cli.multicentre.qualification.checks import (
    Expected,
    Found,
    KnownCheck,
    SuiteResult,
    compared,
)
from biomarker_cli.multicentre.qualification.shipped import engine_values
from biomarker_cli.multicentre.qualification.suites.ibsi1 import measured_alone, rules_of
from biomarker_cli.multicentre.qualification.truths.texture import ellipsoid, texture

NAME = "engines"

RELATIVE = 1e-9
"""What engines are held to."""

_ABSOLUTE = 1e-12

ANALYSIS = "pyradiomics-default@1.0.0"

Engine = Literal["native", "pyradiomics"]
ENGINES: tuple[Engine, ...] = ("native", "pyradiomics")

GRID = ObjectGrid((12, 20, 22), (1.0, 1.25, 2.5))
_CENTRE, _HALF_AXES = (10.5, 9.5, 5.5), (8.0, 7.0, 4.5)
_LEVELS = 400
_LOWEST_HU = -150.0


def measure_engine(engine: Engine) -> dict[str, float | None]:
    """Return what an engine gives for the texture, by feature id.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-ENGINE-ABSENT``.
    """
    geometry = Geometry(GRID.shape, GRID.spacing_mm)
    volume = Volume(texture(GRID, _LEVELS) + _LOWEST_HU, geometry, HU)
    region = Region(ellipsoid(GRID, _CENTRE, _HALF_AXES), geometry, "ellipsoid", "ellipsoid")
    rules = rules_of(ANALYSIS).model_copy(update={"engine": engine})
    return {row.feature_id: row.value for row in measured_alone(volume, region, rules)}


def run(bench: Bench) -> SuiteResult:
    """Measure the suite."""
    installed = version_of(REFERENCE_ENGINE)
    shipped = engine_values()
    checks: list[KnownCheck] = []
    skipped: list[str] = []
    for engine in ENGINES:
        if bench.engine in {"", engine} and (engine == "native" or installed):
            checks += _against(engine, f"{engine} against shipped values", shipped)
    if installed is None:
        skipped.append(
            f"pyradiomics: not installed (pip install {REFERENCE_ENGINE}; it needs a C compiler)"
        )
    elif not bench.engine:
        theirs = {name: v for name, v in measure_engine("pyradiomics").items() if v is not None}
        checks += _against("native", f"native against pyradiomics {installed}", theirs)
    return SuiteResult(NAME, tuple(checks), tuple(skipped))


def _against(engine: Engine, prefix: str, known: Mapping[str, float]) -> list[KnownCheck]:
    expected = [
        Expected(
            f"{prefix}: {feature}",
            value,
            RELATIVE * abs(value) + _ABSOLUTE,
            (f"engine {engine}, {feature.split('.')[1]}", f"engine {engine}"),
            is_derived=True,
        )
        for feature, value in known.items()
    ]

    def measure() -> Mapping[str, Found]:
        return {f"{prefix}: {name}": value for name, value in measure_engine(engine).items()}

    return compared(NAME, expected, measure)
