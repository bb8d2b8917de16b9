"""The engine pyradiomics gives the values of a direct call of the package."""

import warnings

import numpy as np
import pytest

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.measurement import MeasurementStatus
from biomarker_cli.model.quantity import HU, SIGNAL
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.describing import image_description
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.features import RADIOMICS
from biomarker_cli.radiomics.measuring import engine_identity, radiomics_measurements
from biomarker_cli.radiomics.rules import RadiomicsRules

pytest.importorskip("radiomics")


@pytest.fixture(scope="module")
def default_rules():
    document = load_document(ProtocolKind.ANALYSIS, "pyradiomics-default")
    rules = validate_section(RadiomicsRules, document, "radiomics")
    return rules.model_copy(update={"engine": "pyradiomics"})


def direct(array, mask, spacing, **image_types):
    import SimpleITK

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from radiomics.featureextractor import RadiomicsFeatureExtractor

        extractor = RadiomicsFeatureExtractor(additionalInfo=False)
        for name, own in image_types.items():
            extractor.enableImageTypeByName(name, customArgs=own)
        image = SimpleITK.GetImageFromArray(array.astype(np.float64))
        region = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
        image.SetSpacing(spacing)
        region.SetSpacing(spacing)
        return extractor.execute(image, region)


def synthetic(seed=3, shape=(14, 20, 22), spacing=(0.9, 0.9, 2.5)):
    rng = np.random.default_rng(seed)
    array = rng.normal(40, 60, shape).round().astype(np.int16)
    mask = np.zeros(shape, bool)
    mask[3:11, 4:16, 5:17] = True
    mask &= rng.random(shape) < 0.9
    geometry = Geometry(shape, spacing)
    return Volume(array, geometry, HU), Region(mask, geometry, "GTV", "gtv")


def check(rows, peer, rtol=0.0):
    for row in rows:
        key = f"{row.image}_{row.definition.pyradiomics_name}"
        expected = complex(np.asarray(peer[key]).reshape(-1)[0]).real
        assert row.status is MeasurementStatus.OK, row.feature_id
        assert row.value == pytest.approx(expected, rel=rtol, abs=0), row.feature_id
    assert len(rows) == len(peer)


def test_default_rows_are_those_of_a_direct_call(default_rules):
    volume, region = synthetic()
    rows = radiomics_measurements(volume, [region], default_rules)["gtv"]
    check(rows, direct(volume.array, region.mask, volume.geometry.spacing_mm), rtol=1e-12)
    assert "original.glcm.joint_entropy.3d_average" in {row.feature_id for row in rows}


@pytest.mark.data
def test_sts_ct_rows_are_those_of_a_direct_call(default_rules, data_dir):
    import SimpleITK

    folder = data_dir / "sts" / "STS_002" / "nifti"
    image = SimpleITK.ReadImage(str(folder / "CT_image.nii.gz"))
    array = SimpleITK.GetArrayFromImage(image)
    mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(folder / "CT_mask.nii.gz"))) > 0
    geometry = Geometry(array.shape, image.GetSpacing())
    rows = radiomics_measurements(
        Volume(array, geometry, HU), [Region(mask, geometry, "GTV", "gtv")], default_rules
    )["gtv"]
    check(rows, direct(array, mask, image.GetSpacing()), rtol=1e-12)


def test_filtered_images_use_the_whole_image(default_rules):
    images = [
        {"filter": "none"},
        {"filter": "pyradiomics_log", "sigma_mm": [1.0, 3.0]},
        {"filter": "pyradiomics_wavelet"},
        {"filter": "square_root"},
    ]
    rules = RadiomicsRules.model_validate({**default_rules.model_dump(), "images": images})
    volume, region = synthetic()
    rows = radiomics_measurements(volume, [region], rules)["gtv"]
    peer = direct(
        volume.array,
        region.mask,
        volume.geometry.spacing_mm,
        LoG={"sigma": [1.0, 3.0]},
        Wavelet={},
        SquareRoot={},
    )
    check(rows, peer, rtol=1e-12)
    units = {row.feature_id: row.unit for row in rows}
    assert units["log-sigma-1-0-mm-3D.intensity.mean"] == HU.unit
    assert units["squareroot.intensity.mean"] == "1"


def test_integer_images_at_the_end_of_their_range_do_not_overflow(default_rules):
    volume, region = synthetic()
    array = np.where(volume.array > 40, 255, 0).astype(np.uint8)
    values = radiomics_measurements(volume.with_array(array, SIGNAL), [region], default_rules)
    rows = {row.feature_id: row for row in values["gtv"]}
    # 0 and 255 lie in bins 1 and 11 of width 25.
    assert rows["original.glcm.difference_average.3d_average"].value > 4
    assert rows["original.glcm.joint_average.3d_average"].value > 5
    assert "arbitrary_intensity" in rows["original.intensity.mean"].flags


def test_small_regions_are_undefined_with_a_reason(default_rules):
    volume, region = synthetic()
    one = np.zeros_like(region.mask)
    one[5, 5, 5] = True
    regions = [
        Region(one, region.geometry, "dot", "dot"),
        Region(np.zeros_like(one), region.geometry, "nothing", "nothing"),
        region,
    ]
    found = radiomics_measurements(volume, regions, default_rules)
    assert len(found["dot"]) == len(found["nothing"]) == len(found["gtv"])
    for name in ("dot", "nothing"):
        assert {row.status for row in found[name]} == {MeasurementStatus.UNDEFINED}
        assert all(row.value is None and row.reason for row in found[name])


def test_another_grid_is_refused(default_rules):
    volume, region = synthetic()
    moved = Geometry(region.geometry.shape, region.geometry.spacing_mm, (0.0, 0.0, 5.0))
    with pytest.raises(RadiomicsError) as caught:
        radiomics_measurements(volume, [Region(region.mask, moved, "x", "x")], default_rules)
    assert caught.value.code == "RADIOMICS-GRID-MISMATCH"


def test_nan_inside_a_region_is_refused(default_rules):
    volume, region = synthetic()
    array = volume.as_float64().copy()
    array[tuple(np.argwhere(region.mask)[0])] = np.nan
    with pytest.raises(RadiomicsError) as caught:
        radiomics_measurements(volume.with_array(array, HU), [region], default_rules)
    assert caught.value.code == "RADIOMICS-NON-FINITE"


def test_a_quantity_the_rules_do_not_name_is_refused(default_rules):
    volume, region = synthetic()
    rules = default_rules.model_copy(update={"quantities": ("suvbw",)})
    with pytest.raises(RadiomicsError) as caught:
        radiomics_measurements(volume, [region], rules)
    assert caught.value.code == "RADIOMICS-QUANTITY"


def test_identity_and_description(default_rules):
    name, version = engine_identity(default_rules)
    assert name == "pyradiomics"
    assert version[0].isdigit()
    assert image_description(default_rules, "original") == {
        "image_filter": "none",
        "discretisation": "FBS 25, anchor multiple_of_width",
        "interpolation": "none",
        "resampled_spacing_mm": "",
    }


def test_dicom_codes_are_those_of_pydicom():
    from pydicom.sr._concepts_dict import concepts

    known = {code for group in concepts["IBSI"].values() for code in group}
    for definition in RADIOMICS:
        expected = definition.ibsi_id if definition.ibsi_id in known else ""
        assert definition.dicom_code == expected, definition.key
