"""The traps of the package pyradiomics, each by its name."""

import numpy as np
import pytest

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU, SIGNAL
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.rules import RadiomicsRules

pytest.importorskip("radiomics")

from biomarker_cli.radiomics.engines import pyradiomics as engine
from biomarker_cli.radiomics.engines.pyradiomics_settings import settings_of

ENGINES = ("pyradiomics", "native")
SHAPE = (9, 12, 12)


def rules_for(name, **changes):
    document = load_document(ProtocolKind.ANALYSIS, "pyradiomics-default")
    data = validate_section(RadiomicsRules, document, "radiomics").model_dump()
    return RadiomicsRules.model_validate({**data, "engine": name, **changes})


def measured(array, mask, rules, quantity=HU):
    geometry = Geometry(mask.shape, (1.0, 1.0, 2.0))
    region = Region(mask, geometry, "x", "x")
    rows = radiomics_measurements(Volume(array, geometry, quantity), [region], rules)["x"]
    return {row.feature_id: row for row in rows}


def cube():
    mask = np.zeros(SHAPE, bool)
    mask[2:7, 3:9, 3:9] = True
    return mask


def test_numpy_2_5_complex_lengths_give_their_real_part():
    """numpy from 2.5 makes the axis lengths of shape complex numbers."""
    assert engine._outcome(np.complex128(12.5 + 0j), "original_shape_Elongation").value == 12.5


def test_numpy_2_5_lengths_with_an_imaginary_part_are_undefined():
    outcome = engine._outcome(np.array(6.8e-8 + 6.2e-8j), "original_shape_MinorAxisLength")
    assert outcome.value is None
    assert "complex number" in outcome.reason


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        (np.uint8, 0, 255),
        (np.int16, -32760, 32760),
        (np.int16, 32000, 32767),
        (np.uint16, 0, 65535),
    ],
)
def test_numpy_2_integer_images_do_not_overflow_in_bin_edges(name, kind, low, high):
    """Native integer scalars overflow from numpy 2 on: bins came out empty or too few."""
    values = np.random.default_rng(1).integers(low, high, SHAPE, endpoint=True)
    width = 25 if high - low < 1000 else 2500
    bins = {"method": "fixed_bin_size", "width": width, "anchor": "multiple_of_width"}
    rules = rules_for(name, discretisation=bins, families=["glcm", "intensity_histogram"])
    whole = measured(values.astype(kind), cube(), rules, SIGNAL)
    exact = measured(values.astype(np.float64), cube(), rules, SIGNAL)
    assert {k: row.value for k, row in whole.items()} == {k: r.value for k, r in exact.items()}
    inside = values[cube()]
    number = inside.max() // width - inside.min() // width + 1
    assert number / 3 < whole["original.glcm.joint_average.3d_average"].value < number


def test_pre_crop_with_its_padding_would_change_a_laplacian_of_gaussian():
    images = [{"filter": "pyradiomics_log", "sigma_mm": [2.0]}]
    assert settings_of(rules_for("pyradiomics", images=images))["preCrop"] is False
    array = np.random.default_rng(2).normal(0, 50, (30, 40, 40))
    mask = np.zeros(array.shape, bool)
    mask[12:16, 18:22, 18:22] = True
    box = np.s_[7:21, 13:27, 13:27]
    for name in ENGINES:
        rules = rules_for(name, images=images)
        whole = measured(array, mask, rules)["log-sigma-2-0-mm-3D.intensity.mean"].value
        cropped = measured(array[box], mask[box], rules)["log-sigma-2-0-mm-3D.intensity.mean"].value
        assert abs(whole - cropped) > 1e-6


@pytest.mark.parametrize("name", ENGINES)
def test_robust_deviation_is_undefined_where_no_voxel_lies_between_the_percentiles(name):
    mask = np.zeros(SHAPE, bool)
    mask[4, 5, 5] = mask[4, 6, 6] = True
    array = np.where(np.arange(np.prod(SHAPE)).reshape(SHAPE) % 2, 0.0, 100.0)
    array[4, 5, 5], array[4, 6, 6] = 0.0, 100.0
    row = measured(array, mask, rules_for(name))[
        "original.intensity.robust_mean_absolute_deviation"
    ]
    assert (row.value, row.status) == (None, "undefined")
    assert row.reason


@pytest.mark.parametrize("name", ENGINES)
def test_co_occurrence_is_undefined_where_no_pair_exists(name):
    mask = np.zeros(SHAPE, bool)
    mask[2, 3, 3] = mask[6, 8, 8] = True
    array = np.random.default_rng(3).normal(0, 60, SHAPE)
    found = measured(array, mask, rules_for(name))
    for feature in ("joint_entropy", "contrast", "correlation"):
        row = found[f"original.glcm.{feature}.3d_average"]
        assert (row.value, row.status) == (None, "undefined")
        assert row.reason


def test_itk_reads_foreign_memory_when_it_interpolates_two_voxels_by_a_spline():
    grid = {"spacing_mm": [0.7, 0.7, 0.7], "image": "cubic", "mask": "nearest"}
    mask = np.ones((2, 9, 9), bool)
    array = np.random.default_rng(4).normal(0, 50, mask.shape)
    for name in ENGINES:
        with pytest.raises(RadiomicsError) as caught:
            measured(array, mask, rules_for(name, interpolation=grid))
        assert caught.value.code == "RADIOMICS-THIN-IMAGE"
        assert measured(array, mask, rules_for(name, interpolation={**grid, "image": "linear"}))


def test_a_failure_inside_the_package_is_a_named_error(monkeypatch):
    class Broken:
        def execute(self, *_):
            raise IndexError("index 7 is out of bounds")

    monkeypatch.setattr(engine, "_extractor", lambda _rules: Broken())
    with pytest.raises(RadiomicsError) as caught:
        measured(np.zeros(SHAPE), cube(), rules_for("pyradiomics"))
    assert caught.value.code == "RADIOMICS-ENGINE-FAILED"
    assert "IndexError" in str(caught.value)


def test_a_mesh_volume_below_zero_does_not_leave():
    """pyradiomics' surface has holes where voxels touch along an edge only."""
    mask = np.zeros((4, 8, 8), bool)
    for place in ((1, 2, 6), (1, 6, 2), (2, 1, 4), (2, 6, 1)):
        mask[place] = True
    array = np.zeros(mask.shape)
    theirs = measured(array, mask, rules_for("pyradiomics", families=["morphology"]))
    assert theirs["original.morphology.volume"].value < 0
    ours = measured(array, mask, rules_for("native", families=["morphology"]))
    assert ours["original.morphology.volume"].status == "undefined"
    assert ours["original.morphology.surface_to_volume_ratio"].value is None
    ibsi = {"conventions": "ibsi", "pyradiomics": None, "aggregations": ["3d"]}
    bins = {"discretisation": {"method": "fixed_bin_number", "bins": 4}}
    closed = measured(array, mask, rules_for("native", families=["morphology"], **ibsi, **bins))
    # Two of the four voxels touch along an edge; alone each has a sixth of a voxel.
    assert closed["original.morphology.volume"].value == pytest.approx(4 / 6 * 2)
