"""An imported parameter file gives the values that the package gives with that file."""

import importlib
import importlib.util
import logging
import warnings

import numpy as np
import pytest
import yaml

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.radiomics.errors import RadiomicsError, RadiomicsRulesError
from biomarker_cli.radiomics.importing import import_pyradiomics
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.rules import RadiomicsRules

pytest.importorskip("radiomics")

GLCM = (
    "Autocorrelation, JointAverage, ClusterProminence, ClusterShade, ClusterTendency, Contrast, "
    "Correlation, DifferenceAverage, DifferenceEntropy, DifferenceVariance, JointEnergy, "
    "JointEntropy, Imc1, Imc2, Idm, Idmn, Id, Idn, InverseVariance, MaximumProbability, "
    "SumEntropy, SumSquares"
)
CLASSES = f"""
featureClass:
  shape:
  firstorder:
  glcm: [{GLCM}]
  glrlm:
  glszm:
  gldm:
"""

# The settings of the example files in the package's documentation, in our own hand.
FILES = {
    "CT": """
imageType:
  Original: {}
  LoG:
    sigma: [1.0, 2.0, 3.0]
  Wavelet: {}
setting:
  interpolator: 'sitkBSpline'
  resampledPixelSpacing: [1, 1, 1]
  padDistance: 10
  binWidth: 25
  voxelArrayShift: 1000
  label: 1
"""
    + CLASSES,
    "MR of 3 mm slices": """
imageType:
  Original: {}
  LoG:
    sigma: [2.0, 3.0]
  Wavelet: {}
setting:
  normalize: true
  normalizeScale: 100
  interpolator: 'sitkBSpline'
  resampledPixelSpacing: [2, 2, 2]
  binWidth: 5
  voxelArrayShift: 300
  label: 1
"""
    + CLASSES,
    "MR of 5 mm slices, planar": """
imageType:
  Original: {}
  LoG:
    sigma: [3.0]
  Wavelet: {}
setting:
  normalize: true
  normalizeScale: 100
  removeOutliers: 3
  interpolator: 'sitkBSpline'
  resampledPixelSpacing: [1, 1, 0]
  padDistance: 10
  force2D: true
  force2Ddimension: 0
  binWidth: 5
  voxelArrayShift: 300
"""
    + CLASSES,
    "MR without resampling": """
imageType:
  Original: {}
  LoG:
    sigma: [2.0]
setting:
  normalize: true
  normalizeScale: 100
  binWidth: 5
  voxelArrayShift: 300
"""
    + CLASSES,
    "all the rest": """
imageType:
  Original: {}
  Square: {}
  SquareRoot: {}
  Logarithm: {}
  Exponential: {}
  Gradient: {gradientUseSpacing: false}
  Wavelet: {wavelet: haar, level: 2, start_level: 1}
setting:
  binCount: 16
  distances: [1, 2]
  weightingNorm: manhattan
  symmetricalGLCM: false
  gldm_a: 1
  resegmentRange: [-2, 3]
  resegmentMode: sigma
  resegmentShape: true
  resampledPixelSpacing: [1.5, 1.5, 0]
  interpolator: sitkLinear
  minimumROIDimensions: 3
  minimumROISize: 20
  additionalInfo: false
  correctMask: false
  geometryTolerance: 0.0001
""",
    "some features": """
setting: {binWidth: 20}
featureClass:
  firstorder: [Mean, Entropy]
  ngtdm: [Coarseness]
  shape: [MeshVolume, Sphericity]
""",
    "histogram only": """
setting: {binWidth: 20}
featureClass: {firstorder: [Uniformity]}
""",
    "nothing": "{}",
}


def lesion():
    rng = np.random.default_rng(3)
    shape = (14, 20, 22)
    z, y, x = np.indices(shape) - np.array([7, 10, 11]).reshape(3, 1, 1, 1)
    mask = (2 * z) ** 2 + y**2 + (0.8 * x) ** 2 < 60
    array = rng.normal(40, 60, shape).round() + 50 * mask
    geometry = Geometry(shape, (0.9, 0.9, 2.5), (-41.3, 12.7, 100.0))
    return Volume(array, geometry, HU), Region(mask, geometry, "GTV", "gtv")


def direct(path, volume, region):
    """Return what the package gives with the parameter file itself."""
    import SimpleITK

    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from radiomics.featureextractor import RadiomicsFeatureExtractor

        images = []
        for array in (volume.as_float64(), region.mask.astype(np.uint8)):
            image = SimpleITK.GetImageFromArray(array)
            image.SetSpacing(volume.geometry.spacing_mm)
            image.SetOrigin(volume.geometry.origin_mm)
            images.append(image)
        found = RadiomicsFeatureExtractor(str(path)).execute(*images)
    return {
        key: complex(np.asarray(value).reshape(-1)[0]).real
        for key, value in found.items()
        if not key.startswith("diagnostics_")
    }


@pytest.mark.parametrize("name", FILES)
def test_native_values_are_those_of_the_package_with_the_file(name, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(FILES[name])
    rules = RadiomicsRules.model_validate(import_pyradiomics(path)["radiomics"])
    assert rules.engine == "native"
    volume, region = lesion()
    rows = radiomics_measurements(volume, [region], rules)["gtv"]
    found = {f"{row.image}_{row.definition.pyradiomics_name}": row.value for row in rows}
    expected = direct(path, volume, region)
    assert set(found) == set(expected)
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-9, abs=1e-13), key


@pytest.mark.parametrize("name", FILES)
def test_an_import_is_a_valid_protocol_file(name, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(FILES[name])
    content = import_pyradiomics(path)
    written = tmp_path / "imported.yaml"
    written.write_text(yaml.safe_dump(content, sort_keys=False))
    assert load_analysis(str(written)).protocol.section("radiomics") is not None


def available(name):
    module, _, attribute = name.rpartition(".")
    if not module:
        return importlib.util.find_spec(name) is not None
    return hasattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize(
    ("kind", "needs"),
    [
        ("LBP2D: {lbp2DRadius: 2}", ("skimage",)),
        ("LBP3D: {lbp3DLevels: 1}", ("trimesh", "scipy.special.sph_harm")),
    ],
)
def test_local_binary_patterns_are_left_to_the_package(kind, needs, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(f"imageType:\n  {kind}\nfeatureClass: {{firstorder: }}\n")
    section = import_pyradiomics(path)["radiomics"]
    assert section["engine"] == "pyradiomics"
    with pytest.raises(ValueError, match=f"native engine lacks lbp_{kind[3].lower()}d"):
        RadiomicsRules.model_validate({**section, "engine": "native"})
    rules = RadiomicsRules.model_validate(section)
    volume, region = lesion()
    absent = [name for name in needs if not available(name)]
    if absent:
        with pytest.raises(RadiomicsError) as caught:
            radiomics_measurements(volume, [region], rules)
        assert caught.value.code == "RADIOMICS-FILTER-UNAVAILABLE"
        assert absent[0] in str(caught.value)
        return
    rows = radiomics_measurements(volume, [region], rules)["gtv"]
    expected = direct(path, volume, region)
    found = {f"{row.image}_{row.definition.pyradiomics_name}": row.value for row in rows}
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("setting: {binWidth: 25, binCount: 32}", "binWidth and binCount"),
        ("setting: {preCrop: true}", "preCrop"),
        ("setting: {bindWidth: 25}", "bindWidth"),
        ("setting: {binWidth: -5}", "width"),
        ("setting: {binWidth: wide}", "width"),
        ("setting: {force2Ddimension: 3}", "force_2d_axis"),
        ("setting: {weightingNorm: taxi}", "weighting_norm"),
        ("setting: {interpolator: sitkGaussian, resampledPixelSpacing: [1, 1, 1]}", "sitkGaussian"),
        ("setting: {interpolator: 3, resampledPixelSpacing: [1, 1, 1]}", "interpolator 3"),
        ("setting: {resampledPixelSpacing: [1, 1]}", "spacing_mm"),
        ("setting: {resampledPixelSpacing: 2}", "resampledPixelSpacing"),
        ("setting: {distances: [0]}", "distances"),
        ("setting: {resegmentRange: [1, 2, 3]}", "resegment_range"),
        ("setting: [binWidth, 25]", "setting"),
        ("imageType: {Curvelet: {}}", "Curvelet"),
        ("imageType: {Wavelet: {binWidth: 10}}", "binWidth"),
        ("imageType: {LoG: {}}", "sigma"),
        ("imageType: [Original]", "imageType"),
        ("imageType: {Wavelet: {wavelet: db99}}", "db99"),
        ("voxelSetting: {kernelRadius: 2, maskedKernel: true}", "voxelSetting"),
        ("featureClass: {glcm: [JointEntropy], unknown: }", "unknown"),
        ("featureClass: {glcm: [JointEntropie]}", "JointEntropie"),
        ("featureClass: {firstorder: [StandardDeviation]}", "StandardDeviation"),
        ("featureClass: {shape2D: }", "force_2d"),
        ("featureClass: [glcm]", "featureClass"),
        ("settings: {binWidth: 25}", "settings"),
        ("featureClass: {glcm: JointEntropy}", "glcm"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(tmp_path, text, named):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(RadiomicsRulesError) as caught:
        import_pyradiomics(path)
    assert caught.value.code == "RADIOMICS-IMPORT"
    assert named in str(caught.value)
    assert caught.value.where == path.name


def test_all_problems_of_a_file_are_named_at_once(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("""
settings: {}
voxelSetting: {kernelRadius: 2}
imageType: {Curvelet: {}, Wavelet: {binWidth: 10}}
featureClass: {glcm: [JointEntropie], glrlm: all, unknown: }
setting:
  {preCrop: true, bindWidth: 25, binWidth: 25, binCount: 32, weightingNorm: taxi,
   interpolator: sitkGaussian, resampledPixelSpacing: [1, 1, 1]}
""")
    with pytest.raises(RadiomicsRulesError) as caught:
        import_pyradiomics(path)
    named = ["settings", "voxelSetting", "bindWidth", "preCrop", "binWidth and binCount"]
    named += ["unknown", "JointEntropie", "glrlm", "Curvelet", "in imageType Wavelet"]
    message = caught.value.message
    assert [word for word in named if word not in message] == []
    # Ten are listed, the others (the interpolator, the norm) counted.
    assert message.endswith("; and 2 more")
    path.write_text("setting: {weightingNorm: taxi, distances: [0], binWidth: -5, preCrop: true}")
    with pytest.raises(RadiomicsRulesError) as caught:
        import_pyradiomics(path)
    for word in ("weighting_norm", "distances", "discretisation", "preCrop"):
        assert word in caught.value.message


@pytest.mark.parametrize("found", ["[1]", "{a: 1}", "true", "3"])
def test_an_interpolator_that_is_no_name_is_a_problem_of_the_file(tmp_path, found):
    path = tmp_path / "p.yaml"
    path.write_text(f"setting: {{resampledPixelSpacing: [1, 1, 1], interpolator: {found}}}\n")
    with pytest.raises(RadiomicsRulesError, match="has no counterpart"):
        import_pyradiomics(path)
