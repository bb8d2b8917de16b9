"""The nouns: errors, exit codes, flags, features, units."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomarker_cli.model.errors import CaseError, ConfigurationError, InputNotFoundError
from biomarker_cli.model.exit_codes import PRECEDENCE, ExitCode, worst_exit_code
from biomarker_cli.model.features import FeatureDefinition, FeatureRegistry
from biomarker_cli.model.flags import join_flags
from biomarker_cli.model.measurement import MeasurementStatus, measured
from biomarker_cli.model.units import conversion_factor, is_unit


@pytest.mark.parametrize(
    ("codes", "winner"),
    [
        ([], ExitCode.DONE),
        ([ExitCode.PARTIAL, ExitCode.VIOLATION], ExitCode.PARTIAL),
        ([ExitCode.FAILED, ExitCode.PARTIAL], ExitCode.FAILED),
        ([ExitCode.NOTHING_FOUND, ExitCode.FAILED], ExitCode.NOTHING_FOUND),
        ([ExitCode.USAGE, ExitCode.NOTHING_FOUND], ExitCode.USAGE),
        ([ExitCode.INTERNAL, ExitCode.USAGE], ExitCode.INTERNAL),
        ([ExitCode.OUT_OF_TOLERANCE, ExitCode.PARTIAL], ExitCode.PARTIAL),
        ([ExitCode.VIOLATION, ExitCode.OUT_OF_TOLERANCE], ExitCode.OUT_OF_TOLERANCE),
        ([ExitCode.DONE, ExitCode.OUT_OF_TOLERANCE], ExitCode.OUT_OF_TOLERANCE),
    ],
)
def test_exit_code_precedence_is_1_2_3_6_5_7_4_0(codes, winner):
    assert worst_exit_code(codes) is winner
    assert worst_exit_code(reversed(codes)) is winner


def test_every_exit_code_but_that_of_a_signal_has_its_place_in_the_precedence():
    signals = {ExitCode.HUNG_UP, ExitCode.INTERRUPTED, ExitCode.TERMINATED}
    assert sorted(PRECEDENCE) == sorted(set(ExitCode) - signals)


def test_an_error_survives_the_way_from_a_worker_process():
    error = CaseError("SERIES-GAP", "a gap", where="x.dcm", hint="Transfer again.")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.code, again.where, again.hint) == (
        CaseError,
        "SERIES-GAP",
        "x.dcm",
        "Transfer again.",
    )
    assert str(again) == "a gap [x.dcm]. Transfer again."


def test_each_branch_of_the_error_tree_has_its_exit_code():
    assert ConfigurationError.exit_code == 2
    assert InputNotFoundError.exit_code == 3
    assert CaseError.exit_code == 6


def test_flags_are_unique_sorted_and_joined():
    assert join_flags(["unit_inferred:a", "deviates", "deviates"]) == "deviates;unit_inferred:a"


def test_a_misspelt_flag_is_refused():
    with pytest.raises(ValueError, match="unregistered"):
        join_flags(["deviate"])


def test_feature_id_is_image_family_feature_variant():
    definition = FeatureDefinition(
        "glcm", "joint_entropy", "Joint entropy", "1", "TU9B", "3d_average"
    )
    assert definition.feature_id("original") == "original.glcm.joint_entropy.3d_average"


def test_the_unit_of_a_feature_follows_the_image():
    mean = FeatureDefinition("intensity", "mean", "Mean", "{image}")
    variance = FeatureDefinition("intensity", "variance", "Variance", "{image}2")
    assert mean.unit_on("mm2/s") == "mm2/s"
    assert variance.unit_on("[hnsf'U]") == "([hnsf'U])2"
    assert variance.unit_on("1") == "1"


def test_one_feature_cannot_have_two_definitions():
    registry = FeatureRegistry()
    registry.register(FeatureDefinition("a", "b", "B", "1"))
    with pytest.raises(ValueError, match="defined twice"):
        registry.register(FeatureDefinition("a", "b", "B", "mm"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_becomes_undefined(value):
    row = measured("adc", FeatureDefinition("a", "b", "B", "1"), value, "1")
    assert row.value is None
    assert row.status is MeasurementStatus.UNDEFINED
    assert row.reason


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [("MBq", "Bq", 1e6), ("G", "T", 1e-4), ("mCi", "MBq", 37.0), ("min", "s", 60.0)],
)
def test_unit_conversion(source, target, factor):
    assert conversion_factor(source, target) == pytest.approx(factor, rel=1e-15)


def test_units_of_different_dimensions_do_not_convert():
    with pytest.raises(ValueError, match="length"):
        conversion_factor("mm", "s")


@given(st.sampled_from(["mm", "cm", "m", "um"]), st.sampled_from(["mm", "cm", "m", "um"]))
def test_unit_conversion_there_and_back_is_one(a, b):
    assert is_unit(a)
    assert conversion_factor(a, b) * conversion_factor(b, a) == pytest.approx(1.0, rel=1e-15)
