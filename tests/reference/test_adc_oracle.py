"""ADC of real scanners against independently computed values."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.dicom.identity import OutgoingIdentity, UidMap
from biomarker_cli.diffusion.adc import adc_maps
from biomarker_cli.diffusion.dwi_set import DwiSet, assemble
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.rules import AdcRules, FittedMap
from biomarker_cli.imaging.parametric_map import write_parametric_map

pytestmark = pytest.mark.data

RULES = AdcRules.model_validate(
    {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["median"]}
)
ALL_ESTIMATORS = RULES.model_copy(
    update={
        "further": tuple(
            FittedMap(image=name, estimator=name, b_set=RULES.b_set)
            for name in ("two_point", "wls", "nlls")
        )
    }
)
SERIES = ("siemens_xa30_enhanced", "uih", "philips57", "toshiba")


@dataclass(frozen=True)
class Case:
    """A series, its maps in 1e-6 mm2/s, and what the oracle expects."""

    dwi: DwiSet
    maps: dict[str, np.ndarray]
    mask: np.ndarray
    expected: dict[str, Any]

    def median(self, image: str) -> float:
        return float(np.median(self.maps[image][self.mask]))


def unpacked(folder: Path, target: Path) -> Path:
    """Return the folder, unpacked where its files are gzipped."""
    packed = sorted(folder.glob("*.gz"))
    for path in packed:
        (target / f"{path.stem}.dcm").write_bytes(gzip.decompress(path.read_bytes()))
    return target if packed else folder


def bright_mask(dwi: DwiSet) -> np.ndarray:
    """Return the brightest quarter of b = 0 where every sample is positive."""
    arrays = [[v.read().array for v in shell.volumes] for shell in dwi.shells]
    b0 = np.mean(arrays[0], axis=0)
    smallest = np.min([a for shell in arrays for a in shell], axis=0)
    return (smallest > 0) & (b0 > np.percentile(b0, 75))


@pytest.fixture(scope="module", params=SERIES)
def case(
    request: pytest.FixtureRequest,
    data_dir: Path,
    reference_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Case:
    expected = json.loads((reference_dir / "adc_oracle.json").read_text())[request.param]
    folder = unpacked(data_dir / "dwi" / expected["dir"], tmp_path_factory.mktemp(request.param))
    dwi = assemble(scan([folder]).candidates)
    maps = {m.image: m.volume.array * 1e6 for m in adc_maps(dwi, ALL_ESTIMATORS)}
    arithmetic = RULES.model_copy(update={"direction_mean": "arithmetic"})
    maps["arithmetic"] = adc_maps(dwi, arithmetic)[0].volume.array * 1e6
    return Case(dwi, maps, bright_mask(dwi), expected)


def test_b_values_of_every_volume(case: Case) -> None:
    found = sorted(v.b_value.value for v in case.dwi.volumes if v.b_value)
    np.testing.assert_allclose(found, sorted(case.expected["bvalues"]), atol=1e-4)


def test_geometric_adc_is_the_oracles(case: Case) -> None:
    adc, expected = case.maps["adc"], case.expected
    assert np.count_nonzero(np.isnan(adc)) == expected["masked_out_nonpositive"]
    assert np.count_nonzero(case.mask) == expected["mask_voxels"]
    assert case.median("adc") == pytest.approx(expected["2pt_geo_mask_median_e-6"], rel=5e-4)
    mean = np.mean(adc[case.mask])
    assert mean == pytest.approx(expected["2pt_geo_mask_mean_e-6"], rel=5e-4)
    for roi in expected["rois"]:
        z, y, x = roi["centre_zyx"]
        inside = adc[z, y - 1 : y + 2, x - 1 : x + 2]
        assert np.mean(inside) == pytest.approx(roi["2pt_geo_mean_e-6"], rel=5e-4)


def test_arithmetic_mean_reads_what_the_oracle_reads(case: Case) -> None:
    expected = case.expected["2pt_arith_mask_median_e-6"]
    assert case.median("arithmetic") == pytest.approx(expected, rel=5e-4)


@pytest.mark.parametrize("estimator", ["two_point", "wls", "nlls"])
def test_every_estimator_agrees_where_two_b_values_leave_nothing_to_weigh(
    case: Case, estimator: str
) -> None:
    # Weighting raw directions instead reads 666 for 701 on the Siemens series.
    expected = case.expected["2pt_geo_mask_median_e-6"]
    assert case.median(estimator) == pytest.approx(expected, rel=5e-4)


@pytest.mark.parametrize(
    ("folder", "code"),
    [
        ("ge_dv26_epi_fmri_decoy", "ADC-NO-B-VALUES"),
        ("siemens_xa30_enhanced/s13_vendor_fa_decoy", "ADC-FA-MAP"),
        ("siemens_xa30_enhanced/s11_vendor_adc", "ADC-VENDOR-MAP"),
        ("siemens_xa30_enhanced/s12_vendor_tracew", "ADC-SINGLE-B"),
        ("siemens_xa30_enhanced/s16_vendor_b0", "ADC-SINGLE-B"),
    ],
)
def test_decoys_are_refused_by_name(data_dir: Path, folder: str, code: str) -> None:
    with pytest.raises(AdcError) as caught:
        assemble(scan([data_dir / "dwi" / folder]).candidates)
    assert caught.value.code == code


def test_ge_tensor_has_its_b_values_from_the_private_element(data_dir: Path) -> None:
    dwi = assemble(scan([data_dir / "dwi" / "ge_mr29_classic_tensor"]).candidates)
    assert [(s.nominal, len(s.volumes)) for s in dwi.shells] == [(0.0, 1), (1000.0, 6)]
    b0 = dwi.shells[0].volumes[0].b_value
    assert b0 is not None
    assert (b0.tag, b0.rule) == ("(0043,xx39)", "ge_private")


def test_canon_enhanced_splits_by_b_and_direction(data_dir: Path) -> None:
    dwi = assemble(scan([data_dir / "headers" / "mr_canon_enhanced_dti"]).candidates)
    assert [(s.nominal, len(s.volumes), len(s.groups)) for s in dwi.shells] == [
        (0.0, 1, 1),
        (1500.0, 12, 12),
    ]


def test_an_adc_map_that_carries_a_b_value_is_still_a_map(data_dir: Path) -> None:
    with pytest.raises(AdcError) as caught:
        assemble(scan([data_dir / "headers" / "mr_toshiba_titan_adcmap"]).candidates)
    assert caught.value.code == "ADC-VENDOR-MAP"


def test_the_whole_siemens_examination_is_fitted_from_its_directions(data_dir: Path) -> None:
    dwi = assemble(scan([data_dir / "dwi" / "siemens_xa30_enhanced"]).candidates)
    assert [len(s.volumes) for s in dwi.shells] == [1, 20]
    assert sorted(v.kind.value for v, _ in dwi.left_out) == ["adc_map", "b0", "fa_map", "trace"]


def test_the_vendors_map_agrees_with_ours(data_dir: Path) -> None:
    rules = AdcRules.model_validate(
        {**RULES.model_dump(), "vendor_map": {"use": "compare", "infer_unit": True}}
    )
    candidates = scan([data_dir / "dwi" / "siemens_xa30_enhanced"]).candidates
    found = diffusion_maps(candidates, rules)[0]
    assert found.vendor is not None
    assert found.vendor_flags == {"unit_inferred:(0028,1054)"}
    difference = (found.vendor - found.volume.array)[bright_mask(assemble(candidates))]
    difference = np.abs(difference[np.isfinite(difference)])
    assert difference.size > 49_000
    assert np.median(difference) <= 1e-6
    assert np.mean(difference <= 3e-6) > 0.9


@pytest.mark.parametrize("folder", ["siemens_xa30_enhanced/s10_dwi_b0_b2500", "uih_r002_grid"])
def test_a_parametric_map_of_real_data_is_written(
    data_dir: Path, folder: str, tmp_path: Path
) -> None:
    found = adc_maps(assemble(scan([data_dir / "dwi" / folder]).candidates), RULES)[0]
    identity = OutgoingIdentity("S1", UidMap(b"key"))
    write_parametric_map(found, tmp_path / "adc.dcm", identity, "dwi-adc@1.0.0")
    dataset = dcmread(tmp_path / "adc.dcm")
    stored = np.frombuffer(dataset.DoubleFloatPixelData, "<f8").reshape(found.volume.array.shape)
    origins = [
        f.PlanePositionSequence[0].ImagePositionPatient
        for f in dataset.PerFrameFunctionalGroupsSequence
    ]
    index = found.volume.geometry.physical_to_index(np.array(origins, dtype=float))
    order = np.argsort(index[:, 2])
    np.testing.assert_allclose(np.sort(index[:, 2]), np.arange(len(order)), atol=1e-3)
    np.testing.assert_array_equal(stored[order], found.volume.array)


def test_the_vendors_trace_with_its_b0_is_fitted_and_flagged(data_dir: Path) -> None:
    folder = data_dir / "dwi" / "siemens_xa30_enhanced"
    dwi = assemble(scan([folder / "s12_vendor_tracew", folder / "s16_vendor_b0"]).candidates)
    assert {"trace_images", "derived_b0"} <= dwi.flags
