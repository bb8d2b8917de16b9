"""Voxel counts and masks published beside real segmentations."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_frames
from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.quantity import UNITLESS
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

pytestmark = pytest.mark.data

STRICT = RegionRules()


def image_target(folder):
    (candidate,) = scan([folder]).volumes
    return ImageTarget.from_frames(candidate.geometry, read_frames(candidate))


def counts(results):
    return [roi.n_voxels for roi in results]


@pytest.mark.parametrize("modality", ["CT", "PET", "MR_T1"])
@pytest.mark.parametrize("subject", ["STS_001", "STS_002", "STS_003", "STS_004"])
def test_sts_contours_are_voxel_identical_to_the_published_masks(data_dir, subject, modality):
    folder = data_dir / "sts" / subject
    target = image_target(folder / modality / "image")
    (ours,) = import_regions(folder / modality / "mask" / "RS.dcm", target, STRICT)
    mask = folder / "nifti" / f"{modality}_mask.nii.gz"
    (published,) = import_regions(mask, target, STRICT)
    assert ours.status == published.status == "ok"
    np.testing.assert_array_equal(ours.region.mask, published.region.mask)


def test_sts_001_counts(data_dir):
    found = {}
    for modality in ("CT", "PET", "MR_T1"):
        folder = data_dir / "sts" / "STS_001" / modality
        target = image_target(folder / "image")
        found[modality] = counts(import_regions(folder / "mask" / "RS.dcm", target, STRICT))
    assert found == {"CT": [117145], "PET": [5095], "MR_T1": [117145]}


def test_ibsi_ct_phantom_is_voxel_identical_to_the_published_mask(data_dir):
    folder = data_dir / "ibsi" / "ct_phantom"
    target = image_target(folder / "dicom" / "image")
    (structure_set,) = (folder / "dicom" / "mask").iterdir()
    (ours,) = import_regions(structure_set, target, STRICT)
    (published,) = import_regions(folder / "nifti" / "mask" / "mask.nii.gz", target, STRICT)
    assert ours.n_voxels == 125256
    np.testing.assert_array_equal(ours.region.mask, published.region.mask)


def test_lung1_holes_are_counted(data_dir):
    folder = data_dir / "seg" / "lung1_holes"
    rois = import_regions(folder / "rtstruct" / "1-1.dcm", image_target(folder / "image"), STRICT)
    assert [roi.roi_id for roi in rois] == ["GTV-1", "Spinal-Cord", "Lung-Left", "Lung-Right"]
    assert counts(rois) == [45737, 2424, 189452, 278567]
    assert [roi.audit["n_holes"] for roi in rois] == [0, 0, 9, 10]
    assert all("roi_clipped" in roi.flags for roi in rois)


TORTURE = {
    # Within how much of the analytic volume the voxels of each ROI have to be.
    "solid": 0.002,
    "donut_two": 0.002,
    "donut_island": 0.004,
    "donut_keyhole": 0.002,
    "donut_xor": 0.002,
    "two_overlap": 0.005,
    "sparse_every2": 0.002,
    "sparse_every4": 0.002,
    "offplane_0p4": 0.002,
    "offplane_half": 0.002,
    "fine_1mm": 0.002,
    "small_r3": 0.03,
    "outside_z": 0.002,
    "dupname": 0.03,
}


@pytest.mark.parametrize("name", ["synth_iso", "synth_anis"])
def test_torture_files_keep_their_analytic_volume(data_dir, name):
    folder = data_dir / "seg" / name
    truth = json.loads((folder / "truth.json").read_text())
    rois = import_regions(
        folder / "rtstruct" / "rtss.dcm",
        image_target(folder / "image"),
        RegionRules(gaps="interpolate"),
    )
    assert [roi.roi_label for roi in rois] == [label for label, _ in truth]
    checked = 0
    for roi, (label, volume) in zip(rois, truth, strict=True):
        if label in TORTURE:
            assert roi.volume_mm3 == pytest.approx(volume, rel=TORTURE[label]), label
            measured = roi.audit["area_fraction_volume_mm3"]
            assert measured == pytest.approx(volume, rel=1.5e-3), label
            checked += 1
    assert checked == len(TORTURE) + 1
    status = Counter(roi.status for roi in rois)
    assert status == {"ok": 17, "skipped": 2, "empty": 1}
    by_label = {roi.roi_label: roi for roi in rois}
    assert by_label["edge_outside"].audit["clipped_fraction"] == pytest.approx(0.49, abs=0.01)
    tiny = by_label["tiny_r0p4"]
    assert "roi_small" in tiny.flags
    assert tiny.audit["polygon_volume_mm3"] == pytest.approx(dict(truth)["tiny_r0p4"], rel=0.02)


@pytest.mark.parametrize("name", ["synth_iso", "synth_anis"])
def test_torture_gaps_are_refused_by_default(data_dir, name):
    folder = data_dir / "seg" / name
    rois = import_regions(folder / "rtstruct" / "rtss.dcm", image_target(folder / "image"), STRICT)
    refused = {roi.roi_label for roi in rois if roi.error_code == "REGION-GAP"}
    assert refused == {"sparse_every2", "sparse_every4"}
    assert sum(roi.status == "ok" for roi in rois) == 15


def test_dcmqi_overlapping_segments(data_dir):
    folder = data_dir / "seg" / "dcmqi_ct3"
    target = image_target(folder / "image")
    rois = import_regions(folder / "seg" / "partial_overlaps.dcm", target, STRICT)
    assert counts(rois) == [9602, 11888, 10743, 6693, 4713]
    layers = [
        {r.segment_number: r.region.mask for r in import_regions(path, target, STRICT)}
        for path in sorted((folder / "seg").glob("partial_overlaps-*.nrrd"))
    ]
    published = {number: mask for layer in layers for number, mask in layer.items()}
    for roi in rois:
        np.testing.assert_array_equal(roi.region.mask, published[roi.segment_number])


SYNTAXES = [
    "liver.dcm",
    "liver_deflate.dcm",
    "liver_expb.dcm",
    "liver_j2k.dcm",
    "liver_rle.dcm",
    "liver_nonbyte_aligned.dcm",
    "liver_nonbyte_aligned_deflate.dcm",
    "liver_nonbyte_aligned_j2k.dcm",
    "liver_nonbyte_aligned_rle.dcm",
]


@pytest.mark.parametrize("name", SYNTAXES)
def test_seg_in_every_transfer_syntax(data_dir, name):
    target = image_target(data_dir / "seg" / "dcmqi_ct3" / "image")
    (roi,) = import_regions(data_dir / "seg" / "pydicom_syntax" / name, target, STRICT)
    reference = data_dir / "seg" / "dcmqi_ct3" / "seg" / "liver_seg.nrrd"
    (published,) = import_regions(reference, target, STRICT)
    assert roi.n_voxels == 107098
    np.testing.assert_array_equal(roi.region.mask, published.region.mask)


def highdicom_target(data_dir, name, n_slices):
    """Return the grid of a highdicom test file: 16 x 16 pixels."""
    from pydicom import dcmread

    dataset = dcmread(data_dir / "seg" / "highdicom_seg" / name)
    position = dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    geometry = Geometry(
        (n_slices, 16, 16),
        (0.488281, 0.488281, 1.25),
        tuple(float(v) for v in position.ImagePositionPatient),
    )
    return ImageTarget(geometry, frame_of_reference_uid=dataset.FrameOfReferenceUID)


def test_fractional_needs_a_threshold(data_dir):
    name = "seg_image_ct_true_fractional.dcm"
    path = data_dir / "seg" / "highdicom_seg" / name
    target = highdicom_target(data_dir, name, 3)
    (refused,) = import_regions(path, target, STRICT)
    assert (refused.status, refused.error_code) == ("failed", "REGION-FRACTIONAL")
    found = [
        counts(import_regions(path, target, RegionRules(fractional_threshold=threshold)))
        for threshold in (0.25, 0.5, 0.6)
    ]
    # The file holds 64 and 128 of 255.
    assert found == [[661], [638], [None]]


def test_fractional_sums_to_its_published_volume(data_dir):
    name = "seg_image_ct_true_fractional.dcm"
    rules = RegionRules(fractional_threshold=0.5)
    (roi,) = import_regions(
        data_dir / "seg" / "highdicom_seg" / name, highdicom_target(data_dir, name, 3), rules
    )
    in_voxels = roi.audit["fractional_volume_mm3"] / (0.488281**2 * 1.25)
    assert in_voxels == pytest.approx(326.024, abs=5e-4)
    assert roi.audit["fractional_type"] == "PROBABILITY"


def test_label_map_of_a_slide_lists_but_has_no_place_in_a_volume(data_dir):
    name = "seg_image_sm_control_labelmap.dcm"
    path = data_dir / "seg" / "highdicom_seg" / name
    rois = import_regions(path, ImageTarget(Geometry((2, 10, 10), (1, 1, 1))), STRICT)
    assert len(rois) == 20
    assert {roi.error_code for roi in rois} == {"REGION-NO-POSITION"}
    assert "Background" not in {roi.roi_label for roi in rois}


def test_seg_of_one_frame_and_one_segment(data_dir):
    folder = data_dir / "seg" / "highdicom_seg"
    target = image_target(folder / "ct_image.dcm")
    (roi,) = import_regions(folder / "seg_image_ct_binary_single_frame.dcm", target, STRICT)
    assert (roi.status, roi.n_voxels, roi.cross_series) == ("ok", 1832, False)


def test_seg_whose_frames_are_ordered_by_position_only(data_dir):
    name = "seg_image_ct_binary_overlap.dcm"
    path = data_dir / "seg" / "highdicom_seg" / name
    target = highdicom_target(data_dir, name, 200)
    rois = import_regions(path, target, STRICT)
    assert [roi.audit["n_frames"] for roi in rois] == [4, 4]
    assert counts(rois) == [64, 16]
    shared = rois[0].region.mask & rois[1].region.mask
    assert shared.sum() > 0


@pytest.mark.parametrize(("modality", "count"), [("CT", 117145), ("PET", 5095), ("MR_T1", 117145)])
def test_contours_on_a_nifti_image_whose_axes_are_stored_the_other_way(data_dir, modality, count):
    folder = data_dir / "sts" / "STS_001"
    image = read_image_file(folder / "nifti" / f"{modality}_image.nii.gz", UNITLESS)
    structure_set = folder / modality / "mask" / "RS.dcm"
    (roi,) = import_regions(structure_set, ImageTarget.from_volume(image), STRICT)
    assert roi.n_voxels == count
    assert "frame_of_reference_unknown" in roi.flags
    (published,) = import_regions(
        folder / "nifti" / f"{modality}_mask.nii.gz", ImageTarget.from_volume(image), STRICT
    )
    np.testing.assert_array_equal(roi.region.mask, published.region.mask)


def test_contours_of_the_ct_on_the_pet_keep_their_volume(data_dir):
    folder = data_dir / "sts" / "STS_001"
    structure_set = folder / "CT" / "mask" / "RS.dcm"
    found = {}
    for modality in ("CT", "PET", "MR_T1"):
        target = image_target(folder / modality / "image")
        (found[modality],) = import_regions(structure_set, target, STRICT)
    assert [roi.cross_series for roi in found.values()] == [False, True, True]
    assert found["PET"].volume_mm3 == pytest.approx(found["CT"].volume_mm3, rel=2e-3)
    # A mask of the CT, unlike its contours, is bound to the CT's grid.
    mask = folder / "nifti" / "CT_mask.nii.gz"
    target = image_target(folder / "PET" / "image")
    (refused,) = import_regions(mask, target, STRICT)
    assert refused.error_code == "REGION-OTHER-GRID"
    (resampled,) = import_regions(mask, target, RegionRules(other_grid="resample"))
    assert resampled.volume_mm3 == pytest.approx(found["CT"].volume_mm3, rel=0.01)
    assert abs(resampled.audit["volume_change_fraction"]) < 0.01
