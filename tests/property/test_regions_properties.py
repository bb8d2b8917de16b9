"""Invariants of segmentation import, for random shapes, orientations and overlaps."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydicom import dcmread
from synthetic_dicom_seg import image_datasets, write_seg
from synthetic_segmentations import Roi, lift, rectangle, structure_set, write_structure_set
from synthetic_segmentations import target as rt_target

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Crop, Region
from biomarker_cli.regions.components import component_sizes
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.polygons import ON_EDGE, PixelWindow, area, clip, fill, snap
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

fewest = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
some = settings(max_examples=150, deadline=None)

spacings = st.sampled_from([0.5, 0.78125, 1.0, 1.3, 2.5, 3.27])
coordinates = st.floats(-8, 20, allow_nan=False, width=32)
rings = hnp.arrays(np.float64, st.tuples(st.integers(3, 12), st.just(2)), elements=coordinates)


@st.composite
def geometries(draw, largest=6):
    # highdicom pads frames of less than a byte, against the standard: at least 3 x 3 pixels.
    shape = (draw(st.integers(2, largest)), *(draw(st.integers(3, largest)) for _ in range(2)))
    spacing = tuple(draw(spacings) for _ in range(3))
    # A rotation from three angles: orthonormal and right-handed.
    a, b, c = (draw(st.floats(-np.pi, np.pi)) for _ in range(3))
    turn_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    turn_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    turn_x = np.array([[1, 0, 0], [0, np.cos(c), -np.sin(c)], [0, np.sin(c), np.cos(c)]])
    origin = tuple(draw(st.floats(-300, 300)) for _ in range(3))
    return Geometry(shape, spacing, origin, tuple((turn_z @ turn_y @ turn_x).ravel().tolist()))


def point_in_polygon(ring, x, y):
    """Even-odd by the definition: count edges to the left of a point."""
    inside = False
    for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        if (y0 > y) != (y1 > y) and x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x:
            inside = not inside
    return inside


def distance_to_edges(ring, x, y):
    start, ends = ring - (x, y), np.roll(ring, -1, axis=0) - (x, y)
    along = ends - start
    length = np.maximum((along**2).sum(axis=1), 1e-300)
    share = np.clip(-(start * along).sum(axis=1) / length, 0.0, 1.0)
    return np.hypot(*(start + share[:, None] * along).T).min()


@some
@example(np.array([[10.0, 0.0], [0.0, 1e-5], [0.0, 0.0]]))
@given(rings)
def test_fill_is_even_odd_at_every_pixel_centre(ring):
    ring = snap(ring)
    window = PixelWindow(0, 0, 12, 14)
    mask = fill(ring, window)
    # A centre that lies on an edge, to the step of the lattice, may fall on either side.
    for row in range(window.rows):
        for column in range(window.columns):
            expected = point_in_polygon(ring, column, row)
            if mask[row, column] != expected:
                assert distance_to_edges(ring, column, row) <= 1.001 * ON_EDGE


@some
@given(rings, st.integers(0, 11), st.booleans())
def test_fill_does_not_depend_on_start_and_direction(ring, start, backwards):
    window = PixelWindow(-3, -3, 20, 20)
    other = np.roll(ring, start, axis=0)
    other = other[::-1] if backwards else other
    np.testing.assert_array_equal(fill(snap(ring), window), fill(snap(other), window))


@some
@given(rings, st.integers(-5, 5), st.integers(-5, 5))
def test_fill_of_a_part_is_the_part_of_the_fill(ring, row, column):
    ring = snap(ring)
    whole = fill(ring, PixelWindow(-10, -10, 40, 40))
    part = fill(ring, PixelWindow(row, column, 7, 9))
    np.testing.assert_array_equal(part, whole[row + 10 : row + 17, column + 10 : column + 19])


@some
@given(rings)
def test_two_halves_of_a_clipped_polygon_have_its_area(ring):
    left, right = PixelWindow(-50, -50, 100, 55), PixelWindow(-50, 5, 100, 95)
    # Areas of self-crossing rings cancel in the shoelace formula, so keep to triangles.
    triangle = ring[:3]
    parts = area(clip(triangle, left)) + area(clip(triangle, right))
    np.testing.assert_allclose(parts, area(triangle), rtol=1e-9, atol=1e-9)


@few
@given(geometries(), st.data())
def test_round_trip_through_dicom_seg(geometry, data):
    masks = data.draw(
        hnp.arrays(np.bool_, (data.draw(st.integers(1, 3)), *geometry.shape)), label="masks"
    )
    images = image_datasets(geometry)
    target = ImageTarget(geometry, frame_of_reference_uid=images[0].FrameOfReferenceUID)
    with tempfile.TemporaryDirectory() as folder:
        path = write_seg(Path(folder) / "seg.dcm", geometry, masks)
        # Random masks fill every second slice by chance.
        rois = import_regions(path, target, RegionRules(gaps="none"))
    assert len(rois) == len(masks)
    for roi, mask in zip(rois, masks, strict=True):
        if mask.any():
            np.testing.assert_array_equal(roi.region.mask, mask)
        else:
            assert (roi.status, roi.region) == ("empty", None)


@few
@given(geometries(), st.data())
def test_round_trip_through_a_label_map(geometry, data):
    labels = data.draw(hnp.arrays(np.uint8, geometry.shape, elements=st.integers(0, 3)))
    labels.flat[0] = 3
    target = ImageTarget(geometry)
    with tempfile.TemporaryDirectory() as folder:
        path = write_seg(Path(folder) / "seg.dcm", geometry, labels, segmentation_type="LABELMAP")
        # Random masks fill every second slice by chance.
        rois = import_regions(path, target, RegionRules(gaps="none"))
    for roi in rois:
        expected = labels == roi.segment_number
        found = roi.region.mask if roi.region else np.zeros(geometry.shape, dtype=bool)
        np.testing.assert_array_equal(found, expected)
    assert [roi.segment_number for roi in rois] == [1, 2, 3]


@few
@given(geometries(largest=24), st.integers(0, 2**32 - 1))
def test_contours_do_not_depend_on_the_orientation(geometry, seed):
    """The same polygon in the plane of the slices gives the same voxels everywhere."""
    rng = np.random.default_rng(seed)
    _, rows, columns = geometry.shape
    dx, dy, _ = geometry.spacing_mm
    angle = np.sort(rng.uniform(0, 2 * np.pi, 20))
    radius = rng.uniform(0.3, 0.7, 20) * max(rows * dy, columns * dx)
    flat = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(20)], axis=1)
    straight = Geometry(geometry.shape, geometry.spacing_mm)
    masks = []
    with tempfile.TemporaryDirectory() as folder:
        for grid in (geometry, straight):
            contours = [("CLOSED_PLANAR", lift(grid, z, flat)) for z in range(grid.shape[0])]
            path = write_structure_set(Path(folder) / "rs.dcm", [Roi("r", contours)])
            (roi,) = import_regions(path, ImageTarget(grid), RegionRules())
            masks.append(roi.region.mask if roi.region else np.zeros(grid.shape, dtype=bool))
    # Coordinates are written to a ten-thousandth of a millimetre: an edge may step over a centre.
    assert np.count_nonzero(masks[0] ^ masks[1]) <= geometry.shape[0]


@some
@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)))
def test_a_region_keeps_its_mask(mask):
    geometry = Geometry(mask.shape, (1.0, 2.0, 3.0))
    region = Region(mask, geometry, "label", "name")
    np.testing.assert_array_equal(region.mask, mask)
    assert region.n_voxels == mask.sum()
    assert region.volume_mm3 == mask.sum() * 6.0
    assert region.crop.mask.size <= mask.size
    again = Region(Crop(region.crop.mask, region.crop.offset), geometry, "label", "name")
    np.testing.assert_array_equal(again.mask, mask)


@some
@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, max_side=7)))
def test_components_are_those_of_a_label_image(mask):
    from scipy.ndimage import label

    labels, n_components = label(mask, structure=np.ones((3, 3, 3)))
    expected = sorted(np.bincount(labels.ravel())[1:].tolist())
    assert sorted(component_sizes(mask).tolist()) == expected
    assert len(expected) == n_components


SEG_GRID = Geometry((6, 8, 9), (1.5, 2.0, 3.0), (-20.0, 7.5, 100.0))
SEG_TARGET = ImageTarget(
    SEG_GRID, frame_of_reference_uid=image_datasets(SEG_GRID)[0].FrameOfReferenceUID
)
LOOSE = RegionRules(gaps="none")


def seg_dataset(folder, data):
    """Return a SEG of three segments that fill random slices, as a data set."""
    masks = np.zeros((3, *SEG_GRID.shape), dtype=bool)
    for number in range(3):
        filled = data.draw(st.lists(st.booleans(), min_size=6, max_size=6), label="slices")
        masks[number, filled, 1 + number : 5 + number, 2:6] = True
        masks[number, number, 0, 0] = True
    return dcmread(write_seg(Path(folder) / "seg.dcm", SEG_GRID, masks))


def voxels_by_label(folder, dataset, target, name="changed.dcm"):
    path = Path(folder) / name
    dataset.save_as(path, enforce_file_format=True)
    rois = import_regions(path, target, LOOSE)
    return {
        roi.roi_label: None if roi.region is None else roi.region.mask
        for roi in rois
        if roi.roi_label
    }


def assert_no_voxel_more(before, after):
    for label, mask in after.items():
        if mask is not None:
            assert before[label] is not None
            assert not (mask & ~before[label]).any()


SEG_REFERENCES = {
    "segment": lambda d, i: d.SegmentSequence.pop(i % len(d.SegmentSequence)),
    "number of a segment": lambda d, i: _drop(d.SegmentSequence, i, "SegmentNumber"),
    "groups of a frame": lambda d, i: d.PerFrameFunctionalGroupsSequence.pop(
        i % len(d.PerFrameFunctionalGroupsSequence)
    ),
    **{
        keyword: lambda d, i, k=keyword: _drop(d.PerFrameFunctionalGroupsSequence, i, k)
        for keyword in (
            "SegmentIdentificationSequence",
            "PlanePositionSequence",
            "DerivationImageSequence",
            "FrameContentSequence",
        )
    },
    **{
        keyword: lambda d, _i, k=keyword: d.pop(k, None)
        for keyword in (
            "SegmentSequence",
            "PerFrameFunctionalGroupsSequence",
            "ReferencedSeriesSequence",
            "NumberOfFrames",
        )
    },
}


def _drop(items, index, keyword):
    items[index % len(items)].pop(keyword, None)


@fewest
@given(st.data())
def test_removing_references_of_a_seg_gives_no_region_more_voxels(data):
    removed = data.draw(
        st.lists(
            st.tuples(st.sampled_from(sorted(SEG_REFERENCES)), st.integers(0, 17)),
            min_size=1,
            max_size=3,
            unique=True,
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        dataset = seg_dataset(folder, data)
        before = voxels_by_label(folder, dataset, SEG_TARGET)
        assert all(mask is not None for mask in before.values())
        for what, index in removed:
            if dataset.get("SegmentSequence") and dataset.get("PerFrameFunctionalGroupsSequence"):
                SEG_REFERENCES[what](dataset, index)
        assert_no_voxel_more(before, voxels_by_label(folder, dataset, SEG_TARGET))


@fewest
@given(st.data())
def test_the_order_of_frames_and_segments_never_changes_a_region(data):
    with tempfile.TemporaryDirectory() as folder:
        dataset = seg_dataset(folder, data)
        before = voxels_by_label(folder, dataset, SEG_TARGET)
        n_frames, rows, columns = int(dataset.NumberOfFrames), dataset.Rows, dataset.Columns
        bits = np.unpackbits(np.frombuffer(dataset.PixelData, np.uint8), bitorder="little")
        frames = bits[: n_frames * rows * columns].reshape(n_frames, -1)
        order = data.draw(st.permutations(range(n_frames)))
        groups = list(dataset.PerFrameFunctionalGroupsSequence)
        dataset.PerFrameFunctionalGroupsSequence = [groups[i] for i in order]
        packed = np.packbits(frames[list(order)].ravel(), bitorder="little").tobytes()
        dataset.PixelData = packed + bytes(len(packed) % 2)
        dataset.SegmentSequence = dataset.SegmentSequence[::-1]
        after = voxels_by_label(folder, dataset, SEG_TARGET)
    assert set(after) == set(before)
    for label, mask in before.items():
        np.testing.assert_array_equal(after[label], mask)


RT_TARGET = rt_target()


def rt_rois(data):
    """Return three ROIs of boxes that nest, cross and repeat at random."""
    corner = st.integers(1, 9)
    rois = []
    for number in range(1, 4):
        boxes = data.draw(
            st.lists(
                st.tuples(st.integers(3, 6), corner, corner, corner, corner), min_size=1, max_size=6
            ),
            label="boxes",
        )
        contours = [
            ("CLOSED_PLANAR", rectangle(RT_TARGET.geometry, z, (-x0, -y0), (x1, y1)))
            for z, x0, y0, x1, y1 in boxes
        ]
        rois.append(Roi(f"r{number}", contours, number=number))
    return rois


RT_REFERENCES = {
    "roi": lambda d, i: d.StructureSetROISequence.pop(i),
    "number of a roi": lambda d, i: _drop(d.StructureSetROISequence, i, "ROINumber"),
    "contours": lambda d, i: d.ROIContourSequence.pop(i),
    "number of contours": lambda d, i: _drop(d.ROIContourSequence, i, "ReferencedROINumber"),
    "observation": lambda d, i: d.RTROIObservationsSequence.pop(i),
    "frame": lambda d, _i: d.pop("ReferencedFrameOfReferenceSequence"),
}


@fewest
@given(st.data(), st.sampled_from(sorted(RT_REFERENCES)), st.integers(0, 2))
def test_removing_a_reference_of_a_structure_set_gives_no_region_more_voxels(data, what, index):
    dataset = structure_set(rt_rois(data))
    with tempfile.TemporaryDirectory() as folder:
        before = voxels_by_label(folder, dataset, RT_TARGET)
        RT_REFERENCES[what](dataset, index)
        assert_no_voxel_more(before, voxels_by_label(folder, dataset, RT_TARGET))


@fewest
@given(st.data())
def test_the_order_of_contours_never_changes_a_region(data):
    rois = rt_rois(data)
    with tempfile.TemporaryDirectory() as folder:
        before = voxels_by_label(folder, structure_set(rois), RT_TARGET)
        for roi in rois:
            roi.contours = data.draw(st.permutations(roi.contours))
        after = voxels_by_label(folder, structure_set(rois, reverse=True), RT_TARGET)
    for label, mask in before.items():
        np.testing.assert_array_equal(after[label], mask)
