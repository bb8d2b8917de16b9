"""References that dangle: contours and frames of numbers that nothing describes."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import dcmread
from synthetic_dicom_seg import image_datasets, write_seg
from synthetic_segmentations import Roi, cylinder, structure_set, target

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.regions.importing import import_regions, list_rois
from biomarker_cli.regions.numbering import fits_after_a_step
from biomarker_cli.regions.rules import RegionRules, RoiNames
from biomarker_cli.regions.target import ImageTarget

STRICT = RegionRules()
IMAGE = target()
GRID = IMAGE.geometry
ROIS = [
    Roi("large", cylinder(GRID, range(4, 8), 20.3), number=1),
    Roi("small", cylinder(GRID, range(4, 8), 8.1), number=2),
    Roi("empty", [], number=3),
]
SEG_GRID = Geometry((5, 12, 10), (1.5, 2.5, 3.0), (-20.0, 7.5, 100.25))
SEG_IMAGE = ImageTarget(
    SEG_GRID, frame_of_reference_uid=image_datasets(SEG_GRID)[0].FrameOfReferenceUID
)


def drawn(tmp_path, change, rois=ROIS, **options):
    dataset = structure_set(rois)
    change(dataset)
    path = tmp_path / "rs.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return {roi.roi_id: roi for roi in import_regions(path, IMAGE, STRICT, **options)}


def codes(results):
    return {name: (roi.status, roi.error_code) for name, roi in results.items()}


@pytest.mark.parametrize(
    ("described", "referred", "expected"),
    [
        ([1, 2], [0, 1], True),
        ([1, 2], [2, 3], True),
        ([1, 2, 3], [0, 2], True),
        ([1, 2], [1, 2], False),
        ([1, 2, 3, 4], [1, 3, 4, 77], False),
        ([1, 2], [1, 2, 3], False),
        ([1], [], False),
        (list(range(3000)), list(range(1500)), True),  # too many to try: taken to fit
    ],
)
def test_numbers_that_fit_after_a_step(described, referred, expected):
    assert fits_after_a_step(described, referred) is expected


def test_contours_of_an_unknown_number_are_a_row_and_their_roi_is_not_empty(tmp_path):
    def orphan(dataset):
        dataset.ROIContourSequence[1].ReferencedROINumber = 77

    rois = drawn(tmp_path, orphan)
    assert codes(rois) == {
        "large": ("ok", ""),
        "small": ("failed", "REGION-DANGLING"),
        "empty": ("empty", "REGION-NO-CONTOURS"),
        "#77": ("failed", "REGION-DANGLING"),
    }
    assert "77" in rois["small"].error_message
    assert rois["large"].region.flags >= {"orphans_in_file"}
    whole = drawn(tmp_path, lambda dataset: None)
    assert rois["large"].n_voxels == whole["large"].n_voxels
    assert not any("orphans_in_file" in roi.flags for roi in whole.values())


@pytest.mark.parametrize("step", [-1, 1])
def test_numbers_one_step_apart_give_no_roi_the_contours_of_another(tmp_path, step):
    def count_from_elsewhere(dataset):
        for item in dataset.ROIContourSequence:
            item.ReferencedROINumber += step

    rois = drawn(tmp_path, count_from_elsewhere, ROIS[:2])
    assert {roi.error_code for roi in rois.values()} == {"REGION-DANGLING"}
    assert len(rois) == 3
    assert not any(roi.region for roi in rois.values())


@pytest.mark.parametrize("value", [None, "x"])
def test_contours_without_a_number_belong_to_none(tmp_path, value):
    def lose(dataset):
        del dataset.ROIContourSequence[1].ReferencedROINumber

    rois = drawn(tmp_path, lose)
    assert codes(rois)["small"] == ("failed", "REGION-DANGLING")
    assert codes(rois)["#?"] == ("failed", "REGION-DANGLING")
    assert rois["#?"].segment_number is None
    assert rois["large"].status == "ok"


def test_a_roi_without_number_gets_no_contours(tmp_path):
    def lose(dataset):
        del dataset.StructureSetROISequence[0].ROINumber
        dataset.ROIContourSequence[0].ReferencedROINumber = 0

    rois = drawn(tmp_path, lose)
    assert codes(rois)["large"] == ("failed", "REGION-DANGLING")
    assert rois["small"].status == "ok"


def test_two_items_of_one_number_are_not_united(tmp_path):
    def same(dataset):
        dataset.ROIContourSequence[1].ReferencedROINumber = 1

    rois = drawn(tmp_path, same)
    assert codes(rois)["large"] == ("failed", "REGION-NUMBER-REPEATED")


def test_no_name_fits_contours_that_belong_to_none(tmp_path):
    def orphan(dataset):
        dataset.ROIContourSequence[1].ReferencedROINumber = 77

    names = RoiNames.model_validate({"any": {"patterns": ["l*", "*7*"]}, "x": {"labels": [77]}})
    rois = drawn(tmp_path, orphan, names=names, wanted=["any", "x"])
    assert codes(rois) == {"any": ("ok", ""), "x": ("failed", "REGION-DANGLING")}


def segmented(tmp_path, change, n_segments=2, **options):
    masks = np.zeros((n_segments, *SEG_GRID.shape), dtype=bool)
    for number in range(n_segments):
        masks[number, 1:4, 2:5, 2 * number : 2 * number + 3] = True
    if options.get("segmentation_type") == "LABELMAP":
        masks = (masks * np.arange(1, n_segments + 1)[:, None, None, None]).max(axis=0)
        masks = masks.astype(np.uint8)
    path = write_seg(tmp_path / "seg.dcm", SEG_GRID, masks, **options)
    dataset = dcmread(path)
    change(dataset)
    dataset.save_as(path)
    return {roi.roi_id: roi for roi in import_regions(path, SEG_IMAGE, STRICT)}


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_frames_of_an_undescribed_segment_are_a_row(tmp_path, kind):
    def forget(dataset):
        kept = [item for item in dataset.SegmentSequence if item.SegmentNumber != 2]
        dataset.SegmentSequence = kept

    whole = segmented(tmp_path, lambda dataset: None, segmentation_type=kind)
    rois = segmented(tmp_path, forget, segmentation_type=kind)
    assert codes(rois) == {"segment 1": ("ok", ""), "#2": ("failed", "REGION-DANGLING")}
    assert "orphans_in_file" in rois["segment 1"].region.flags
    assert rois["segment 1"].n_voxels == whole["segment 1"].n_voxels
    assert list_rois(tmp_path / "seg.dcm")[1].is_described is False


@pytest.mark.parametrize("step", [-1, 1])
def test_segments_one_step_apart_get_no_frames_of_another(tmp_path, step):
    def count_from_elsewhere(dataset):
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber += step

    rois = segmented(tmp_path, count_from_elsewhere)
    assert {roi.error_code for roi in rois.values()} == {"REGION-DANGLING"}


def test_a_frame_that_says_nothing_is_not_given_to_the_only_segment(tmp_path):
    def forget(dataset):
        dataset.SegmentSequence = dataset.SegmentSequence[:1]
        for frame in dataset.PerFrameFunctionalGroupsSequence:
            if frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber == 2:
                del frame.SegmentIdentificationSequence

    (roi,) = segmented(tmp_path, forget).values()
    assert (roi.status, roi.error_code) == ("failed", "REGION-SEG-FRAMES")


def test_the_only_segment_that_no_frame_names_is_flagged(tmp_path):
    def forget(dataset):
        del dataset.SharedFunctionalGroupsSequence[0].SegmentIdentificationSequence

    (roi,) = segmented(tmp_path, forget, n_segments=1).values()
    assert "segment_assumed" in roi.region.flags


def test_no_frame_at_all_is_an_empty_region(tmp_path):
    def empty(dataset):
        dataset.NumberOfFrames = 0
        dataset.PerFrameFunctionalGroupsSequence = []
        dataset.PixelData = b""

    rois = segmented(tmp_path, empty)
    assert set(codes(rois).values()) == {("empty", "REGION-EMPTY")}


@pytest.mark.parametrize("n_frames", [0, 5, -1, 2_000_000_000])
@pytest.mark.parametrize("with_groups", [True, False])
def test_frames_that_do_not_match_their_groups_are_refused_at_once(tmp_path, n_frames, with_groups):
    if not n_frames and not with_groups:
        return

    def promise(dataset):
        dataset.NumberOfFrames = n_frames
        if not with_groups:
            dataset.PerFrameFunctionalGroupsSequence = []

    rois = segmented(tmp_path, promise)
    assert set(codes(rois).values()) == {("failed", "REGION-SEG-FRAMES")}
