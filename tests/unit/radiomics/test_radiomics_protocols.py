"""The shipped analysis protocols of radiomics."""

import numpy as np
import pytest

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import ACTIVITY, HU, SIGNAL, SUVBW
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind, list_protocols
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.preprocess.normalising import normalised
from biomarker_cli.radiomics.rules import RadiomicsRules


def shipped():
    for path in list_protocols(ProtocolKind.ANALYSIS):
        document = load_document(ProtocolKind.ANALYSIS, str(path))
        if "radiomics" in document.data:
            yield document


@pytest.mark.parametrize("document", list(shipped()), ids=lambda d: d.ident)
def test_every_protocol_says_how_it_measures(document):
    validate_section(RadiomicsRules, document, "radiomics")
    section = document.data["radiomics"]
    # Nothing that moves a number is left to a default of the model.
    assert {"normalisation", "interpolation", "discretisation", "images"} <= set(section)
    assert {"conventions", "engine", "quantities", "families", "aggregations"} <= set(section)


def rules_of(ident):
    document = load_document(ProtocolKind.ANALYSIS, ident)
    return validate_section(RadiomicsRules, document, "radiomics")


def ball(quantity, scale=1.0):
    rng = np.random.default_rng(11)
    shape = (16, 30, 30)
    geometry = Geometry(shape, (1.5, 1.5, 3.0))
    z, y, x = np.indices(shape) - np.array([8, 15, 15]).reshape(3, 1, 1, 1)
    mask = (2.0 * z) ** 2 + y**2 + x**2 < 100
    array = scale * (3 * mask + rng.random(shape))
    return Volume(array, geometry, quantity), Region(mask, geometry, "L", "lesion")


@pytest.mark.parametrize(
    ("ident", "quantity", "scale"),
    [("radiomics-ct", HU, 60), ("radiomics-mr", SIGNAL, 500), ("radiomics-pet", SUVBW, 2)],
)
def test_modality_protocols_measure_every_feature(ident, quantity, scale):
    volume, region = ball(quantity, scale)
    rows = radiomics_measurements(volume, [region], rules_of(ident))["lesion"]
    assert not [row.feature_id for row in rows if row.value is None]
    assert all(np.isfinite(row.value) for row in rows)


def test_pet_refuses_activity():
    volume, region = ball(ACTIVITY, 5000)
    with pytest.raises(RadiomicsError) as caught:
        radiomics_measurements(volume, [region], rules_of("radiomics-pet"))
    assert caught.value.code == "RADIOMICS-QUANTITY"


def test_mr_is_flagged_as_arbitrary_and_does_not_depend_on_the_scale():
    volume, region = ball(SIGNAL, 500)
    rules = rules_of("radiomics-mr")
    rows = radiomics_measurements(volume, [region], rules)["lesion"]
    assert all("arbitrary_intensity" in row.flags for row in rows)
    assert {row.unit for row in rows if row.definition.name == "mean"} == {"1"}
    louder = volume.with_array(volume.array * 7 + 100, SIGNAL)
    again = radiomics_measurements(louder, [region], rules)["lesion"]
    for one, two in zip(rows, again, strict=True):
        assert two.value == pytest.approx(one.value, rel=1e-6, abs=1e-9), one.feature_id


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "pyradiomics"},
        {"ivh": None},
        {"resegmentation": None},
        {"discretisation": {"method": "fixed_bin_size", "width": 25}},
        {"images": [{"filter": "square"}]},
        {"pyradiomics": {}},
        {"binwidth": 25},
    ],
)
def test_rules_that_contradict_themselves_are_refused(change):
    data = {**rules_of("radiomics-ct").model_dump(), **change}
    with pytest.raises(ValueError, match="validation error"):
        RadiomicsRules.model_validate(data)


def test_z_scores_of_mr_refer_to_the_whole_image_above_otsus_threshold():
    import SimpleITK

    rules = rules_of("radiomics-mr")
    assert rules.normalisation.over == "otsu"
    rng = np.random.default_rng(5)
    # Air around a body of two tissues: the threshold lies between air and body.
    array = rng.rayleigh(8, (12, 40, 44))
    array[2:10, 8:30, 6:36] = rng.normal(300, 40, (8, 22, 30))
    array[4:8, 10:18, 20:30] += 150
    otsu = SimpleITK.OtsuThresholdImageFilter()
    otsu.SetNumberOfHistogramBins(256)
    otsu.Execute(SimpleITK.GetImageFromArray(array))
    reference = array > otsu.GetThreshold()
    found = normalised(array, rules.normalisation)
    assert found[reference].mean() == pytest.approx(0, abs=1e-9)
    assert found[reference].std() == pytest.approx(1, rel=1e-9)
    assert found[0].mean() < -3


def test_the_intensity_volume_histogram_has_no_silent_step():
    data = rules_of("radiomics-pet").model_dump()
    with pytest.raises(ValueError, match="needs round_to"):
        RadiomicsRules.model_validate({**data, "ivh": {"method": "none"}})


def test_both_engines_are_said_once_and_have_one_signature():
    import inspect

    from biomarker_cli.radiomics.engines.engine import Engine
    from biomarker_cli.radiomics.engines.native import NativeEngine
    from biomarker_cli.radiomics.engines.pyradiomics import PyradiomicsEngine

    for engine in (NativeEngine, PyradiomicsEngine):
        assert inspect.signature(engine.extract) == inspect.signature(Engine.extract)
        assert engine.extract.__doc__ is None
        assert inspect.getdoc(engine.extract) == inspect.getdoc(Engine.extract)


def test_chosen_features_are_the_only_rows_of_their_family():
    data = rules_of("radiomics-ct").model_dump()
    chosen = {"features": ["glcm.joint_entropy", "intensity.mean"]}
    rules = RadiomicsRules.model_validate({**data, **chosen})
    volume, region = ball(HU, 60)
    rows = radiomics_measurements(volume, [region], rules)["lesion"]
    by_family = {}
    for row in rows:
        by_family.setdefault(row.definition.family, set()).add(row.definition.name)
    assert by_family["glcm"] == {"joint_entropy"}
    assert by_family["intensity"] == {"mean"}
    assert len(by_family["glrlm"]) == 16


@pytest.mark.parametrize(
    "change",
    [
        {"features": ["glcm.joint_entropie"]},
        {"features": ["glcm.maximal_correlation_coefficient"]},
        {"features": ["intensity.mean"], "families": ["glcm"]},
        {"families": ["morphology_2d"]},
    ],
)
def test_features_that_the_rules_cannot_give_are_refused(change):
    data = {**rules_of("radiomics-ct").model_dump(), **change}
    with pytest.raises(ValueError, match=r"give no|does not define"):
        RadiomicsRules.model_validate(data)


SMALL = [(1, 1, 1), (1, 6, 7), (2, 3, 4), (7, 1, 9)]


@pytest.mark.parametrize("document", list(shipped()), ids=lambda d: d.ident)
@pytest.mark.parametrize("shape", SMALL, ids=str)
def test_a_tiny_image_gives_rows_or_a_named_error(document, shape):
    rules = validate_section(RadiomicsRules, document, "radiomics")
    rules = rules.model_copy(update={"quantities": ("any",)})
    array = np.random.default_rng(1).normal(0, 50, shape).round()
    if document.header.id == "ibsi-1-digital":
        array = np.abs(array) + 1
    geometry = Geometry(shape, (1.0, 1.5, 2.5))
    mask = np.zeros(shape, bool)
    mask.flat[:2] = True
    region = Region(mask, geometry, "x", "x")
    code = ""
    if rules.normalisation is not None and array.size == 1:
        code = "RADIOMICS-FLAT-IMAGE"
    if rules.images[0].filter == "gabor" and rules.interpolation is None:
        code = "RADIOMICS-UNEQUAL-SPACING"
    volume = Volume(array, geometry, HU)
    if code:
        with pytest.raises(RadiomicsError) as caught:
            radiomics_measurements(volume, [region], rules)
        assert caught.value.code == code
        return
    for row in radiomics_measurements(volume, [region], rules)["x"]:
        assert (row.value is None) == (row.status == "undefined") == bool(row.reason)
        assert row.value is None or np.isfinite(row.value)
