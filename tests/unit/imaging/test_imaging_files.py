"""NIfTI, NRRD and MetaImage: the same voxel at the same place, whatever the format."""

import gzip
import struct

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from biomarker_cli.imaging.errors import ImageFileError
from biomarker_cli.imaging.files import read_image_file, write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.quantity import HU

# Rotated about z and x, so that no axis is spared.
_C, _S = np.cos(0.2), np.sin(0.2)
AXES = np.array([[_C, -_S, 0], [_S, _C, 0], [0, 0, 1.0]]) @ np.array(
    [[1.0, 0, 0], [0, _C, -_S], [0, _S, _C]]
)
GRID = Geometry((3, 4, 5), (1.0, 2.0, 3.5), (-10.0, 20.0, 5.0), tuple(AXES.ravel()))
ARRAY = np.arange(60, dtype=np.int16).reshape(GRID.shape)


def _write_itk(path):
    image = sitk.GetImageFromArray(ARRAY)
    image.SetSpacing(GRID.spacing_mm)
    image.SetOrigin(GRID.origin_mm)
    image.SetDirection(GRID.direction)
    sitk.WriteImage(image, str(path))


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd"])
def test_every_format_has_its_voxels_at_the_same_place(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    if ".nii" in suffix:
        write_nifti(ARRAY, GRID, path)
    else:
        _write_itk(path)
    volume = read_image_file(path, HU)
    assert np.array_equal(volume.array, ARRAY)
    assert volume.geometry.same_grid(GRID, tolerance_mm=1e-4)
    assert volume.quantity is HU
    assert volume.flags == {"quantity_declared"}


def test_nifti_is_written_as_simpleitk_reads_it(tmp_path):
    # An independent reader of RAS files.
    write_nifti(ARRAY, GRID, tmp_path / "a.nii.gz")
    image = sitk.ReadImage(str(tmp_path / "a.nii.gz"))
    assert np.array_equal(sitk.GetArrayFromImage(image), ARRAY)
    assert np.allclose(image.GetOrigin(), GRID.origin_mm, atol=1e-4)
    assert np.allclose(image.GetDirection(), GRID.direction, atol=1e-5)
    assert np.allclose(image.GetSpacing(), GRID.spacing_mm, atol=1e-5)


def test_nifti_ras_becomes_lps(tmp_path):
    image = nibabel.Nifti1Image(ARRAY.transpose(2, 1, 0), np.diag([1.0, 2.0, 3.0, 1.0]))
    nibabel.save(image, tmp_path / "ras.nii")
    grid = read_image_file(tmp_path / "ras.nii", HU).geometry
    assert grid.axes.tolist() == [[-1, 0, 0], [0, -1, 0], [0, 0, 1]]
    assert grid.shape == (3, 4, 5)


def test_compressed_bytes_hold_no_time_and_no_name(tmp_path):
    write_nifti(ARRAY, GRID, tmp_path / "a.nii.gz")
    write_nifti(ARRAY, GRID, tmp_path / "another name.nii.gz")
    first = (tmp_path / "a.nii.gz").read_bytes()
    assert first == (tmp_path / "another name.nii.gz").read_bytes()
    assert first[4:8] == bytes(4)
    assert first[3] == 0  # no file name field


@pytest.mark.parametrize(
    ("given", "stored"), [(bool, np.uint8), (np.int64, np.int32), (np.float64, np.float64)]
)
def test_written_types(tmp_path, given, stored):
    array = (ARRAY % 2).astype(given)
    write_nifti(array, GRID, tmp_path / "a.nii")
    back = read_image_file(tmp_path / "a.nii", HU).array
    assert back.dtype == stored
    assert np.array_equal(back, array)


def test_scaled_nifti_gives_the_scaled_numbers(tmp_path):
    image = nibabel.Nifti1Image(ARRAY.transpose(2, 1, 0), np.diag([1.0, 1.0, 1.0, 1.0]))
    image.header.set_slope_inter(0.5, -3.0)
    image.header["scl_slope"] = 0.5
    nibabel.save(image, tmp_path / "a.nii")
    stored = nibabel.load(tmp_path / "a.nii").get_fdata().T
    back = read_image_file(tmp_path / "a.nii", HU).array
    assert np.array_equal(back, stored)


@pytest.mark.parametrize("slope", [np.inf, -np.inf])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_a_slope_that_is_no_number_is_refused(tmp_path, kind, slope):
    """0 and NaN say that nothing is scaled; an infinite one that a writer failed."""
    path = tmp_path / "a.nii"
    nibabel.save(kind(ARRAY.T, np.eye(4)), path)
    content = bytearray(path.read_bytes())
    place, form = (112, "<f") if kind is nibabel.Nifti1Image else (176, "<d")
    struct.pack_into(form, content, place, np.nan)
    path.write_bytes(content)
    assert np.array_equal(read_image_file(path, HU).array, ARRAY)
    struct.pack_into(form, content, place, slope)
    path.write_bytes(content)
    with pytest.raises(ImageFileError) as refused:
        read_image_file(path, HU)
    assert refused.value.code == "IMAGE-FILE-UNREADABLE"


def test_big_endian_nifti_is_read_in_native_order(tmp_path):
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(np.dtype(">i2"))
    nibabel.save(nibabel.Nifti1Image(ARRAY.T.astype(">i2"), np.eye(4), header), tmp_path / "a.nii")
    back = read_image_file(tmp_path / "a.nii", HU).array
    assert back.dtype == np.int16
    assert np.array_equal(back, ARRAY)


def test_nifti_units_other_than_mm_are_converted(tmp_path):
    image = nibabel.Nifti1Image(ARRAY.T, np.diag([0.001, 0.002, 0.003, 1.0]))
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "a.nii")
    assert np.allclose(read_image_file(tmp_path / "a.nii", HU).geometry.spacing_mm, (1, 2, 3))


def _refused(path, code):
    with pytest.raises(ImageFileError) as caught:
        read_image_file(path, HU)
    assert caught.value.code == code
    assert caught.value.where == path.name
    return str(caught.value)


def test_a_nifti_without_a_place_is_refused(tmp_path):
    image = nibabel.Nifti1Image(ARRAY.T, None)
    nibabel.save(image, tmp_path / "a.nii")
    assert "neither sform nor qform" in _refused(tmp_path / "a.nii", "IMAGE-FILE-GEOMETRY")


def test_a_nifti_with_two_places_is_refused(tmp_path):
    image = nibabel.Nifti1Image(ARRAY.T, np.eye(4))
    moved = np.eye(4)
    moved[0, 3] = 0.5
    image.set_sform(np.eye(4), code="scanner")
    image.set_qform(moved, code="scanner")
    nibabel.save(image, tmp_path / "a.nii")
    assert "disagree by up to 0.5 mm" in _refused(tmp_path / "a.nii", "IMAGE-FILE-GEOMETRY")


def test_a_sheared_nifti_is_refused(tmp_path):
    affine = np.eye(4)
    affine[0, 2] = 0.2
    nibabel.save(nibabel.Nifti1Image(ARRAY.T, affine), tmp_path / "a.nii")
    assert "not perpendicular" in _refused(tmp_path / "a.nii", "IMAGE-FILE-GEOMETRY")


def test_a_series_of_volumes_in_one_file_is_refused(tmp_path):
    four = np.stack([ARRAY.T, ARRAY.T], axis=3)
    nibabel.save(nibabel.Nifti1Image(four, np.eye(4)), tmp_path / "a.nii")
    assert "(5, 4, 3, 2)" in _refused(tmp_path / "a.nii", "IMAGE-FILE-SHAPE")


def test_a_trailing_axis_of_one_is_no_series(tmp_path):
    nibabel.save(nibabel.Nifti1Image(ARRAY.T[..., None], np.eye(4)), tmp_path / "a.nii")
    assert read_image_file(tmp_path / "a.nii", HU).array.shape == (3, 4, 5)


def test_colour_is_refused(tmp_path):
    image = sitk.JoinSeries([sitk.Image(4, 4, sitk.sitkVectorUInt8, 3)] * 3)
    sitk.WriteImage(image, str(tmp_path / "a.mha"))
    _refused(tmp_path / "a.mha", "IMAGE-FILE-SHAPE")


@pytest.mark.parametrize("line", ["ElementSpacing", "Offset", "TransformMatrix"])
def test_a_metaimage_without_its_place_is_refused(tmp_path, line):
    _write_itk(tmp_path / "full.mha")
    content = (tmp_path / "full.mha").read_bytes()
    kept = [row for row in content.split(b"\n") if not row.startswith(line.encode())]
    (tmp_path / "a.mha").write_bytes(b"\n".join(kept))
    assert line in _refused(tmp_path / "a.mha", "IMAGE-FILE-GEOMETRY")


def test_an_nrrd_without_space_is_refused(tmp_path):
    header = "NRRD0004\ntype: int16\ndimension: 3\nsizes: 5 4 3\nencoding: raw\nendian: little\n\n"
    (tmp_path / "a.nrrd").write_bytes(header.encode() + ARRAY.tobytes())
    _refused(tmp_path / "a.nrrd", "IMAGE-FILE-GEOMETRY")


def test_an_nrrd_in_ras_becomes_lps(tmp_path):
    header = (
        "NRRD0004\ntype: int16\ndimension: 3\nspace: right-anterior-superior\nsizes: 5 4 3\n"
        "space directions: (1,0,0) (0,2,0) (0,0,3)\nspace origin: (7,8,9)\n"
        "encoding: raw\nendian: little\n\n"
    )
    (tmp_path / "a.nrrd").write_bytes(header.encode() + ARRAY.tobytes())
    grid = read_image_file(tmp_path / "a.nrrd", HU).geometry
    assert grid.origin_mm == (-7.0, -8.0, 9.0)
    assert grid.index_to_physical([1, 1, 1]).tolist() == [-8.0, -10.0, 12.0]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("keep", [0, 10, 0.5])
def test_a_file_cut_short_is_refused(tmp_path, suffix, keep):
    whole = tmp_path / f"whole{suffix}"
    if ".nii" in suffix:
        write_nifti(ARRAY, GRID, whole)
    else:
        _write_itk(whole)
    content = whole.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(content[: int(keep * len(content)) if keep < 1 else keep])
    with pytest.raises(ImageFileError):
        read_image_file(cut, HU)


def test_text_under_a_wrong_name_is_refused(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(b"hello" * 200))
    _refused(tmp_path / "a.nii.gz", "IMAGE-FILE-UNREADABLE")
    (tmp_path / "a.txt").write_text("hello")
    _refused(tmp_path / "a.txt", "IMAGE-FILE-FORMAT")


@pytest.mark.data
def test_dicom_and_nifti_of_one_series_agree(data_dir):
    from biomarker_cli.catalogue.catalogue import scan
    from biomarker_cli.catalogue.reading import read_volume

    for folder, name in [("CT", "CT"), ("PET", "PET"), ("MR_T1", "MR_T1")]:
        root = data_dir / "sts" / "STS_001"
        (candidate,) = scan([root / folder]).volumes
        volume = read_volume(candidate)
        nifti = read_image_file(root / "nifti" / f"{name}_image.nii.gz", HU)
        assert volume.geometry.same_grid(nifti.geometry)
        assert np.allclose(volume.array, nifti.array, rtol=1e-6, atol=1e-6)
