"""Where the frames of a DICOM SEG lie: twice at a place, on thicker slices, with holes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from synthetic_dicom_seg import image_datasets, write_seg

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

GRID = Geometry((12, 12, 10), (1.5, 2.5, 2.5), (-20.0, 7.5, 100.25))
IMAGE = ImageTarget(
    GRID,
    frame_of_reference_uid=image_datasets(GRID)[0].FrameOfReferenceUID,
    slice_thickness_mm=2.5,
)


def mask_of(slices):
    mask = np.zeros((1, *GRID.shape), dtype=bool)
    mask[0, list(slices), 3:8, 2:7] = True
    return mask


def segmented(tmp_path, slices, change=None, image=IMAGE, **rules):
    path = write_seg(tmp_path / "seg.dcm", GRID, mask_of(slices))
    dataset = dcmread(path)
    if change is not None:
        change(dataset)
    dataset.save_as(path)
    (roi,) = import_regions(path, image, RegionRules(**rules))
    return roi


def thick(mm):
    def change(dataset):
        measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.SliceThickness = mm
        if "SpacingBetweenSlices" in measures:
            del measures.SpacingBetweenSlices

    return change


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("apart_mm", [0.0, 0.15])
def test_two_frames_at_one_position_are_never_united(tmp_path, kind, apart_mm):
    mask = mask_of(range(3, 7))
    array = mask[0].astype(np.uint8) if kind == "LABELMAP" else mask
    path = write_seg(tmp_path / "seg.dcm", GRID, array, segmentation_type=kind)
    dataset = dcmread(path)
    one, two = dataset.PerFrameFunctionalGroupsSequence[1:3]
    position = list(one.PlanePositionSequence[0].ImagePositionPatient)
    position[2] = float(position[2]) + apart_mm
    two.PlanePositionSequence[0].ImagePositionPatient = position
    thick(2.5)(dataset)  # says no spacing: the grid is that of the image
    dataset.save_as(path)
    (roi,) = import_regions(path, IMAGE, RegionRules())
    assert (roi.status, roi.error_code) == ("failed", "REGION-FRAMES-REPEATED")
    assert "1 more" in roi.error_message


def test_frames_beside_each_other_are_no_stack(tmp_path):
    def aside(dataset):
        position = dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
        position.ImagePositionPatient[0] = float(position.ImagePositionPatient[0]) + 1.5

    assert segmented(tmp_path, range(3, 7), aside).error_code == "REGION-SEG-FRAMES"


@pytest.mark.parametrize("slices", [(2, 4, 6, 8), (2, 4, 8)])
def test_slices_drawn_on_a_thicker_image_are_another_grid(tmp_path, slices):
    refused = segmented(tmp_path, slices, thick(5.0))
    assert refused.error_code == "REGION-OTHER-GRID"
    resampled = segmented(tmp_path, slices[:3], thick(5.0), other_grid="resample")
    assert "roi_resampled" in resampled.flags


@pytest.mark.parametrize("image_thickness_mm", [5.0, 2.0, None])
def test_every_slice_is_right_whatever_its_thickness(tmp_path, image_thickness_mm):
    """Gapped MR (2 of 2.5 mm) and overlapping CT (5 of 2.5 mm)."""
    image = replace(IMAGE, slice_thickness_mm=image_thickness_mm)
    for mm in (2.0, 2.5, 5.0):
        roi = segmented(tmp_path, range(2, 8), thick(mm), image)
        assert (roi.status, roi.n_voxels, roi.audit["n_gaps"]) == ("ok", 150, 0)


@pytest.mark.parametrize("mm", [2.0, 2.5, 5.0])
def test_skipped_slices_of_the_images_own_thickness_are_empty_slices(tmp_path, mm):
    image = replace(IMAGE, slice_thickness_mm=mm)
    roi = segmented(tmp_path, (2, 4, 7), thick(mm), image)
    assert (roi.status, roi.n_voxels) == ("ok", 75)
    assert "empty_slices" in roi.flags


@pytest.mark.parametrize(("mm", "flagged"), [(5.0, True), (2.5, False), (1.0, False)])
def test_a_single_frame_of_another_thickness_is_flagged(tmp_path, mm, flagged):
    roi = segmented(tmp_path, [5], thick(mm))
    assert (roi.status, roi.n_voxels) == ("ok", 25)
    assert ("slice_thickness_differs" in roi.flags) is flagged


def nifti(tmp_path, slices, **rules):
    write_nifti(mask_of(slices)[0].astype(np.uint8), GRID, tmp_path / "mask.nii.gz")
    (roi,) = import_regions(tmp_path / "mask.nii.gz", IMAGE, RegionRules(**rules))
    return roi


WAYS = pytest.mark.parametrize("read", [segmented, nifti])


@WAYS
@pytest.mark.parametrize(
    ("slices", "n_gaps"), [((3, 4, 5), 0), ((2, 3, 7, 8), 1), ((2, 4), 1), ((1, 3, 4, 8), 2)]
)
def test_empty_slices_of_a_mask_are_counted_and_flagged(tmp_path, read, slices, n_gaps):
    roi = read(tmp_path, slices)
    assert (roi.status, roi.n_voxels, roi.audit["n_gaps"]) == ("ok", 25 * len(slices), n_gaps)
    assert ("empty_slices" in roi.flags) is bool(n_gaps)


@WAYS
@pytest.mark.parametrize("slices", [(2, 4, 6), (1, 4, 7, 10)])
def test_a_mask_on_every_nth_slice_is_judged_as_contours_are(tmp_path, read, slices):
    refused = read(tmp_path, slices)
    assert (refused.status, refused.error_code) == ("failed", "REGION-GAP")
    left = read(tmp_path, slices, gaps="none")
    assert (left.n_voxels, left.audit["n_gaps"]) == (25 * len(slices), len(slices) - 1)
    assert "roi_gaps" in left.flags
    closed = read(tmp_path, slices, gaps="interpolate")
    assert closed.n_voxels == 25 * (slices[-1] - slices[0] + 1)
    assert "roi_interpolated" in closed.flags


def test_gaps_lie_along_the_slices_of_the_image_however_the_file_stores_them(tmp_path):
    import nibabel as nib

    mask = mask_of((2, 4, 6))[0].astype(np.uint8)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ GRID.affine
    # Axes of the file: z, x, y instead of x, y, z.
    turned = nib.Nifti1Image(mask.transpose(0, 2, 1), affine[:, [2, 0, 1, 3]])
    nib.save(turned, tmp_path / "mask.nii.gz")
    (refused,) = import_regions(tmp_path / "mask.nii.gz", IMAGE, RegionRules())
    assert refused.error_code == "REGION-GAP"
    (closed,) = import_regions(tmp_path / "mask.nii.gz", IMAGE, RegionRules(gaps="interpolate"))
    np.testing.assert_array_equal(closed.region.mask, mask_of(range(2, 7))[0])


@pytest.mark.parametrize("value", [0.0, 1e300, -2.5])
def test_spacing_that_cannot_be_fails_its_segment(tmp_path, value):
    def spoil(dataset):
        measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.PixelSpacing = [value, value]

    assert segmented(tmp_path, (3, 4), spoil).error_code == "REGION-NO-POSITION"


def test_frames_far_apart_are_refused_before_memory_is_taken(tmp_path):
    def spread(dataset):
        measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.SpacingBetweenSlices = 0.001
        for index, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            position = frame.PlanePositionSequence[0].ImagePositionPatient
            position[2] = index * 50_000.0

    assert segmented(tmp_path, (3, 4), spread).error_code == "REGION-TOO-LARGE"


def test_an_inflated_frame_takes_no_more_than_it_needs():
    import zlib

    from pydicom.dataset import Dataset

    from biomarker_cli.dicom.segment_frames import _inflate

    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(bytes(10**7)) + packer.flush()
    dataset = Dataset()
    dataset.Rows, dataset.Columns, dataset.BitsAllocated = 10, 12, 1
    assert len(_inflate(bomb, dataset)) == 15
