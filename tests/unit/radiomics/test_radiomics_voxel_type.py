"""An image is resampled in the type of its file, as the package's own command does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from biomarker_cli.api.images import read_volume
from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.quantity import SIGNAL
from biomarker_cli.radiomics.engines.pyradiomics import _keys
from biomarker_cli.radiomics.importing import import_pyradiomics
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.preprocess.voxel_type import _rescaled_type, in_type_of_file
from biomarker_cli.radiomics.rules import RadiomicsRules

pytest.importorskip("radiomics")
sitk = pytest.importorskip("SimpleITK")


FILES = {
    "spline": "setting: {interpolator: sitkBSpline, resampledPixelSpacing: [2, 2, 2]}",
    "filters": """
imageType: {Original: {}, LoG: {sigma: [1.0, 3.0]}, Wavelet: {}}
setting:
  {resampledPixelSpacing: [2, 2, 2], binWidth: 10, resegmentRange: [-3, 3], resegmentMode: sigma}
""",
    # All classes at once would be refused by the package: one is for single planes only.
    "planes": """
featureClass: {shape: , firstorder: , glcm: , glrlm: , glszm: , gldm: , ngtdm: }
setting:
  {force2D: true, normalize: true, normalizeScale: 100, removeOutliers: 3, binWidth: 5,
   resampledPixelSpacing: [1.5, 1.5, 0], voxelArrayShift: 300}
""",
}


def write_files(folder, kind):
    rng = np.random.default_rng(20261129)
    z, y, x = np.indices((20, 48, 48))
    image = 400 + 200 * np.sin(x / 5) * np.cos(y / 7) + 60 * rng.standard_normal(x.shape) + 3 * z
    inside = ((z - 10) / 6) ** 2 + ((y - 24) / 13) ** 2 + ((x - 22) / 12) ** 2 <= 1
    paths = []
    for name, array in (("image", image.astype(kind)), ("mask", inside.astype(np.uint8))):
        whole = sitk.GetImageFromArray(array)
        whole.SetSpacing((1.25, 1.25, 3.0))
        paths.append(folder / f"{name}.nii.gz")
        sitk.WriteImage(whole, str(paths[-1]))
    return paths


def command_values(image, mask, parameters):
    done = subprocess.run(
        [sys.executable, "-c", "from radiomics.scripts import parse_args; parse_args()",
         str(image), str(mask), "--param", str(parameters), "--format", "json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(done.stdout) > 2000, done.stderr[-1500:]
    return json.loads(done.stdout)[0]


def our_rows(image, mask, section, **changes):
    volume = read_image_file(image, SIGNAL)
    inside = read_image_file(mask, SIGNAL).array > 0
    rules = RadiomicsRules.model_validate({**section, **changes})
    region = Region(inside, volume.geometry, "roi", "roi")
    return rules, radiomics_measurements(volume, [region], rules)["roi"]


def values_off(rows, rules, theirs):
    keys = _keys(rules)
    off = {}
    for row in rows:
        value, reference = row.value, float(theirs[keys[row.feature_id]])
        if value is None or abs(value - reference) > 1e-9 * abs(reference) + 1e-13:
            off[row.feature_id] = (value, reference)
    return off


@pytest.mark.parametrize("kind", ["int16", "float32"])
@pytest.mark.parametrize("name", FILES)
def test_our_numbers_equal_those_of_the_packages_command(tmp_path, name, kind):
    image, mask = write_files(tmp_path, kind)
    parameters = tmp_path / "parameters.yaml"
    parameters.write_text(FILES[name])
    section = import_pyradiomics(parameters)["radiomics"]
    assert section["engine"] == "native"
    theirs = command_values(image, mask, parameters)
    for engine in ("native", "pyradiomics"):
        rules, rows = our_rows(image, mask, section, engine=engine)
        assert len(rows) > 90
        assert values_off(rows, rules, theirs) == {}, engine
        rounded = kind == "int16" and name != "planes"
        assert all(("integer_resampling" in row.flags) is rounded for row in rows)
    doubled = {**section["pyradiomics"], "voxel_type": "float64"}
    rules, rows = our_rows(image, mask, section, pyradiomics=doubled)
    # Normalisation hides the type of the file.
    assert bool(values_off(rows, rules, theirs)) is (name != "planes")
    assert not any("integer_resampling" in row.flags for row in rows)


@pytest.mark.data
@pytest.mark.parametrize(
    ("series", "kind"), [("CT", "int16"), ("MR_T1", "int16"), ("PET", "float64")]
)
def test_dicom_has_the_type_that_the_series_reader_of_simpleitk_gives(series, kind):
    root = os.environ.get("BIOMARKER_TEST_DATA")
    if not root:
        pytest.skip("BIOMARKER_TEST_DATA is not set")
    folder = next((Path(root) / "sts" / "STS_001" / series).rglob("*.dcm")).parent
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(names))
    ours = in_type_of_file(read_volume(folder))
    assert ours.dtype == theirs.dtype == kind
    assert np.abs(ours.astype(float) - theirs).max() == 0


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        # Nothing to rescale: the stored type.
        ({}, np.int16),
        ({"PixelRepresentation": 0}, np.uint16),
        ({"BitsAllocated": 8, "BitsStored": 8, "PixelRepresentation": 0}, np.uint8),
        ({"BitsAllocated": 8, "BitsStored": 8}, np.int8),
        ({"BitsAllocated": 32, "BitsStored": 32}, np.int32),
        # Else the smallest type that holds what may be stored after rescale.
        ({"PixelRepresentation": 0, "BitsStored": 12, "RescaleIntercept": -1024}, np.int16),
        ({"PixelRepresentation": 0, "BitsStored": 16, "RescaleIntercept": -1024}, np.int32),
        ({"PixelRepresentation": 0, "BitsStored": 16, "RescaleIntercept": 1}, np.uint32),
        ({"PixelRepresentation": 0, "BitsStored": 12, "RescaleSlope": 16}, np.uint16),
        ({"PixelRepresentation": 0, "BitsStored": 8, "RescaleSlope": -1}, np.int16),
        ({"BitsStored": 8, "RescaleSlope": -1}, np.int16),
        ({"BitsStored": 7, "RescaleSlope": -2, "RescaleIntercept": -1}, np.int8),
        ({"BitsStored": 7, "RescaleSlope": -2}, np.int16),
        ({"BitsStored": 7, "RescaleSlope": -1, "RescaleIntercept": 63}, np.uint8),
        ({"BitsStored": 16, "RescaleSlope": 100000}, None),
        # A fraction makes it float64, as does what cannot be read.
        ({"RescaleSlope": 0.5}, None),
        ({"RescaleIntercept": -0.5}, None),
        ({"RescaleSlope": "steep"}, None),
        ({"BitsStored": None}, None),
    ],
)
def test_the_type_after_rescale_is_that_of_gdcm(changes, kind):
    header = {"BitsAllocated": 16, "BitsStored": 16, "PixelRepresentation": 1, **changes}
    assert _rescaled_type(SimpleNamespace(first=header)) is kind
