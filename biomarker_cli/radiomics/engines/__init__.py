"""The engines that turn an image and its regions into feature values."""

from __future__ import annotations

from biomarker_cli.radiomics.engines.engine import Engine
from biomarker_cli.radiomics.rules import RadiomicsRules


def engine_of(rules: RadiomicsRules) -> Engine:
    """Return the engine that the rules name; its packages load only here."""
    if rules.engine == "native":
        from biomarker_cli.radiomics.engines.native import NativeEngine

        return NativeEngine()
    from biomarker_cli.radiomics.engines.pyradiomics import PyradiomicsEngine

    return PyradiomicsEngine()
