"""The native engine gives the values of pyradiomics, by its conventions."""

import math
import os
from fractions import Fraction

import numpy as np
import pytest

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.rules import PyradiomicsRules, RadiomicsRules, pyradiomics_aggregations

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
WITHOUT_PAIRS = ("glcm.maximal_correlation", "glcm.inverse_variance", "glrlm.")
SLOW = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
RANDOM_REGIONS = 2000 if SLOW else 200
RANDOM_CHOICES = 500 if SLOW else 40
# The one value in 2,000 regions where pyradiomics has no digits left; see its own test.
WITHOUT_DIGITS = (984, "original.glcm.correlation.3d_merged")

FIXED_NUMBER = {"method": "fixed_bin_number", "bins": 16}
FINE = {"method": "fixed_bin_size", "width": 0.25, "anchor": "multiple_of_width"}


def rules_for(engine, **changes):
    document = load_document(ProtocolKind.ANALYSIS, "pyradiomics-default")
    data = validate_section(RadiomicsRules, document, "radiomics").model_dump()
    own = {**data["pyradiomics"], **changes.pop("pyradiomics", {})}
    aggregations = pyradiomics_aggregations(PyradiomicsRules.model_validate(own))
    changes = {**changes, "pyradiomics": own, "aggregations": aggregations, "engine": engine}
    return RadiomicsRules.model_validate({**data, **changes})


def rows_or_code(volume, region, rules):
    try:
        return radiomics_measurements(volume, [region], rules)[region.name]
    except RadiomicsError as error:
        return error.code


def differences(volume, region, **changes):
    both = [
        rows_or_code(volume, region, rules_for(engine, **dict(changes)))
        for engine in ("pyradiomics", "native")
    ]
    if any(isinstance(found, str) for found in both):
        return [] if both[0] == both[1] else [(both[0], both[1])]
    return [
        (one.feature_id, one.value, two.value)
        for one, two in zip(*both, strict=True)
        if not agree(one.feature_id, one.value, two.value)
    ]


def agree(feature, reference, value):
    if reference is None or value is None:
        no_pairs = reference in (0, 1) and any(name in feature for name in WITHOUT_PAIRS)
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
    "one_way_pairs": {"pyradiomics": {"symmetrical_glcm": False}},
    "one_way_weighted": {"pyradiomics": {"symmetrical_glcm": False, "weighting_norm": "euclidean"}},
    "one_way_planar": {
        "pyradiomics": {"symmetrical_glcm": False, "force_2d": True, "distances": (1, 2, 3)}
    },
    "shift": {"pyradiomics": {"voxel_array_shift": 1000}},
    "fixed_bin_number": {"discretisation": FIXED_NUMBER},
    "normalised": {
        "discretisation": FIXED_NUMBER,
        "normalisation": {"over": "image", "scale": 100, "clip_sigma": 3},
    },
}


def grid(image, *spacing_mm):
    return {"interpolation": {"spacing_mm": spacing_mm, "image": image, "mask": "nearest"}}


LOG = {"filter": "pyradiomics_log", "sigma_mm": [2.0]}
RESAMPLED = {
    "spline": grid("cubic", 2, 2, 2),
    "linear": grid("linear", 1.5, 1.5, 1.5),
    "nearest": grid("nearest", 2, 2, 2),
    "in_plane": grid("linear", 2, 2, None),
    "coarser": grid("cubic", 5, 5, 5),
    "planar": {**grid("linear", 3, 3, None), "pyradiomics": {"force_2d": True}},
    "padded_by_10": {
        **grid("linear", 3, 3, 3),
        "pyradiomics": {"pad_distance_voxels": 10},
        "images": [{"filter": "none"}, LOG, {"filter": "pyradiomics_wavelet"}],
    },
    "unpadded": {
        **grid("linear", 3, 3, 3),
        "pyradiomics": {"pad_distance_voxels": 0},
        "images": [{"filter": "none"}, LOG, {"filter": "pyradiomics_wavelet"}],
    },
    "resegmented_and_normalised": {
        **grid("cubic", 3, 3, 3),
        "normalisation": {"over": "image", "scale": 100, "clip_sigma": None},
        "pyradiomics": {"resegment_range": (-1, 2), "resegment_mode": "sigma"},
    },
}
MODALITIES = ("CT", "PET", "MR_T1")
IMAGES = [(f"STS_00{k}", modality) for k in range(1, 5) for modality in MODALITIES]


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "modality"), IMAGES if SLOW else [("STS_002", "CT"), ("STS_002", "PET")]
)
@pytest.mark.parametrize("choice", CHOICES)
def test_choices_of_pyradiomics(choice, case, modality, data_dir):
    volume, region = load(data_dir, case, modality)
    assert differences(volume, region, **CHOICES[choice]) == []


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "modality"), IMAGES if SLOW else [("STS_002", "MR_T1"), ("STS_003", "PET")]
)
@pytest.mark.parametrize("choice", RESAMPLED)
def test_resampling_of_pyradiomics(choice, case, modality, data_dir):
    volume, region = load(data_dir, case, modality)
    assert differences(volume, region, **RESAMPLED[choice]) == []


def cropped(volume, region):
    """Return both cut to the box of the region, which then touches every edge."""
    places = np.argwhere(region.mask)
    box = tuple(slice(a, b + 1) for a, b in zip(places.min(0), places.max(0), strict=True))
    array = volume.as_float64()[box]
    geometry = Geometry(array.shape, volume.geometry.spacing_mm)
    return Volume(array, geometry, HU), Region(region.mask[box], geometry, "GTV", "gtv")


EDGE = {
    **{name: {"images": images} for name, images in FILTERS.items()},
    "unfiltered": {},
    "resampled": {**grid("cubic", 2, 2, 2), "images": [{"filter": "none"}, LOG]},
}


@pytest.mark.data
@pytest.mark.parametrize("choice", EDGE)
def test_a_region_at_the_image_edge(choice, data_dir):
    volume, region = cropped(*load(data_dir, "STS_003", "PET"))
    assert differences(volume, region, **EDGE[choice]) == []


@pytest.mark.data
@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize(("case", "modality"), [("STS_001", "CT"), ("STS_003", "PET")])
def test_shape_of_a_single_slice(case, modality, axis, data_dir):
    volume, region = load(data_dir, case, modality)
    across = tuple(a for a in range(3) if a != axis)
    largest = int(np.argmax(region.mask.sum(axis=across)))
    kept = np.arange(region.mask.shape[axis]) == largest
    mask = region.mask & kept.reshape([-1 if a == axis else 1 for a in range(3)])
    single = Region(mask, region.geometry, "slice", "slice")
    own = {"force_2d": True, "force_2d_axis": axis}
    families = ("morphology", "morphology_2d", "intensity", "glcm")
    assert differences(volume, single, pyradiomics=own, families=families) == []
    rows = radiomics_measurements(
        volume, [single], rules_for("native", pyradiomics=own, families=families)
    )["slice"]
    planar = {r.definition.name: r.value for r in rows if r.definition.family == "morphology_2d"}
    assert len(planar) == 9
    assert planar["perimeter"] > np.pi * planar["maximum_diameter"] / 2


def test_shape_in_a_plane_is_undefined_for_a_region_of_several_planes():
    rng = np.random.default_rng(1)
    volume, region, _ = random_case(rng)
    mask = np.ones(volume.array.shape, bool)
    rules = rules_for(
        "native", pyradiomics={"force_2d": True}, families=("morphology_2d", "intensity")
    )
    rows = radiomics_measurements(volume, [Region(mask, region.geometry, "x", "x")], rules)["x"]
    for row in rows:
        assert (row.value is None) == (row.definition.family == "morphology_2d")


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


@pytest.mark.slow
def test_small_random_regions():
    rng = np.random.default_rng(20)
    for number in range(RANDOM_REGIONS):
        volume, region, own = random_case(rng)
        found = differences(volume, region, pyradiomics=own)
        found = [row for row in found if (number, row[0]) != WITHOUT_DIGITS]
        assert found == [], (number, own)


def random_choices(rng):
    """Return a small image, a region and what to do with them: grid, filters, thresholds."""
    shape = tuple(int(n) for n in rng.integers(2, 12, 3))
    even = rng.random() < 0.5
    steps = rng.choice([0.5, 1, 2, 3], 3) if even else rng.uniform(0.5, 4, 3)
    spacing = tuple(float(s) for s in steps)
    array = rng.normal(0, rng.choice([5, 40, 200]), shape)
    if rng.random() < 0.5:
        array = array.round()
    mask = rng.random(shape) < rng.choice([0.03, 0.3, 0.8])
    mask.flat[int(rng.integers(0, mask.size))] = True
    geometry = Geometry(shape, spacing, tuple(float(x) for x in rng.normal(0, 100, 3).round(3)))
    own = {
        "force_2d": bool(rng.random() < 0.2),
        "force_2d_axis": int(rng.integers(3)),
        "pad_distance_voxels": int(rng.integers(0, 6)),
        "minimum_roi_dimensions": int(rng.integers(1, 4)),
    }
    if rng.random() < 0.2:
        own["resegment_range"] = (-20, 30)
    choices = {"pyradiomics": own}
    if rng.random() < 0.8:
        new = [None if rng.random() < 0.2 else float(rng.choice([0.8, 1, 1.5, 2])) for _ in "xyz"]
        choices |= grid(str(rng.choice(["linear", "cubic", "nearest"])), *new)
    if rng.random() < 0.2:
        choices["normalisation"] = {"over": "image", "scale": 100}
    images = [
        [{"filter": "none"}],
        [{"filter": "pyradiomics_log", "sigma_mm": [0.5, 2, 6]}],
        [{"filter": "pyradiomics_wavelet", "levels": 2, "start_level": int(rng.integers(0, 2))}],
        [*FILTERS["gradient"], *FILTERS["pointwise"]],
    ]
    choices["images"] = images[int(rng.choice(4, p=[0.5, 0.25, 0.15, 0.1]))]
    return Volume(array, geometry, HU), Region(mask, geometry, "x", "x"), choices


@pytest.mark.slow
def test_random_grids_and_filters_on_small_images():
    rng = np.random.default_rng(31)
    for number in range(RANDOM_CHOICES):
        volume, region, choices = random_choices(rng)
        assert differences(volume, region, **choices) == [], (number, choices)


def test_without_a_pair_of_voxels_there_is_no_co_occurrence():
    # pyradiomics gives an inverse variance of 0 on one grey level, and no other feature.
    geometry = Geometry((5, 5, 5), (1.0, 1.0, 1.0))
    mask = np.zeros((5, 5, 5), bool)
    mask[0, 0, 0] = mask[4, 4, 4] = True
    volume = Volume(np.full(mask.shape, 7.0), geometry, HU)
    region = Region(mask, geometry, "x", "x")
    own = {"weighting_norm": "no_weighting"}
    found = {}
    for engine in ("pyradiomics", "native"):
        rules = rules_for(engine, pyradiomics=own, families=("glcm",))
        rows = radiomics_measurements(volume, [region], rules)["x"]
        found[engine] = {row.definition.name: row.value for row in rows}
    assert found["pyradiomics"].pop("inverse_variance") == 0
    assert set(found["native"].values()) == {None}
    assert not any(found["pyradiomics"].values())


def test_a_weight_of_1e_17_leaves_pyradiomics_no_digits_of_a_correlation():
    """Its variance of 2.6e-14 is a difference of numbers near 1; exact fractions tell."""
    rng = np.random.default_rng(20)
    for _ in range(WITHOUT_DIGITS[0] + 1):
        volume, region, own = random_case(rng)
    ((feature, theirs, ours),) = differences(volume, region, pyradiomics=own)
    assert feature == WITHOUT_DIGITS[1]
    exact = exact_correlation(volume, region, own)
    assert abs(ours / exact - 1) < 1e-9
    assert abs(theirs / exact - 1) > 0.005


def exact_correlation(volume, region, own):
    """Return the correlation of the weighted co-occurrence matrix in exact fractions."""
    low = volume.array[region.mask].min()
    levels = np.floor(volume.array / 25) - np.floor(low / 25) + 1
    spacing = np.array(volume.geometry.spacing_mm[::-1])
    places = np.argwhere(region.mask)
    matrix = {}
    for one in places:
        for two in places:
            if max(abs(one - two)) in own["distances"]:
                weight = Fraction(float(np.exp(-np.sum((np.abs(one - two) * spacing) ** 2))))
                pair = int(levels[tuple(one)]), int(levels[tuple(two)])
                matrix[pair] = matrix.get(pair, 0) + weight
    total = sum(matrix.values())
    mean = sum(i * w for (i, _), w in matrix.items()) / total
    variance = sum((i - mean) ** 2 * w for (i, _), w in matrix.items())
    return float(sum((i - mean) * (j - mean) * w for (i, j), w in matrix.items()) / variance)


def test_no_value_is_nan_or_infinite():
    rng = np.random.default_rng(21)
    for _ in range(20):
        volume, region, own = random_case(rng)
        rows = radiomics_measurements(volume, [region], rules_for("native", pyradiomics=own))["x"]
        for row in rows:
            assert (row.value is None) == bool(row.reason)
            assert row.value is None or math.isfinite(row.value)
