"""Headers that nobody would write, and some that somebody did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from synthetic_dwi import Spec, candidates, write_dwi

from biomarker_cli.dicom.bvalues import read_b_value
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.gradients import read_gradient
from biomarker_cli.dicom.private_values import numbers
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.model.errors import BiomarkerError

RULES = AdcRules.model_validate(
    {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["mean"]}
)
quick = settings(deadline=None, max_examples=60)

PRIVATE = [
    (0x0019, "SIEMENS MR HEADER", 0x0C),
    (0x0019, "SIEMENS MR HEADER", 0x0E),
    (0x0043, "GEMS_PARM_01", 0x39),
    (0x0021, "GEMS_RELA_01", 0x5A),
    (0x2001, "Philips Imaging DD 001", 0x03),
    (0x2001, "Philips Imaging DD 001", 0x04),
    (0x0065, "Image Private Header", 0x09),
    (0x0065, "Image Private Header", 0x37),
]


@quick
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_are_no_number(raw: bytes) -> None:
    assert all(isinstance(number, float) for number in numbers(raw))


@quick
@given(
    place=st.sampled_from(PRIVATE), raw=st.binary(max_size=24), maker=st.sampled_from(["UIH", "GE"])
)
def test_private_elements_of_any_content_never_raise(
    place: tuple[int, str, int], raw: bytes, maker: str
) -> None:
    group, creator, offset = place
    dataset = Dataset()
    dataset.Manufacturer = maker
    dataset.add_new((group, 0x0010), "LO", creator)
    dataset.add_new((group, 0x1000 + offset), "UN", raw)
    header = FrameHeader(dataset)
    read_b_value(header)
    read_gradient(header)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [_cut, _empty, _remove])
def test_a_damaged_slice_is_a_named_error_not_a_number(tmp_path: Path, damage) -> None:
    write_dwi(tmp_path, [Spec(0), Spec(500), Spec(800)])
    damage(tmp_path / "dwi_01_01.dcm")
    with pytest.raises(BiomarkerError) as caught:
        diffusion_maps(candidates(tmp_path), RULES)
    assert caught.value.code


def test_a_volume_without_signal_has_no_fit_anywhere(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(0), Spec(800, array=np.zeros(1))])
    (found,) = diffusion_maps(candidates(tmp_path), RULES)
    assert np.isnan(found.volume.array).all()


def test_padding_is_no_signal(tmp_path: Path) -> None:
    padded = np.array(Spec(800).signal())
    padded[:, 0, 0] = padded.max(axis=(1, 2))  # stored as 65535 in every slice

    def pad(dataset: Dataset) -> None:
        dataset.add_new((0x0028, 0x0120), "US", 65535)

    write_dwi(tmp_path, [Spec(0), Spec(800, array=padded, change=pad)])
    (found,) = diffusion_maps(candidates(tmp_path), RULES)
    assert np.isnan(found.volume.array[:, 0, 0]).all()


@pytest.mark.parametrize("keyword", ["EchoTime", "RepetitionTime"])
def test_a_timing_that_stands_on_some_volumes_alone_is_mixed(tmp_path: Path, keyword: str) -> None:
    def without(dataset: Dataset) -> None:
        delattr(dataset, keyword)

    write_dwi(tmp_path, [Spec(0), Spec(800, change=without)])
    with pytest.raises(BiomarkerError) as caught:
        diffusion_maps(candidates(tmp_path), RULES)
    assert caught.value.code in {"ADC-MIXED-ECHO", "ADC-MIXED-TR"}


def test_no_candidates_at_all() -> None:
    with pytest.raises(BiomarkerError) as caught:
        diffusion_maps((), RULES)
    assert caught.value.code == "ADC-NO-B-VALUES"


JUNK_TAGS = [
    (0x0018, 0x0080),  # RepetitionTime
    (0x0018, 0x0081),  # EchoTime
    (0x0018, 0x9087),  # DiffusionBValue
    (0x0018, 0x9089),  # DiffusionGradientOrientation
    (0x0018, 0x9075),  # DiffusionDirectionality
    (0x0018, 0x9117),  # MRDiffusionSequence
    (0x0008, 0x0008),  # ImageType
    (0x0008, 0x0070),  # Manufacturer
    (0x0028, 0x1053),  # RescaleSlope
    (0x0028, 0x1054),  # RescaleType
]


@pytest.mark.parametrize("tag", JUNK_TAGS)
@pytest.mark.parametrize("text", ["", "x", "1\\2\\3\\4", "-0", "1e400", "PHILIPS"])
def test_text_where_something_else_belongs_is_named_or_measured(
    tmp_path: Path, tag: tuple[int, int], text: str
) -> None:
    def junk(dataset: Dataset) -> None:
        if tag in dataset:
            del dataset[tag]
        dataset.add_new(tag, "LO", text)

    write_dwi(tmp_path, [Spec(0), Spec(800, (1.0, 0.0, 0.0), change=junk)])
    try:
        maps = diffusion_maps(candidates(tmp_path), RULES)
    except BiomarkerError:
        return  # refused by name; anything else would fail the test
    assert np.isfinite(maps[0].volume.array).any()
