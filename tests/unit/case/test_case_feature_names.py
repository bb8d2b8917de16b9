"""The name of a feature is of one row of an analysis: scripts and people may sort by it."""

from __future__ import annotations

from collections import Counter

import pytest

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.diffusion.features import DIFFUSION, burden_fraction, burden_volume
from biomarker_cli.model.features import FeatureDefinition
from biomarker_cli.pet.rules import SuvRules
from biomarker_cli.pet.uptake import uptake_definitions
from biomarker_cli.protocol.locator import ProtocolKind, list_protocols
from biomarker_cli.radiomics.features.registry import RADIOMICS
from biomarker_cli.radiomics.plan import planned_features
from biomarker_cli.radiomics.rules import RadiomicsRules
from biomarker_cli.statistics.histogram import HISTOGRAM
from biomarker_cli.statistics.intensity import INTENSITY

SHIPPED = list_protocols(ProtocolKind.ANALYSIS)


def _repeated(names):
    return [name for name, count in Counter(names).items() if count > 1]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_two_features_of_a_shipped_analysis_have_one_name(path):
    rules = load_analysis(str(path)).rules
    if isinstance(rules, RadiomicsRules):
        names = [one.definition.name_on(one.image) for one in planned_features(rules)]
        assert len(names) > 1
        assert all(
            one.image in name for one, name in zip(planned_features(rules), names, strict=True)
        )
    elif isinstance(rules, SuvRules):
        names = [one.name_on("suvbw") for one in uptake_definitions(rules)]
    else:
        definitions = [*DIFFUSION, *INTENSITY, *HISTOGRAM, burden_volume("low")]
        names = [one.name_on("adc") for one in (*definitions, burden_fraction("low"))]
    assert names
    assert not _repeated(names)


def test_no_two_definitions_have_one_name_on_an_image():
    assert len(RADIOMICS) > 500
    assert not _repeated(one.name_on("original") for one in RADIOMICS)


def test_a_name_tells_image_family_and_aggregation():
    definition = FeatureDefinition("glcm", "joint_entropy", "Joint entropy", "1")
    assert definition.name_on("original") == "Joint entropy (original, glcm)"
    merged = FeatureDefinition(
        "glcm", "joint_entropy", "Joint entropy", "1", aggregation="3d_merged"
    )
    assert merged.name_on("log-sigma-3mm") == "Joint entropy (log-sigma-3mm, glcm, 3d_merged)"
