"""Which volumes become a diffusion set, and which are refused by which code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from synthetic_dwi import ADC_MM2_S, S0, SHAPE, Spec, candidates, write_dwi
from synthetic_series import write

from biomarker_cli.catalogue.errors import SeriesError
from biomarker_cli.diffusion.adc import adc_maps
from biomarker_cli.diffusion.dwi_set import DwiSet, assemble
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.model.errors import BiomarkerError

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def rules(**changes: object) -> AdcRules:
    return AdcRules.model_validate(
        {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["mean"], **changes}
    )


def assembled(folder: Path, *specs: Spec) -> DwiSet:
    write_dwi(folder, specs)
    return assemble(candidates(folder))


def refused(folder: Path, *specs: Spec) -> str:
    write_dwi(folder, specs)
    with pytest.raises(BiomarkerError) as caught:
        assemble(candidates(folder))
    return caught.value.code


def setting(**elements: object) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)

    return change


def scale_slope(value: float) -> Callable[[Dataset], None]:
    """Write Philips images whose displayed values are true ones x RS x SS."""

    def change(dataset: Dataset) -> None:
        dataset.Manufacturer = "Philips Medical Systems"
        shown = float(dataset.RescaleSlope)
        dataset.add_new((0x2005, 0x0010), "LO", "Philips MR Imaging DD 001")
        dataset.add_new((0x2005, 0x100E), "FL", value)
        # stored = true x SS, so that stored x RS / (RS x SS) is true.
        stored = np.frombuffer(dataset.PixelData, "<u2") * shown * value
        dataset.PixelData = np.round(stored).astype("<u2").tobytes()

    return change


def test_two_b_values_give_the_known_adc(tmp_path: Path) -> None:
    result = adc_maps(assembled(tmp_path, Spec(0), Spec(800)), rules())[0]
    np.testing.assert_allclose(result.volume.array, ADC_MM2_S, rtol=2e-4)
    assert result.volume.quantity.unit == "mm2/s"
    assert result.image == "adc"


def test_the_derivation_names_every_b_value_with_its_element(tmp_path: Path) -> None:
    result = adc_maps(assembled(tmp_path, Spec(0), Spec(800, X), Spec(800, Y)), rules())[0]
    high = result.derivation["shells"][1]
    assert (high["nominal"], high["n_volumes"], high["n_directions"]) == (800.0, 2, 2)
    assert high["tags"] == ("(0018,9087)",)
    assert result.derivation["estimator"] == "lls"


def test_untagged_inside_a_series_with_b_is_zero_and_flagged(tmp_path: Path) -> None:
    dwi = assembled(tmp_path, Spec(None), Spec(1500, X))
    assert [shell.nominal for shell in dwi.shells] == [0.0, 1500.0]
    assert "b0_untagged" in dwi.flags


def test_untagged_in_a_series_of_its_own_is_refused(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(None)], series="t2")
    assert refused(tmp_path, Spec(0), Spec(800)) == "ADC-MISSING-B"


def test_no_b_value_at_all(tmp_path: Path) -> None:
    assert refused(tmp_path, Spec(None)) == "ADC-NO-B-VALUES"


def test_a_processed_image_without_b_value_is_not_diffusion(tmp_path: Path) -> None:
    processed = setting(ImageType=["DERIVED", "PRIMARY", "AXIAL"])
    assert refused(tmp_path, Spec(None, change=processed)) == "ADC-NO-B-VALUES"


def test_one_b_value_alone(tmp_path: Path) -> None:
    assert refused(tmp_path, Spec(800, X), Spec(800, Y)) == "ADC-SINGLE-B"


@pytest.mark.parametrize("b", [-1.0, float("nan"), float("inf")])
def test_impossible_b_value(tmp_path: Path, b: float) -> None:
    assert refused(tmp_path, Spec(0), Spec(800), Spec(b)) == "ADC-B-INVALID"


@pytest.mark.parametrize(
    ("image_type", "code"),
    [
        (["DERIVED", "PRIMARY", "DIFFUSION", "ADC"], "ADC-VENDOR-MAP"),
        (["DERIVED", "PRIMARY", "DIFFUSION", "FA"], "ADC-FA-MAP"),
        (["DERIVED", "PRIMARY", "DIFFUSION", "CALC_BVALUE", "TRACEW"], "ADC-DERIVED"),
        (["DERIVED", "SECONDARY"], "ADC-DERIVED"),
        (["ORIGINAL", "PRIMARY", "P"], "ADC-NOT-MAGNITUDE"),
    ],
)
def test_maps_and_computed_images_alone(tmp_path: Path, image_type: list[str], code: str) -> None:
    assert refused(tmp_path, Spec(1400, change=setting(ImageType=image_type))) == code


def test_computed_high_b_is_never_fitted(tmp_path: Path) -> None:
    computed = setting(ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "CALC_BVALUE"])
    dwi = assembled(tmp_path, Spec(0), Spec(800), Spec(1400, change=computed))
    assert [shell.nominal for shell in dwi.shells] == [0.0, 800.0]
    assert [reason for _, reason in dwi.left_out] == ["computed image"]


def test_trace_beside_directions_is_left_out(tmp_path: Path) -> None:
    wrong = np.full(SHAPE, S0)
    trace = Spec(800, array=wrong, change=setting(DiffusionDirectionality="ISOTROPIC"))
    dwi = assembled(tmp_path, Spec(0), Spec(800, X), Spec(800, Y), trace)
    assert "trace_left_out" in dwi.flags
    np.testing.assert_allclose(adc_maps(dwi, rules())[0].volume.array, ADC_MM2_S, rtol=2e-4)


def test_trace_alone_is_used_and_flagged(tmp_path: Path) -> None:
    dwi = assembled(
        tmp_path, Spec(0), Spec(800, change=setting(DiffusionDirectionality="ISOTROPIC"))
    )
    assert "trace_images" in dwi.flags
    assert len(dwi.shells) == 2


def test_a_plain_set_of_directions_carries_no_flag(tmp_path: Path) -> None:
    dwi = assembled(tmp_path / "directions", Spec(0), Spec(800, X), Spec(800, Y))
    assert dwi.flags == frozenset()
    assert dwi.left_out == ()
    alone = assembled(tmp_path / "undirected", Spec(0), Spec(800))
    assert alone.flags == frozenset()


def test_each_flag_of_a_set_says_one_thing(tmp_path: Path) -> None:
    isotropic = setting(DiffusionDirectionality="ISOTROPIC")
    trace = assembled(tmp_path / "trace", Spec(0), Spec(800, change=isotropic))
    assert trace.flags == {"trace_images"}
    other = setting(AcquisitionNumber=2)
    undirected = assembled(tmp_path / "none", Spec(0), Spec(800), Spec(800, change=other))
    assert undirected.flags == {"direction_unknown"}
    derived = setting(ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "TENSOR_B0"])
    stood_in = assembled(tmp_path / "derived", Spec(0, change=derived), Spec(800, X))
    assert stood_in.flags == {"derived_b0"}


def test_directed_and_undirected_of_one_b_is_ambiguous(tmp_path: Path) -> None:
    other = Spec(800, change=setting(AcquisitionNumber=2))
    assert refused(tmp_path, Spec(0), Spec(800, X), other) == "ADC-TRACE-AMBIGUOUS"


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({"EchoTime": 85.0}, "ADC-MIXED-ECHO"),
        ({"RepetitionTime": 5000.0}, "ADC-MIXED-TR"),
        ({"RescaleType": "OTHER"}, "ADC-MIXED-SCALING"),
        ({"FrameOfReferenceUID": "1.2.3"}, "ADC-MIXED-FRAME"),
        ({"StudyInstanceUID": "1.2.3"}, "ADC-MIXED-STUDY"),
        ({"PixelSpacing": [2.0, 1.5]}, "ADC-MIXED-GEOMETRY"),
    ],
)
def test_series_merge_only_where_all_is_alike(
    tmp_path: Path, elements: dict[str, object], code: str
) -> None:
    write_dwi(tmp_path / "0", [Spec(0)], series="b0")
    write_dwi(tmp_path / "8", [Spec(800, change=setting(**elements))], series="b800")
    with pytest.raises(AdcError) as caught:
        assemble(candidates(tmp_path))
    assert caught.value.code == code


def test_one_series_per_b_value_merges(tmp_path: Path) -> None:
    write_dwi(tmp_path / "0", [Spec(0)], series="b0")
    write_dwi(tmp_path / "8", [Spec(800)], series="b800")
    dwi = assemble(candidates(tmp_path / "0", tmp_path / "8"))
    np.testing.assert_allclose(adc_maps(dwi, rules())[0].volume.array, ADC_MM2_S, rtol=2e-4)


def test_philips_scaling_is_applied_before_the_log(tmp_path: Path) -> None:
    dwi = assembled(tmp_path, Spec(0, change=scale_slope(6.0)), Spec(800, change=scale_slope(3.0)))
    np.testing.assert_allclose(adc_maps(dwi, rules())[0].volume.array, ADC_MM2_S, rtol=2e-4)


def test_philips_without_scale_slope_in_one_volume_is_refused(tmp_path: Path) -> None:
    bare = setting(Manufacturer="Philips")
    code = refused(tmp_path, Spec(0, change=scale_slope(6.0)), Spec(800, change=bare))
    assert code == "ADC-MIXED-SCALING"


def test_a_volume_that_the_catalogue_refused_stops_the_set(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(0), Spec(800)])
    last = tmp_path / "dwi_01_02.dcm"
    dataset = dcmread(last)
    dataset.ImagePositionPatient = [0.0, 0.0, 60.0]
    write(dataset, last)
    with pytest.raises(SeriesError) as caught:
        assemble(candidates(tmp_path))
    assert caught.value.code == "SERIES-GAP"


def test_philips_with_two_rescale_slopes_and_no_scale_slope_is_refused(tmp_path: Path) -> None:
    def slope(value: float) -> Callable[[Dataset], None]:
        return setting(Manufacturer="Philips", RescaleSlope=f"{value}")

    specs = Spec(0, change=slope(1.5)), Spec(800, change=slope(0.7))
    assert refused(tmp_path, *specs) == "ADC-MIXED-SCALING"


def philips_direction(word: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        scale_slope(4.0)(dataset)
        dataset.add_new((0x2001, 0x0010), "LO", "Philips Imaging DD 001")
        dataset.add_new((0x2001, 0x1004), "CS", word)

    return change


def test_philips_trace_inside_the_series_is_left_out(tmp_path: Path) -> None:
    trace = Spec(1000, (0, 0, 0), np.full(SHAPE, S0), philips_direction("I"))
    directions = [Spec(1000, d, change=philips_direction("O")) for d in (X, Y, Z)]
    b0 = Spec(0, (0.577, 0.577, 0.577), change=philips_direction("I"))
    dwi = assembled(tmp_path, b0, *directions, trace)
    assert [(s.nominal, len(s.groups)) for s in dwi.shells] == [(0.0, 1), (1000.0, 3)]
    assert "trace_left_out" in dwi.flags
    np.testing.assert_allclose(adc_maps(dwi, rules())[0].volume.array, ADC_MM2_S, rtol=2e-4)


def test_philips_trace_alone_is_used(tmp_path: Path) -> None:
    dwi = assembled(
        tmp_path,
        Spec(0, change=philips_direction("I")),
        Spec(1000, change=philips_direction("I")),
    )
    assert dwi.flags >= {"trace_images"}


def test_siemens_xa_classic_without_b_says_to_export_as_enhanced(tmp_path: Path) -> None:
    xa = setting(Manufacturer="Siemens Healthineers", SoftwareVersions="syngo MR XA11")
    write_dwi(tmp_path, [Spec(None, change=xa)])
    with pytest.raises(AdcError) as caught:
        assemble(candidates(tmp_path))
    assert caught.value.code == "ADC-NO-B-VALUES"
    assert "enhanced" in caught.value.hint


def test_siemens_classic_trace_series_by_its_private_b_value(tmp_path: Path) -> None:
    def trace(b: int) -> Spec:
        def change(dataset: Dataset) -> None:
            dataset.Manufacturer = "SIEMENS"
            dataset.ImageType = ["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "ND", "NORM"]
            dataset.add_new((0x0019, 0x0010), "LO", "SIEMENS MR HEADER")
            dataset.add_new((0x0019, 0x100C), "IS", str(b))

        return Spec(None, applied_b=b, change=change)

    dwi = assembled(tmp_path, trace(0), trace(50), trace(800))
    assert [s.nominal for s in dwi.shells] == [0.0, 50.0, 800.0]
    np.testing.assert_allclose(adc_maps(dwi, rules())[0].volume.array, ADC_MM2_S, rtol=2e-4)


def test_ge_b0_with_a_wrong_label_is_not_taken_for_a_direction(tmp_path: Path) -> None:
    # Before MR29.1 the b = 0 images of a tensor file carry b > 0 and no direction.
    wrong = Spec(1000, array=np.full(SHAPE, S0), change=setting(AcquisitionNumber=2))
    assert refused(tmp_path, Spec(0), Spec(1000, X), wrong) == "ADC-TRACE-AMBIGUOUS"


def test_a_derived_b0_stands_back_where_an_acquired_one_is(tmp_path: Path) -> None:
    derived = setting(ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "TENSOR_B0"])
    write_dwi(tmp_path, [Spec(0), Spec(800, X)])
    write_dwi(tmp_path, [Spec(0, array=np.full(SHAPE, 7.0), change=derived)], series="b0")
    dwi = assemble(candidates(tmp_path))
    assert len(dwi.shells[0].volumes) == 1
    np.testing.assert_allclose(adc_maps(dwi, rules())[0].volume.array, ADC_MM2_S, rtol=2e-4)


def test_zero_and_negative_samples_are_nan_never_zero(tmp_path: Path) -> None:
    hole = np.array(Spec(800).signal())
    hole[0, 0, 0] = 0.0
    dwi = assembled(tmp_path, Spec(0), Spec(800, X), Spec(800, Y, array=hole))
    adc = adc_maps(dwi, rules())[0].volume.array
    assert np.argwhere(np.isnan(adc)).tolist() == [[0, 0, 0]]


def test_the_b0_of_a_trace_series_is_no_repeat_of_the_acquired_one(tmp_path: Path) -> None:
    tracew = setting(ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"])
    write_dwi(tmp_path, [Spec(0), Spec(800, X), Spec(800, Y)])
    write_dwi(tmp_path, [Spec(0, change=tracew), Spec(800, change=tracew)], series="trace")
    dwi = assemble(candidates(tmp_path))
    assert [len(shell.volumes) for shell in dwi.shells] == [1, 2]
    assert len(dwi.left_out) == 2


def test_the_b0_of_a_trace_series_stands_in_where_no_acquired_one_is(tmp_path: Path) -> None:
    tracew = setting(ImageType=["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"])
    write_dwi(tmp_path, [Spec(800, X), Spec(800, Y)])
    write_dwi(tmp_path, [Spec(0, change=tracew), Spec(800, change=tracew)], series="trace")
    dwi = assemble(candidates(tmp_path))
    assert [(s.nominal, len(s.volumes)) for s in dwi.shells] == [(0.0, 1), (800.0, 2)]
    assert [volume.kind.value for volume, _ in dwi.left_out] == ["trace"]


def test_a_map_keeps_the_headers_of_the_lowest_b(tmp_path: Path) -> None:
    dwi = assembled(tmp_path, Spec(800, X), Spec(0))
    frames = adc_maps(dwi, rules())[0].volume.frames
    assert [float(frame.get("DiffusionBValue")) for frame in frames] == [0.0, 0.0, 0.0]


def test_undirected_images_beside_a_trace_of_another_b_are_ambiguous(tmp_path: Path) -> None:
    isotropic = setting(DiffusionDirectionality="ISOTROPIC")
    specs = Spec(0), Spec(50), Spec(800, change=isotropic)
    assert refused(tmp_path, *specs) == "ADC-TRACE-AMBIGUOUS"


def test_series_without_frame_of_reference_do_not_merge(tmp_path: Path) -> None:
    def without(dataset: Dataset) -> None:
        del dataset.FrameOfReferenceUID

    write_dwi(tmp_path / "one", [Spec(0, change=without), Spec(800, change=without)])
    assert len(assemble(candidates(tmp_path / "one")).shells) == 2
    write_dwi(tmp_path / "two", [Spec(400, change=without)], series="other")
    with pytest.raises(AdcError) as caught:
        assemble(candidates(tmp_path))
    assert caught.value.code == "ADC-MIXED-FRAME"
