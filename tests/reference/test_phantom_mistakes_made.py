"""The mistakes of the phantoms, made: what is measured then is what was predicted.

Objects, or the analysis, are altered so that a program that measures right gives what one
that makes the mistake gives for the objects as they are.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from phantom_runs import filled, measured, values_of
from pydicom.dataset import Dataset

from biomarker_cli.multicentre.objects.instances import decimal
from biomarker_cli.multicentre.phantoms.judging import judge
from biomarker_cli.multicentre.phantoms.kinds import phantom_of
from biomarker_cli.multicentre.phantoms.sheet import read_sheet
from biomarker_cli.multicentre.phantoms.suv_mistakes import at_start
from biomarker_cli.multicentre.phantoms.suv_reading import slope

PEAK = "1ml_voxel_centre_inside"
LLS = "  estimator: lls\n"


def not_decayed(dataset: Dataset) -> None:
    dataset.DecayCorrection = "ADMIN"


def an_hour_less(dataset: Dataset) -> None:
    (item,) = dataset.RadiopharmaceuticalInformationSequence
    item.RadiopharmaceuticalStartTime = "104500"
    item.RadiopharmaceuticalStartDateTime = "20250101104500"


def first_slope_for_all(dataset: Dataset) -> None:
    dataset.RescaleSlope = decimal(slope(0, at_start(0)))


def kg_for_pounds(dataset: Dataset) -> None:
    # Its BMI of 11 is refused by the usual band.
    dataset.PatientWeight = decimal(80.0 * 0.45359237)


def formulas_of_women(dataset: Dataset) -> None:
    dataset.PatientSex = "F"


def bq_for_kbq(dataset: Dataset) -> None:
    dataset.RescaleSlope = decimal(1000.0 * float(dataset.RescaleSlope))


def named(folder: Path, values: dict[str, float], peak: str = "") -> list[str]:
    rounded = {name: format(value, ".4g") for name, value in values.items()}
    sheet = filled(folder / "sheet.csv", rounded, {"suvpeak_definition": peak})
    judgement = judge(read_sheet(sheet))
    assert not judgement.is_passed
    return [one.name for one in judgement.explained_by]


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        (not_decayed, ""),
        (an_hour_less, ""),
        (first_slope_for_all, ""),
        (formulas_of_women, ""),
        (kg_for_pounds, "  bmi_kg_per_m2: [5.0, 50.0]\n"),
    ],
)
def test_suv(tmp_path, change, rules):
    rules += "  activity_mbq_per_kg: {F-18: [1.0, 25.0]}\n"
    values = values_of(measured(tmp_path, "suv", change=change, rules=rules), PEAK)
    assert named(tmp_path, values, PEAK) == [change.__name__]


def test_bq_for_kbq_is_told_from_the_dose_by_the_activity(tmp_path):
    values = values_of(measured(tmp_path, "suv", change=bq_for_kbq), PEAK)
    assert named(tmp_path, values, PEAK) == ["bq_for_kbq", "dose_kbq_for_bq"]
    values["hot/activity.mean"] = 1000.0 * phantom_of("suv").truth["hot/activity.mean"]
    assert named(tmp_path, values, PEAK) == ["bq_for_kbq"]


@pytest.mark.parametrize(
    ("name", "dialect", "rules"),
    [
        ("arithmetic_directions", "standard", f"{LLS}  direction_mean: arithmetic\n"),
        ("arithmetic_directions", "uih", f"{LLS}  direction_mean: arithmetic\n"),
        ("console_b", "uih", f"{LLS}  b_value: nominal\n"),
    ],
)
def test_adc(tmp_path, name, dialect, rules):
    values = values_of(measured(tmp_path, "adc", dialect, rules=rules))
    assert named(tmp_path, values) == [name]


@pytest.mark.parametrize(
    ("name", "power"), [("philips_display_values", 1.0), ("philips_stored_values", 0.0)]
)
def test_t1_without_the_scale_of_each_angle(tmp_path, name, power):
    def change(dataset: Dataset) -> None:
        dataset.Manufacturer = "none"
        slope = float(dataset.RescaleSlope) if power else 1.0
        dataset.RescaleSlope = f"{slope:.10g}"

    found = measured(tmp_path, "t1", "philips", change=change, rules="  fit: linear\n")
    assert named(tmp_path, values_of(found)) == [name]


def test_ct_without_its_intercept(tmp_path):
    def change(dataset: Dataset) -> None:
        dataset.RescaleIntercept = "0"

    found = measured(tmp_path, "rtstruct", change=change)
    assert named(tmp_path, values_of(found)) == ["intercept_left_out"]
