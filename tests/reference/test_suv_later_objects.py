"""The later IBSI-SUV objects, synthesised from their description: value or error.

Every valid object holds SUVbw 0.20, 1.00 and 4.00; the 15 others must be refused.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian
from synthetic_pet import (
    HALF_LIFE_S,
    TRUE_SUV,
    WEIGHT_KG,
    bqml,
    code,
    enhanced_header,
    enhanced_volume,
    pet_volume,
    private,
    with_item,
)

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.rules import SuvRules
from biomarker_cli.pet.suv import suv_volume

RULES = SuvRules(normalisations=("suvbw",), activity_mbq_per_kg={"Ga-68": (0.5, 6.0)})
PHILIPS = "Philips PET Private Group"
HEIGHT_CM = 175.0


def suv_of(volume, rules=RULES):
    return [float(plane.mean()) for plane in suv_volume(volume, rules).volume.array]


def mean_time_s(duration_s, half_life_s=HALF_LIFE_S):
    """Independent: the activity at this time is the mean over the frame."""
    decay = math.log(2) / half_life_s
    mean = (1 - math.exp(-decay * duration_s)) / (decay * duration_s)
    return -math.log(mean) / decay


def lean(sex, kind):
    """Lean, ideal weight in kg, from the published formulas."""
    w, h = WEIGHT_KG, HEIGHT_CM
    bmi = w / (h / 100) ** 2
    formulas = {
        ("LBM", "M"): 1.10 * w - 120 * (w / h) ** 2,
        ("LBM", "F"): 1.07 * w - 148 * (w / h) ** 2,
        ("LBMJAMES128", "M"): 1.10 * w - 128 * (w / h) ** 2,
        ("LBMJAMES128", "F"): 1.07 * w - 148 * (w / h) ** 2,
        ("LBMJANMA", "M"): 9270 * w / (6680 + 216 * bmi),
        ("LBMJANMA", "F"): 9270 * w / (8780 + 244 * bmi),
        ("IBW", "M"): 48 + 1.06 * (h - 152),
        ("IBW", "F"): 45.5 + 0.91 * (h - 152),
    }
    if sex == "O":
        return (formulas[kind, "M"] + formulas[kind, "F"]) / 2
    return formulas[kind, sex]


def gml(kind, sex):
    values = tuple(suv * lean(sex, kind) / WEIGHT_KG for suv in TRUE_SUV)
    return pet_volume(values, Units="GML", SUVType=kind, PatientSex=sex)


def slopes_vary(dataset: Dataset, index: int) -> None:
    dataset.RescaleSlope = str(3.0 + index)


def philips(factor_kind, factor, **elements):
    values = tuple((suv if factor_kind == 0 else bqml(suv)) / factor for suv in TRUE_SUV)
    change = private(0x7053, PHILIPS, factor_kind, "DS", str(factor))
    return pet_volume(values, change, Units="CNTS", Manufacturer="Philips", **elements)


def several_times(manufacturer, **elements):
    """Not decay corrected: slice i was acquired at 11:00 + 5 i min over 10.05 min."""
    duration = 603.0
    values = tuple(
        bqml(suv, uptake_s=3600 + 300 * i + mean_time_s(duration)) for i, suv in enumerate(TRUE_SUV)
    )

    def change(dataset: Dataset, index: int) -> None:
        dataset.AcquisitionTime = f"11{5 * index:02d}00.000000"
        dataset.FrameReferenceTime = str(300000.0 * (index + 1))

    return pet_volume(
        values,
        change,
        **{
            "Manufacturer": manufacturer,
            "DecayCorrection": "NONE",
            "CorrectedImage": ["NORM", "ATTN", "SCAT"],
            "ActualFrameDuration": "603000",
            **elements,
        },
    )


def none_in_counts():
    volume = several_times("Philips Medical Systems", Units="CNTS")
    for frame in volume.frames:
        private(0x7053, PHILIPS, 9, "DS", "0.5")(frame.dataset, 0)
    return volume.with_array(volume.array / 0.5, volume.quantity)


def series_after(manufacturer, **elements):
    frt = "0" if manufacturer.startswith("GE") else f"{1000 * mean_time_s(300):.3f}"
    return pet_volume(
        SeriesTime="113000", FrameReferenceTime=frt, Manufacturer=manufacturer, **elements
    )


def midnight(dataset: Dataset, **item):
    """Injection 23:30 on new year's eve, scan 00:30."""
    with_item(
        **{
            "RadiopharmaceuticalStartTime": "233000",
            "RadiopharmaceuticalStartDateTime": "20241231233000",
            **item,
        }
    )(dataset, 0)


def at_midnight(item=None, **elements):
    return pet_volume(
        change=lambda dataset, _: midnight(dataset, **(item or {})),
        **{
            "SeriesTime": "003000",
            "AcquisitionTime": "003000",
            **elements,
        },
    )


ZR89_S = 78.4 * 3600


def zirconium(days, datetime="20241229100000", **elements):
    values = tuple(
        bqml(suv, uptake_s=days * 86400.0 + 3600, half_life_s=ZR89_S) for suv in TRUE_SUV
    )
    item = with_item(
        RadionuclideHalfLife=str(ZR89_S),
        RadiopharmaceuticalStartDateTime=datetime,
        RadionuclideCodeSequence=[code("C-168A4", "^89^Zirconium")],
    )
    return pet_volume(values, item, **elements)


def gallium(uptake_s=3600.0):
    half_life = 4057.7
    values = tuple(bqml(suv, uptake_s=uptake_s, half_life_s=half_life) for suv in TRUE_SUV)
    clock = f"{11 - round(uptake_s / 3600):02d}0000"
    return pet_volume(
        values,
        with_item(
            RadionuclideHalfLife=str(half_life),
            RadionuclideCodeSequence=[code("C-131A3", "^68^Gallium")],
            RadiopharmaceuticalStartTime=clock,
            RadiopharmaceuticalStartDateTime=f"20250101{clock}",
        ),
    )


def surface_suv():
    surface = 0.007184 * WEIGHT_KG**0.425 * HEIGHT_CM**0.725
    values = tuple(10 * suv * surface / WEIGHT_KG for suv in TRUE_SUV)
    return pet_volume(values, Units="CM2ML", SUVType="BSA")


VENDORS = ("SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems", "Synthetic")

VALID = {
    "0_0 default": pet_volume,
    "1_0 slopes vary": lambda: pet_volume(change=slopes_vary),
    "2_0 GML body weight": lambda: pet_volume(TRUE_SUV, Units="GML", SUVType="BW"),
    **{f"2_1 James 128 {s}": lambda s=s: gml("LBMJAMES128", s) for s in "MFO"},
    **{f"2_2 ideal weight {s}": lambda s=s: gml("IBW", s) for s in "MFO"},
    "2_3 CM2ML": surface_suv,
    "2_4 counts, SUV factor": lambda: philips(0x00, 0.25),
    "2_5 counts, activity factor": lambda: philips(0x09, 0.5),
    **{f"2_6 Janmahasatian {s}": lambda s=s: gml("LBMJANMA", s) for s in "MFO"},
    "3_0 dose in MBq": lambda: pet_volume(change=with_item(RadionuclideTotalDose="368.08")),
    "3_1 ADMIN": lambda: pet_volume(
        tuple(bqml(suv, uptake_s=0) for suv in TRUE_SUV), DecayCorrection="ADMIN"
    ),
    **{f"3_2 series after acquisition {v}": lambda v=v: series_after(v) for v in VENDORS},
    "3_3_0 Siemens private date-time": lambda: pet_volume(
        change=private(0x0071, "SIEMENS MED PT", 0x22, "DT", "20250101110000.000000"),
        SeriesTime="113000",
        FrameReferenceTime="777000",
        Manufacturer="SIEMENS",
    ),
    "3_3_1 GE private date-time": lambda: pet_volume(
        change=private(0x0009, "GEMS_PETD_01", 0x0D, "DT", "20250101110000.00", block=0x11),
        SeriesTime="113000",
        FrameReferenceTime="777000",
        Manufacturer="GE MEDICAL SYSTEMS",
    ),
    "3_4_0 NONE Siemens": lambda: several_times("SIEMENS"),
    "3_4_1 NONE GE": lambda: several_times("GE MEDICAL SYSTEMS"),
    "3_4_2 NONE Philips counts": none_in_counts,
    "3_4_3 NONE synthetic": lambda: several_times("Synthetic"),
    **{
        f"3_5 series at acquisition {v}": lambda v=v: pet_volume(
            Manufacturer=v, FrameReferenceTime="0" if v.startswith("GE") else "149600"
        )
        for v in VENDORS
    },
    "4_0 start date-time alone": lambda: pet_volume(
        change=with_item(RadiopharmaceuticalStartTime=None)
    ),
    "4_1 start time alone": lambda: pet_volume(
        change=with_item(RadiopharmaceuticalStartDateTime=None)
    ),
    "4_2 midnight, no date-time": lambda: at_midnight({"RadiopharmaceuticalStartDateTime": None}),
    "4_3 midnight, date-time": at_midnight,
    "4_4 midnight, anonymised acquisition date": lambda: at_midnight(AcquisitionDate="19000101"),
    "4_5 Zr-89 after three days": lambda: zirconium(3),
    "5_0 Ga-68": gallium,
    "7_0_0 enhanced": enhanced_volume,
    "7_2_0 enhanced GML": lambda: enhanced_volume(TRUE_SUV, unit="g/ml{SUVbw}"),
    "7_3_0 enhanced, series after reference": lambda: enhanced_volume(SeriesTime="123000"),
    "7_3_1 enhanced, not decay corrected": lambda: enhanced_volume(
        tuple(bqml(suv, uptake_s=3600 + 300 * i) for i, suv in enumerate(TRUE_SUV)),
        DecayCorrected="NO",
        DecayCorrectionDateTime=None,
        frame_reference=("20250101110000", "20250101110500", "20250101111000"),
    ),
}


def test_the_list_is_complete():
    # 7_1_0 is read from a file: test_enhanced_slopes_from_a_file.
    assert len(VALID) + 1 == 43


@pytest.mark.parametrize("name", VALID)
def test_valid_object(name):
    assert suv_of(VALID[name]()) == pytest.approx(TRUE_SUV, rel=1e-3)


MUST_FAIL = {
    "2_0 weight missing": (lambda: pet_volume(PatientWeight=None), "SUV-NO-WEIGHT"),
    "2_1 weight 0": (lambda: pet_volume(PatientWeight="0"), "SUV-NO-WEIGHT"),
    "2_2 ideal weight, no sex": (
        lambda: pet_volume(TRUE_SUV, Units="GML", SUVType="IBW", PatientSex=None),
        "SUV-NO-SEX",
    ),
    "2_3 ideal weight, other sex": (
        lambda: pet_volume(TRUE_SUV, Units="GML", SUVType="IBW", PatientSex="X"),
        "SUV-NO-SEX",
    ),
    "2_4 ideal weight, no size": (
        lambda: pet_volume(TRUE_SUV, Units="GML", SUVType="IBW", PatientSize=None),
        "SUV-NO-HEIGHT",
    ),
    "2_5 ideal weight, size 0": (
        lambda: pet_volume(TRUE_SUV, Units="GML", SUVType="IBW", PatientSize="0"),
        "SUV-NO-HEIGHT",
    ),
    "2_6 counts without factor": (lambda: pet_volume(Units="CNTS"), "SUV-NO-SCALE-FACTOR"),
    "2_7 PROPCNTS": (lambda: pet_volume(Units="PROPCNTS"), "SUV-UNITS"),
    "3_0 dose absent": (
        lambda: pet_volume(change=with_item(RadionuclideTotalDose=None)),
        "SUV-NO-ACTIVITY",
    ),
    "3_1 dose negative": (
        lambda: pet_volume(change=with_item(RadionuclideTotalDose="-368080000")),
        "SUV-ACTIVITY",
    ),
    "3_2 no frame duration, series after acquisition, not GE": (
        lambda: pet_volume(ActualFrameDuration=None, SeriesTime="113000"),
        "SUV-NO-REFERENCE-TIME",
    ),
    "4_0 no start time": (
        lambda: pet_volume(
            change=with_item(
                RadiopharmaceuticalStartTime=None, RadiopharmaceuticalStartDateTime=None
            )
        ),
        "SUV-NO-INJECTION-TIME",
    ),
    "4_1 more than a day, no date-time": (
        lambda: zirconium(3, datetime=None),
        "SUV-INJECTION-DATE",
    ),
    "4_2 more than a day, anonymised date-time": (
        lambda: zirconium(3, datetime="19000101100000"),
        "SUV-INJECTION-TIME",
    ),
    "5_0 half-life absent": (
        lambda: pet_volume(change=with_item(RadionuclideHalfLife=None)),
        "SUV-NO-HALF-LIFE",
    ),
}


def test_all_15_must_fail_objects_are_here():
    assert len(MUST_FAIL) == 15


@pytest.mark.parametrize("name", MUST_FAIL)
def test_must_fail_object(name):
    make, expected = MUST_FAIL[name]
    with pytest.raises(SuvError) as caught:
        suv_volume(make(), RULES)
    assert caught.value.code == expected


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: gallium(3 * 3600.0), "Ga-68 at 3 h"),
        (lambda: zirconium(7, datetime="20241225100000"), "Zr-89 at 7 days"),
        (
            lambda: pet_volume(
                tuple(bqml(suv, half_life_s=1221.8) for suv in TRUE_SUV),
                with_item(
                    RadionuclideHalfLife="1221.8",
                    RadionuclideCodeSequence=[code("C-105A1", "^11^Carbon")],
                ),
                FrameReferenceTime="148000",
            ),
            "C-11 at 60 min",
        ),
        (
            lambda: pet_volume(
                tuple(bqml(suv, bq=0.3e6 * WEIGHT_KG) for suv in TRUE_SUV),
                with_item(RadionuclideTotalDose=str(0.3e6 * WEIGHT_KG)),
            ),
            "0.3 MBq/kg, long axial field of view",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_real_world_dose_passes(make, name):
    assert suv_of(make(), SuvRules(normalisations=("suvbw",))) == pytest.approx(TRUE_SUV, rel=1e-3)


def test_enhanced_slopes_from_a_file(tmp_path):
    """7_1_0: an enhanced object, written and read, with a slope of its own per frame."""
    slopes = (3.0, 5.0, 7.0)
    stored = np.rint([bqml(suv) / slope for suv, slope in zip(TRUE_SUV, slopes, strict=True)])
    header = enhanced_header(slopes)
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = "1.2.3.5.1"
    measures, orientation = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [4.0, 4.0], 4.0
    orientation.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    shared = header.SharedFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([orientation])
    header.Rows, header.Columns = 4, 5
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation = 15, 0
    header.ImageType = ["ORIGINAL", "PRIMARY"]
    pixels = np.stack([np.full((4, 5), value) for value in stored]).astype("<u2")
    header.PixelData = pixels.tobytes()
    header.save_as(tmp_path / "enhanced.dcm", enforce_file_format=True)

    (candidate,) = scan([tmp_path]).volumes
    result = suv_volume(read_volume(candidate), RULES)
    assert result.volume.array.mean(axis=(1, 2)) == pytest.approx(TRUE_SUV, rel=2e-3)
    assert result.derivation["reference_time_rule"] == "decay_correction_datetime"
