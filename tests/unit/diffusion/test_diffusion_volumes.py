"""What one volume of a diffusion series says of itself, and how its voxels are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from synthetic_dwi import SHAPE, Spec, candidates, write_dwi
from synthetic_series import write

from biomarker_cli.dicom.bvalues import read_b_value
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.gradients import read_gradient
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.kinds import DwiKind, volume_kind
from biomarker_cli.diffusion.volumes import DwiVolume, describe_volumes


def described(folder: Path, change: Callable[[Dataset], object], b: float = 800) -> DwiVolume:
    write_dwi(folder, [Spec(b, change=change)])
    (volume,) = describe_volumes(candidates(folder))
    return volume


def without(*keywords: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword in keywords:
            delattr(dataset, keyword)

    return change


def test_a_volume_without_rescale_is_stored_on_its_own_scale(tmp_path: Path) -> None:
    bare = without("RescaleSlope", "RescaleIntercept", "RescaleType")
    volume = described(tmp_path, bare)
    assert volume.rescale_slope == 1.0
    assert volume.rescale_type == ""
    assert volume.read().as_float64().max() == 65535.0


@pytest.mark.parametrize(
    ("written", "echo_ms"),
    [
        ({"EchoTime": 70.0}, 70.0),
        ({"EffectiveEchoTime": 71.5}, 71.5),
        ({"EchoTime": 70.0, "EffectiveEchoTime": 71.5}, 70.0),
        ({}, None),
    ],
)
def test_the_echo_time_is_the_effective_one_where_there_is_no_other(
    tmp_path: Path, written: dict[str, float], echo_ms: float | None
) -> None:
    def change(dataset: Dataset) -> None:
        del dataset.EchoTime
        for keyword, value in written.items():
            setattr(dataset, keyword, value)

    assert described(tmp_path, change).echo_ms == echo_ms


def test_padding_is_no_signal(tmp_path: Path) -> None:
    array = np.full(SHAPE, 500.0)
    array[0, 0, :2] = 0.0

    def pad(dataset: Dataset) -> None:
        dataset.PixelPaddingValue = 0

    write_dwi(tmp_path, [Spec(800, array=array, change=pad)])
    (volume,) = describe_volumes(candidates(tmp_path))
    found = volume.read().as_float64()
    assert np.argwhere(np.isnan(found)).tolist() == [[0, 0, 0], [0, 0, 1]]
    np.testing.assert_allclose(found[np.isfinite(found)], 500.0, rtol=1e-4)


def test_philips_slices_of_two_slopes_need_their_scale(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(800, change=lambda d: setattr(d, "Manufacturer", "Philips"))])
    last = tmp_path / "dwi_00_02.dcm"
    dataset = dcmread(last)
    first = float(dcmread(tmp_path / "dwi_00_00.dcm").RescaleSlope)
    for name in ("dwi_00_00.dcm", "dwi_00_01.dcm"):
        other = dcmread(tmp_path / name)
        other.RescaleSlope = f"{first:.6g}"
        write(other, tmp_path / name)
    dataset.RescaleSlope = f"{2 * first:.6g}"
    write(dataset, last)
    (volume,) = describe_volumes(candidates(tmp_path))
    with pytest.raises(AdcError) as caught:
        volume.read()
    assert caught.value.code == "ADC-MIXED-SCALING"


def kind_of(**elements: object) -> DwiKind:
    private = elements.pop("private", ())
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    for tag, vr, value in private:
        dataset.add_new(tag, vr, value)
    header = FrameHeader(dataset, 0, Path("image.dcm"))
    return volume_kind(header, read_b_value(header), read_gradient(header))


SIGNAL = {"ImageType": ["ORIGINAL", "PRIMARY", "OTHER"], "DiffusionBValue": 800.0}


def ge_flag(value: str, creator: str = "GEMS_PARM_01") -> dict[str, object]:
    return {"private": [((0x0043, 0x0010), "LO", creator), ((0x0043, 0x1030), "IS", value)]}


@pytest.mark.parametrize(
    ("elements", "kind"),
    [
        (ge_flag("18"), DwiKind.FA_MAP),
        (ge_flag("16"), DwiKind.UNDIRECTED),
        (ge_flag("18", "ACME"), DwiKind.UNDIRECTED),
        ({"DiffusionAnisotropyType": "FRACTIONAL"}, DwiKind.FA_MAP),
        ({}, DwiKind.UNDIRECTED),
    ],
)
def test_ge_says_by_a_number_that_an_image_is_a_map_of_anisotropy(
    elements: dict[str, object], kind: DwiKind
) -> None:
    assert kind_of(**SIGNAL, **elements) is kind


@pytest.mark.parametrize(
    ("frame_type", "image_type", "kind"),
    [
        (["DERIVED", "PRIMARY", "DIFFUSION", "ADC"], ["ORIGINAL", "PRIMARY"], DwiKind.ADC_MAP),
        (["ORIGINAL", "PRIMARY", "DIFFUSION"], ["DERIVED", "MIXED", "ADC"], DwiKind.UNDIRECTED),
        (None, ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"], DwiKind.ADC_MAP),
        (None, "ADC", DwiKind.ADC_MAP),
    ],
)
def test_the_type_of_the_frame_goes_before_that_of_the_object(
    frame_type: list[str] | None, image_type: list[str] | str, kind: DwiKind
) -> None:
    words: dict[str, object] = {"ImageType": image_type}
    if frame_type is not None:
        words["FrameType"] = frame_type
    assert kind_of(DiffusionBValue=800.0, **words) is kind
