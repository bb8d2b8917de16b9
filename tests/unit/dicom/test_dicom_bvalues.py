"""b-values and directions, dialect by dialect (one test per row of the rules)."""

from __future__ import annotations

import math

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from biomarker_cli.dicom.bvalues import read_b_value
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.gradients import Directionality, read_gradient
from biomarker_cli.dicom.private_values import first_number, numbers


def header(**elements: object) -> FrameHeader:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return FrameHeader(dataset)


def with_private(
    frame: FrameHeader, group: int, creator: str, *elements: tuple[int, str, object]
) -> FrameHeader:
    # A block other than the usual 0x10, so that a fixed address would not find it.
    frame.dataset.add_new((group, 0x0042), "LO", creator)
    for offset, vr, value in elements:
        frame.dataset.add_new((group, 0x4200 + offset), vr, value)
    return frame


def ge(b: object, mode: int = 16, flag: int = 16) -> FrameHeader:
    frame = with_private(
        header(Manufacturer="GE MEDICAL SYSTEMS"),
        0x0043,
        "GEMS_PARM_01",
        (0x39, "IS", b),
        (0x30, "SS", flag),
    )
    return with_private(frame, 0x0021, "GEMS_RELA_01", (0x5A, "SL", mode))


def test_the_standard_element() -> None:
    found = read_b_value(header(DiffusionBValue=800.0))
    assert found is not None
    assert (found.value, found.tag, found.rule) == (800.0, "(0018,9087)", "standard")


def test_the_standard_element_of_one_frame_of_an_enhanced_object() -> None:
    frames = []
    for b in (0.0, 1000.0):
        diffusion, group = Dataset(), Dataset()
        diffusion.DiffusionBValue = b
        group.MRDiffusionSequence = Sequence([diffusion])
        frames.append(group)
    dataset = Dataset()
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    assert [read_b_value(FrameHeader(dataset, i)).value for i in (0, 1)] == [0.0, 1000.0]


def test_absent_is_none_not_zero() -> None:
    assert read_b_value(header(Modality="MR")) is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ([1000, 8, 0, 0], 1000.0),
        ([1_000_001_000, 8, 0, 0], 1000.0),
        ([1_000_012_000, 8, 0, 0], 12_000.0),
        ([10_000, 8, 0, 0], 10_000.0),
    ],
)
def test_ge_takes_the_bias_of_1e9_and_nothing_smaller(written: object, expected: float) -> None:
    found = read_b_value(ge(written))
    assert found is not None
    assert (found.value, found.rule) == (expected, "ge_private")


def test_ge_zero_counts_only_in_a_diffusion_series() -> None:
    assert read_b_value(ge([0, 8, 0, 0], mode=0, flag=0)) is None
    found = read_b_value(ge([0, 8, 0, 0], mode=16, flag=14))
    assert found is not None
    assert found.value == 0.0


def test_siemens_classic_by_its_creator() -> None:
    frame = with_private(header(), 0x0019, "SIEMENS MR HEADER", (0x0C, "IS", "50"))
    found = read_b_value(frame)
    assert found is not None
    assert (found.value, found.tag) == (50.0, "(0019,xx0C)")


def test_a_private_element_of_another_creator_is_not_read() -> None:
    frame = with_private(header(), 0x0019, "GEMS_ACQU_01", (0x0C, "IS", "50"))
    assert read_b_value(frame) is None


def test_old_philips_by_its_private_element_alone() -> None:
    frame = with_private(
        header(), 0x2001, "Philips Imaging DD 001", (0x03, "FL", 600.0), (0x04, "CS", "O")
    )
    found = read_b_value(frame)
    assert found is not None
    assert (found.value, found.rule) == (600.0, "philips_private")


def test_philips_zero_outside_diffusion_is_no_b_value() -> None:
    frame = with_private(header(), 0x2001, "Philips Imaging DD 001", (0x03, "FL", 0.0))
    assert read_b_value(frame) is None


def test_uih_has_the_applied_value_and_that_of_the_console() -> None:
    frame = with_private(
        header(Manufacturer="UIH"),
        0x0065,
        "Image Private Header",
        (0x09, "FD", 929.75),
        (0x0A, "FD", 1000.0),
    )
    found = read_b_value(frame)
    assert found is not None
    assert (found.value, found.nominal, found.rule) == (929.75, 1000.0, "uih_actual")


@pytest.mark.parametrize("maker", ["TOSHIBA", "CANON_MEC"])
def test_toshiba_comment(maker: str) -> None:
    found = read_b_value(header(Manufacturer=maker, ImageComments="b=2000(0.445,0,0.895)"))
    assert found is not None
    assert (found.value, found.rule) == (2000.0, "toshiba_comment")


def test_a_comment_of_another_maker_is_prose() -> None:
    assert read_b_value(header(Manufacturer="SIEMENS", ImageComments="b=2000(x)")) is None


def test_a_b_value_that_is_no_number_is_not_taken_for_an_absent_one() -> None:
    frame = with_private(header(), 0x0019, "SIEMENS MR HEADER", (0x0C, "LO", "b fifty"))
    found = read_b_value(frame)
    assert found is not None
    assert math.isnan(found.value)


def test_bytes_of_an_unknown_representation_are_read() -> None:
    import struct

    assert first_number(struct.pack("<d", 929.75)) == 929.75
    assert numbers(b"1000\\8\\0\\0 ") == (1000.0, 8.0, 0.0, 0.0)
    assert numbers(b"xyz") == ()
    assert math.isnan(first_number(None))


def test_isotropic_and_directional_by_the_standard() -> None:
    assert read_gradient(header(DiffusionDirectionality="ISOTROPIC")).directionality is (
        Directionality.ISOTROPIC
    )
    direction = Dataset()
    direction.DiffusionGradientOrientation = [1.0, 0.0, 0.0]
    found = read_gradient(
        header(
            DiffusionDirectionality="BMATRIX",
            DiffusionGradientDirectionSequence=Sequence([direction]),
        )
    )
    assert found.direction == (1.0, 0.0, 0.0)


def test_philips_i_without_direction_is_isotropic() -> None:
    frame = with_private(
        header(DiffusionGradientOrientation=[0.0, 0.0, 0.0]),
        0x2001,
        "Philips Imaging DD 001",
        (0x04, "CS", "I"),
    )
    assert read_gradient(frame).directionality is Directionality.ISOTROPIC


def test_philips_o_with_direction_is_directional() -> None:
    frame = with_private(
        header(DiffusionGradientOrientation=[0.0, 1.0, 0.0]),
        0x2001,
        "Philips Imaging DD 001",
        (0x04, "CS", "O"),
    )
    assert read_gradient(frame).directionality is Directionality.DIRECTIONAL


def test_ge_tensor_direction_and_combined_image() -> None:
    frame = with_private(
        ge([1000, 8, 0, 0]),
        0x0019,
        "GEMS_ACQU_01",
        (0xBB, "DS", "0.6"),
        (0xBC, "DS", "0.8"),
        (0xBD, "DS", "0"),
    )
    assert read_gradient(frame).direction == (0.6, 0.8, 0.0)
    assert read_gradient(ge([1000, 8, 0, 0], mode=7, flag=15)).directionality is (
        Directionality.ISOTROPIC
    )
