"""Images of several inversion times from their headers: T1, or why there is none."""

from __future__ import annotations

import numpy as np
import pytest
from perfusion_cases import measured_t1
from pydantic import ValidationError
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedMRImageStorage
from synthetic_dce import SHAPE, Written, make_mr
from synthetic_series import slice_dataset, write

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.perfusion.t1_rules import T1Rules

TI_MS = (50.0, 200.0, 500.0, 900.0, 1500.0, 2500.0)
T1_MS = 1100.0
RULES = T1Rules.model_validate({"method": "inversion_recovery", "statistics": ["median"]})


def recovered(inversion_ms):
    return abs(4000.0 * (1.0 - 1.9 * np.exp(-inversion_ms / T1_MS)))


def write_recovery(folder, times=TI_MS, change=lambda dataset, number: None, one_series=False):
    for number, inversion in enumerate(times):
        plane = np.full(SHAPE[1:], recovered(inversion))
        series = "ir" if one_series else f"ir{number}"
        for z in range(SHAPE[0]):
            count = number * SHAPE[0] + z + 1
            dataset = slice_dataset((0.0, 0.0, 3.0 * z), plane, series=series, number=count)
            make_mr(dataset, plane, Written(flip_deg=90.0, field_t=3.0))
            dataset.RepetitionTime, dataset.InversionTime = 8000.0, inversion
            dataset.AcquisitionNumber = number + 1
            change(dataset, number)
            write(dataset, folder / f"ir_{number}_{z}.dcm")


@pytest.mark.parametrize("one_series", [False, True])
def test_t1_by_the_inversion_times_of_the_headers(one_series, tmp_path):
    write_recovery(tmp_path, one_series=one_series)
    rows = measured_t1(tmp_path, RULES)["tumour"]
    assert rows["t1.perfusion.median"].value == pytest.approx(T1_MS, rel=1e-3)
    assert rows["t1.acquisition.inversion_times"].value == 6
    assert rows["t1.fit.residual_share"].value < 1e-3
    # No flip angle enters: the transmit field is no matter at 3 T either.
    assert "b1_uncorrected" not in rows["t1.perfusion.median"].flags


def test_look_locker_takes_out_what_the_readouts_shorten(tmp_path):
    write_recovery(tmp_path)
    rules = T1Rules.model_validate({"method": "look_locker", "statistics": ["median"]})
    rows = measured_t1(tmp_path, rules)["tumour"]
    assert rows["t1.perfusion.median"].value == pytest.approx(T1_MS * 0.9, rel=1e-3)


def test_an_enhanced_object_tells_its_inversion_time(tmp_path):
    for number, inversion in enumerate(TI_MS):
        plane = np.full(SHAPE[1:], recovered(inversion))
        one = slice_dataset((0.0, 0.0, 0.0), plane, series=f"ir{number}", number=number + 1)
        make_mr(one, plane, Written(flip_deg=90.0))
        one.SOPClassUID = EnhancedMRImageStorage
        one.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
        shared = Dataset()

        def group(keyword, shared=shared, **values):
            item = Dataset()
            for name, value in values.items():
                setattr(item, name, value)
            setattr(shared, keyword, Items([item]))

        group("MRTimingAndRelatedParametersSequence", RepetitionTime=8000.0, FlipAngle=90.0)
        group("MREchoSequence", EffectiveEchoTime=1.7)
        group("MRModifierSequence", InversionTimes=inversion)
        group("PixelMeasuresSequence", PixelSpacing=one.PixelSpacing, SliceThickness=3.0)
        group("PlaneOrientationSequence", ImageOrientationPatient=one.ImageOrientationPatient)
        group(
            "PixelValueTransformationSequence",
            RescaleSlope=one.RescaleSlope,
            RescaleIntercept="0",
            RescaleType="US",
        )
        frames = []
        for z in range(SHAPE[0]):
            place, frame = Dataset(), Dataset()
            place.ImagePositionPatient = [0.0, 0.0, 3.0 * z]
            frame.PlanePositionSequence = Items([place])
            frames.append(frame)
        pixels = one.PixelData
        for keyword in (
            *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
            *("RepetitionTime", "FlipAngle", "EchoTime", "RescaleSlope", "RescaleIntercept"),
        ):
            delattr(one, keyword)
        one.SharedFunctionalGroupsSequence = Items([shared])
        one.PerFrameFunctionalGroupsSequence = Items(frames)
        one.NumberOfFrames = len(frames)
        one.PixelData = pixels * len(frames)
        write(one, tmp_path / f"{number}.dcm")
    rows = measured_t1(tmp_path, RULES)["tumour"]
    assert rows["t1.perfusion.median"].value == pytest.approx(T1_MS, rel=1e-3)


def without_time(dataset, number):
    if number == 2:
        del dataset.InversionTime
        dataset.TriggerTime = 500.0


def other_flip(dataset, number):
    dataset.FlipAngle = 90.0 - 10.0 * (number == 1)


def other_tr(dataset, number):
    dataset.RepetitionTime = 8000.0 - 1000.0 * (number == 1)


@pytest.mark.parametrize(
    ("times", "change", "code"),
    [
        (TI_MS[:3], lambda dataset, number: None, "T1-INVERSION-TIMES"),
        ((*TI_MS, TI_MS[0]), lambda dataset, number: None, "T1-INVERSION-TIMES"),
        ((-50.0, *TI_MS), lambda dataset, number: None, "T1-INVERSION-TIMES"),
        (TI_MS, without_time, "T1-INVERSION-TIMES"),
        (TI_MS, other_flip, "T1-MIXED-TIMING"),
        (TI_MS, other_tr, "T1-MIXED-TIMING"),
    ],
    ids=["few", "twice", "negative", "no time", "flip", "repetition"],
)
def test_images_that_differ_otherwise_are_refused(times, change, code, tmp_path):
    write_recovery(tmp_path, times, change)
    with pytest.raises(BiomarkerError) as error:
        measured_t1(tmp_path, RULES)
    assert error.value.code == code


def test_a_transmit_field_goes_with_flip_angles_alone():
    b1 = {"text": "b1 map", "nominal_value": 100}
    with pytest.raises(ValidationError, match="flip_angles"):
        T1Rules.model_validate({"method": "look_locker", "statistics": ["median"], "b1": b1})
