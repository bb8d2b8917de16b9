"""The engines that turn an image and its regions into feature values."""

from __future__ import annotations

from typing import assert_never

from biomarker_cli.radiomics.engines.engine import Engine
from biomarker_cli.radiomics.rules import RadiomicsRules


def engine_of(rules: RadiomicsRules) -> Engine:
    """Return the engine that the rules name; its packages load only here."""
    match rules.engine:
        case "native":
            from biomarker_cli.radiomics.engines.native import NativeEngine

            return NativeEngine()
        case "pyradiomics":
            from biomarker_cli.radiomics.engines.pyradiomics import PyradiomicsEngine

            return PyradiomicsEngine()
        case _:
            assert_never(rules.engine)
