"""``biomarker extract`` on real and reference DICOM, against published and direct values."""

from __future__ import annotations

import csv
import io
import json
import logging

import nibabel
import numpy as np
import pytest

pytestmark = pytest.mark.data

STS = [(s, m) for s in ("STS_001", "STS_002", "STS_003", "STS_004") for m in ("CT", "PET", "MR_T1")]


def _extract(biomarker, measure, image, mask, analysis):
    named = ("--image", image, "--mask", mask, "--analysis", analysis)
    done = biomarker("extract", measure, *named)
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def _values(rows):
    return {row["feature_id"]: float(row["value"]) for row in rows if row["value"]}


@pytest.mark.parametrize(("subject", "image"), STS)
def test_radiomics_rows_equal_a_direct_pyradiomics_call(biomarker, data_dir, subject, image):
    import SimpleITK as sitk
    from radiomics import featureextractor

    logging.getLogger("radiomics").setLevel(logging.ERROR)
    folder = data_dir / "sts" / subject
    rows = _extract(
        biomarker,
        "radiomics",
        folder / image / "image",
        next((folder / image / "mask").iterdir()),
        "pyradiomics-default@1.0.0",
    )
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder / image / "image")))
    picture = sitk.Cast(reader.Execute(), sitk.sitkFloat64)
    mask = nibabel.load(folder / "nifti" / f"{image}_mask.nii.gz")
    published = np.asarray(mask.dataobj).T > 0.5
    label = sitk.GetImageFromArray(published.astype(np.uint8))
    label.CopyInformation(picture)
    direct = featureextractor.RadiomicsFeatureExtractor(binWidth=25).execute(picture, label)
    names = {
        key.removeprefix("original_"): float(np.real(v))
        for key, v in direct.items()
        if key.startswith("original_")
    }
    ours = {row["feature_id"]: row for row in rows}
    compared = 0
    from biomarker_cli.radiomics.features import RADIOMICS

    for definition in RADIOMICS:
        row = ours.get(definition.feature_id("original"))
        if row is None or not definition.pyradiomics_name or not row["value"]:
            continue
        assert float(row["value"]) == pytest.approx(
            names[definition.pyradiomics_name], rel=1e-9, abs=1e-13
        ), definition.key
        compared += 1
    assert compared == len(names)


@pytest.mark.parametrize("name", ["DRO_0_0", "DRO_2_0"])
def test_suv_of_the_reference_objects(biomarker, data_dir, name):
    folder = data_dir / "pet" / "suv_dro" / name
    rows = _extract(
        biomarker, "suv", folder / "PT", next((folder / "RS").iterdir()), "fdg-suv@0.1.0"
    )
    values = _values(rows)
    expected = {"min": 0.20, "median": 1.00, "max": 4.00}
    for statistic, truth in expected.items():
        assert values[f"suvbw.uptake.{statistic}"] == pytest.approx(truth, abs=0.025)
    assert all("weight_unverified" in row["flags"] for row in rows)


def test_adc_of_raw_siemens_dicom_matches_the_oracle(biomarker, data_dir, reference_dir, tmp_path):
    """Mask: the brightest quarter of b = 0, as the oracle was made."""
    from biomarker_cli.catalogue.catalogue import scan
    from biomarker_cli.catalogue.reading import read_volume
    from biomarker_cli.imaging.files import write_nifti

    oracle = json.loads((reference_dir / "adc_oracle.json").read_text())["siemens_xa30_enhanced"]
    folder = data_dir / "dwi" / "siemens_xa30_enhanced" / "s10_dwi_b0_b2500"
    b0 = next(read_volume(c) for c in scan([folder]).volumes if "b=0" in c.split_by.split(";"))
    bright = b0.array >= np.percentile(b0.array, 75)
    write_nifti(bright.astype(np.uint8), b0.geometry, tmp_path / "bright.nii.gz")
    rows = _extract(biomarker, "adc", folder, tmp_path / "bright.nii.gz", "dwi-adc-all@0.1.0")
    median = _values(rows)["adc.intensity.median"] * 1e6
    assert median == pytest.approx(oracle["2pt_geo_mask_median_e-6"], rel=1e-3)
