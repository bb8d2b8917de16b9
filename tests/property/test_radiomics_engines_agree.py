"""The native engine gives the values of pyradiomics, by its conventions."""

import math

import numpy as np
import pytest

from biomarker_cli.imaging import Geometry, Region, Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol import ProtocolKind, load_document, validate_section
from biomarker_cli.radiomics import RadiomicsRules, radiomics_measurements
from biomarker_cli.radiomics.rules import PyradiomicsRules, pyradiomics_aggregations

pytest.importorskip("radiomics")

RELATIVE = 1e-9
FLOOR = 1e-13
# Lengths across a flat region are roots of rounding errors in pyradiomics, 0 here.
ROUNDED_LENGTHS = ("least_axis_length", "flatness", "minor_axis_length", "elongation")
LENGTH_FLOOR = 1e-5
# sqrt(1 - exp(-2 x)) magnifies the rounding of a small x: compare its square.
ROOT = "information_correlation_2"
ROOT_FLOOR = 1e-12
# pyradiomics gives 1 or 0 where there is no pair of voxels at all; here there is no value.
WITHOUT_PAIRS = ("glcm.maximal_correlation", "glrlm.")
RANDOM_REGIONS = 200

FIXED_NUMBER = {"method": "fixed_bin_number", "bins": 16}
FINE = {"method": "fixed_bin_size", "width": 0.25, "anchor": "multiple_of_width"}


def rules_for(engine, **changes):
    document = load_document(ProtocolKind.ANALYSIS, "pyradiomics-default")
    data = validate_section(RadiomicsRules, document, "radiomics").model_dump()
    own = {**data["pyradiomics"], **changes.pop("pyradiomics", {})}
    aggregations = pyradiomics_aggregations(PyradiomicsRules.model_validate(own))
    changes = {**changes, "pyradiomics": own, "aggregations": aggregations, "engine": engine}
    return RadiomicsRules.model_validate({**data, **changes})


def differences(volume, region, **changes):
    both = [
        radiomics_measurements(volume, [region], rules_for(engine, **dict(changes)))[region.name]
        for engine in ("pyradiomics", "native")
    ]
    return [
        (one.feature_id, one.value, two.value)
        for one, two in zip(*both, strict=True)
        if not agree(one.feature_id, one.value, two.value)
    ]


def agree(feature, reference, value):
    if reference is None or value is None:
        no_pairs = value is None and any(name in feature for name in WITHOUT_PAIRS)
        return reference is value or no_pairs
    difference = abs(reference - value)
    if difference <= max(RELATIVE * abs(reference), FLOOR):
        return True
    if feature.endswith(ROUNDED_LENGTHS):
        return difference < LENGTH_FLOOR
    return ROOT in feature and abs(reference**2 - value**2) < ROOT_FLOOR


def load(data_dir, case, modality):
    import nibabel

    folder = data_dir / "sts" / case / "nifti"
    image = nibabel.load(folder / f"{modality}_image.nii.gz")
    array = np.asarray(image.dataobj, dtype=np.float64).T
    mask = np.asarray(nibabel.load(folder / f"{modality}_mask.nii.gz").dataobj).T > 0
    geometry = Geometry(array.shape, tuple(float(s) for s in image.header.get_zooms()[:3]))
    return Volume(array, geometry, HU), Region(mask, geometry, "GTV", "gtv")


@pytest.mark.data
@pytest.mark.parametrize("case", ["STS_001", "STS_002", "STS_003", "STS_004"])
@pytest.mark.parametrize(
    ("modality", "bins"), [("CT", None), ("PET", FINE), ("MR_T1", FIXED_NUMBER)]
)
def test_patients(case, modality, bins, data_dir):
    volume, region = load(data_dir, case, modality)
    assert differences(volume, region, **({"discretisation": bins} if bins else {})) == []


FILTERS = {
    "log": [{"filter": "pyradiomics_log", "sigma_mm": [1.0, 3.0, 5.0]}],
    "wavelet": [{"filter": "none"}, {"filter": "pyradiomics_wavelet"}],
    "wavelet_levels": [{"filter": "pyradiomics_wavelet", "levels": 2, "wavelet": "db3"}],
    "wavelet_start": [{"filter": "pyradiomics_wavelet", "start_level": 1}],
    "pointwise": [
        {"filter": name} for name in ("square", "square_root", "logarithm", "exponential")
    ],
    "gradient": [{"filter": "gradient"}],
    "gradient_per_voxel": [{"filter": "gradient", "use_spacing": False}],
}


@pytest.mark.data
@pytest.mark.parametrize(("case", "modality"), [("STS_002", "CT"), ("STS_003", "PET")])
@pytest.mark.parametrize("name", FILTERS)
def test_filters_of_pyradiomics(name, case, modality, data_dir):
    # CT: odd sizes in plane; PET: thick slices.
    volume, region = load(data_dir, case, modality)
    assert differences(volume, region, images=FILTERS[name]) == []


@pytest.mark.data
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_planar_wavelet(axis, data_dir):
    volume, region = load(data_dir, "STS_003", "PET")
    own = {"force_2d": True, "force_2d_axis": axis}
    images = [{"filter": "pyradiomics_wavelet"}]
    assert differences(volume, region, images=images, pyradiomics=own) == []


CHOICES = {
    "force_2d": {"pyradiomics": {"force_2d": True}},
    "force_2d_axis_1": {"pyradiomics": {"force_2d": True, "force_2d_axis": 1}},
    "force_2d_axis_2": {"pyradiomics": {"force_2d": True, "force_2d_axis": 2}},
    "distances_1_2": {"pyradiomics": {"distances": (1, 2)}},
    "distance_3": {"pyradiomics": {"distances": (3,)}},
    "alpha_1": {"pyradiomics": {"distances": (1, 2, 3), "dependence_alpha": 1}},
    "infinity": {"pyradiomics": {"weighting_norm": "infinity"}},
    "euclidean": {"pyradiomics": {"weighting_norm": "euclidean"}},
    "manhattan": {"pyradiomics": {"weighting_norm": "manhattan", "distances": (1, 2)}},
    "no_weighting": {"pyradiomics": {"weighting_norm": "no_weighting"}},
    "planar_weighting": {"pyradiomics": {"weighting_norm": "euclidean", "force_2d": True}},
    "resegment": {"pyradiomics": {"resegment_range": (-20, 60)}},
    "resegment_above": {"pyradiomics": {"resegment_range": (10,)}},
    "resegment_relative": {
        "pyradiomics": {"resegment_range": (0.4,), "resegment_mode": "relative"}
    },
    "resegment_sigma": {
        "pyradiomics": {
            "resegment_range": (-1, 2),
            "resegment_mode": "sigma",
            "resegment_shape": True,
        }
    },
    "shift": {"pyradiomics": {"voxel_array_shift": 1000}},
    "fixed_bin_number": {"discretisation": FIXED_NUMBER},
    "normalised": {
        "discretisation": FIXED_NUMBER,
        "normalisation": {"over": "image", "scale": 100, "clip_sigma": 3},
    },
}


@pytest.mark.data
@pytest.mark.parametrize("modality", ["CT", "PET"])
@pytest.mark.parametrize("choice", CHOICES)
def test_choices_of_pyradiomics(choice, modality, data_dir):
    volume, region = load(data_dir, "STS_002", modality)
    assert differences(volume, region, **CHOICES[choice]) == []


def random_case(rng):
    """Return a small region: sparse, thin, at the image edge, flat, or of one voxel."""
    shape = tuple(int(n) for n in rng.integers(3, 9, 3))
    spacing = tuple(float(s) for s in rng.uniform(0.5, 5, 3))
    array = rng.normal(0, rng.choice([5, 40, 200]), shape)
    if rng.random() < 0.5:
        array = array.round()
    if rng.random() < 0.1:
        array[:] = 7
    mask = rng.random(shape) < rng.uniform(0.05, 1)
    if rng.random() < 0.2:
        mask[int(rng.integers(0, shape[0])) + 1 :] = False
    mask.flat[int(rng.integers(0, mask.size))] = True
    geometry = Geometry(shape, spacing)
    own = {
        "force_2d": bool(rng.random() < 0.2),
        "distances": [(1,), (1, 2), (2,)][int(rng.integers(0, 3))],
        "weighting_norm": [None, None, "euclidean", "no_weighting"][int(rng.integers(0, 4))],
    }
    return Volume(array, geometry, HU), Region(mask, geometry, "x", "x"), own


def test_small_random_regions():
    rng = np.random.default_rng(20)
    for number in range(RANDOM_REGIONS):
        volume, region, own = random_case(rng)
        assert differences(volume, region, pyradiomics=own) == [], (number, own)


def test_no_value_is_nan_or_infinite():
    rng = np.random.default_rng(21)
    for _ in range(20):
        volume, region, own = random_case(rng)
        rows = radiomics_measurements(volume, [region], rules_for("native", pyradiomics=own))["x"]
        for row in rows:
            assert (row.value is None) == bool(row.reason)
            assert row.value is None or math.isfinite(row.value)
