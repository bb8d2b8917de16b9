"""Under which codes a feature leaves."""

import pytest

from biomarker_cli.exchange.results.measurement_codes import measured_concept, quantity_of


def _feature(feature_id, unit, ibsi="", dicom="", name="A title"):
    return {
        "feature_id": feature_id,
        "unit_ucum": unit,
        "ibsi_id": ibsi,
        "dicom_code": dicom,
        "name": name,
    }


@pytest.mark.parametrize(
    ("feature", "name", "derivation"),
    [
        (_feature("adc.intensity.mean", "mm2/s", "Q4LE"), "113041", "373098007"),
        (_feature("adc_b100plus.intensity.sd", "mm2/s"), "113041", "386136009"),
        (_feature("sul_janma.uptake.max", "g/ml{SUVlbm(Janma)}"), "126405", "56851009"),
        # Another unit than that of the quantity: no statistic of it.
        (_feature("adc.intensity.skewness", "1", "KE2A"), "KE2A", None),
        (_feature("adc.intensity.mean", "um2/s", "Q4LE"), "Q4LE", None),
        (_feature("adc.glcm.contrast", "mm2/s", "ACUI"), "ACUI", None),
        # An image whose quantity has no code, or that names none.
        (_feature("signal.intensity.mean", "1", "Q4LE"), "Q4LE", None),
        (_feature("original.intensity.mean", "[hnsf'U]", "Q4LE"), "Q4LE", None),
        (_feature("original.glcm.joint_entropy.3d_average", "1", "TU9B", "TU9B"), "TU9B", None),
        (_feature("mask.size.longest_diameter", "mm", "", "103339001"), "103339001", None),
        (_feature("mask.size.volume", "mL", "YEKZ", "118565006"), "118565006", None),
        (_feature("suvbw.uptake.cov", "1"), "suvbw.uptake.cov", None),
    ],
)
def test_each_feature_has_the_code_that_says_most(feature, name, derivation):
    found = measured_concept(feature)
    assert found.name.value == name
    assert (found.derivation and found.derivation.value) == derivation


def test_meanings_fit_their_element():
    long = _feature("x.y.z", "1", name="t" * 200)
    assert len(measured_concept(long).name.meaning) == 64
    assert len(measured_concept({**long, "ibsi_id": "TU9B"}).name.meaning) == 64


def test_the_first_word_names_the_quantity():
    assert quantity_of("sul_janma").dicom_code == "126405"
    assert quantity_of("adc_b100plus").dicom_code == "113041"
    assert quantity_of("wavelet") is None
    assert quantity_of("signal") is None
