"""What would take minutes or gigabytes is refused by name, and before it is begun."""

import tracemalloc

import numpy as np
import pytest
from pydantic import ValidationError

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics import bounds as bounds_module
from biomarker_cli.radiomics.bounds import MOST_LEVELS, require_levels, require_reach
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.features import one_way_pairs
from biomarker_cli.radiomics.features import texture as texture_module
from biomarker_cli.radiomics.features.one_way_pairs import maximal_correlation
from biomarker_cli.radiomics.features.texture import tone_values
from biomarker_cli.radiomics.filters.sharing import shared_boxes
from biomarker_cli.radiomics.lattice import Lattice
from biomarker_cli.radiomics.measuring import radiomics_measurements, radiomics_of_regions
from biomarker_cli.radiomics.preprocess.intensities import discretise, histogram_axis
from biomarker_cli.radiomics.preprocess.pyradiomics_intensities import discretise_as_pyradiomics
from biomarker_cli.radiomics.rules import (
    FixedBinNumber,
    FixedBinSize,
    NoDiscretisation,
    RadiomicsRules,
    ResegmentationRules,
)

SHAPE = (20, 30, 30)
GEOMETRY = Geometry(SHAPE, (2.0, 2.0, 2.0))
BYTES = 200e6
"""Far above what is needed here, far below what is refused."""


def rules_of(ident, **changes):
    document = load_document(ProtocolKind.ANALYSIS, ident)
    data = validate_section(RadiomicsRules, document, "radiomics").model_dump()
    return RadiomicsRules.model_validate({**data, **changes})


def peer(**changes):
    return rules_of("pyradiomics-default", **changes)


def ibsi(**changes):
    return rules_of(
        "radiomics-ct",
        **{
            "resegmentation": None,
            "interpolation": None,
            "discretisation": {"method": "fixed_bin_size", "width": 25, "anchor": 0},
            "ivh": None,
            "families": ["intensity", "glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"],
            **changes,
        },
    )


def measure(array, rules, mask=None):
    """Return the rows of a region and the memory that they took at most, in bytes."""
    region = Region(np.ones(SHAPE, bool) if mask is None else mask, GEOMETRY, "x", "x")
    tracemalloc.start()
    try:
        rows = radiomics_measurements(Volume(array, GEOMETRY, HU), [region], rules)["x"]
        return rows, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refused(array, rules, mask=None):
    """Return the error that a region is refused with, before memory is taken."""
    region = Region(np.ones(SHAPE, bool) if mask is None else mask, GEOMETRY, "x", "x")
    volume = Volume(array, GEOMETRY, HU)
    tracemalloc.start()
    try:
        with pytest.raises(RadiomicsError) as caught:
            radiomics_measurements(volume, [region], rules)
        assert tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()
    return caught.value


def noise(levels, width=25.0):
    return np.random.default_rng(1).random(SHAPE) * width * levels


@pytest.mark.parametrize("rules", [peer, ibsi])
@pytest.mark.parametrize("levels", [8_000, 4_000_000, 1e12, 1e300])
def test_more_levels_than_texture_is_measured_on_are_refused(rules, levels):
    error = refused(noise(levels), rules())
    assert error.code == "RADIOMICS-MANY-LEVELS"
    assert "4096 for glcm, 4096 for ngtdm" in error.message or "1048576 bins" in error.message
    assert error.hint


@pytest.mark.parametrize("width", [1e-9, 1e-300, 5e-324])
def test_bins_of_next_to_no_width_are_refused(width):
    bins = {"method": "fixed_bin_size", "width": width}
    for rules in (
        peer(discretisation={**bins, "anchor": "multiple_of_width"}),
        ibsi(discretisation={**bins, "anchor": 0}),
    ):
        assert refused(noise(100), rules).code == "RADIOMICS-MANY-LEVELS"


def test_intensities_alone_have_no_levels_to_count():
    for rules in (peer(families=["intensity"]), ibsi(families=["intensity"])):
        rows, _ = measure(noise(4e9), rules)
        assert all(row.value is not None for row in rows)


def test_the_bound_is_of_levels_that_occur_not_of_their_range():
    array = np.random.default_rng(2).integers(0, 40, SHAPE) * 25.0
    array[0, 0, 0] = 25.0 * 500_000
    for rules in (peer(), ibsi()):
        rows, memory = measure(array, rules)
        assert all(row.value is not None for row in rows)
        assert memory < BYTES


def test_a_bound_stands_at_its_number():
    levels = np.arange(1, MOST_LEVELS["glcm"] + 1)
    require_levels(levels, ["glcm", "ngtdm"], (1, 1, levels.size))
    with pytest.raises(RadiomicsError) as caught:
        require_levels(np.append(levels, levels.size + 1), ["glcm", "morphology"], (1, 1, 1))
    assert (
        "found 4097 different grey levels, expected at most 4096 for glcm" in caught.value.message
    )
    require_levels(np.append(levels, levels.size + 1), ["glrlm", "glszm", "intensity"], (9, 9, 9))


@pytest.mark.parametrize("family", ["glrlm", "glszm", "gldzm", "ngldm"])
def test_ranks_of_sixteen_bits_are_not_run_out_of(family):
    require_levels(np.arange(1, 2**16), [family], (9, 9, 9))
    with pytest.raises(RadiomicsError, match=f"65535 for {family}"):
        require_levels(np.arange(1, 2**16 + 1), [family], (9, 9, 9))


def test_runs_are_bounded_by_levels_times_length():
    require_levels(np.arange(1, 10_000), ["glrlm"], (1, 1, 3_000))
    with pytest.raises(RadiomicsError, match="for glrlm"):
        require_levels(np.arange(1, 10_000), ["glrlm"], (1, 1, 4_000))


def test_families_of_one_level_table_take_more_levels():
    rows, memory = measure(noise(20_000), peer(families=["glrlm", "glszm", "ngldm"]))
    assert all(row.value is not None for row in rows)
    assert memory < BYTES


def test_two_thousand_levels_take_not_all_eigenvalues(monkeypatch):
    def few(matrix):
        assert len(matrix) <= 400
        return eigvals(matrix)

    eigvals = np.linalg.eigvals
    monkeypatch.setattr(np.linalg, "eigvals", few)
    rules = peer(pyradiomics={"force_2d": True}, aggregations=["2.5d_merged_by_direction", "2.5d"])
    rows, memory = measure(noise(2_000), rules)
    assert len({row.feature_id for row in rows if row.value is not None}) == len(rows)
    assert memory < 2 * BYTES


def pairs_of(kind, levels):
    rng = np.random.default_rng(7)
    here = rng.integers(0, levels, 12 * levels)
    there = {
        "noise": rng.integers(0, levels, here.size),
        "neighbours": np.clip(here + rng.integers(-1, 2, here.size), 0, levels - 1),
        "ramp": np.minimum(here + 3, levels - 1),
        "parts": np.minimum(here // 7 * 7 + rng.integers(0, 7, here.size), levels - 1),
        "halves": np.where(here < levels // 2, 0, levels // 2)
        + rng.integers(0, levels // 2, here.size),
    }[kind]
    counts = np.zeros((levels, levels))
    np.add.at(counts, (here, there), 1.0)
    return counts


@pytest.mark.parametrize("both_ways", [True, False])
@pytest.mark.parametrize("kind", ["noise", "neighbours", "ramp", "parts", "halves"])
def test_the_correlation_of_many_levels_is_that_of_all_eigenvalues(monkeypatch, kind, both_ways):
    counts = pairs_of(kind, 160)
    counts = counts + counts.T if both_ways else counts
    p = counts / counts.sum()
    expected = maximal_correlation(p, p.sum(axis=1), p.sum(axis=0))
    monkeypatch.setattr(one_way_pairs, "_FEW_LEVELS", 159)
    found = maximal_correlation(p, p.sum(axis=1), p.sum(axis=0))
    assert found == pytest.approx(expected, rel=1e-11)
    assert found == maximal_correlation(p, p.sum(axis=1), p.sum(axis=0))


def test_tone_values_do_not_hang_on_how_many_pairs_are_taken_at_a_time(monkeypatch):
    rng = np.random.default_rng(3)
    number, difference = rng.integers(0, 9, 70), rng.random(70) * 5
    whole = tone_values(number, difference, np.arange(1, 71) * 3)
    monkeypatch.setattr(texture_module, "_PAIRS", 300)
    parts = tone_values(number, difference, np.arange(1, 71) * 3)
    assert parts == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize(
    "values",
    [[-1.7e308, 1.7e308], [0.0, 1.7e308], [1e308, 1.5e308]],
)
def test_a_range_beyond_doubles_has_no_bins(values):
    bins = FixedBinNumber(method="fixed_bin_number", bins=32)
    for found in (
        lambda: discretise(np.array(values), bins, None),
        lambda: discretise_as_pyradiomics(np.array(values), bins),
    ):
        with pytest.raises(RadiomicsError) as caught:
            found()
        assert caught.value.code == "RADIOMICS-NOT-DISCRETE"


def test_a_region_flat_but_for_rounding_has_no_equal_bins_by_pyradiomics():
    array = np.ones(SHAPE)
    array[0, 0, 0] = np.nextafter(1.0, 2.0)
    bins = {"method": "fixed_bin_number", "bins": 32}
    assert refused(array, peer(discretisation=bins)).code == "RADIOMICS-NOT-DISCRETE"


def test_levels_far_below_one_are_refused_and_not_wrapped_round():
    array = noise(100)
    array[0, 0, 0] = -1e300
    assert refused(array, ibsi()).code == "RADIOMICS-NOT-DISCRETE"


@pytest.mark.parametrize(
    ("bins", "range_", "step"),
    [
        (FixedBinSize(method="fixed_bin_size", width=1e-9, anchor=0.0), (0.0, 400.0), 1.0),
        (FixedBinSize(method="fixed_bin_size", width=5e-324, anchor=0.0), (0.0, None), 1.0),
        (NoDiscretisation(method="none"), (None, None), 1e-9),
        (NoDiscretisation(method="none"), (0.0, 1e308), 1e-9),
    ],
)
def test_an_axis_of_the_volume_histogram_is_bounded(bins, range_, step):
    with pytest.raises(RadiomicsError) as caught:
        histogram_axis(np.array([1.0, 300.0]), bins, ResegmentationRules(range=range_), step)
    assert caught.value.code == "RADIOMICS-MANY-LEVELS"


def test_protocols_do_not_ask_for_what_has_no_end():
    with pytest.raises(ValidationError, match="1048576"):
        FixedBinNumber(method="fixed_bin_number", bins=2**20 + 1)
    for changes in (
        {"pyradiomics": {"distances": [1_000_000]}},
        {"pyradiomics": {"dependence_alpha": 10**10}},
        {"images": [{"filter": "pyradiomics_wavelet", "levels": 10**9}]},
        {"images": [{"filter": "pyradiomics_wavelet", "start_level": 10**9}]},
        {"images": [{"filter": "pyradiomics_log", "sigma_mm": [1e-320]}]},
    ):
        with pytest.raises(ValidationError, match="equal to"):
            peer(**changes)
    gabor = {"filter": "gabor", "wavelength_mm": 2, "gamma": 1, "three_planes": False}
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        ibsi(images=[{**gabor, "sigma_mm": 2, "boundary": "zero", "theta_steps_degrees": 1e-9}])


GABOR = {"filter": "gabor", "wavelength_mm": 4, "three_planes": True, "theta_steps_degrees": None}


@pytest.mark.parametrize(
    "image",
    [
        {"filter": "mean", "support_voxels": 10**12, "boundary": "mirror"},
        {"filter": "log", "sigma_mm": [1.0, 1e6], "truncation": 4, "boundary": "mirror"},
        {"filter": "log", "sigma_mm": [1e300], "truncation": 1e300, "boundary": "zero"},
        {
            "filter": "riesz_log",
            "order": [1, 0, 0],
            "sigma_mm": [1e6],
            "truncation": 4,
            "boundary": "zero",
        },
        {
            "filter": "laws",
            "kernels": "L5E5E5",
            "boundary": "mirror",
            "pooling": None,
            "energy_distance_voxels": 10**12,
        },
        {**GABOR, "sigma_mm": 1e6, "gamma": 1, "boundary": "mirror"},
        {**GABOR, "sigma_mm": 4, "gamma": 1e-9, "boundary": "mirror"},
        {
            "filter": "wavelet",
            "wavelet": "coif17",
            "band": "LLH",
            "level": 8,
            "boundary": "mirror",
            "pooling": None,
        },
    ],
)
def test_a_filter_far_larger_than_the_image_is_refused(image):
    error = refused(noise(20), ibsi(images=[{"filter": "none"}, image]))
    assert error.code == "RADIOMICS-LARGE-FILTER"
    assert "20 x 30 x 30" in error.message


def test_a_filter_may_be_larger_than_a_small_image():
    image = {"filter": "log", "sigma_mm": [20.0], "truncation": 4, "boundary": "mirror"}
    rows, _ = measure(noise(20), ibsi(images=[image], families=["intensity"]))
    assert all(row.value is not None for row in rows)
    require_reach("x", 256, (3, 3, 3))
    require_reach("x", 1_000, (3, 500, 3))
    with pytest.raises(RadiomicsError):
        require_reach("x", 1_001, (3, 500, 3))


def test_a_recursive_filter_wider_than_the_image_has_no_values_and_says_why():
    images = [{"filter": "none"}, {"filter": "pyradiomics_log", "sigma_mm": [1e6]}]
    rows, _ = measure(noise(20), peer(images=images))
    wide = [row for row in rows if row.image.startswith("log-sigma")]
    assert wide
    assert all(row.value is None and "needs" in row.reason for row in wide)


SPACINGS = [(1e-9, 1e-9, 1e-9), (0.01, 0.01, 0.01), (None, None, 1e-12), (5e-324, 2.0, 2.0)]


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("filtered", [False, True])
def test_a_grid_of_too_many_voxels_is_refused(spacing, filtered):
    images = [{"filter": "none"}]
    if filtered:
        images.append({"filter": "mean", "support_voxels": 3, "boundary": "mirror"})
    grid = {"spacing_mm": spacing, "image": "linear", "mask": "linear"}
    error = refused(noise(20), ibsi(interpolation=grid, images=images))
    assert error.code == "RADIOMICS-LARGE-GRID"
    assert "spacing_mm" in error.hint


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("engine", ["native", "pyradiomics"])
def test_a_grid_of_too_many_voxels_is_refused_by_pyradiomics(spacing, engine):
    grid = {"spacing_mm": spacing, "image": "linear", "mask": "nearest"}
    error = refused(noise(20), peer(interpolation=grid, engine=engine))
    assert error.code == "RADIOMICS-LARGE-GRID"


def test_a_fine_grid_is_refused_for_the_region_that_fills_it_alone(monkeypatch):
    monkeypatch.setattr(bounds_module, "MOST_VOXELS", 200_000)
    small = np.zeros(SHAPE, bool)
    small[5:8, 5:8, 5:8] = True
    regions = [
        Region(np.ones(SHAPE, bool), GEOMETRY, "large", "large"),
        Region(small, GEOMETRY, "small", "small"),
    ]
    volume = Volume(noise(20), GEOMETRY, HU)
    for rules in (
        ibsi(interpolation={"spacing_mm": (0.7, 0.7, 0.7), "image": "linear", "mask": "linear"}),
        peer(interpolation={"spacing_mm": (0.7, 0.7, 0.7), "image": "linear", "mask": "nearest"}),
    ):
        found = radiomics_of_regions(volume, regions, rules)
        assert found["large"].code == "RADIOMICS-LARGE-GRID"
        assert all(row.value is not None for row in found["small"])


def test_the_package_is_not_asked_for_what_it_would_not_come_back_from():
    error = refused(noise(1_100), peer(engine="pyradiomics"))
    assert error.code == "RADIOMICS-MANY-LEVELS"
    assert "engine: native" in error.hint
    bins = {"method": "fixed_bin_size", "width": 1e-300, "anchor": "multiple_of_width"}
    error = refused(noise(20), peer(engine="pyradiomics", discretisation=bins))
    assert error.code == "RADIOMICS-MANY-LEVELS"


def test_thousands_of_regions_are_no_work_of_their_square():
    work = []

    def count(box):
        work.append(1)
        return float(np.prod([part.stop - part.start + 4 for part in box]))

    rng = np.random.default_rng(5)
    corners = rng.integers(0, 500, (1_500, 3))
    boxes = [tuple(slice(int(k), int(k) + 2) for k in corner) for corner in corners]
    groups = shared_boxes(boxes, count)
    assert sorted(index for group in groups for index in group) == list(range(1_500))
    assert len(work) < 100 * len(boxes)


def test_empty_regions_share_their_rows():
    empty = np.zeros(SHAPE, bool)
    flagged = Region(empty, GEOMETRY, "x", "flagged", flags=frozenset({"cross_series"}))
    regions = [*(Region(empty, GEOMETRY, f"r{k}", f"r{k}") for k in range(50)), flagged]
    found = radiomics_of_regions(Volume(noise(20), GEOMETRY, HU), regions, peer())
    assert all(row.value is None and row.reason for rows in found.values() for row in rows)
    assert len({id(row) for rows in found.values() for row in rows}) == 2 * len(found["r0"])
    assert all("cross_series" in row.flags for row in found["flagged"])
    assert not any(row.flags for row in found["r0"])


def test_ranks_are_those_of_the_levels_that_occur():
    lattice = Lattice.of(np.ones((1, 1, 4), dtype=bool), np.array([7, 900_000, 7, 3]))
    assert lattice.values.tolist() == [3, 7, 900_000]
    assert lattice.top_level == 900_000
