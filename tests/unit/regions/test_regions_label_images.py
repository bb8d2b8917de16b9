"""NIfTI, NRRD, MetaImage and .seg.nrrd: names, layers, axes stored either way."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from biomarker_cli.imaging.errors import ImageFileError
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Crop
from biomarker_cli.regions import label_images
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.grids import _fraction_outside
from biomarker_cli.regions.importing import import_regions, list_rois
from biomarker_cli.regions.label_images import stem, whole_numbers
from biomarker_cli.regions.masks import write_masks
from biomarker_cli.regions.rules import RegionRules, RoiNames
from biomarker_cli.regions.target import ImageTarget

STRICT = RegionRules()
OBLIQUE = (0.8, -0.36, 0.48, 0.6, 0.48, -0.64, 0.0, 0.8, 0.6)
GRID = Geometry((6, 12, 10), (1.5, 2.5, 3.0), (-20.0, 7.5, 100.25), OBLIQUE)
TARGET = ImageTarget(GRID)


@pytest.fixture
def labels():
    return np.random.default_rng(2).integers(0, 4, GRID.shape).astype(np.uint8)


def write_itk(array, path, geometry=GRID, **header):
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    for key, value in header.items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(path), True)
    return path


@pytest.mark.parametrize(
    ("suffix", "kind"),
    [
        (".nii", "nifti"),
        (".nii.gz", "nifti"),
        (".nrrd", "nrrd"),
        (".nhdr", "nrrd"),
        (".mha", "mha"),
        (".mhd", "mha"),
    ],
)
def test_every_format_gives_the_same_oblique_masks(tmp_path, labels, suffix, kind):
    path = write_itk(labels, tmp_path / f"seg{suffix}")
    rois = import_regions(path, TARGET, STRICT)
    assert [roi.roi_id for roi in rois] == ["label_1", "label_2", "label_3"]
    for roi in rois:
        np.testing.assert_array_equal(roi.region.mask, labels == roi.segment_number)
        assert roi.source_kind == kind


def test_a_single_label_is_named_like_the_file(tmp_path, labels):
    path = write_itk((labels == 2).astype(np.uint8) * 7, tmp_path / "liver.nii.gz")
    (roi,) = import_regions(path, TARGET, STRICT)
    assert (roi.roi_id, roi.segment_number) == ("liver", 7)
    # The longest suffix of a format leaves the name, and it alone.
    names = {"liver.nii.gz": "liver", "a.b.nii": "a.b", "L.SEG.NRRD": "L.SEG", "x.mha": "x"}
    assert {name: stem(Path(name)) for name in names} == names


@pytest.mark.parametrize(
    ("values", "is_mask"),
    [
        ((1, 300), True),
        ((1, 65535), True),
        ((1, 65536), False),
        ((-1, 1), False),
        (range(1, 6), True),
        (range(1, 7), False),
    ],
)
def test_labels_run_from_1_to_65535_and_are_not_too_many(tmp_path, monkeypatch, values, is_mask):
    monkeypatch.setattr("biomarker_cli.regions.label_images.MOST_LABELS", 5)
    listed = list(values)
    array = np.zeros(GRID.shape, dtype=np.int32)
    array.reshape(-1)[: len(listed)] = listed
    path = write_itk(array, tmp_path / "seg.nii.gz")
    if is_mask:
        found = [roi.segment_number for roi in import_regions(path, TARGET, STRICT)]
        assert found == listed
        return
    with pytest.raises(RegionError) as caught:
        import_regions(path, TARGET, STRICT)
    assert caught.value.code == "REGION-LABELS"


def test_names_from_the_table_beside_the_file(tmp_path, labels):
    path = write_itk(labels, tmp_path / "seg.nii.gz")
    (tmp_path / "seg.labels.csv").write_text("value,name\n1,liver\n2,spleen\n9,kidney\n")
    rois = import_regions(path, TARGET, STRICT)
    assert [roi.roi_id for roi in rois] == ["liver", "spleen", "label_3", "kidney"]
    assert (rois[3].status, rois[3].error_code) == ("empty", "REGION-EMPTY")
    assert ["label_unnamed" in roi.flags for roi in rois] == [False, False, True, False]


def test_without_a_table_no_label_is_left_out_of_it(tmp_path, labels):
    rois = import_regions(write_itk(labels, tmp_path / "seg.nii.gz"), TARGET, STRICT)
    assert not any("label_unnamed" in roi.flags for roi in rois)


def test_a_table_that_names_a_registration_flags_its_masks_alone(tmp_path, labels):
    path = write_itk(labels, tmp_path / "seg.nii.gz")
    head = "value,name,registration_id,registration_status"
    rows = "1,liver,rigid@1.0.0:0a1b,ok\n2,spleen,rigid@1.0.0:0a1b,accepted\n3,kidney,,\n"
    (tmp_path / "seg.labels.csv").write_text(f"{head}\n{rows}")
    flags = {roi.roi_id: roi.flags for roi in import_regions(path, TARGET, STRICT)}
    carried = "mask_propagated:rigid@1.0.0:0a1b"
    assert carried in flags["liver"]
    assert "registration_accepted" not in flags["liver"]
    assert {carried, "registration_accepted"} <= flags["spleen"]
    assert not any(flag.startswith("mask_propagated") for flag in flags["kidney"])


BROKEN_TABLES = {
    "no columns": "1,liver\n",
    "other columns": "Value,Name\n1,liver\n",
    "no row": "value,name\n",
    "a column twice": "value,name,name\n1,liver,spleen\n",
    "no number": "value,name\nx,liver\n",
    "a number of Python": "value,name\n1_0,liver\n",
    "a fraction": "value,name\n1.0,liver\n",
    "background": "value,name\n0,liver\n",
    "too large": "value,name\n65536,liver\n",
    "of 6,000 digits": f"value,name\n{'9' * 6000},liver\n",
    "no name": "value,name\n1, \n",
    "a name missing": "value,name\n1\n",
    "one value twice": "value,name\n1,a\n1,b\n",
    "one value written twice": "value,name\n1,a\n01,b\n",
    "a quote that never ends": 'value,name\n1,"a\n',
    "carried by nothing": "value,name,registration_id,registration_status\n1,a,,ok\n",
    "carried and failed": "value,name,registration_id,registration_status\n1,a,x@1:0,failed\n",
    "two flags in one": "value,name,registration_id,registration_status\n1,a,x;deviates,ok\n",
    "no status": "value,name,registration_id\n1,a,x@1:0\n",
}


@pytest.mark.parametrize("table", BROKEN_TABLES.values(), ids=BROKEN_TABLES)
def test_a_broken_table_is_an_error(tmp_path, labels, table):
    path = write_itk(labels, tmp_path / "seg.nii.gz")
    (tmp_path / "seg.labels.csv").write_text(table)
    with pytest.raises(RegionError) as caught:
        list_rois(path)
    assert caught.value.code == "REGION-LABEL-TABLE"


@pytest.mark.parametrize("kind", ["pipe", "folder", "link", "bytes"])
def test_what_is_no_table_is_no_silent_absence(tmp_path, labels, kind):
    path = write_itk(labels, tmp_path / "seg.nii.gz")
    table = tmp_path / "seg.labels.csv"
    if kind == "pipe":
        os.mkfifo(table)
    elif kind == "folder":
        table.mkdir()
    elif kind == "link":
        table.symlink_to(tmp_path / "absent.csv")
    else:
        table.write_bytes(b"value,name\n1,\xff\xfe\n")
    with pytest.raises(RegionError) as caught:
        list_rois(path)
    assert caught.value.code == "REGION-LABEL-TABLE"


def test_names_from_the_map_of_the_study(tmp_path, labels):
    path = write_itk(labels, tmp_path / "seg.nii.gz")
    names = RoiNames.model_validate({"tumour": {"labels": [2]}})
    (roi,) = import_regions(path, TARGET, STRICT, names, ["tumour"])
    np.testing.assert_array_equal(roi.region.mask, labels == 2)


def test_big_endian_files_are_read(tmp_path, labels):
    import nibabel as nib

    image = nib.Nifti1Image(
        labels.astype(">i2").transpose(2, 1, 0),
        np.diag([-1.0, -1.0, 1.0, 1.0]) @ GRID.affine,
        nib.Nifti1Header(endianness=">"),
    )
    image.set_sform(image.affine, code=1)
    image.set_qform(None, code=0)
    nib.save(image, tmp_path / "seg.nii")
    rois = import_regions(tmp_path / "seg.nii", TARGET, STRICT)
    assert [roi.n_voxels for roi in rois] == [int((labels == n).sum()) for n in (1, 2, 3)]


def test_whole_numbers_stored_as_floats_are_labels(tmp_path, labels):
    path = write_itk(labels.astype(np.float32), tmp_path / "seg.nii.gz")
    assert len(import_regions(path, TARGET, STRICT)) == 3


def test_floats_become_labels_within_the_memory_of_the_labels():
    array = np.ones((64, 64, 64), dtype=np.float32)
    whole_numbers(array[:2], Path("seg.nii"))
    tracemalloc.start()
    try:
        found = whole_numbers(array, Path("seg.nii"))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.dtype == np.int32
    assert found.sum() == array.size
    assert most < 1.2 * found.nbytes


def test_a_mask_beyond_the_memory_is_refused_by_name(tmp_path, labels, monkeypatch):
    path = write_itk(labels, tmp_path / "seg.nii.gz")

    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr(label_images, "_values", exhausted)
    with pytest.raises(ImageFileError) as caught:
        import_regions(path, TARGET, STRICT)
    assert caught.value.code == "IMAGE-FILE-TOO-LARGE"


SPOILT = {
    "fractions": lambda a: a * 0.25,
    "negative": lambda a: a - 2.0,
    "beyond 32 bits": lambda a: a * 1e30,
    "far below": lambda a: a * -1e30,
    "no numbers": lambda a: np.where(a == 1, np.nan, a),
    "endless": lambda a: np.where(a == 1, np.inf, a),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_probabilities_and_negative_numbers_are_no_labels(tmp_path, labels, spoil):
    path = write_itk(spoil(labels.astype(np.float32)), tmp_path / "seg.nii.gz")
    with pytest.raises(RegionError) as caught:
        list_rois(path)
    assert caught.value.code == "REGION-LABELS"


def test_an_image_is_no_label_image(tmp_path):
    image = np.arange(GRID.shape[0] * 120 * 10, dtype=np.int16).reshape(-1, 120, 10)
    path = write_itk(image, tmp_path / "ct.nii.gz")
    with pytest.raises(RegionError) as caught:
        list_rois(path)
    assert caught.value.code == "REGION-LABELS"


def test_a_mask_of_zeros_has_no_row_but_every_request_has(tmp_path):
    path = write_itk(np.zeros(GRID.shape, dtype=np.uint8), tmp_path / "seg.nii.gz")
    assert import_regions(path, TARGET, STRICT) == []
    (roi,) = import_regions(path, TARGET, STRICT, wanted=["liver"])
    assert (roi.status, roi.error_code) == ("missing", "REGION-NOT-FOUND")


def test_a_damaged_file_is_a_named_error(tmp_path, labels):
    path = write_itk(labels, tmp_path / "seg.nii.gz")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ImageFileError):
        list_rois(path)


SLICER = {
    "Segment0_ID": "Segment_1",
    "Segment0_Name": "tumour core",
    "Segment0_LabelValue": "1",
    "Segment0_Layer": "0",
    "Segment0_Tags": "Segmentation.Status:inprogress|TerminologyEntry:Segmentation category and "
    "type~SCT^49755003^Morphologically Abnormal Structure~SCT^4147007^Mass~^^~Anatomic~^^~^^|",
    "Segment1_ID": "Segment_2",
    "Segment1_Name": "whole tumour",
    "Segment1_LabelValue": "1",
    "Segment1_Layer": "1",
    "Segment2_ID": "Segment_3",
    "Segment2_Name": "oedema",
    "Segment2_LabelValue": "2",
    "Segment2_Layer": "0",
    "Segmentation_MasterRepresentation": "Binary labelmap",
}


@pytest.mark.parametrize("kind", ["vector", "list"])
def test_slicer_layers_overlap_and_have_names(tmp_path, labels, kind):
    layers = np.stack([np.minimum(labels, 2), labels > 0], axis=-1).astype(np.uint8)
    path = write_itk(layers, tmp_path / "brain.seg.nrrd", **SLICER)
    content = path.read_bytes()
    assert b"kinds: vector domain" in content
    path.write_bytes(content.replace(b"kinds: vector domain", f"kinds: {kind} domain".encode()))
    rois = import_regions(path, TARGET, STRICT)
    assert [roi.roi_id for roi in rois] == ["tumour core", "whole tumour", "oedema"]
    assert [roi.segment_number for roi in rois] == [1, 1001, 2]
    assert rois[0].audit["code"] == "4147007:SCT"
    for roi, mask in zip(rois, (labels == 1, labels > 0, labels >= 2), strict=True):
        np.testing.assert_array_equal(roi.region.mask, mask)


def test_slicer_single_layer(tmp_path, labels):
    header = {key: value.replace("Layer", "") for key, value in SLICER.items()}
    header |= {"Segment1_Layer": "0", "Segment1_LabelValue": "3"}
    path = write_itk(labels, tmp_path / "brain.seg.nrrd", **header)
    rois = import_regions(path, TARGET, STRICT)
    assert [roi.segment_number for roi in rois] == [1, 3, 2]
    for roi in rois:
        np.testing.assert_array_equal(roi.region.mask, labels == roi.segment_number)


@pytest.mark.parametrize(
    "change", [{"Segment1_Layer": "5"}, {"Segment1_Layer": "x"}, {"Segment0_LabelValue": ""}]
)
def test_slicer_header_that_makes_no_sense_is_refused(tmp_path, labels, change):
    path = write_itk(labels, tmp_path / "brain.seg.nrrd", **(SLICER | change))
    with pytest.raises(RegionError) as caught:
        list_rois(path)
    assert caught.value.code == "REGION-LABELS"


def test_slicer_files_of_old_versions_have_a_layer_for_each_segment(tmp_path, labels):
    layers = np.stack([labels == 1, labels > 0], axis=-1).astype(np.uint8)
    names = {"Segment0_Name": "core", "Segment1_Name": "whole"}
    path = write_itk(layers, tmp_path / "brain.seg.nrrd", **names)
    rois = import_regions(path, TARGET, STRICT)
    for roi, mask in zip(rois, (labels == 1, labels > 0), strict=True):
        np.testing.assert_array_equal(roi.region.mask, mask)


@pytest.mark.parametrize("absent", ["Segment0_LabelValue", "Segment1_Layer"])
def test_slicer_segments_without_value_or_layer_are_refused(tmp_path, labels, absent):
    layers = np.stack([np.minimum(labels, 2), labels > 0], axis=-1).astype(np.uint8)
    header = {key: value for key, value in SLICER.items() if key != absent}
    path = write_itk(layers, tmp_path / "brain.seg.nrrd", **header)
    with pytest.raises(RegionError) as caught:
        list_rois(path)
    assert caught.value.code == "REGION-LABELS"


def test_slicer_voxels_that_no_segment_describes_are_told(tmp_path, labels):
    layers = np.stack([labels, (labels > 0) * 5], axis=-1).astype(np.uint8)
    header = {**SLICER, "Segment1_LabelValue": "1"}
    path = write_itk(layers, tmp_path / "brain.seg.nrrd", **header)
    rois = {roi.roi_id: roi for roi in import_regions(path, TARGET, STRICT)}
    assert list(rois) == ["tumour core", "whole tumour", "oedema", "label_3", "label_1005"]
    assert rois["whole tumour"].status == "empty"
    for name, mask in (("label_3", labels == 3), ("label_1005", labels > 0)):
        np.testing.assert_array_equal(rois[name].region.mask, mask)
        assert "label_unnamed" in rois[name].flags
    assert "label_unnamed" not in rois["tumour core"].flags


def test_slicer_names_are_utf8(tmp_path, labels):
    path = write_itk(labels, tmp_path / "brain.seg.nrrd", **(SLICER | {"Segment1_Layer": "0"}))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"tumour core", "Ödem 中".encode()))
    assert list_rois(path)[0].label == "Ödem 中"
    path.write_bytes(content.replace(b"tumour core", b"\xd6dem"))
    with pytest.raises(RegionError) as caught:
        list_rois(path)
    assert caught.value.code == "REGION-LABELS"


def test_slicer_with_a_table_beside_it_has_two_sets_of_names(tmp_path, labels):
    path = write_itk(labels, tmp_path / "brain.seg.nrrd", **(SLICER | {"Segment1_Layer": "0"}))
    assert list_rois(path)
    (tmp_path / "brain.seg.labels.csv").write_text("value,name\n1,liver\n")
    with pytest.raises(RegionError) as caught:
        list_rois(path)
    assert caught.value.code == "REGION-LABEL-TABLE"


def turned(geometry, array, order, flips):
    """Return the same voxels stored with axes in another order and direction."""
    affine = geometry.affine
    axes, spacing = geometry.axes[:, ::-1], np.array(geometry.spacing_mm)[::-1]
    moved = array.transpose(order)
    axes, spacing = axes[:, list(order)].copy(), spacing[list(order)]
    origin = affine[:3, 3].copy()
    for axis, flip in enumerate(flips):
        if flip:
            moved = np.flip(moved, axis)
            origin += axes[:, axis] * spacing[axis] * (moved.shape[axis] - 1)
            axes[:, axis] *= -1
    direction = tuple(axes[:, ::-1].ravel().tolist())
    return np.ascontiguousarray(moved), Geometry(
        moved.shape, tuple(spacing[::-1].tolist()), tuple(origin.tolist()), direction
    )


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("flips", [(0, 1, 0), (1, 0, 1), (1, 1, 1)])
def test_axes_stored_otherwise_need_no_resampling(tmp_path, labels, order, flips):
    array, geometry = turned(GRID, labels, order, flips)
    path = tmp_path / "seg.nii.gz"
    write_nifti(array, geometry, path)
    rois = import_regions(path, TARGET, STRICT)
    for roi in rois:
        np.testing.assert_array_equal(roi.region.mask, labels == roi.segment_number)
        assert roi.audit["is_resampled"] is False


def test_a_mask_cut_to_a_box_is_put_where_it_belongs(tmp_path):
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[2:4, 5:9, 3:6] = 1
    part = Geometry(
        (3, 6, 5), GRID.spacing_mm, tuple(GRID.index_to_physical([2, 4, 1])), GRID.direction
    )
    path = write_itk(mask[1:4, 4:10, 2:7], tmp_path / "seg.nii.gz", part)
    (roi,) = import_regions(path, TARGET, STRICT)
    np.testing.assert_array_equal(roi.region.mask, mask == 1)
    assert roi.audit["clipped_fraction"] == 0.0


def test_a_mask_larger_than_the_image_is_clipped(tmp_path):
    wide = Geometry(
        (6, 12, 14), GRID.spacing_mm, tuple(GRID.index_to_physical([-2, 0, 0])), GRID.direction
    )
    path = write_itk(np.ones(wide.shape, dtype=np.uint8), tmp_path / "seg.nii.gz", wide)
    (roi,) = import_regions(path, TARGET, STRICT)
    assert roi.n_voxels == np.prod(GRID.shape)
    assert roi.audit["clipped_fraction"] == pytest.approx(4 / 14)
    assert "roi_clipped" in roi.flags


def test_a_shifted_grid_is_refused_in_mm(tmp_path, labels):
    shifted = Geometry(
        GRID.shape, GRID.spacing_mm, tuple(GRID.index_to_physical([0.5, 0, 0])), GRID.direction
    )
    path = write_itk(labels, tmp_path / "seg.nii.gz", shifted)
    rois = import_regions(path, TARGET, STRICT)
    assert {roi.error_code for roi in rois} == {"REGION-OTHER-GRID"}
    assert "0.750 mm apart" in rois[0].error_message


def test_a_turned_grid_is_refused_in_degrees(tmp_path, labels):
    turn = np.radians(2.0)
    rotation = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    )
    other = Geometry(
        GRID.shape, GRID.spacing_mm, GRID.origin_mm, tuple((GRID.axes @ rotation).ravel())
    )
    path = write_itk(labels, tmp_path / "seg.nii.gz", other)
    rois = import_regions(path, TARGET, STRICT)
    assert "2.00 degrees apart" in rois[0].error_message


RESAMPLE = RegionRules(other_grid="resample")


def test_a_voxel_centre_beyond_the_outer_half_voxel_lies_outside_the_image():
    image = Geometry((1, 1, 4), (1.0, 1.0, 1.0))
    # Centres from -1 to 3.5 mm; the voxels of the image reach from -0.5 up to 3.5.
    mask = Geometry((1, 1, 10), (0.5, 1.0, 1.0), (-1.0, 0.0, 0.0))
    crop = Crop(np.ones(mask.shape, dtype=np.bool_))
    assert _fraction_outside(crop, mask, image) == pytest.approx(0.2)


def test_resampling_is_linear_and_half_counts_as_inside(tmp_path):
    """A box on a grid shifted by half a voxel: interpolation is exactly one half at its ends."""
    plain = Geometry((6, 12, 10), (1.5, 2.5, 3.0), (0.0, 0.0, 0.0))
    shifted = Geometry(plain.shape, plain.spacing_mm, (0.75, 0.0, 0.0))
    mask = np.zeros(plain.shape, dtype=np.uint8)
    mask[2:4, 5:9, 3:6] = 1
    path = write_itk(mask, tmp_path / "seg.nii.gz", shifted)
    (roi,) = import_regions(path, ImageTarget(plain), RESAMPLE)
    expected = np.zeros(plain.shape, dtype=bool)
    expected[2:4, 5:9, 3:7] = True
    np.testing.assert_array_equal(roi.region.mask, expected)
    assert "roi_resampled" in roi.flags
    assert roi.audit["source_volume_mm3"] == 24 * 11.25
    assert roi.audit["volume_change_fraction"] == pytest.approx(1 / 3)


def test_resampling_a_sphere_to_a_finer_oblique_grid_keeps_its_volume(tmp_path):
    coarse = Geometry((30, 30, 30), (2.0, 2.0, 2.0), (-29.0, -29.0, -29.0))
    z, y, x = np.meshgrid(*[np.arange(30) * 2.0 - 29.0] * 3, indexing="ij")
    path = write_itk((x**2 + y**2 + z**2 < 20**2).astype(np.uint8), tmp_path / "s.mha", coarse)
    fine = Geometry((70, 70, 70), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), OBLIQUE)
    centre = fine.index_to_physical([34.5, 34.5, 34.5])
    fine = Geometry(fine.shape, fine.spacing_mm, tuple((-centre).tolist()), OBLIQUE)
    (roi,) = import_regions(path, ImageTarget(fine), RESAMPLE)
    assert roi.volume_mm3 == pytest.approx(4 / 3 * np.pi * 20**3, rel=0.01)
    assert roi.audit["clipped_fraction"] == 0.0


def test_resampled_mask_wholly_outside_is_empty(tmp_path):
    far = Geometry(GRID.shape, GRID.spacing_mm, (5000.0, 0.0, 0.3), GRID.direction)
    path = write_itk(np.ones(GRID.shape, dtype=np.uint8), tmp_path / "seg.nii.gz", far)
    (roi,) = import_regions(path, TARGET, RESAMPLE)
    assert (roi.status, roi.error_code) == ("empty", "REGION-OUTSIDE")


def test_written_masks_come_back_the_same(tmp_path, labels):
    rois = import_regions(write_itk(labels, tmp_path / "seg.nii.gz"), TARGET, STRICT)
    written = write_masks(rois, tmp_path / "masks")
    assert {roi_id: path.name for roi_id, path in written.items()} == {
        f"label_{n}": f"label_{n}.nii.gz" for n in (1, 2, 3)
    }
    for roi in rois:
        (again,) = import_regions(written[roi.roi_id], TARGET, STRICT)
        np.testing.assert_array_equal(again.region.mask, roi.region.mask)


def test_a_written_mask_holds_what_the_image_writer_writes(tmp_path, labels):
    import nibabel as nib

    (roi, *_) = import_regions(write_itk(labels, tmp_path / "seg.nii.gz"), TARGET, STRICT)
    (ours,) = write_masks([roi], tmp_path / "masks").values()
    write_nifti(roi.region.mask, GRID, tmp_path / "whole.nii.gz")
    mask, whole = nib.load(ours), nib.load(tmp_path / "whole.nii.gz")
    assert mask.header == whole.header
    np.testing.assert_array_equal(np.asarray(mask.dataobj), np.asarray(whole.dataobj))


@pytest.mark.parametrize("value", [1, 2])
def test_a_slicer_segment_that_says_its_value_alone_has_that_value(tmp_path, labels, value):
    """With neither value nor layer it would be of an old version, whose value is 1."""
    header = {"Segment0_Name": "part", "Segment0_LabelValue": str(value)}
    path = write_itk(labels, tmp_path / "a.seg.nrrd", **header)
    rois = {roi.segment_number: roi for roi in import_regions(path, TARGET, STRICT)}
    np.testing.assert_array_equal(rois[value].region.mask, labels == value)
    assert rois[value].roi_id == "part"


@pytest.mark.parametrize(
    ("field", "value", "is_read"),
    [
        ("LabelValue", "0", False),
        ("LabelValue", "-1", False),
        ("LabelValue", "65535", True),
        ("LabelValue", "65536", False),
        ("Layer", "1", True),
        ("Layer", "2", False),
        ("Layer", "-1", False),
    ],
)
def test_a_slicer_value_fits_its_layers(tmp_path, labels, field, value, is_read):
    layers = np.stack([np.minimum(labels, 2), labels > 0], axis=-1).astype(np.uint16)
    header = SLICER | {f"Segment2_{field}": value}
    path = write_itk(layers, tmp_path / "brain.seg.nrrd", **header)
    if is_read:
        assert "oedema" in {entry.label for entry in list_rois(path)}
        return
    with pytest.raises(RegionError) as caught:
        list_rois(path)
    assert caught.value.code == "REGION-LABELS"
