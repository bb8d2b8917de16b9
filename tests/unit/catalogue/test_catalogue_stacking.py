"""Series -> volume: what is stacked, what is refused, what splits."""

import numpy as np
import pytest
from synthetic_series import axial, uid, write_series

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.errors import SeriesError
from biomarker_cli.catalogue.reading import read_frames, read_volume
from biomarker_cli.catalogue.stacking import MOST_PLACES_NAMED


def _only(folder):
    (candidate,) = scan([folder]).volumes
    return candidate


def test_slices_are_sorted_along_the_normal_not_by_name_or_number(tmp_path):
    write_series(tmp_path, axial(6.0, 0.0, 3.0))
    volume = read_volume(_only(tmp_path))
    assert volume.array[:, 0, 0].tolist() == [-900.0, -800.0, -1000.0]
    assert volume.geometry.origin_mm == (-10.0, -20.0, 0.0)
    assert [f.get("InstanceNumber") for f in volume.frames] == [2, 3, 1]


def test_pixel_spacing_is_between_rows_then_between_columns(tmp_path):
    write_series(tmp_path, axial(0.0, 3.0))
    geometry = _only(tmp_path).geometry
    assert geometry.shape == (2, 4, 5)
    assert geometry.spacing_mm == (1.0, 2.0, 3.0)  # x, y, z
    assert geometry.index_to_physical([1, 1, 1]).tolist() == [-9.0, -18.0, 3.0]


def test_the_axis_of_slices_is_the_cross_product_of_row_and_column(tmp_path):
    def coronal(index, dataset):
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    write_series(tmp_path, [(0, 0, 0), (0, -2, 0), (0, 2, 0)], change=coronal)
    candidate = _only(tmp_path)
    assert candidate.geometry.normal.tolist() == [0, 1, 0]
    assert candidate.geometry.origin_mm == (0, -2, 0)
    assert read_volume(candidate).array[:, 0, 0].tolist() == [-900, -1000, -800]


def test_a_missing_slice_is_a_gap(tmp_path):
    write_series(tmp_path, axial(0, 3, 6, 12, 15))
    candidate = _only(tmp_path)
    assert (candidate.status, candidate.error_code) == ("refused", "SERIES-GAP")
    assert "3 mm apart" in candidate.error_message
    assert "6.00" in candidate.error_message
    assert "12.00" in candidate.error_message


def test_a_gap_says_how_many_slices_seem_to_be_missing_and_names_a_few_places(tmp_path):
    # Six gaps, of which the first lacks two slices.
    write_series(tmp_path, axial(0, 3, 6, 15, 18, 24, 27, 33, 36, 42, 45, 51, 54, 60, 63, 66))
    message = _only(tmp_path).error_message
    assert message.count(" mm between ") == MOST_PLACES_NAMED == 5
    assert " and 1 more; 7 slices seem to be missing" in message


def test_slices_that_lie_too_close_are_no_missing_ones(tmp_path):
    write_series(tmp_path, axial(0, 3, 6, 7, 10))
    message = _only(tmp_path).error_message
    assert message.startswith("slices are 3 mm apart, but 1 mm between 6.00 and 7.00 mm")
    assert "missing" not in message


def test_the_element_that_slices_lack_is_named_with_their_number(tmp_path):
    def remove(index, dataset):
        if index:
            del dataset.ImagePositionPatient

    write_series(tmp_path, axial(0, 3, 6), change=remove)
    candidate = _only(tmp_path)
    assert candidate.error_code == "SERIES-NO-POSITION"
    assert "2 of 3 slices have no ImagePositionPatient (0020,0032)" in candidate.error_message


def test_a_refused_volume_cannot_be_read_but_its_headers_can(tmp_path):
    write_series(tmp_path, axial(0, 3, 6, 12, 15))
    candidate = _only(tmp_path)
    with pytest.raises(SeriesError) as caught:
        read_volume(candidate)
    assert caught.value.code == "SERIES-GAP"
    assert len(read_frames(candidate)) == 5


def test_jitter_of_a_tenth_of_a_millimetre_passes_and_is_recorded(tmp_path):
    write_series(tmp_path, axial(0, 3.08, 6, 9))
    candidate = _only(tmp_path)
    assert candidate.status == "ok"
    assert candidate.flags == {"spacing_jitter"}


def test_jitter_of_two_tenths_is_refused(tmp_path):
    write_series(tmp_path, axial(0, 3.2, 6, 9))
    assert _only(tmp_path).error_code == "SERIES-GAP"


def test_gantry_tilt_is_shear(tmp_path):
    write_series(tmp_path, [(0, 0.5 * k, 3.0 * k) for k in range(4)])
    candidate = _only(tmp_path)
    assert candidate.error_code == "SERIES-SHEAR"
    assert "1.5" in candidate.error_message


def test_different_pixels_at_one_position_are_duplicates(tmp_path):
    write_series(tmp_path, axial(0, 3, 3, 6))
    candidate = _only(tmp_path)
    assert candidate.error_code == "SERIES-DUPLICATE"
    assert "3.00 mm" in candidate.error_message


def test_phases_of_one_series_are_several_volumes(tmp_path):
    def phase(index, dataset):
        dataset.TemporalPositionIdentifier = 1 + index // 3

    write_series(tmp_path, axial(0, 3, 6, 0, 3, 6), change=phase)
    candidates = scan([tmp_path]).volumes
    assert [c.split_by for c in candidates] == ["phase=1", "phase=2"]
    assert [c.volume_id[-2:] for c in candidates] == ["#1", "#2"]
    assert all(c.series_uid == uid("series", "1") for c in candidates)
    assert scan([tmp_path]).matching(uid("series", "1")) == candidates
    second = read_volume(candidates[1])
    assert second.array[:, 0, 0].tolist() == [-700, -600, -500]


def test_echoes_are_several_volumes(tmp_path):
    def echo(index, dataset):
        dataset.Modality = "MR"
        dataset.EchoTime = 10.0 if index < 3 else 20.0

    write_series(tmp_path, axial(0, 3, 6, 0, 3, 6), change=echo)
    assert [c.split_by for c in scan([tmp_path]).volumes] == ["echo=10", "echo=20"]


def test_a_time_per_slice_does_not_split(tmp_path):
    def times(index, dataset):
        dataset.ContentTime = f"1200{index:02d}"
        dataset.AcquisitionTime = f"1100{index:02d}"

    write_series(tmp_path, axial(0, 3, 6), change=times)
    assert _only(tmp_path).status == "ok"


def test_acquisitions_split_where_positions_repeat(tmp_path):
    def acquisition(index, dataset):
        dataset.AcquisitionNumber = 1 + index // 3

    write_series(tmp_path, axial(0, 3, 6, 0, 3, 6), change=acquisition)
    assert [c.split_by for c in scan([tmp_path]).volumes] == ["acquisition=1", "acquisition=2"]


def test_acquisition_numbers_do_not_split_where_no_position_repeats(tmp_path):
    def acquisition(index, dataset):
        dataset.AcquisitionNumber = 1 + index // 2

    write_series(tmp_path, axial(0, 3, 6, 9), change=acquisition)
    assert _only(tmp_path).status == "ok"


def test_orientations_are_several_volumes(tmp_path):
    def localiser(index, dataset):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        if index >= 2:
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]

    write_series(tmp_path, [*axial(0, 3), (-10, -20, 0), (-10, -17, 0)], change=localiser)
    candidates = scan([tmp_path]).volumes
    assert len(candidates) == 2
    assert {c.kind for c in candidates} == {"localiser"}


def test_slices_without_a_position_are_refused(tmp_path):
    def lose(index, dataset):
        if index == 1:
            del dataset.ImagePositionPatient

    write_series(tmp_path, axial(0, 3, 6), change=lose)
    assert _only(tmp_path).error_code == "SERIES-NO-POSITION"


def test_a_single_slice_takes_its_thickness(tmp_path):
    write_series(tmp_path, axial(0))
    assert _only(tmp_path).geometry.spacing_mm == (1.0, 2.0, 3.0)


def test_a_single_slice_without_thickness_is_refused(tmp_path):
    def lose(index, dataset):
        del dataset.SliceThickness

    write_series(tmp_path, axial(0), change=lose)
    assert _only(tmp_path).error_code == "SERIES-SINGLE-SLICE"


def test_rescale_is_applied_per_slice(tmp_path):
    def rescale(index, dataset):
        dataset.Modality = "PT"
        dataset.RescaleSlope = 0.5 * (index + 1)
        dataset.RescaleIntercept = index

    write_series(tmp_path, axial(0, 3, 6), change=rescale)
    volume = read_volume(_only(tmp_path))
    assert volume.array.dtype == np.float64
    assert volume.array[:, 1, 2].tolist() == [12 * 0.5, 112 * 1.0 + 1, 212 * 1.5 + 2]
