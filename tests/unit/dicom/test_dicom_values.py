"""Stored pixels become the values that the header says, or an error by name."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian
from synthetic_series import axial, slice_dataset, write, write_series

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.dicom.errors import PixelError
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.headers import read_header
from biomarker_cli.dicom.real_world import PARAMETRIC_MAP_CLASS, read_real_world_mapping
from biomarker_cli.dicom.values import fill_values, padding_of

STORED = np.array([[-3, 0, 1], [2, 100, 32767]], dtype=np.int16)


def _values(dataset, stored=STORED):
    target = np.empty(stored.shape)
    fill_values(target, stored, FrameHeader(dataset))
    return target


def _refused(dataset, code):
    with pytest.raises(PixelError) as caught:
        _values(dataset)
    assert caught.value.code == code
    return str(caught.value)


def _slice():
    return slice_dataset((0, 0, 0), STORED)


def test_rescale_is_slope_times_stored_plus_intercept():
    dataset = _slice()
    dataset.RescaleSlope, dataset.RescaleIntercept = 0.25, -1024
    assert np.array_equal(_values(dataset), STORED * 0.25 - 1024)


@pytest.mark.parametrize("absent", ["RescaleSlope", "RescaleIntercept"])
def test_ct_without_rescale_is_refused(absent):
    dataset = _slice()
    delattr(dataset, absent)
    assert absent in _refused(dataset, "PIXELS-NO-RESCALE")


def test_mr_without_rescale_keeps_its_numbers():
    dataset = _slice()
    dataset.Modality = "MR"
    del dataset.RescaleSlope
    del dataset.RescaleIntercept
    assert np.array_equal(_values(dataset), STORED)


@pytest.mark.parametrize("slope", ["0", "-0.0", "nan", "inf", "1,5", "1\\2"])
def test_a_slope_that_maps_to_nothing_is_refused(slope):
    dataset = _slice()
    del dataset.RescaleSlope
    dataset.add_new("RescaleSlope", "LO", slope)
    _refused(dataset, "PIXELS-RESCALE")


def _mapped(unit, slope, intercept, **elements):
    dataset = _slice()
    dataset.RescaleSlope, dataset.RescaleIntercept = 2, -1024
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    item, code = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = unit, "UCUM", unit
    item.MeasurementUnitsCodeSequence = Sequence([code])
    item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, intercept
    dataset.RealWorldValueMappingSequence = Sequence([item])
    return dataset


@pytest.mark.parametrize(
    "dataset",
    [
        _mapped("[hnsf'U]", 1.0, -1024.0),
        _mapped("[hnsf'U]", 2.0, 0.0),
        _mapped("[hnsf'U]", float("nan"), -1024.0),
        _mapped("Bq/ml", 1.0, -1024.0, Modality="PT", Units="BQML"),
        _mapped("g/ml", 0.5, -1024.0, Modality="PT", Units="GML"),
    ],
)
def test_a_mapping_to_the_same_unit_by_other_factors_is_refused(dataset):
    assert "RealWorldValueMapping" in _refused(dataset, "PIXELS-RESCALE-CONFLICT")


@pytest.mark.parametrize(
    "dataset",
    [
        _mapped("[hnsf'U]", 2.0, -1024.0),
        _mapped("[hnsf'U]", 2.0000001, -1024.0001),
        # Another unit is another quantity of the same pixels.
        _mapped("1", 0.5, 0.0),
        _mapped("g/ml", 3e-4, 0.0, Modality="PT", Units="BQML"),
        _mapped("1", 0.5, 0.0, Modality="MR"),
    ],
)
def test_a_mapping_that_agrees_or_has_another_unit_changes_nothing(dataset):
    assert np.array_equal(_values(dataset), STORED * 2.0 - 1024)


def test_other_pixels_than_the_index_promised_are_refused():
    with pytest.raises(PixelError) as caught:
        fill_values(np.empty((3, 3)), STORED, FrameHeader(_slice()))
    assert caught.value.code == "PIXELS-SIZE"


def _with_table(dataset):
    item = Dataset()
    item.LUTDescriptor = [4, 0, 16]
    item.ModalityLUTType = "HU"
    item.LUTData = [10, 20, 30, 40]
    dataset.ModalityLUTSequence = Sequence([item])
    return dataset


def test_modality_lut_maps_and_clamps_at_its_ends():
    dataset = _with_table(_slice())
    del dataset.RescaleSlope
    del dataset.RescaleIntercept
    # PS3.3 C.11.1.1.1: values below the first take its entry, above the last the last one.
    assert _values(dataset).tolist() == [[10, 10, 20], [30, 40, 40]]


def test_modality_lut_beside_a_rescale_is_refused():
    _refused(_with_table(_slice()), "PIXELS-MODALITY-LUT")


def test_a_broken_modality_lut_is_refused():
    dataset = _with_table(_slice())
    del dataset.RescaleSlope
    del dataset.ModalityLUTSequence[0].LUTData
    _refused(dataset, "PIXELS-MODALITY-LUT")


def _parametric(n_items=1, **changes):
    dataset = _slice()
    dataset.SOPClassUID = PARAMETRIC_MAP_CLASS
    items = []
    for _ in range(n_items):
        item, unit = Dataset(), Dataset()
        unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "mm2/s", "UCUM", "mm2/s"
        item.MeasurementUnitsCodeSequence = Sequence([unit])
        item.RealWorldValueSlope, item.RealWorldValueIntercept = 1e-6, 0.5
        item.RealWorldValueFirstValueMapped, item.RealWorldValueLastValueMapped = 0, 1000
        for keyword, value in changes.items():
            if value is None:
                delattr(item, keyword)
            else:
                setattr(item, keyword, value)
        items.append(item)
    dataset.RealWorldValueMappingSequence = Sequence(items)
    return dataset


def test_a_parametric_map_has_real_world_values_and_none_outside_their_range():
    values = _values(_parametric())
    assert values[0, 1:].tolist() == [0.5, 1e-6 + 0.5]
    assert np.isnan(values[0, 0])
    assert np.isnan(values[1, 2])
    mapping = read_real_world_mapping(FrameHeader(_parametric()))
    assert (mapping.unit, mapping.slope) == ("mm2/s", 1e-6)


@pytest.mark.parametrize(
    "dataset",
    [
        _parametric(0),
        _parametric(2),
        _parametric(RealWorldValueSlope=None),
        _parametric(MeasurementUnitsCodeSequence=None),
        _parametric(RealWorldValueSlope=0.0),
        _parametric(RealWorldValueSlope=float("nan")),
        _parametric(RealWorldValueIntercept=float("inf")),
    ],
)
def test_a_parametric_map_without_one_linear_mapping_is_refused(dataset):
    _refused(dataset, "PIXELS-REAL-WORLD-VALUES")


def test_padding_is_a_value_or_a_range_of_stored_values():
    dataset = _slice()
    assert padding_of(STORED, FrameHeader(dataset)) is None
    dataset.add_new("PixelPaddingValue", "SS", -3)
    assert padding_of(STORED, FrameHeader(dataset)).sum() == 1
    dataset.add_new("PixelPaddingRangeLimit", "SS", 1)
    assert padding_of(STORED, FrameHeader(dataset)).tolist() == [[1, 1, 1], [0, 0, 0]]
    dataset.PixelPaddingValue, dataset.PixelPaddingRangeLimit = -2000, -1999
    assert padding_of(STORED, FrameHeader(dataset)) is None


@pytest.mark.parametrize(
    ("stored", "vr", "value"),
    [
        (np.array([[-2000, 5]], dtype=np.int16), "US", 63536),
        (np.array([[63536, 5]], dtype=np.uint16), "SS", -2000),
        (np.array([[-2000, 5]], dtype=np.int16), "SS", -2000),
    ],
)
def test_padding_that_was_written_with_the_wrong_sign_means_its_bits(stored, vr, value):
    dataset = _slice()
    dataset.add_new("PixelPaddingValue", vr, value)
    assert padding_of(stored, FrameHeader(dataset)).tolist() == [[True, False]]


def test_padding_of_float_pixels():
    dataset = _slice()
    dataset.FloatPixelPaddingValue = -1.5
    stored = np.array([[-1.5, 70000.0]], dtype=np.float32)
    assert padding_of(stored, FrameHeader(dataset)).tolist() == [[True, False]]


def test_a_volume_says_where_it_is_padding(tmp_path):
    def pad(index, dataset):
        if index:
            dataset.add_new("PixelPaddingValue", "SS", 100 * index)

    write_series(tmp_path, axial(0, 3, 6), change=pad)
    (candidate,) = scan([tmp_path]).volumes
    volume = read_volume(candidate)
    assert volume.padding.sum() == 2
    assert volume.padding[1:, 0, 0].all()
    assert volume.array[1, 0, 0] == -900  # kept: nothing is hidden


@pytest.mark.parametrize(
    ("bits", "signed", "stored"),
    [
        (8, 0, np.array([[0, 255]], np.uint8)),
        (16, 0, np.array([[0, 65535]], np.uint16)),
        (16, 1, np.array([[-32768, 32767]], np.int16)),
        (32, 1, np.array([[-(2**31), 2**31 - 1]], np.int32)),
    ],
)
def test_signed_and_unsigned_pixels_of_every_width(tmp_path, bits, signed, stored):
    dataset = slice_dataset((0, 0, 0), stored)
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, signed
    dataset.PixelData = stored.tobytes()
    (read,) = read_stored_frames(write(dataset, tmp_path / "a.dcm"), [0])
    assert np.array_equal(read, stored)


@pytest.mark.parametrize(
    ("keyword", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")]
)
def test_float_pixel_data(tmp_path, keyword, kind):
    stored = np.array([[0.5, -1e20]], dtype=kind)
    dataset = slice_dataset((0, 0, 0), np.zeros(stored.shape))
    del dataset.PixelData
    del dataset.PixelRepresentation
    dataset.BitsAllocated = stored.dtype.itemsize * 8
    setattr(dataset, keyword, stored.tobytes())
    (read,) = read_stored_frames(write(dataset, tmp_path / "a.dcm"), [0])
    assert np.array_equal(read, stored)


def test_a_header_without_pixels_is_told_apart_from_a_damaged_one(tmp_path):
    dataset = _slice()
    del dataset.PixelData
    with pytest.raises(PixelError) as caught:
        read_stored_frames(write(dataset, tmp_path / "a.dcm"), [0])
    assert caught.value.code == "PIXELS-ABSENT"


def read_stored_frames(path, frames):
    return list(DicomFiles().stored(path, frames))


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "deflated", "rle"])
def test_headers_of_a_volume_say_the_same_without_its_pixels(tmp_path, syntax):
    def change(index, dataset):
        if syntax == "implicit":
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        if syntax == "deflated":
            dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        if syntax == "rle":
            sop = dataset.SOPInstanceUID
            dataset.compress("1.2.840.10008.1.2.5")
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = sop

    write_series(tmp_path, axial(0, 3, 6), change=change)
    (candidate,) = scan([tmp_path]).volumes
    kept = read_volume(candidate).frames
    for ours in kept:
        theirs = FrameHeader(read_header(ours.path), 0, ours.path)
        assert ours.dataset == theirs.dataset
        assert "PixelData" not in ours.dataset
        assert ours.get("InstanceNumber") == theirs.get("InstanceNumber")
        assert ours.sop_instance_uid == theirs.sop_instance_uid


# The same picture in one native and several compressed or swapped forms.
SYNTAXES = {
    "emri_small.dcm": [
        "emri_small_RLE.dcm",
        "emri_small_big_endian.dcm",
        "emri_small_jpeg_2k_lossless.dcm",
        "emri_small_jpeg_ls_lossless.dcm",
    ],
    "liver.dcm": ["liver_deflate.dcm", "liver_expb.dcm", "liver_rle.dcm", "liver_j2k.dcm"],
    "liver_nonbyte_aligned.dcm": [
        "liver_nonbyte_aligned_deflate.dcm",
        "liver_nonbyte_aligned_j2k.dcm",
        "liver_nonbyte_aligned_rle.dcm",
    ],
}


@pytest.mark.data
@pytest.mark.parametrize("native", SYNTAXES)
def test_every_transfer_syntax_decodes_to_the_native_pixels(data_dir, native):
    folder = data_dir / "seg" / "pydicom_syntax"
    n_frames = 10 if native.startswith("emri") else 3
    expected = read_stored_frames(folder / native, list(range(n_frames)))
    assert np.ptp(expected) > 0
    for name in SYNTAXES[native]:
        found = read_stored_frames(folder / name, list(range(n_frames)))
        assert np.array_equal(found, expected), name


@pytest.mark.data
def test_the_other_files_of_the_syntax_folder_decode(data_dir):
    folder = data_dir / "seg" / "pydicom_syntax"
    (jpeg_ls,) = read_stored_frames(folder / "JLSL_16_15_1_1F.dcm", [0])
    assert jpeg_ls.shape == (128, 128)
    first, second = read_stored_frames(folder / "eCT_Supplemental.dcm", [0, 1])
    assert first.shape == second.shape == (512, 512)
    assert not np.array_equal(first, second)
    (floats,) = read_stored_frames(folder / "parametric_map_float.dcm", [0])
    assert floats.dtype == np.float32


@pytest.mark.data
def test_compressed_frames_that_are_cut_short_are_refused(data_dir):
    path = data_dir / "seg" / "pydicom_syntax" / "emri_small_jpeg_2k_lossless_too_short.dcm"
    with pytest.raises(PixelError) as caught:
        read_stored_frames(path, list(range(10)))
    assert caught.value.code == "PIXELS-ABSENT"  # nothing of the element could be kept
