"""Memory: reading a volume peaks at little more than the float64 array."""

import tracemalloc

import pytest
from synthetic_series import axial, write_series

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_volume

MOST_OF_ARRAY = 1.3


def _peak_of_array(candidate) -> float:
    read_volume(candidate)  # what is loaded once is not of the volume
    tracemalloc.start()
    try:
        volume = read_volume(candidate)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return peak / volume.array.nbytes


@pytest.mark.parametrize("compressed", [False, True])
def test_reading_slices_peaks_at_little_more_than_the_array(tmp_path, compressed):
    def change(index, dataset):
        for number in range(200):
            block = dataset.private_block(0x0043, "LONG HEADER", create=True)
            block.add_new(number, "LO", f"a remark, number {number}")
        if compressed:
            uid = dataset.SOPInstanceUID
            dataset.compress("1.2.840.10008.1.2.5")
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid

    write_series(tmp_path, axial(*range(60)), rows=192, columns=192, change=change)
    (candidate,) = scan([tmp_path]).volumes
    assert _peak_of_array(candidate) < MOST_OF_ARRAY


@pytest.mark.data
@pytest.mark.parametrize(
    "folder", ["pet/ge_sts001_raw/image", "seg/lung1_holes/image", "sts/STS_001/CT/image"]
)
def test_reading_real_series_peaks_at_little_more_than_the_array(data_dir, folder):
    (candidate,) = scan([data_dir / folder]).volumes
    assert _peak_of_array(candidate) < MOST_OF_ARRAY
