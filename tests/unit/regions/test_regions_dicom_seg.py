"""DICOM SEG: every way of saying which segment a frame belongs to and where it lies."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from pydicom import dcmread
from synthetic_dicom_seg import image_datasets, segment_description, write_seg

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.regions.importing import import_regions, list_rois
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

STRICT = RegionRules()
GEOMETRY = Geometry((5, 12, 10), (1.5, 2.5, 3.0), (-20.0, 7.5, 100.25))


@pytest.fixture
def masks():
    rng = np.random.default_rng(4)
    masks = rng.random((3, *GEOMETRY.shape)) > 0.6
    masks[1, :2] = False  # a segment that is absent from some slices
    return masks


@pytest.fixture
def target():
    images = image_datasets(GEOMETRY)
    return ImageTarget(
        GEOMETRY,
        frame_of_reference_uid=images[0].FrameOfReferenceUID,
        series_uid=images[0].SeriesInstanceUID,
        sop_instance_uids=frozenset(i.SOPInstanceUID for i in images),
    )


def assert_masks(results, masks):
    assert [roi.status for roi in results] == ["ok"] * len(masks)
    for roi, mask in zip(results, masks, strict=True):
        np.testing.assert_array_equal(roi.region.mask, mask)


@pytest.mark.parametrize("omit_empty_frames", [True, False])
def test_binary_overlapping_segments(tmp_path, masks, target, omit_empty_frames):
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks, omit_empty_frames=omit_empty_frames)
    rois = import_regions(path, target, STRICT)
    assert_masks(rois, masks)
    assert [roi.cross_series for roi in rois] == [False] * 3
    assert not any("frame" in flag or "cross" in flag for roi in rois for flag in roi.flags)


def test_fewer_frames_than_slices(tmp_path, masks, target):
    masks[:, [0, 4]] = False
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks)
    rois = import_regions(path, target, STRICT)
    assert_masks(rois, masks)
    assert rois[1].audit["n_frames"] == 2


def test_identity_of_a_segment(tmp_path, masks, target):
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks)
    entries = list_rois(path)
    assert [e.number for e in entries] == [1, 2, 3]
    assert {e.code for e in entries} == {"10200004:SCT"}
    assert len({e.tracking_uid for e in entries}) == 3
    assert all(e.tracking_uid for e in entries)


def test_segments_with_one_label_are_told_apart_by_number(tmp_path, masks, target):
    descriptions = [segment_description(n, label="lesion") for n in (1, 2, 3)]
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks, descriptions=descriptions)
    rois = import_regions(path, target, STRICT)
    assert [roi.roi_id for roi in rois] == ["lesion#1", "lesion#2", "lesion#3"]
    assert_masks(rois, masks)
    (asked,) = import_regions(path, target, STRICT, wanted=["lesion"])
    assert (asked.status, asked.error_code) == ("failed", "REGION-AMBIGUOUS")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_label_map(tmp_path, target, dtype):
    labels = np.random.default_rng(1).integers(0, 4, GEOMETRY.shape).astype(dtype)
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, labels, segmentation_type="LABELMAP")
    rois = import_regions(path, target, STRICT)
    assert_masks(rois, [labels == n for n in (1, 2, 3)])


def test_padding_value_of_a_label_map_is_no_label(tmp_path, target):
    labels = np.random.default_rng(1).integers(1, 4, GEOMETRY.shape).astype(np.uint8)
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, labels, segmentation_type="LABELMAP")
    dataset = dcmread(path)
    dataset.PixelPaddingValue = 2
    dataset.save_as(path)
    rois = import_regions(path, target, STRICT)
    assert [roi.segment_number for roi in rois] == [1, 3]
    assert_masks(rois, [labels == 1, labels == 3])


def fractional(tmp_path):
    fractions = np.linspace(0, 1, np.prod(GEOMETRY.shape)).reshape(GEOMETRY.shape)
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, fractions, segmentation_type="FRACTIONAL")
    return path, fractions


def test_fractional_without_threshold_is_refused(tmp_path, target):
    path, _ = fractional(tmp_path)
    (roi,) = import_regions(path, target, STRICT)
    assert (roi.status, roi.error_code) == ("failed", "REGION-FRACTIONAL")
    assert "fractional_threshold" in roi.error_message


@pytest.mark.parametrize("threshold", [0.25, 0.5, 1.0])
def test_fractional_threshold_is_inclusive(tmp_path, target, threshold):
    path, fractions = fractional(tmp_path)
    (roi,) = import_regions(path, target, RegionRules(fractional_threshold=threshold))
    stored = np.around(fractions * 255) / 255
    np.testing.assert_array_equal(roi.region.mask, stored >= threshold)
    volume = stored.sum() * GEOMETRY.voxel_volume_mm3
    assert roi.audit["fractional_volume_mm3"] == pytest.approx(volume)
    assert roi.audit["fractional_threshold"] == threshold
    assert roi.audit["fractional_type"] in {"PROBABILITY", "OCCUPANCY"}


def test_segment_number_in_the_shared_groups(tmp_path, masks, target):
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks[:1])
    dataset = dcmread(path)
    assert "SegmentIdentificationSequence" in dataset.SharedFunctionalGroupsSequence[0]
    assert_masks(import_regions(path, target, STRICT), masks[:1])


def test_single_segment_that_no_frame_names(tmp_path, masks, target):
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks[:1])
    dataset = dcmread(path)
    del dataset.SharedFunctionalGroupsSequence[0].SegmentIdentificationSequence
    dataset.save_as(path)
    assert_masks(import_regions(path, target, STRICT), masks[:1])


def test_several_segments_that_no_frame_names_are_refused(tmp_path, masks, target):
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks)
    dataset = dcmread(path)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.SegmentIdentificationSequence
    dataset.save_as(path)
    assert {r.error_code for r in import_regions(path, target, STRICT)} == {"REGION-SEG-FRAMES"}


def test_orientation_and_measures_per_frame(tmp_path, masks, target):
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks)
    dataset = dcmread(path)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        frame.PlaneOrientationSequence = shared.PlaneOrientationSequence
        frame.PixelMeasuresSequence = shared.PixelMeasuresSequence
    del shared.PlaneOrientationSequence
    del shared.PixelMeasuresSequence
    dataset.save_as(path)
    assert_masks(import_regions(path, target, STRICT), masks)


@pytest.mark.parametrize("kept", ["SpacingBetweenSlices", "SliceThickness", None])
def test_spacing_between_slices_may_be_absent(tmp_path, masks, target, kept):
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks)
    dataset = dcmread(path)
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        if keyword != kept and keyword in measures:
            delattr(measures, keyword)
    dataset.save_as(path)
    assert_masks(import_regions(path, target, STRICT), masks)


def test_frames_at_irregular_distances_are_refused(tmp_path, masks, target):
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks[:1])
    dataset = dcmread(path)
    position = dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
    position.ImagePositionPatient[2] = float(position.ImagePositionPatient[2]) + 1.0
    dataset.save_as(path)
    (roi,) = import_regions(path, target, STRICT)
    assert roi.error_code == "REGION-SEG-FRAMES"


def test_thick_segmentation_of_thin_slices_is_another_grid(tmp_path, target):
    coarse = Geometry((2, 12, 10), (1.5, 2.5, 6.0), GEOMETRY.origin_mm)
    path = write_seg(tmp_path / "seg.dcm", coarse, np.ones((1, *coarse.shape), dtype=bool))
    (roi,) = import_regions(path, target, STRICT, frame_of_reference_override=True)
    assert roi.error_code == "REGION-OTHER-GRID"
    assert "3 against 1.5 x 2.5 x 6 mm" in roi.error_message


def test_unknown_segmentation_type_is_refused(tmp_path, masks, target):
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks)
    dataset = dcmread(path)
    dataset.SegmentationType = "SOMETHING"
    dataset.save_as(path)
    with pytest.raises(Exception, match="SOMETHING") as caught:
        import_regions(path, target, STRICT)
    assert caught.value.code == "REGION-SEG-TYPE"


def test_pixel_data_cut_short_is_a_named_error(tmp_path, masks, target):
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks)
    path.write_bytes(path.read_bytes()[:-40])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rois = import_regions(path, target, STRICT)
    assert any(roi.error_code == "PIXELS-UNREADABLE" for roi in rois)
    assert all(roi.status in {"ok", "failed"} for roi in rois)


@pytest.mark.parametrize(
    "syntax",
    [
        "1.2.840.10008.1.2.1",  # explicit little endian
        "1.2.840.10008.1.2.5",  # RLE
        "1.2.840.10008.1.2.4.80",  # JPEG-LS
    ],
)
@pytest.mark.parametrize("segmentation_type", ["LABELMAP", "FRACTIONAL"])
def test_compressed_frames(tmp_path, syntax, segmentation_type):
    grid = Geometry((2, 40, 48), (1.5, 2.5, 3.0))
    target = ImageTarget(grid)
    labels = np.random.default_rng(1).integers(0, 3, grid.shape).astype(np.uint8)
    labels = labels if segmentation_type == "LABELMAP" else labels.astype(float) / 2
    path = write_seg(
        tmp_path / "seg.dcm",
        grid,
        labels,
        segmentation_type=segmentation_type,
        transfer_syntax_uid=syntax,
    )
    assert dcmread(path).file_meta.TransferSyntaxUID == syntax
    rois = import_regions(path, target, RegionRules(fractional_threshold=1.0))
    levels = [1, 2] if segmentation_type == "LABELMAP" else [1.0]
    assert_masks(rois, [labels == level for level in levels])


def test_slice_positions_may_jitter_as_real_ones_do(tmp_path, masks, target):
    path = write_seg(tmp_path / "seg.dcm", GEOMETRY, masks)
    dataset = dcmread(path)
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        # The same slice jitters the same way in every segment.
        slice_index = round((float(position[2]) - 100.25) / 3.0)
        position[2] = float(position[2]) + (0.08 if slice_index % 2 else -0.05)
    dataset.save_as(path)
    assert_masks(import_regions(path, target, STRICT), masks)
