"""RTSTRUCT: each rule of voxel-centre inclusion, holes, gaps and planes."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_segmentations import (
    Roi,
    circle,
    cylinder,
    rectangle,
    structure_set,
    target,
    write_structure_set,
)
from synthetic_series import uid

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.importing import import_regions, list_rois
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

IMAGE = target()
GRID = IMAGE.geometry
STRICT = RegionRules()


def draw(tmp_path, contours, rules=STRICT, image=IMAGE):
    path = write_structure_set(tmp_path / "rs.dcm", [Roi("lesion", contours)])
    return import_regions(path, image, rules)[0]


def centres_inside_circle(geometry, radius_mm, centre_mm=(0.0, 0.0)):
    """Return the pixels whose centres lie within a circle around the slice's middle."""
    _, rows, columns = geometry.shape
    dx, dy, _ = geometry.spacing_mm
    x = (np.arange(columns) - (columns - 1) / 2) * dx - centre_mm[0]
    y = (np.arange(rows) - (rows - 1) / 2) * dy - centre_mm[1]
    return x[None, :] ** 2 + y[:, None] ** 2 < radius_mm**2


def test_voxel_centres_inside_a_circle_are_the_mask(tmp_path):
    roi = draw(tmp_path, cylinder(GRID, range(5, 9), 20.3))
    expected = np.zeros(GRID.shape, dtype=bool)
    expected[5:9] = centres_inside_circle(GRID, 20.3)
    assert roi.status == "ok"
    np.testing.assert_array_equal(roi.region.mask, expected)
    assert roi.volume_mm3 == expected.sum() * 6.0


def test_anisotropic_pixels_keep_rows_and_columns_apart(tmp_path):
    roi = draw(tmp_path, [("CLOSED_PLANAR", rectangle(GRID, 3, (-10, -4), (10, 4)))])
    z, y, x = roi.region.mask.nonzero()
    assert (np.ptp(x) + 1, np.ptp(y) + 1) == (20, 4)
    assert set(z) == {3}


def test_nested_closed_planar_is_a_hole(tmp_path):
    contours = cylinder(GRID, [4], 20.3) + cylinder(GRID, [4], 8.1)
    roi = draw(tmp_path, contours)
    ring = centres_inside_circle(GRID, 20.3) & ~centres_inside_circle(GRID, 8.1)
    np.testing.assert_array_equal(roi.region.mask[4], ring)
    assert roi.audit["n_holes"] == 1


def test_nesting_does_not_depend_on_the_order_of_contours(tmp_path):
    contours = [*cylinder(GRID, [4], 8.1), *cylinder(GRID, [4], 3.1), *cylinder(GRID, [4], 20.3)]
    roi = draw(tmp_path, contours)
    island = (
        centres_inside_circle(GRID, 20.3) & ~centres_inside_circle(GRID, 8.1)
    ) | centres_inside_circle(GRID, 3.1)
    np.testing.assert_array_equal(roi.region.mask[4], island)


def test_a_hole_that_touches_the_outline_stays_a_hole(tmp_path):
    outer = rectangle(GRID, 4, (-20, -20), (20, 20))
    # Crosses the outer contour by a hundredth of a millimetre, as rounding does.
    inner = rectangle(GRID, 4, (-8, -8), (20.01, 8))
    roi = draw(tmp_path, [("CLOSED_PLANAR", outer), ("CLOSED_PLANAR", inner)])
    assert roi.audit["n_holes"] == 1
    assert roi.audit["n_unions"] == 0
    assert roi.volume_mm3 == pytest.approx((40 * 40 - 28 * 16) * 3.0)


def test_crossing_contours_are_united_with_a_warning(tmp_path):
    contours = cylinder(GRID, [4], 10.1, (-5, 0)) + cylinder(GRID, [4], 10.1, (5, 0))
    roi = draw(tmp_path, contours)
    union = centres_inside_circle(GRID, 10.1, (-5, 0)) | centres_inside_circle(GRID, 10.1, (5, 0))
    np.testing.assert_array_equal(roi.region.mask[4], union)
    assert roi.audit["n_unions"] == 1
    assert "roi_contours_cross" in roi.flags


def test_crossing_contours_are_an_error_where_the_protocol_says_so(tmp_path):
    contours = cylinder(GRID, [4], 10.1, (-5, 0)) + cylinder(GRID, [4], 10.1, (5, 0))
    roi = draw(tmp_path, contours, RegionRules(crossing="error"))
    assert (roi.status, roi.error_code) == ("failed", "REGION-CONTOURS-CROSS")


@pytest.mark.parametrize("kind", ["CLOSEDPLANAR_XOR", "CLOSED_PLANAR_XOR"])
def test_xor_contours_exclude_each_other(tmp_path, kind):
    contours = cylinder(GRID, [4], 10.1, (-5, 0), kind) + cylinder(GRID, [4], 10.1, (5, 0), kind)
    roi = draw(tmp_path, contours)
    either = centres_inside_circle(GRID, 10.1, (-5, 0)) ^ centres_inside_circle(GRID, 10.1, (5, 0))
    np.testing.assert_array_equal(roi.region.mask[4], either)
    assert roi.audit["n_xor"] == 2


def test_keyhole_contour_encloses_no_hole(tmp_path):
    outer = circle(GRID, 4, 20.3, n=90)
    inner = circle(GRID, 4, 8.1, n=90)[::-1]
    keyhole = np.vstack([outer, outer[:1], inner[-1:], inner, outer[:1]])
    roi = draw(tmp_path, [("CLOSED_PLANAR", keyhole)])
    ring = draw(tmp_path, [("CLOSED_PLANAR", outer), ("CLOSED_PLANAR", inner)])
    np.testing.assert_array_equal(roi.region.mask, ring.region.mask)


def test_repeated_contour_counts_once(tmp_path):
    contours = cylinder(GRID, [4], 10.1) * 2
    roi = draw(tmp_path, contours)
    np.testing.assert_array_equal(roi.region.mask[4], centres_inside_circle(GRID, 10.1))
    assert roi.audit["n_duplicates"] == 1


@pytest.mark.parametrize("step", [2, 4])
def test_gaps_are_an_error_unless_the_protocol_says_otherwise(tmp_path, step):
    roi = draw(tmp_path, cylinder(GRID, range(2, 15, step), 15.3))
    assert (roi.status, roi.error_code) == ("failed", "REGION-GAP")
    assert roi.n_voxels is None


def test_gaps_may_stay_empty(tmp_path):
    roi = draw(tmp_path, cylinder(GRID, range(2, 15, 2), 15.3), RegionRules(gaps="none"))
    assert roi.audit["n_gaps"] == 6
    assert roi.flags >= {"roi_gaps"}
    assert set(roi.region.mask.nonzero()[0]) == set(range(2, 15, 2))


@pytest.mark.parametrize("step", [2, 4])
def test_gaps_are_interpolated_by_shape(tmp_path, step):
    rules = RegionRules(gaps="interpolate")
    roi = draw(tmp_path, cylinder(GRID, range(2, 15, step), 15.3), rules)
    whole = draw(tmp_path, cylinder(GRID, range(2, 15), 15.3))
    np.testing.assert_array_equal(roi.region.mask, whole.region.mask)
    assert "roi_interpolated" in roi.flags


def test_the_volume_of_polygons_holds_the_gaps_that_were_bridged_alone(tmp_path):
    area = np.pi * 15.3**2
    spacing_z = GRID.spacing_mm[2]
    found = {}
    for gaps in ("interpolate", "none"):
        roi = draw(tmp_path, cylinder(GRID, [2, 4, 5], 15.3), RegionRules(gaps=gaps))
        found[gaps] = roi.audit["polygon_volume_mm3"]
    assert found["interpolate"] == pytest.approx(4 * area * spacing_z, rel=2e-3)
    assert found["none"] == pytest.approx(3 * area * spacing_z, rel=2e-3)


@pytest.mark.parametrize(("gapped", "alone"), [([2, 4, 6], 10), ([6, 8, 10], 2)])
def test_a_part_of_its_own_is_not_joined_to_a_gap_that_was_bridged(tmp_path, gapped, alone):
    """Every second plane makes one structure; what lies above or below is elsewhere."""
    contours = cylinder(GRID, gapped, 9.3, (-15.0, 0.0))
    contours += cylinder(GRID, [alone], 9.3, (15.0, 0.0))
    rules = RegionRules(gaps="interpolate", largest_gap_mm=7.0)
    roi = draw(tmp_path, contours, rules)
    expected = 6 * np.pi * 9.3**2 * GRID.spacing_mm[2]
    assert roi.status == "ok", roi.error_message
    assert roi.audit["polygon_volume_mm3"] == pytest.approx(expected, rel=2e-3)


def test_interpolation_of_a_cone_takes_the_radius_in_between(tmp_path):
    contours = cylinder(GRID, [4], 10.0) + cylinder(GRID, [6], 20.0)
    roi = draw(tmp_path, contours, RegionRules(gaps="interpolate"))
    area = np.count_nonzero(roi.region.mask[5]) * 2.0
    assert area == pytest.approx(np.pi * 15.0**2, rel=0.03)


def test_gap_wider_than_the_protocol_allows_is_an_error(tmp_path):
    contours = cylinder(GRID, [2, 3, 10], 15.3)
    rules = RegionRules(gaps="interpolate", largest_gap_mm=9.0)
    roi = draw(tmp_path, contours, rules)
    assert roi.error_code == "REGION-GAP"
    assert "21 mm" in roi.error_message


def test_every_second_slice_of_a_slanting_structure_is_a_gap(tmp_path):
    contours = [c for z in range(2, 12, 2) for c in cylinder(GRID, [z], 2.3, (3.0 * z - 20, 0.5))]
    roi = draw(tmp_path, contours)
    assert roi.error_code == "REGION-GAP"
    assert "4 gaps" in roi.error_message


def test_separate_parts_are_no_gap(tmp_path):
    contours = cylinder(GRID, [2, 3], 5.3, (-15, 0)) + cylinder(GRID, [8, 9], 5.3, (15, 0))
    roi = draw(tmp_path, contours)
    assert roi.status == "ok"
    assert roi.audit["n_gaps"] == 0
    assert roi.audit["n_components"] == 2


def test_contours_midway_between_slices_all_shift_the_same_way(tmp_path):
    roi = draw(tmp_path, cylinder(GRID, np.arange(4, 9) + 0.5, 12.3))
    assert sorted(set(roi.region.mask.nonzero()[0])) == [4, 5, 6, 7, 8]
    assert roi.audit["off_plane_mm"] == pytest.approx(1.5, abs=1e-3)
    assert "roi_off_plane" in roi.flags


def test_midway_is_the_lower_coordinate_along_the_normal_in_a_mirrored_grid(tmp_path):
    mirrored = Geometry(
        GRID.shape, GRID.spacing_mm, (-30.25, -40.5, 64.125), (1, 0, 0, 0, 1, 0, 0, 0, -1)
    )
    contours = cylinder(GRID, np.arange(4, 9) + 0.5, 12.3)
    plain = draw(tmp_path, contours)
    other = draw(tmp_path, contours, image=ImageTarget(mirrored))
    np.testing.assert_array_equal(other.region.mask[::-1], plain.region.mask)


def test_contours_off_plane_are_measured(tmp_path):
    roi = draw(tmp_path, cylinder(GRID, np.arange(4, 9) + 0.4, 12.3))
    assert sorted(set(roi.region.mask.nonzero()[0])) == [4, 5, 6, 7, 8]
    assert roi.audit["off_plane_mm"] == pytest.approx(1.2, abs=1e-3)


def test_finer_contours_each_slice_takes_the_nearest_plane(tmp_path):
    roi = draw(tmp_path, cylinder(GRID, np.arange(12, 31) / 3.0, 12.3))
    assert sorted(set(roi.region.mask.nonzero()[0])) == [4, 5, 6, 7, 8, 9, 10]
    assert roi.audit["n_planes"] == 19
    assert roi.audit["n_planes_unused"] == 12
    assert "roi_planes_unused" in roi.flags


def test_a_part_drawn_off_its_slice_is_not_lost_silently(tmp_path):
    contours = cylinder(GRID, range(4, 8), 6.3) + cylinder(GRID, [5.1], 6.3, (18, 0))
    roi = draw(tmp_path, contours)
    assert roi.audit["n_planes_unused"] == 1
    assert "roi_planes_unused" in roi.flags


def test_holes_are_resolved_within_one_plane_only(tmp_path):
    # A smaller contour a third of a slice higher is no hole of the larger one.
    contours = cylinder(GRID, [4], 20.3) + cylinder(GRID, [4 + 1 / 3], 8.1)
    roi = draw(tmp_path, contours)
    np.testing.assert_array_equal(roi.region.mask[4], centres_inside_circle(GRID, 20.3))
    assert roi.audit["n_holes"] == 0
    assert roi.audit["n_planes_unused"] == 1


def test_partly_outside_is_clipped_and_the_fraction_reported(tmp_path):
    edge_mm = 64 / 2 * 1.0
    roi = draw(tmp_path, cylinder(GRID, range(5, 9), 10.3, (edge_mm, 0.0)))
    assert roi.audit["clipped_fraction"] == pytest.approx(0.5, abs=1e-6)
    assert roi.flags >= {"roi_clipped", "roi_touches_border"}


def test_planes_beyond_the_slices_are_counted_as_clipped(tmp_path):
    roi = draw(tmp_path, cylinder(GRID, range(-4, 4), 10.3))
    assert roi.audit["n_planes_outside"] == 4
    assert roi.audit["clipped_fraction"] == pytest.approx(0.5)


def test_wholly_outside_is_empty_and_says_so(tmp_path):
    roi = draw(tmp_path, cylinder(GRID, range(40, 44), 10.3))
    assert (roi.status, roi.error_code) == ("empty", "REGION-OUTSIDE")
    assert roi.region is None


def test_without_contour_sequence_the_row_is_empty(tmp_path):
    roi = draw(tmp_path, [])
    assert (roi.status, roi.error_code) == ("empty", "REGION-NO-CONTOURS")
    assert roi.volume_mm3 is None


@pytest.mark.parametrize("kind", ["POINT", "OPEN_PLANAR", "OPEN_NONPLANAR"])
def test_points_and_open_lines_are_skipped_with_a_reason(tmp_path, kind):
    roi = draw(tmp_path, [(kind, circle(GRID, 4, 10.0, n=1 if kind == "POINT" else 9))])
    assert (roi.status, roi.error_code) == ("skipped", "REGION-NOT-CLOSED")
    assert kind in roi.error_message


def test_open_lines_beside_closed_contours_are_counted(tmp_path):
    contours = [*cylinder(GRID, [4], 10.3), ("OPEN_PLANAR", circle(GRID, 5, 10.0))]
    roi = draw(tmp_path, contours)
    assert roi.status == "ok"
    assert roi.audit["n_contours_skipped"] == 1
    assert roi.audit["contour_types"] == "CLOSED_PLANAR;OPEN_PLANAR"


def test_sub_voxel_roi_is_flagged_with_its_true_volume(tmp_path):
    roi = draw(tmp_path, cylinder(GRID, range(4, 9), 0.9, (0.5, 1.0)))
    assert "roi_small" in roi.flags
    assert roi.audit["area_fraction_volume_mm3"] == pytest.approx(np.pi * 0.81 * 15, rel=1e-3)
    assert roi.audit["polygon_volume_mm3"] == pytest.approx(np.pi * 0.81 * 15, rel=1e-3)
    assert roi.volume_mm3 != pytest.approx(roi.audit["polygon_volume_mm3"], rel=0.1)


def test_roi_between_voxel_centres_is_empty_not_the_whole_image(tmp_path):
    roi = draw(tmp_path, cylinder(GRID, [4], 0.2))
    assert (roi.status, roi.error_code) == ("empty", "REGION-EMPTY")


def test_contours_tilted_against_the_slices_are_refused_in_degrees(tmp_path):
    points = circle(GRID, 8, 12.0)
    points[:, 2] += (points[:, 0] - points[:, 0].mean()) * np.tan(np.radians(10))
    roi = draw(tmp_path, [("CLOSED_PLANAR", points)])
    assert roi.error_code == "REGION-CONTOUR-TILTED"
    assert "10.0 degrees" in roi.error_message


SAGITTAL = Geometry(
    (50, 50, 50), (1.0, 1.0, 2.0), (-40.0, -25.0, 25.0), (0, 0, 1, 1, 0, 0, 0, -1, 0)
)


def axial_sphere(radius_mm, step_mm=2.5):
    """Return axial circles that make a sphere around the middle of the sagittal image."""
    centre = SAGITTAL.index_to_physical([24.5, 24.5, 24.5])
    contours = []
    for z in np.arange(-radius_mm + step_mm / 2, radius_mm, step_mm):
        angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
        r = np.sqrt(radius_mm**2 - z**2)
        ring = np.stack([r * np.cos(angle), r * np.sin(angle), np.full(180, z)], axis=1)
        contours.append(("CLOSED_PLANAR", centre + ring))
    return contours


def test_axial_contours_on_a_sagittal_image_are_resampled_where_allowed(tmp_path):
    contours, image = axial_sphere(20.0), ImageTarget(SAGITTAL)
    assert draw(tmp_path, contours, image=image).error_code == "REGION-CONTOUR-TILTED"
    roi = draw(tmp_path, contours, RegionRules(other_grid="resample"), image)
    assert roi.status == "ok"
    assert "roi_resampled" in roi.flags
    truth = 4 / 3 * np.pi * 20.0**3
    assert roi.volume_mm3 == pytest.approx(truth, rel=0.02)
    assert roi.audit["polygon_volume_mm3"] == pytest.approx(truth, rel=0.01)
    middle = roi.region.mask.nonzero()
    np.testing.assert_allclose([axis.mean() for axis in middle], 24.5, atol=0.2)


def test_a_single_tilted_contour_has_no_thickness(tmp_path):
    rules = RegionRules(other_grid="resample")
    roi = draw(tmp_path, axial_sphere(20.0)[5:6], rules, ImageTarget(SAGITTAL))
    assert roi.error_code == "REGION-CONTOUR-TILTED"
    assert "90.0 degrees" in roi.error_message


@pytest.mark.parametrize(
    "direction",
    [
        (0, 0, 1, 1, 0, 0, 0, 1, 0),  # sagittal
        (1, 0, 0, 0, 0, 1, 0, -1, 0),  # coronal
        (0.8, -0.36, 0.48, 0.6, 0.48, -0.64, 0.0, 0.8, 0.6),  # oblique
    ],
)
def test_any_orientation_gives_the_same_voxels(tmp_path, direction):
    geometry = Geometry(GRID.shape, GRID.spacing_mm, (11.0, -3.0, 5.0), direction)
    expected = centres_inside_circle(GRID, 20.3) & ~centres_inside_circle(GRID, 8.1)
    contours = cylinder(geometry, [4, 5], 20.3) + cylinder(geometry, [4, 5], 8.1)
    roi = draw(tmp_path, contours, image=ImageTarget(geometry))
    np.testing.assert_array_equal(roi.region.mask[4], expected)
    assert roi.n_voxels == 2 * expected.sum()


def test_sequences_are_paired_by_number_never_by_order(tmp_path):
    rois = [
        Roi("large", cylinder(GRID, [4], 20.3), number=7),
        Roi("small", cylinder(GRID, [4], 8.1), number=3),
    ]
    path = tmp_path / "rs.dcm"
    structure_set(rois, reverse=True).save_as(path, enforce_file_format=True)
    found = {roi.roi_id: roi for roi in import_regions(path, IMAGE, STRICT)}
    assert found["large"].segment_number == 7
    assert found["large"].n_voxels > 3 * found["small"].n_voxels


def test_repeated_roi_number_is_refused(tmp_path):
    rois = [Roi(n, cylinder(GRID, [4], 8.1), number=1) for n in ("one", "two")]
    path = write_structure_set(tmp_path / "rs.dcm", rois)
    assert {r.error_code for r in import_regions(path, IMAGE, STRICT)} == {"REGION-NUMBER-REPEATED"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1.5\\2.5\\x", "no number"),
        (b"1.5\\2.5 ", "2 numbers"),
        (b"1.5\\2.5\\nan", "not finite"),
    ],
)
def test_broken_contour_data_fails_its_roi_only(tmp_path, text, message):
    dataset = structure_set(
        [Roi("bad", cylinder(GRID, [4], 9.0)), Roi("good", cylinder(GRID, [4], 9.0), number=2)]
    )
    contour = dataset.ROIContourSequence[0].ContourSequence[0]
    del contour.NumberOfContourPoints
    contour.ContourData = ["7.125", "7.5", "7"]
    path = tmp_path / "rs.dcm"
    dataset.save_as(path, enforce_file_format=True)
    content = path.read_bytes()
    assert content.count(b"7.125\\7.5\\7 ") == 1
    path.write_bytes(content.replace(b"7.125\\7.5\\7 ", text.ljust(12)))
    bad, good = import_regions(path, IMAGE, STRICT)
    assert (bad.status, bad.error_code) == ("failed", "REGION-CONTOUR-DATA")
    assert message in bad.error_message
    assert good.status == "ok"


def test_vertices_that_do_not_match_their_declared_number_are_refused(tmp_path):
    dataset = structure_set([Roi("cut", cylinder(GRID, [4], 9.0))])
    dataset.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints = 361
    path = tmp_path / "rs.dcm"
    dataset.save_as(path, enforce_file_format=True)
    (roi,) = import_regions(path, IMAGE, STRICT)
    assert roi.error_code == "REGION-CONTOUR-DATA"
    assert "361" in roi.error_message


def test_other_frame_of_reference_names_both(tmp_path):
    other = uid("another frame")
    path = write_structure_set(tmp_path / "rs.dcm", [Roi("r", cylinder(GRID, [4], 9), frame=other)])
    with pytest.raises(RegionError, match="frame of reference") as caught:
        import_regions(path, IMAGE, STRICT)
    assert caught.value.code == "REGION-FRAME-OF-REFERENCE"
    assert caught.value.exit_code == 6
    assert other in caught.value.message
    assert IMAGE.frame_of_reference_uid in caught.value.message


def test_other_frame_of_reference_may_be_overridden_and_is_flagged(tmp_path):
    other = uid("another frame")
    path = write_structure_set(tmp_path / "rs.dcm", [Roi("r", cylinder(GRID, [4], 9), frame=other)])
    (roi,) = import_regions(path, IMAGE, STRICT, frame_of_reference_override=True)
    assert roi.status == "ok"
    assert "frame_of_reference_override" in roi.flags


def test_one_roi_of_another_frame_does_not_stop_the_others(tmp_path):
    rois = [
        Roi("here", cylinder(GRID, [4], 9)),
        Roi("there", cylinder(GRID, [4], 9), number=2, frame=uid("another frame")),
    ]
    path = write_structure_set(tmp_path / "rs.dcm", rois)
    here, there = import_regions(path, IMAGE, STRICT)
    assert here.status == "ok"
    assert (there.status, there.error_code) == ("failed", "REGION-FRAME-OF-REFERENCE")


@pytest.mark.parametrize("by", ["series", "images"])
def test_other_series_of_the_same_frame_is_allowed_and_flagged(tmp_path, by):
    image = target(series_uid=uid("T2"), sop_instance_uids=frozenset({uid("T2", 1)}))
    roi = Roi("r", cylinder(GRID, [4], 9), images=[uid("ADC", 1)] if by == "images" else [])
    path = write_structure_set(
        tmp_path / "rs.dcm", [roi], referenced_series=[uid("ADC")] if by == "series" else []
    )
    (found,) = import_regions(path, image, STRICT)
    assert found.cross_series is True
    assert "cross_series" in found.flags
    (refused,) = import_regions(path, image, RegionRules(cross_series="forbid"))
    assert refused.error_code == "REGION-CROSS-SERIES"


def test_other_instances_of_the_same_series_are_flagged(tmp_path):
    image = target(series_uid=uid("T2"), sop_instance_uids=frozenset({uid("phase", 2)}))
    roi = Roi("r", cylinder(GRID, [4], 9), images=[uid("phase", 1)])
    path = write_structure_set(tmp_path / "rs.dcm", [roi], referenced_series=[uid("T2")])
    (found,) = import_regions(path, image, STRICT)
    assert found.cross_series is False
    assert "instances_unmatched" in found.flags


def test_contours_without_image_sequence_are_placed_by_geometry(tmp_path):
    (roi,) = import_regions(
        write_structure_set(tmp_path / "rs.dcm", [Roi("r", cylinder(GRID, [4], 9))]), IMAGE, STRICT
    )
    assert roi.status == "ok"
    assert roi.cross_series is None


def test_list_needs_no_image(tmp_path):
    roi = Roi("liver", cylinder(GRID, [4, 5], 9), number=5, code=("10200004", "SCT", "Liver"))
    path = write_structure_set(tmp_path / "rs.dcm", [roi])
    (entry,) = list_rois(path)
    assert (entry.number, entry.label, entry.code) == (5, "liver", "10200004:SCT")
    assert entry.detail == "CLOSED_PLANAR x 2"


def test_names_in_the_character_set_of_the_file(tmp_path):
    dataset = structure_set([Roi("Läsion 病変", cylinder(GRID, [4, 5, 6], 9))])
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.save_as(tmp_path / "rs.dcm", enforce_file_format=True)
    (roi,) = import_regions(tmp_path / "rs.dcm", IMAGE, STRICT)
    assert (roi.roi_id, roi.status) == ("Läsion 病変", "ok")
