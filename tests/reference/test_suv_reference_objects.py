"""The IBSI-SUV reference objects and the vendors' headers give their known values."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from synthetic_pet import pet_header, pet_volume, private, radiopharmaceutical

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_volume
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.rules import SuvRules
from biomarker_cli.pet.suv import suv_volume
from biomarker_cli.pet.uptake import uptake_measurements
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

BODY_WEIGHT = SuvRules(normalisations=("suvbw",))
RULES = SuvRules(normalisations=("suvbw",), statistics=("min", "median", "max"))

OBJECTS = ("0_0", "2_0", "2_3", "2_5", "3_0", "3_1", "3_4", "4_0", "5_0")


def read_pet(folder):
    (candidate,) = [c for c in scan([folder]).volumes if c.modality == "PT"]
    return read_volume(candidate)


@pytest.mark.data
@pytest.mark.parametrize("name", OBJECTS)
def test_reference_object(data_dir, name):
    """Minimum, median and maximum in the object's own region: 0.20, 1.00, 4.00."""
    folder = data_dir / "pet" / "suv_dro" / f"DRO_{name}"
    result = suv_volume(read_pet(folder / "PT"), RULES)
    (structure,) = (folder / "RS").iterdir()
    (imported,) = import_regions(
        structure, ImageTarget.from_volume(result.volume), RegionRules(gaps="error")
    )
    rows = uptake_measurements(result, imported.region, RULES)
    assert [row.value for row in rows] == pytest.approx([0.20, 1.00, 4.00], abs=0.025)


HEADERS = {
    "SIEMENS": (0.00042748, "SIEMENS"),
    "PHILIPS_BQML": (0.00074637, "Philips Medical Systems"),
    "PHILIPS_CNTS_AND_SUV": (0.000728, "Philips Medical Systems"),
    "GE_MEDICAL_AND_BQML": (0.00053674, "GE MEDICAL SYSTEMS"),
}

OF_THE_ITEM = (
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
    "RadiopharmaceuticalStartTime",
    "RadiopharmaceuticalStartDateTime",
)


def volume_of(headers, manufacturer):
    """Turn the JSON of a vendor's header into a series of ones."""

    def change(dataset: Dataset, index: int) -> None:
        item = {k: str(v).strip() for k, v in headers[index].items() if k in OF_THE_ITEM}
        empty = dict.fromkeys(("RadionuclideCodeSequence", *OF_THE_ITEM))
        dataset.RadiopharmaceuticalInformationSequence = Sequence(
            [radiopharmaceutical(**{**empty, **item})]
        )
        group = headers[index]["PhilipsPETPrivateGroup"]
        for keyword, offset in (("SUVScaleFactor", 0x00), ("ActivityConcentrationScaleFactor", 9)):
            if keyword in group:
                private(0x7053, "Philips PET Private Group", offset, "DS", group[keyword])(
                    dataset, index
                )

    plain = {
        k: [str(w) for w in v] if isinstance(v, list) else str(v)
        for k, v in headers[0].items()
        if k not in OF_THE_ITEM and k != "PhilipsPETPrivateGroup"
    }
    absent = {k: None for k in pet_header().dir() if k in ("DecayFactor", "PatientSize")}

    def per_slice(dataset, index):
        change(dataset, index)
        for keyword in ("FrameReferenceTime", "ActualFrameDuration", "AcquisitionTime"):
            setattr(dataset, keyword, str(headers[index][keyword]).strip())

    return pet_volume(
        (1.0,) * len(headers), per_slice, **{**absent, **plain, "Manufacturer": manufacturer}
    )


@pytest.mark.data
@pytest.mark.parametrize("name", HEADERS)
def test_factor_of_a_vendors_header(data_dir, name):
    expected, manufacturer = HEADERS[name]
    headers = json.loads((data_dir / "pet" / "headers" / f"{name}.json").read_text())
    result = suv_volume(volume_of(headers, manufacturer), BODY_WEIGHT)
    assert result.derivation["factor_per_slice"] == pytest.approx([expected] * 3, rel=5e-4)
    assert result.derivation["candidates"]


@pytest.mark.data
def test_philips_factors_confirm_the_series_time_and_set_back_computation_aside(data_dir):
    headers = json.loads((data_dir / "pet" / "headers" / "PHILIPS_BQML.json").read_text())
    result = suv_volume(volume_of(headers, "Philips Medical Systems"), BODY_WEIGHT)
    candidates = {c["name"]: c for c in result.derivation["candidates"]}
    assert candidates["series_datetime"]["used"]
    assert candidates["philips_factor_ratio"]["suvbw_per_bqml"] == pytest.approx(
        0.00074645, rel=1e-5
    )
    back = candidates["back_computation"]
    assert back["reason"] == "contradicted by philips_factor_ratio"
    assert back["suvbw_per_bqml"] == pytest.approx(0.00065317, rel=1e-4)
    assert result.derivation["reference_time_spread_percent"] < 0.02


@pytest.mark.data
def test_beds_that_share_one_acquisition_time_leave_the_series_time(data_dir):
    """STS_001: every bed carries the first bed's acquisition time."""
    volume = read_pet(data_dir / "pet" / "ge_sts001_raw" / "image")
    result = suv_volume(volume, BODY_WEIGHT)
    assert result.derivation["factor_per_slice"] == pytest.approx([2.42902977e-4] * 267, rel=1e-8)
    by_name = {c["name"]: c for c in result.derivation["candidates"]}
    for name in ("decay_factor", "back_computation"):
        assert not by_name[name]["admissible"]
        assert by_name[name]["reason"].startswith("no single moment")


@pytest.mark.data
@pytest.mark.parametrize("name", ["pt_ge_discoveryst_sts001", "pt_ge_discoveryst_sts010"])
def test_stored_suv_needs_no_times(data_dir, name):
    """GML is SUV already, even where the date of injection is a year off."""
    from biomarker_cli.catalogue.reading import read_frames
    from biomarker_cli.imaging.geometry import Geometry
    from biomarker_cli.imaging.volume import Volume
    from biomarker_cli.model.quantity import STORED_PET

    (candidate,) = scan([data_dir / "headers" / name]).volumes
    frames = read_frames(candidate)
    ones = np.ones((len(frames), 1, 1))
    volume = Volume(ones, Geometry(ones.shape, (4.0, 4.0, 4.0)), STORED_PET, frames)
    assert set(suv_volume(volume, BODY_WEIGHT).derivation["factor_per_slice"]) == {1.0}


def test_an_unnamed_unit_is_refused():
    with pytest.raises(SuvError) as caught:
        suv_volume(pet_volume(Units="PROPCPS"), BODY_WEIGHT)
    assert caught.value.code == "SUV-UNITS"
    assert "PROPCPS" in str(caught.value)
