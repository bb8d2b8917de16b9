"""Files and series that are refused, each by its own code."""

import shutil

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from synthetic_series import axial, slice_dataset, uid, write, write_series

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.instances import DICOMDIR_CLASS
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.model.shifted_dates import are_shifted


def _refused(folder, code):
    (candidate,) = scan([folder]).volumes
    assert (candidate.status, candidate.error_code) == ("refused", code)
    return candidate.error_message


def test_exact_copies_are_dropped_with_a_flag(tmp_path):
    paths = write_series(tmp_path, axial(0, 3, 6))
    shutil.copy(paths[1], tmp_path / "copy.dcm")
    (candidate,) = scan([tmp_path]).volumes
    assert (candidate.status, candidate.n_files) == ("ok", 3)
    assert candidate.flags == {"series_duplicates_dropped"}
    assert read_volume(candidate).flags == {"series_duplicates_dropped"}


def test_a_copy_in_another_transfer_syntax_has_the_same_pixels(tmp_path):
    paths = write_series(tmp_path, axial(0, 3, 6))
    dataset = dcmread(paths[1])
    dataset.compress("1.2.840.10008.1.2.5")
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid("instance", 1, 2)
    dataset.save_as(tmp_path / "copy.dcm")
    (candidate,) = scan([tmp_path]).volumes
    assert candidate.flags == {"series_duplicates_dropped"}


def test_one_uid_with_other_pixels_is_a_conflict(tmp_path):
    paths = write_series(tmp_path, axial(0, 3, 6))
    dataset = dcmread(paths[1])
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(tmp_path / "other.dcm")
    message = _refused(tmp_path, "SERIES-UID-CONFLICT")
    assert "1_001.dcm and other.dcm" in message


def test_mixed_thickness_names_thickness_number_and_place(tmp_path):
    def thicken(index, dataset):
        dataset.SliceThickness = 3.0 if index < 3 else 5.0

    write_series(tmp_path, axial(0, 3, 6, 9, 12), change=thicken)
    message = _refused(tmp_path, "SERIES-THICKNESS")
    assert "3 of 3 mm between 0.00 and 6.00 mm" in message
    assert "2 of 5 mm between 9.00 and 12.00 mm" in message


def test_two_thicknesses_at_the_same_places_are_two_volumes(tmp_path):
    def thicken(index, dataset):
        dataset.SliceThickness = 3.0 if index < 3 else 1.0

    write_series(tmp_path, axial(0, 3, 6, 0, 3, 6), change=thicken)
    assert [c.split_by for c in scan([tmp_path]).volumes] == ["thickness=1", "thickness=3"]


def test_mixed_rescale_units(tmp_path):
    def units(index, dataset):
        dataset.RescaleType = "HU" if index else "US"

    write_series(tmp_path, axial(0, 3, 6), change=units)
    message = _refused(tmp_path, "SERIES-UNITS")
    assert "2 x HU, 1 x US" in message


def test_a_lone_slice_of_another_orientation_is_refused_and_the_rest_is_kept(tmp_path):
    def turn(index, dataset):
        if index == 3:
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    write_series(tmp_path, axial(0, 3, 6, 9), change=turn)
    candidates = scan([tmp_path]).volumes
    assert sorted((c.n_frames, c.error_code) for c in candidates) == [
        (1, "SERIES-ORIENTATION"),
        (3, ""),
    ]


def test_orientations_that_part_at_the_border_are_refused(tmp_path):
    # 0.0008 over 512 mm is 0.4 mm: one volume for the eye, none for a measurement.
    def turn(index, dataset):
        dataset.PixelSpacing = [128.0, 128.0]
        if index == 1:
            dataset.ImageOrientationPatient = [1, 0.0008, 0, -0.0008, 1, 0]

    write_series(tmp_path, axial(0, 3, 6), change=turn)
    assert "0.51 mm" in _refused(tmp_path, "SERIES-ORIENTATION")


def test_vectors_that_are_not_perpendicular(tmp_path):
    def bend(index, dataset):
        dataset.ImageOrientationPatient = [1, 0, 0, 0.5, 1, 0]

    write_series(tmp_path, axial(0, 3), change=bend)
    _refused(tmp_path, "SERIES-ORIENTATION")


def test_a_drifting_distance_is_a_gap_although_each_step_looks_right(tmp_path):
    z = np.concatenate([np.arange(20) * 3.0, 57 + np.arange(1, 20) * 3.08])
    write_series(tmp_path, axial(*z))
    assert "drifts between 3 and 3.08 mm" in _refused(tmp_path, "SERIES-GAP")


def test_a_gap_tells_how_many_slices_seem_to_be_missing(tmp_path):
    write_series(tmp_path, axial(0, 3, 12, 15, 18))
    message = _refused(tmp_path, "SERIES-GAP")
    assert "9 mm between 3.00 and 12.00 mm" in message
    assert "2 slices" in message


def test_a_distance_larger_than_the_thickness_is_no_gap(tmp_path):
    write_series(tmp_path, axial(0, 10, 20))
    assert scan([tmp_path]).volumes[0].geometry.spacing_mm[2] == 10.0


def test_a_tilt_tells_its_angle(tmp_path):
    write_series(tmp_path, [(0, 3.0 * k, 3.0 * k) for k in range(3)])
    assert "45.0 degrees" in _refused(tmp_path, "SERIES-SHEAR")


def test_jitter_is_judged_by_clusters_not_by_rounding(tmp_path):
    # 0.004999 and 0.005001 round to different hundredths; they are one place.
    write_series(tmp_path, axial(0, 3, 6), series="1")
    write_series(tmp_path / "b", axial(0.004999, 3.005001, 6.0), series="2")
    assert [c.status for c in scan([tmp_path]).volumes] == ["ok", "ok"]
    write_series(tmp_path / "c", axial(0.004999, 0.005001, 3), series="3")
    codes = {c.description: c.error_code for c in scan([tmp_path]).volumes}
    assert codes["series 3"] == "SERIES-DUPLICATE"


def test_orientations_on_both_sides_of_a_rounding_boundary_are_one(tmp_path):
    def wobble(index, dataset):
        tilt = 0.0004999 if index % 2 else 0.0005001
        dataset.ImageOrientationPatient = [1, tilt, 0, -tilt, 1, 0]

    write_series(tmp_path, axial(0, 3, 6, 9), change=wobble)
    (candidate,) = scan([tmp_path]).volumes
    assert candidate.status == "ok"


def test_a_phase_that_lacks_a_slice_is_refused_and_the_other_is_kept(tmp_path):
    def acquisition(index, dataset):
        dataset.AcquisitionNumber = 1 if index < 4 else 2

    write_series(tmp_path, axial(0, 3, 6, 9, 0, 3, 9), change=acquisition)
    candidates = scan([tmp_path]).volumes
    assert [(c.split_by, c.error_code) for c in candidates] == [
        ("acquisition=1", ""),
        ("acquisition=2", "SERIES-GAP"),
    ]


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_an_image_without_uid_is_refused(tmp_path, keyword):
    dataset = slice_dataset((0, 0, 0), np.zeros((4, 4)))
    delattr(dataset, keyword)
    dataset.preamble = bytes(128)
    dataset.save_as(tmp_path / "a.dcm")
    assert keyword in _refused(tmp_path, "FILE-UID-MISSING")


def test_a_file_cut_inside_its_pixels_refuses_the_volume(tmp_path):
    paths = write_series(tmp_path, axial(0, 3, 6))
    paths[1].write_bytes(paths[1].read_bytes()[:-7])
    message = _refused(tmp_path, "FILE-TRUNCATED")
    assert "7 bytes" in message
    assert "1_001.dcm" in message


def test_a_file_cut_inside_its_header_is_a_row(tmp_path):
    paths = write_series(tmp_path, axial(0, 3, 6))
    paths[0].write_bytes(paths[0].read_bytes()[:400])
    catalogue = scan([tmp_path])
    (row,) = [c for c in catalogue.candidates if not c.is_image]
    assert (row.status, row.error_code) == ("skipped", "FILE-TRUNCATED")


def test_nuclear_medicine_is_refused_by_name(tmp_path):
    def nuclear(index, dataset):
        dataset.Modality = "NM"

    write_series(tmp_path, axial(0, 3, 6), change=nuclear)
    assert "modality NM" in _refused(tmp_path, "SERIES-MODALITY")


def test_colour_is_refused(tmp_path):
    def colour(index, dataset):
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
        dataset.PlanarConfiguration = 0
        dataset.PixelData = bytes(3 * len(dataset.PixelData))

    write_series(tmp_path, axial(0, 3, 6), change=colour)
    _refused(tmp_path, "PIXELS-COLOUR")


@pytest.mark.parametrize("frames", ["0", "-3", "999999999"])
def test_absurd_numbers_of_frames_are_refused(tmp_path, frames):
    def multiply(index, dataset):
        dataset.NumberOfFrames = frames

    write_series(tmp_path, axial(0), change=multiply)
    _refused(tmp_path, "FILE-FRAMES")


@pytest.mark.parametrize("value", ["abc", "1\\2", "1\\2\\inf", "1\\2\\nan"])
def test_positions_that_are_no_three_numbers_are_no_positions(tmp_path, value):
    (path,) = write_series(tmp_path, axial(0))
    content = path.read_bytes()
    old = b"-10.0\\-20.0\\0.0 "
    assert old in content
    path.write_bytes(content.replace(old, value.encode().ljust(len(old))))
    assert "is no row of 3 numbers" in _refused(tmp_path, "SERIES-NO-POSITION")


def test_spacing_of_zero_is_refused(tmp_path):
    def flat(index, dataset):
        dataset.PixelSpacing = [0, 1]

    write_series(tmp_path, axial(0, 3), change=flat)
    _refused(tmp_path, "SERIES-PIXEL-SPACING")


@pytest.mark.parametrize(
    ("sop_class", "code"),
    [(DICOMDIR_CLASS, "OBJECT-DICOMDIR"), ("1.2.840.10008.5.1.4.1.1.88.11", "OBJECT-NO-IMAGE")],
)
def test_other_objects_are_rows(tmp_path, sop_class, code):
    dataset = slice_dataset((0, 0, 0), np.zeros((4, 4)))
    other = Dataset()
    other.file_meta = dataset.file_meta
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = sop_class
    other.SOPInstanceUID = dataset.SOPInstanceUID
    other.StudyInstanceUID, other.SeriesInstanceUID = uid("study"), uid("report")
    write(other, tmp_path / "other.dcm")
    (candidate,) = scan([tmp_path]).candidates
    assert (candidate.status, candidate.error_code) == ("skipped", code)


def test_two_objects_of_one_series_uid_are_kept_apart(tmp_path):
    write_series(tmp_path, axial(0, 3))
    capture = dcmread(tmp_path / "1_000.dcm")
    capture.SOPClassUID = capture.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    capture.SOPInstanceUID = capture.file_meta.MediaStorageSOPInstanceUID = uid("capture")
    del capture.ImagePositionPatient
    write(capture, tmp_path / "capture.dcm")
    candidates = scan([tmp_path]).volumes
    assert sorted(c.error_code for c in candidates) == ["", "SERIES-NO-POSITION"]
    assert all("object=" in c.split_by for c in candidates)


@pytest.mark.parametrize(
    ("elements", "named"),
    [
        ({"HighBit": 11}, "HighBit (0028,0102) is 11: expected 15"),
        ({"BitsStored": 12}, "HighBit (0028,0102) is 15: expected 11"),
        ({"BitsStored": 17, "HighBit": 16}, "BitsStored (0028,0101) is 17 of 16"),
        ({"BitsStored": 0, "HighBit": 0}, "BitsStored (0028,0101) is 0 of 16"),
        ({"BitsStored": 12, "HighBit": 11}, ""),
    ],
)
def test_elements_that_lay_out_the_bits_of_a_pixel_must_agree(tmp_path, elements, named):
    def change(index, dataset):
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)

    write_series(tmp_path, axial(0, 3, 6), change=change)
    if named:
        assert named in _refused(tmp_path, "PIXELS-BITS")
    else:
        (candidate,) = scan([tmp_path]).volumes
        assert candidate.status == "ok"


@pytest.mark.parametrize(
    ("keyword", "text"),
    [("PixelSpacing", "2,0\\1,0"), ("ImageOrientationPatient", "1\\0\\0\\0\\1\\0,0")],
)
def test_a_decimal_comma_in_the_image_plane_is_quoted(tmp_path, keyword, text):
    def change(index, dataset):
        dataset.add_new(keyword, "LO", text.split("\\"))

    write_series(tmp_path, axial(0, 3, 6), change=change)
    for volume in scan([tmp_path]).volumes:
        assert volume.error_code == "SERIES-NO-POSITION"
        assert keyword in volume.error_message
        assert f"{text[-3:]}' is no row" in volume.error_message


@pytest.mark.parametrize("n_moved", [0, 1, 12])
def test_a_series_of_which_one_date_was_moved_is_one_of_moved_dates(tmp_path, n_moved):
    # Of twelve alike files most are read in part alone.
    def change(index, dataset):
        dataset.StudyDate = "20240101"
        word = "MODIFIED" if index >= 12 - n_moved else "UNMODIFIED"
        dataset.LongitudinalTemporalInformationModified = word

    write_series(tmp_path, axial(*range(0, 36, 3)), change=change)
    (found,) = scan([tmp_path]).candidates
    assert found.visit.date == "20240101"
    assert are_shifted(found.visit.dates_modified) is (n_moved > 0)
