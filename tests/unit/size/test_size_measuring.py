"""Rows of a region: values, flags, and the line that each length was read off."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from pydantic import ValidationError
from pydicom.dataset import Dataset
from synthetic_lesions import ellipse, pixels_of, rectangle, ring
from synthetic_series import slice_dataset

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.measurement import Measurement, MeasurementStatus
from biomarker_cli.model.quantity import ADC, HU, SIGNAL
from biomarker_cli.size.diameters import Pixels
from biomarker_cli.size.errors import SizeError
from biomarker_cli.size.features import SIZE
from biomarker_cli.size.measuring import size_measurements
from biomarker_cli.size.planes import slices_of
from biomarker_cli.size.rules import SizeRules

RULES = SizeRules.model_validate(
    {
        "holes": "fill",
        "concave_above_mm": 1.0,
        "plane": {"within_degrees": 5},
        "measurable": {"longest_diameter_mm": 10, "thickness_factor": 2, "thickness_above_mm": 5},
        "statistics": ["mean"],
    }
)
FINE = Pixels(0.7, 0.7)
NO_FRAMES = Frames()
RECIST, RANO = (load_analysis(name).rules for name in ("recist-size", "rano-size"))


def tilted(degrees: float) -> tuple[float, ...]:
    """Return axes whose slices are tilted about the x axis."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return (1.0, 0.0, 0.0, 0.0, c, -s, 0.0, s, c)


def rows_of(
    mask: np.ndarray, rules: SizeRules = RULES, spacing=(0.7, 0.7, 5.0), frames=NO_FRAMES, **grid
) -> dict[str, Measurement]:
    geometry = Geometry(mask.shape, spacing, **grid)
    volume = Volume(np.where(mask, 60.0, -5.0), geometry, HU, frames)
    region = Region(mask, geometry, "lesion", "L1", flags=frozenset({"roi_small"}))
    rows = size_measurements(slices_of(volume, rules.plane), region, rules)
    return {row.feature_id: row for row in rows}


def stack(mask: np.ndarray, n_slices: int = 3) -> np.ndarray:
    return np.repeat(mask, n_slices, axis=0)


def test_rows_and_units():
    mask = stack(pixels_of(ellipse(20, 12), FINE))
    rows = rows_of(mask)
    assert {row.definition.name for row in rows.values()} == {one.name for one in SIZE} | {"mean"}
    longest, short = (rows[f"mask.size.{name}"] for name in ("longest_diameter", "short_axis"))
    assert longest.value == pytest.approx(20, abs=0.7)
    assert (longest.unit, short.unit) == ("mm", "mm")
    product = rows["mask.size.product"]
    assert (product.value, product.unit) == (longest.value * short.value, "mm2")
    volume = rows["mask.size.volume"]
    assert volume.value == pytest.approx(mask.sum() * 0.7 * 0.7 * 5 / 1000)
    assert volume.unit == "mL"
    assert rows["mask.size.n_slices"].value == 3.0
    mean = rows["hu.intensity.mean"]
    assert (mean.value, mean.unit) == (60.0, "[hnsf'U]")
    assert all(row.flags == {"roi_small"} for row in rows.values())


def test_the_dictionary_has_codes_of_dicom():
    codes = {one.name: one.dicom_code for one in SIZE if one.dicom_code}
    assert codes == {
        "longest_diameter": "103339001",
        "short_axis": "103340004",
        "volume": "118565006",
    }


def test_volume_and_mean_are_of_the_voxels_as_drawn():
    """A hole is of the lesion for its diameter; nobody drew its voxels."""
    mask = pixels_of(ring, FINE)
    filled = rows_of(mask)
    kept = rows_of(mask, RANO)
    assert filled["mask.size.volume"].value == kept["mask.size.volume"].value
    assert filled["hu.intensity.mean"].value == 60.0
    inside = "mask.size.longest_diameter_inside"
    assert filled[inside].value == filled["mask.size.longest_diameter"].value
    assert "concave" not in filled[inside].flags
    assert "concave" in kept[inside].flags


@pytest.mark.parametrize(("above", "flagged"), [(1.0, True), (30.0, False)])
def test_a_concavity_is_flagged_above_its_limit(above, flagged):
    rules = RANO.model_copy(update={"concave_above_mm": above})
    rows = rows_of(pixels_of(ring, FINE), rules)
    assert {"concave" in row.flags for row in rows.values()} == {flagged}


def test_parts_that_do_not_touch_are_flagged_on_their_slice_alone():
    apart = pixels_of(lambda u, v: np.hypot(np.abs(u) - 15, v) <= 6, FINE)
    one = pixels_of(ellipse(13, 13), FINE)
    rows = rows_of(np.concatenate([one, apart]))
    assert all("several_components" in row.flags for row in rows.values())
    assert rows["mask.size.longest_diameter"].caliper.n_components == 1
    assert all("several_components" not in row.flags for row in rows_of(one).values())


@pytest.mark.parametrize(
    ("thickness_mm", "from_mm"), [(1.0, 10.0), (5.0, 10.0), (5.5, 11.0), (8.0, 16.0)]
)
def test_the_smallest_lesion_is_twice_the_slice_thickness_above_5_mm(thickness_mm, from_mm):
    for longest, small in ((from_mm - 1.5, True), (from_mm + 1.5, False)):
        mask = stack(pixels_of(ellipse(longest, longest), Pixels(0.5, 0.5)))
        rows = rows_of(mask, spacing=(0.5, 0.5, thickness_mm))
        assert rows["mask.size.measurable_from"].value == from_mm
        assert {"lesion_small" in row.flags for row in rows.values()} == {small}


def test_thickness_is_that_of_the_header_where_slices_overlap():
    frames = Frames(FrameHeader(slice_dataset((0, 0, z), np.zeros((2, 2)))) for z in range(2))
    for frame in frames:
        frame.dataset.SliceThickness = 7.0
    mask = np.ones((2, 5, 5), dtype=np.bool_)
    rows = rows_of(mask, spacing=(1.0, 1.0, 3.0), frames=frames)
    assert rows["mask.size.measurable_from"].value == 14.0
    assert rows["mask.size.short_axis"].caliper.slice_thickness_mm == 7.0


@pytest.mark.parametrize("told", [[5, 6], "", None, 0])
def test_a_thickness_that_is_none_leaves_the_distance_of_the_slices(told):
    dataset = slice_dataset((0, 0, 0), np.zeros((2, 2)))
    dataset.SliceThickness = told
    mask = np.ones((1, 5, 5), dtype=np.bool_)
    rows = rows_of(mask, spacing=(1.0, 1.0, 6.0), frames=Frames([FrameHeader(dataset)]))
    assert rows["mask.size.measurable_from"].value == 12.0


def test_rano_asks_for_both_diameters_on_two_slices():
    bar, disc = (pixels_of(shape, FINE) for shape in (rectangle(30, 5), ellipse(15, 15)))
    for mask, small in ((stack(bar), True), (disc, True), (stack(disc, 2), False)):
        rows = rows_of(mask, RANO)
        assert {"lesion_small" in row.flags for row in rows.values()} == {small}
    # RECIST does not.
    for mask in (stack(bar), disc):
        assert all("lesion_small" not in row.flags for row in rows_of(mask, RECIST).values())


def test_an_empty_region_has_rows_without_a_value():
    rows = rows_of(np.zeros((2, 3, 3), dtype=np.bool_))
    assert {row.status for row in rows.values()} == {MeasurementStatus.UNDEFINED}
    assert {row.reason for row in rows.values()} == {"the region is empty", "no value"}
    assert len(rows) == len(SIZE) + 1
    assert all(row.caliper is None for row in rows.values())


def test_a_region_of_another_grid_is_refused():
    geometry = Geometry((2, 3, 3), (1.0, 1.0, 1.0))
    volume = Volume(np.zeros(geometry.shape), geometry, HU)
    other = Geometry((2, 3, 3), (1.0, 1.0, 2.0))
    region = Region(np.ones(other.shape, dtype=np.bool_), other, "lesion", "L1")
    with pytest.raises(SizeError) as refused:
        size_measurements(slices_of(volume, RULES.plane), region, RULES)
    assert refused.value.code == "SIZE-REGION-GRID"


def test_the_ends_of_a_line_are_where_they_are_in_the_patient():
    """A bar of 7 x 2 pixels along the rows, in a corner of an oblique grid."""
    mask = np.zeros((4, 9, 12), dtype=np.bool_)
    mask[2, 3:5, 4:11] = True
    grid = {"origin_mm": (-30.0, 12.0, 7.0), "direction": tilted(4.0)}
    rows = rows_of(mask, spacing=(0.5, 0.8, 3.0), **grid)
    geometry = Geometry(mask.shape, (0.5, 0.8, 3.0), **grid)
    line = rows["mask.size.longest_diameter"].caliper
    ends = {line.start_mm, line.end_mm}
    # Corners of the contour: half a pixel beyond the outermost centres of a row.
    corners = [(3.5, 3), (10.5, 4), (3.5, 4), (10.5, 3)]
    places = [tuple(geometry.index_to_physical((x, y, 2)).round(4)) for x, y in corners]
    assert ends in ({places[0], places[1]}, {places[2], places[3]})
    length = math.dist(line.start_mm, line.end_mm)
    assert length == pytest.approx(math.hypot(7 * 0.5, 0.8), abs=2e-4)
    assert length == pytest.approx(rows["mask.size.longest_diameter"].value, abs=2e-4)
    assert line.slice_index == 2
    assert line.normal == pytest.approx(tuple(geometry.normal), abs=1e-6)
    short = rows["mask.size.short_axis"].caliper
    across = np.subtract(short.end_mm, short.start_mm) @ np.subtract(line.end_mm, line.start_mm)
    assert abs(across) < 1e-2
    assert math.dist(short.start_mm, short.end_mm) == pytest.approx(
        rows["mask.size.short_axis"].value, abs=2e-4
    )


def test_lengths_alone_have_a_line():
    rows = rows_of(pixels_of(ellipse(20, 12), FINE))
    with_line = {row.definition.name for row in rows.values() if row.caliper is not None}
    assert with_line == {
        "longest_diameter",
        "short_axis",
        "longest_diameter_inside",
        "short_axis_inside",
    }


def test_the_line_names_its_slice_and_its_mask():
    mask = np.zeros((3, 4, 4), dtype=np.bool_)
    mask[1, 1:3, 1] = True
    frames = Frames(FrameHeader(slice_dataset((0, 0, z), mask[z], number=z)) for z in range(3))
    line = rows_of(mask, frames=frames)["mask.size.longest_diameter"].caliper
    assert (line.slice_uid, line.frame_number) == (frames[1].sop_instance_uid, None)
    bits = np.packbits(mask[1, 1:3, 1]).tobytes()
    digest = hashlib.sha256(b"biomarker-mask/1 3 4 4 1 1 1 1 2 1\n" + bits).hexdigest()
    assert line.mask_sha256 == digest
    assert rows_of(mask)["mask.size.longest_diameter"].caliper.slice_uid == ""
    moved = rows_of(np.roll(mask, 1, axis=2))["mask.size.longest_diameter"].caliper
    assert moved.mask_sha256 != digest


def test_a_frame_of_a_multi_frame_instance_has_its_number():
    dataset = Dataset()
    dataset.SOPInstanceUID, dataset.Modality = "1.2.3", "CT"
    dataset.PerFrameFunctionalGroupsSequence = [Dataset(), Dataset()]
    frames = Frames(FrameHeader(dataset, index) for index in (1, 0))
    mask = np.ones((2, 2, 2), dtype=np.bool_)
    mask[0, 0] = False
    line = rows_of(mask, frames=frames)["mask.size.longest_diameter"].caliper
    assert (line.slice_index, line.slice_uid, line.frame_number) == (1, "1.2.3", 1)


@pytest.mark.parametrize(
    ("quantity", "degrees", "refused"),
    [
        (HU, 4.9, False),
        (HU, 5.1, True),
        (HU, 175.1, False),
        (HU, 90.0, True),
        (SIGNAL, 5.1, False),
        (SIGNAL, 90.0, False),
        (ADC, 90.0, False),
    ],
)
def test_another_plane_than_the_axial_one_is_an_error_on_ct(quantity, degrees, refused):
    geometry = Geometry((2, 3, 3), (1.0, 1.0, 1.0), direction=tilted(degrees))
    volume = Volume(np.zeros(geometry.shape), geometry, quantity)
    if not refused:
        slices_of(volume, RULES.plane)
        return
    with pytest.raises(SizeError, match=r"found slices \d+\.\d degrees off") as error:
        slices_of(volume, RULES.plane)
    assert error.value.code == "RESPONSE-PLANE-CHANGED"


@pytest.mark.parametrize(
    ("image_type", "refused"),
    [
        (["ORIGINAL", "PRIMARY", "M"], False),
        (["DERIVED", "SECONDARY", "MPR"], True),
        (["DERIVED", "SECONDARY", "REFORMATTED", "AVERAGE"], True),
        ("MPR", True),
        (None, False),
    ],
)
def test_mr_that_was_cut_out_of_another_plane_is_an_error(image_type, refused):
    dataset = slice_dataset((0, 0, 0), np.zeros((3, 3)))
    dataset.Modality, dataset.ImageType = "MR", image_type
    geometry = Geometry((1, 3, 3), (1.0, 1.0, 1.0), direction=tilted(60))
    volume = Volume(np.zeros(geometry.shape), geometry, SIGNAL, Frames([FrameHeader(dataset)]))
    if not refused:
        slices_of(volume, RULES.plane)
        return
    with pytest.raises(SizeError) as error:
        slices_of(volume, RULES.plane)
    assert error.value.code == "RESPONSE-PLANE-CHANGED"


def test_the_modality_of_the_header_decides_on_the_plane():
    dataset = slice_dataset((0, 0, 0), np.zeros((3, 3)))
    geometry = Geometry((1, 3, 3), (1.0, 1.0, 1.0), direction=tilted(60))
    volume = Volume(np.zeros(geometry.shape), geometry, SIGNAL, Frames([FrameHeader(dataset)]))
    with pytest.raises(SizeError):
        slices_of(volume, RULES.plane)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"statistics": ["mode"]}, "unknown statistics mode"),
        ({"statistics": ["mean", "mean"]}, "named twice"),
        ({"holes": "maybe"}, "fill"),
        ({"concave_above_mm": 0}, "greater than 0"),
        ({"plane": {"ct": "coronal", "within_degrees": 5}}, "axial"),
        ({"extra": 1}, "Extra"),
    ],
)
def test_rules_that_make_no_sense_are_refused(change, why):
    with pytest.raises(ValidationError, match=why):
        SizeRules.model_validate({**RULES.model_dump(), **change})


@pytest.mark.parametrize("name", ["recist-size", "who-size", "choi-ct", "rano-size"])
def test_the_shipped_analyses_are_drafts_until_their_sources_are_text(name):
    analysis = load_analysis(name)
    assert analysis.protocol.measure == "size"
    assert analysis.document.is_draft
    assert analysis.rules.holes == ("keep" if name == "rano-size" else "fill")
    assert ("mean" in analysis.rules.statistics) == (name == "choi-ct")


def test_limits_of_size_are_met_by_what_equals_them():
    """A bar of ten pixels of 1 mm is 10.0 mm long and 1.0 mm wide."""
    mask = np.zeros((2, 3, 12), dtype=np.bool_)
    mask[:, 1, 1:11] = True
    at = {"longest_diameter_mm": 10, "short_axis_mm": 1, "n_slices": 2}
    measurable = RULES.measurable.model_copy(update=at)
    for change, small in (
        ({}, False),
        ({"longest_diameter_mm": 10.1}, True),
        ({"short_axis_mm": 1.1}, True),
        ({"n_slices": 3}, True),
    ):
        own = {"measurable": measurable.model_copy(update=change)}
        rows = rows_of(mask, RULES.model_copy(update=own), spacing=(1.0, 1.0, 5.0))
        assert rows["mask.size.longest_diameter"].value == 10.0
        assert rows["mask.size.short_axis"].value == 1.0
        assert {"lesion_small" in row.flags for row in rows.values()} == {small}


def test_slices_of_exactly_the_limit_are_not_too_thick():
    rules = RULES.measurable.model_copy(update={"thickness_factor": 3.0})
    assert (rules.longest_from_mm(5.0), rules.longest_from_mm(5.001)) == (10.0, 15.003)
    assert rules.longest_from_mm(3.0) == 10.0


def test_a_concavity_of_exactly_its_limit_is_none():
    rows = rows_of(pixels_of(ring, FINE), RANO)
    hull, inside = (rows[f"mask.size.longest_diameter{end}"].value for end in ("", "_inside"))
    rules = RANO.model_copy(update={"concave_above_mm": hull - inside})
    found = rows_of(pixels_of(ring, FINE), rules)
    assert all("concave" not in row.flags for row in found.values())


def test_whole_numbers_of_an_image_have_a_mean_of_their_own_precision():
    geometry = Geometry((1, 1, 3), (1.0, 1.0, 1.0))
    volume = Volume(np.array([[[30000, 30000, 30001]]], dtype=np.int16), geometry, HU)
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "lesion", "L1")
    rows = size_measurements(slices_of(volume, RULES.plane), region, RULES)
    assert rows[-1].value == pytest.approx(30000 + 1 / 3, abs=1e-9)
