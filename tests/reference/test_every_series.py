"""Every series of the reference data: its volumes and geometry, or why it is refused."""

import numpy as np
import pytest
from pydicom import dcmread

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.stacking import JITTER_TOLERANCE_MM

pytestmark = pytest.mark.data

# folder: (modality, shape z x y x x or error code, kind, number of volumes)
EXPECTED = {
    "dwi/ge_dv26_epi_fmri_decoy": [("MR", "5x64x64", "original", 1)],
    # GE tells the six directions by private elements, in one series.
    "dwi/ge_mr29_classic_tensor": [("MR", "2x256x256", "original", 7)],
    "dwi/siemens_xa30_enhanced/s10_dwi_b0_b2500": [("MR", "39x72x72", "original", 21)],
    "dwi/siemens_xa30_enhanced/s11_vendor_adc": [("MR", "39x72x72", "adc_map", 1)],
    "dwi/siemens_xa30_enhanced/s12_vendor_tracew": [("MR", "39x72x72", "trace", 1)],
    "dwi/siemens_xa30_enhanced/s13_vendor_fa_decoy": [("MR", "39x72x72", "fa_map", 1)],
    "dwi/siemens_xa30_enhanced/s16_vendor_b0": [("MR", "39x72x72", "derived", 1)],
    "dwi/toshiba_v50_classic_b0_untagged": [("MR", "4x64x64", "original", 13)],
    "dwi/uih_r002_grid": [("MR", "20x64x64", "original", 17)],
    "headers/ct_ge_discoveryst_sts001": [("CT", "59x202x198", "original", 1)],
    # 4 mm slices below, 7 mm slices above.
    "headers/ct_ge_hispeed_mixed_thickness": [("CT", "SERIES-THICKNESS", "original", 1)],
    "headers/ct_ge_lightspeed16_5mm_contrast": [("CT", "41x512x512", "original", 1)],
    "headers/ct_philips_brilliance16p_1mm": [("CT", "275x512x512", "original", 1)],
    # A head scan with the gantry tilted by 16.5 degrees.
    "headers/ct_philips_ingenuity_2p5mm": [("CT", "SERIES-SHEAR", "original", 1)],
    "headers/ct_philips_ingenuity_5mm": [("CT", "28x512x512", "original", 1)],
    # Enhanced 4D: other readers stack 13 volumes as 520 slices.
    "headers/mr_canon_enhanced_dti": [("MR", "40x80x80", "original", 13)],
    # Dynamic: three phases in one series.
    "headers/mr_ge_genesis_dce_field_in_gauss": [("MR", "60x256x256", "original", 3)],
    "headers/mr_ge_mr750_epi": [("MR", "11x64x64", "original", 1)],
    "headers/mr_ge_pioneer_dwi": [("MR", "2x256x256", "original", 7)],
    "headers/mr_ge_pioneer_dwi_mb2": [("MR", "9x256x256", "original", 7)],
    "headers/mr_philips_elition_dwi_oneslice": [("MR", "1x112x112", "original", 17)],
    "headers/mr_philips_intera_t1_sts004_emptytags": [("MR", "60x127x128", "derived", 1)],
    "headers/mr_siemens_avanto_t1_sts001": [("MR", "59x158x174", "derived", 1)],
    "headers/mr_siemens_skyra_mosaic": [("MR", "5x72x72", "original", 2)],
    "headers/mr_siemens_xa30_enhanced_dwi": [("MR", "39x72x72", "original", 4)],
    "headers/mr_siemens_xa30_enhanced_t1": [("MR", "96x128x128", "original", 1)],
    "headers/mr_toshiba_galan_dti_oneslice": [("MR", "1x64x64", "original", 13)],
    "headers/mr_toshiba_titan_adcmap": [("MR", "36x288x256", "adc_map", 1)],
    "headers/mr_toshiba_titan_t2": [("MR", "33x512x584", "original", 1)],
    "headers/mr_uih_umr770_dti": [("MR", "20x64x64", "original", 17)],
    "headers/pt_dro_0_0_bqml": [("PT", "20x256x256", "original", 1)],
    "headers/pt_dro_1_0": [("PT", "20x256x256", "original", 1)],
    "headers/pt_dro_3_0_dose_in_MBq": [("PT", "20x256x256", "original", 1)],
    "headers/pt_ge_discoveryst_sts001": [("PT", "59x43x41", "derived", 1)],
    "headers/pt_ge_discoveryst_sts004": [("PT", "85x46x43", "derived", 1)],
    "headers/pt_ge_discoveryst_sts010": [("PT", "59x31x34", "derived", 1)],
    "ibsi/ct_phantom/dicom/image": [("CT", "60x201x204", "original", 1)],
    # Several beds with gaps of 3.19 to 3.29 mm: one volume, jitter recorded.
    "pet/ge_sts001_raw/image": [("PT", "267x128x128", "original", 1)],
    **{
        f"pet/suv_dro/DRO_{name}/PT": [("PT", "20x256x256", "original", 1)]
        for name in ("0_0", "2_0", "2_3", "2_5", "3_0", "3_1", "3_4", "4_0", "5_0")
    },
    "seg/dcmqi_ct3/image": [("CT", "3x512x512", "original", 1)],
    "seg/highdicom_seg": [("CT", "1x128x128", "original", 1)],
    "seg/lung1_holes/image": [("CT", "16x512x512", "original", 1)],
    "seg/pydicom_syntax": [
        ("", "FILE-UID-MISSING", "original", 1),  # a codec test picture without UIDs
        # Five encodings of one instance are copies; the sixth is cut short.
        ("MR", "SERIES-UID-CONFLICT", "original", 1),
        ("OT", "1x128x128", "derived", 1),  # enhanced, of one frame
        ("CT", "2x512x512", "derived", 1),
    ],
    "seg/synth_anis/image": [("CT", "40x96x128", "original", 1)],
    "seg/synth_iso/image": [("CT", "40x128x128", "original", 1)],
    "sts/STS_001/CT/image": [("CT", "59x202x198", "original", 1)],
    "sts/STS_001/MR_T1/image": [("MR", "59x158x174", "derived", 1)],
    "sts/STS_001/PET/image": [("PT", "59x43x41", "derived", 1)],
    "sts/STS_002/CT/image": [("CT", "48x143x161", "original", 1)],
    "sts/STS_002/MR_T1/image": [("MR", "35x90x115", "derived", 1)],
    "sts/STS_002/PET/image": [("PT", "48x27x30", "derived", 1)],
    "sts/STS_003/CT/image": [("CT", "51x158x154", "original", 1)],
    "sts/STS_003/MR_T1/image": [("MR", "47x138x121", "derived", 1)],
    "sts/STS_003/PET/image": [("PT", "51x30x29", "derived", 1)],
    "sts/STS_004/CT/image": [("CT", "85x183x173", "original", 1)],
    "sts/STS_004/MR_T1/image": [("MR", "60x127x128", "derived", 1)],
    "sts/STS_004/PET/image": [("PT", "85x46x43", "derived", 1)],
}

# Their files hold many slices; their positions are held by the tests of mosaics.
MOSAICS = {"dwi/uih_r002_grid", "headers/mr_uih_umr770_dti", "headers/mr_siemens_skyra_mosaic"}


def _described(volume):
    shape = "x".join(map(str, volume.geometry.shape)) if volume.geometry else volume.error_code
    return volume.modality, shape, volume.kind


def test_the_table_names_every_folder_with_images(data_dir):
    # Tables of other rooms and loose files at a folder's top are no series.
    found = {
        str(candidate.refs[0].path.parent.relative_to(data_dir))
        for top in ("dwi", "headers", "ibsi", "pet", "seg", "sts")
        for folder in sorted((data_dir / top).iterdir())
        if folder.is_dir()
        for candidate in scan([folder]).volumes
    }
    assert found - set(EXPECTED) == set()


@pytest.mark.parametrize("folder", EXPECTED)
def test_series_are_read_or_refused_by_the_right_code(data_dir, folder):
    volumes = scan([data_dir / folder]).volumes
    found = [_described(volume) for volume in volumes]
    expected = [row[:3] for row in EXPECTED[folder] for _ in range(row[3])]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("folder", sorted(set(EXPECTED) - MOSAICS))
def test_the_geometry_is_that_of_the_positions_pydicom_reads(data_dir, folder):
    headers = {}
    for volume in scan([data_dir / folder]).volumes:
        for index, ref in enumerate(volume.refs if volume.geometry else ()):
            if ref.path not in headers:
                headers[ref.path] = dcmread(ref.path, stop_before_pixels=True)
            plane = _Plane(headers[ref.path], ref.frame)
            y, x = volume.geometry.shape[1] - 1, volume.geometry.shape[2] - 1
            for i, j in [(0, 0), (x, 0), (0, y), (x, y)]:
                ours = volume.geometry.index_to_physical([i, j, index])
                assert np.linalg.norm(ours - plane.point(i, j)) <= JITTER_TOLERANCE_MM


class _Plane:
    """PS3.3 equation C.7.6.2.1-1, straight from the elements."""

    def __init__(self, dataset, frame):
        self.levels = [dataset]
        if "PerFrameFunctionalGroupsSequence" in dataset:
            shared = dataset.SharedFunctionalGroupsSequence[0]
            self.levels = [dataset.PerFrameFunctionalGroupsSequence[frame], shared]
        self.position = self._find("PlanePositionSequence", "ImagePositionPatient")
        self.orientation = self._find("PlaneOrientationSequence", "ImageOrientationPatient")
        self.rows, self.columns = self._find("PixelMeasuresSequence", "PixelSpacing")

    def _find(self, sequence, keyword):
        for level in self.levels:
            if keyword in level:
                return np.array(level[keyword].value, dtype=float)
            if sequence in level:
                return np.array(level[sequence].value[0][keyword].value, dtype=float)
        raise AssertionError(keyword)

    def point(self, i, j):
        along_row, down_column = self.orientation[:3], self.orientation[3:]
        return self.position + along_row * self.columns * i + down_column * self.rows * j


def test_many_times_in_one_volume_do_not_split_it(data_dir):
    # The beds of the PET have reference times of their own, CT slices content times.
    for folder, keyword, n_times in [
        ("pet/ge_sts001_raw/image", "FrameReferenceTime", 6),
        ("pet/ge_sts001_raw/image", "ContentTime", 12),
        ("headers/ct_ge_lightspeed16_5mm_contrast", "ContentTime", 14),
        ("headers/ct_philips_ingenuity_5mm", "ContentTime", 28),
        ("headers/mr_toshiba_titan_adcmap", "ContentTime", 36),
    ]:
        (volume,) = scan([data_dir / folder]).volumes
        headers = [dcmread(ref.path, stop_before_pixels=True) for ref in volume.refs]
        assert len({header[keyword].value for header in headers}) == n_times


def test_jitter_of_a_real_pet_is_recorded(data_dir):
    (pet,) = scan([data_dir / "pet" / "ge_sts001_raw" / "image"]).volumes
    assert pet.flags == {"spacing_jitter"}
    assert abs(pet.geometry.spacing_mm[2] - 3.27) < 1e-3


def test_the_whole_of_the_data_is_scanned_without_harm(data_dir):
    # Here the same instance lies in several folders, as header alone and with pixels.
    catalogue = scan([data_dir])
    assert {c.status.value for c in catalogue.candidates} == {"ok", "refused", "skipped"}
    conflicts = [c for c in catalogue.volumes if c.error_code == "SERIES-UID-CONFLICT"]
    assert conflicts
