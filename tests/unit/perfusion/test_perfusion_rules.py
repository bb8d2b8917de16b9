"""What a section ``dce:`` or ``t1:`` may not say."""

from __future__ import annotations

import pytest
from perfusion_cases import DCE, dce_rules
from pydantic import ValidationError

from biomarker_cli.perfusion.t1_rules import T1Rules


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"model": None, "iaugc_s": []}, "nothing is measured"),
        ({"t10": None}, "need t10"),
        ({"agent": None}, "need t10"),
        ({"level": "voxel"}, "statistics goes with"),
        ({"statistics": ["median"]}, "statistics goes with"),
        ({"level": "voxel", "statistics": ["median"], "model_name": "2cxm"}, "2cxm is for"),
        ({"iaugc_s": [60, 60]}, "named twice"),
        ({"agent": {"name": "saline"}}, "unknown agent"),
        ({"agent": {"name": "gadobutrol", "relaxivity_per_s_mm": 5.0}}, "give one of"),
        ({"model_aif": {"source": "population", "name": "parker"}}, "unknown input function"),
        ({"model_aif": {"source": "population", "name": "weinmann_plasma"}}, "dose_mmol_kg"),
        (
            {
                "model_aif": {
                    "source": "table",
                    "name": "ours_plasma",
                    "times_s": [0, 2, 1],
                    "concentration_mm": [0, 1, 2],
                }
            },
            "must rise",
        ),
        ({"model_haematocrit": 42.0}, "haematocrit"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_contradiction_is_refused(changes, word):
    with pytest.raises(ValidationError, match=word):
        dce_rules(**changes)


def test_the_rules_of_the_tests_are_valid():
    assert dce_rules().model_dump()["level"] == DCE["level"]


@pytest.mark.parametrize(
    "changes",
    [
        {"statistics": ["mode"]},
        {"statistics": ["median", "median"]},
        {"min_flip_angles": 1},
        {"plausible_ms": [2000, 100]},
        {"phantom": {"max_bias_percent": 5, "vials": [{"roi": "a", "t1_ms": 1}] * 2}},
    ],
)
def test_rules_of_t1_that_make_no_sense_are_refused(changes):
    with pytest.raises(ValidationError):
        T1Rules.model_validate({"statistics": ["median"], **changes})
