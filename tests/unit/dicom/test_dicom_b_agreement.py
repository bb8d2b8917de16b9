"""Elements that tell one b-value: what agrees is read, what contradicts is named."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from biomarker_cli.dicom.bvalues import GE_GRADIENT_LENGTH, LARGEST_B, BValue, read_b_value
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.gradients import has_zero_vector
from biomarker_cli.dicom.private_values import first_number, numbers

UNIT = (0.6, 0.0, 0.8)
Private = tuple[int, str, int, str, object]


def shortened(squared: float) -> tuple[float, float, float]:
    """Return a vector with this squared length."""
    return tuple(v * math.sqrt(squared) for v in UNIT)


def header(*private: Private, **elements: object) -> FrameHeader:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    blocks: dict[tuple[int, str], int] = {}
    for group, creator, offset, vr, value in private:
        block = blocks.setdefault((group, creator), 0x10 + len(blocks))
        dataset.add_new((group, block), "LO", creator)
        dataset.add_new((group, (block << 8) + offset), vr, value)
    return FrameHeader(dataset)


def ge(b: int, vector: tuple[float, ...] = UNIT, flag: int = 16, **elements: object) -> FrameHeader:
    parts = [
        (0x0019, "GEMS_ACQU_01", offset, "DS", f"{value:.6f}")
        for offset, value in zip((0xBB, 0xBC, 0xBD), vector, strict=True)
    ]
    return header(
        (0x0043, "GEMS_PARM_01", 0x39, "IS", [b, 8, 0, 0]),
        (0x0043, "GEMS_PARM_01", 0x30, "SS", flag),
        (0x0021, "GEMS_RELA_01", 0x5A, "SL", 16),
        *parts,
        Manufacturer="GE MEDICAL SYSTEMS",
        **elements,
    )


def siemens(b: int, *more: Private, **elements: object) -> FrameHeader:
    element = (0x0019, "SIEMENS MR HEADER", 0x0C, "IS", str(b))
    return header(element, *more, Manufacturer="SIEMENS", **elements)


def philips(b: float, **elements: object) -> FrameHeader:
    return header(
        (0x2001, "Philips Imaging DD 001", 0x03, "FL", b),
        (0x2001, "Philips Imaging DD 001", 0x04, "CS", "O"),
        Manufacturer="Philips Medical Systems",
        **elements,
    )


def uih(actual: float, console: float, **elements: object) -> FrameHeader:
    return header(
        (0x0065, "Image Private Header", 0x09, "FD", actual),
        (0x0065, "Image Private Header", 0x0A, "FD", console),
        Manufacturer="UIH",
        **elements,
    )


def canon(comment: str, **elements: object) -> FrameHeader:
    return header(Manufacturer="CANON_MEC", ImageComments=comment, **elements)


def matrix(xx: float, yy: float, zz: float) -> Sequence:
    item = Dataset()
    item.DiffusionBValueXX, item.DiffusionBValueYY, item.DiffusionBValueZZ = xx, yy, zz
    return Sequence([item])


def read(frame: FrameHeader) -> BValue:
    found = read_b_value(frame)
    assert found is not None
    return found


MATRIX = (0x0019, "SIEMENS MR HEADER", 0x27, "FD")
VECTOR = (0x0019, "SIEMENS MR HEADER", 0x0E, "FD")


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        (ge(1000, DiffusionBValue=3000.0), ("(0018,9087)", "(0043,xx39)", "3000", "1000")),
        (ge(1000, DiffusionBValue=0.0), ("(0018,9087)", "(0043,xx39)")),
        (siemens(500, DiffusionBValue=1000.0), ("(0018,9087)", "(0019,xx0C)", "500")),
        (philips(1000.0, DiffusionBValue=500.0), ("(0018,9087)", "(2001,xx03)")),
        (uih(929.75, 1000.0, DiffusionBValue=500.0), ("(0065,xx09)", "(0018,9087)")),
        (canon("b=2000(0.4,0,0.9)", DiffusionBValue=1000.0), ("(0018,9087)", "(0020,4000)")),
        (uih(500.0, 1000.0), ("(0065,xx09)", "console 1000")),
        (
            header(
                (0x0065, "Image Private Header", 0x0A, "FD", 1000.0),
                Manufacturer="UIH",
                DiffusionBValue=500.0,
            ),
            ("(0018,9087)", "console 1000"),
        ),
        (uih(900.0, 0.0), ("(0065,xx09)", "console 0")),
        (siemens(1000, (*MATRIX, [200.0, 0.0, 0.0, 200.0, 0.0, 100.0])), ("(0019,xx27)", "500")),
        (
            header(DiffusionBValue=1000.0, DiffusionBMatrixSequence=matrix(200, 200, 100)),
            ("(0018,9601)", "500"),
        ),
        (header(DiffusionBValue=1000.0, DiffusionDirectionality="NONE"), ("(0018,9075)", "NONE")),
        (ge(1000, flag=14), ("(0043,xx30)", "14")),
    ],
)
def test_two_elements_that_contradict_are_named(frame: FrameHeader, named: tuple[str, ...]) -> None:
    found = read(frame)
    assert not found.is_usable
    assert found.is_number
    assert all(word in found.conflict for word in named), found.conflict


@pytest.mark.parametrize(
    ("frame", "b"),
    [
        (ge(1000, DiffusionBValue=1000.0), 1000.0),
        (ge(0, (0.0, 0.0, 0.0), flag=14), 0.0),
        (siemens(1000, DiffusionBValue=1005.0), 1005.0),
        (philips(0.0, DiffusionBValue=0.003), 0.003),
        (philips(1000.0, DiffusionBValue=1000.0, DiffusionGradientOrientation=UNIT), 1000.0),
        (uih(929.75, 1000.0, DiffusionBValue=1000.0), 929.75),
        (uih(929.75, 1000.0, DiffusionBValue=930.0), 929.75),
        (uih(1.25, 0.0), 1.25),
        (canon("b=2000(0.4,0,0.9)", DiffusionBValue=2000.0), 2000.0),
        (siemens(1000, (*MATRIX, [400.0, 9.0, 3.0, 400.0, 1.0, 226.0])), 1000.0),
        (siemens(50, (*MATRIX, [20.0, 0.0, 0.0, 20.0, 0.0, 19.0])), 50.0),
        (header(DiffusionBValue=0.0, DiffusionDirectionality="NONE"), 0.0),
        # On b = 0 a direction means nothing.
        (header(DiffusionBValue=0.0, DiffusionGradientOrientation=[1.0, 1.0, 1.0]), 0.0),
        # So it does on an image that is called isotropic.
        (
            header(
                DiffusionBValue=800.0,
                DiffusionDirectionality="ISOTROPIC",
                DiffusionGradientOrientation=[1.0, 1.0, 1.0],
            ),
            800.0,
        ),
    ],
)
def test_elements_that_agree_are_read(frame: FrameHeader, b: float) -> None:
    found = read(frame)
    assert (found.value, found.conflict, found.is_usable) == (b, "", True)


@pytest.mark.parametrize("trace", [969.0, 1031.0])
def test_the_b_matrix_may_differ_by_three_percent_and_no_more(trace: float) -> None:
    def conflict(value: float) -> str:
        return read(siemens(1000, (*MATRIX, [value, 0.0, 0.0, 0.0, 0.0, 0.0]))).conflict

    assert conflict(trace)
    assert not conflict(trace - math.copysign(2.0, trace - 1000.0))


@pytest.mark.parametrize("squared", [1 / 3, 0.5, 2 / 3, 0.9, 0.97])
def test_ge_scales_b_by_the_squared_length_of_the_vector(squared: float) -> None:
    found = read(ge(3000, shortened(squared)))
    assert found.value == pytest.approx(3000 * squared, rel=1e-5)
    assert (found.rule, found.is_usable, found.nominal) == (GE_GRADIENT_LENGTH, True, None)
    assert "(0043,xx39)" in found.tag
    assert "(0019,xxBB)" in found.tag


@pytest.mark.parametrize("squared", [0.981, 1.0, 1.019])
def test_a_squared_length_within_two_percent_is_a_unit_vector(squared: float) -> None:
    found = read(ge(1000, shortened(squared)))
    assert (found.value, found.rule, found.conflict) == (1000.0, "ge_private", "")


def test_ge_public_element_is_the_unscaled_or_the_scaled_value_and_nothing_else() -> None:
    vector = shortened(1 / 3)
    for public in (3000.0, 1000.0):
        found = read(ge(3000, vector, DiffusionBValue=public))
        assert found.value == pytest.approx(1000.0, rel=1e-5)
        assert found.is_usable
    assert read(ge(3000, vector, DiffusionBValue=1000.0)).rule == "standard"
    assert "2000" in read(ge(3000, vector, DiffusionBValue=2000.0)).conflict


def test_ge_direction_in_the_standard_element_alone_scales_too() -> None:
    frame = ge(3000, (0.0, 0.0, 0.0), DiffusionGradientOrientation=list(shortened(1 / 3)))
    assert read(frame).value == pytest.approx(1000.0, rel=1e-5)


def test_ge_private_vector_scales_beside_a_standard_unit_vector() -> None:
    frame = ge(3000, shortened(1 / 3), DiffusionGradientOrientation=list(UNIT))
    assert read(frame).value == pytest.approx(1000.0, rel=1e-5)
    odd = ge(3000, shortened(1 / 3), DiffusionGradientOrientation=list(shortened(0.7)))
    assert "(0018,9089)" in read(odd).conflict


@pytest.mark.parametrize("squared", [1.03, 2.0, 5e-4])
def test_ge_never_scales_up_nor_to_nothing(squared: float) -> None:
    found = read(ge(1000, shortened(squared)))
    assert "squared length" in found.conflict


@pytest.mark.parametrize("squared", [0.5, 0.975, 1.025, 2.0])
@pytest.mark.parametrize(
    "frame_with",
    [
        lambda v: header(DiffusionBValue=1000.0, DiffusionGradientOrientation=list(v)),
        lambda v: philips(1000.0, DiffusionGradientOrientation=list(v)),
        lambda v: siemens(1000, (*VECTOR, list(v))),
        lambda v: uih(1000.0, 1000.0, DiffusionGradientOrientation=list(v)),
        # Without the private b-value nothing says whose convention the length follows.
        lambda v: header(
            Manufacturer="GE MEDICAL SYSTEMS",
            DiffusionBValue=1000.0,
            DiffusionGradientOrientation=list(v),
        ),
    ],
    ids=["standard", "philips", "siemens", "uih", "ge_public_alone"],
)
def test_a_direction_that_is_no_unit_vector_contradicts_b(frame_with, squared: float) -> None:
    assert "squared length" in read(frame_with(shortened(squared))).conflict
    assert read(frame_with(UNIT)).is_usable


@settings(deadline=None, max_examples=60)
@given(
    b=st.integers(50, 5000),
    squared=st.floats(1e-5, 4.0),
    public=st.sampled_from(["absent", "unscaled", "scaled"]),
)
def test_no_length_gives_another_b_than_the_applied_one(
    b: int, squared: float, public: str
) -> None:
    vector = shortened(squared)
    elements = {"unscaled": float(b), "scaled": b * squared}
    more = {} if public == "absent" else {"DiffusionBValue": elements[public]}
    found = read(ge(b, vector, **more))
    if found.is_usable:
        assert found.value == pytest.approx(b * squared, rel=0.021, abs=5.1)


def test_b_with_a_zero_vector_is_b_and_not_zero() -> None:
    frame = ge(1000, (0.0, 0.0, 0.0))
    assert (read(frame).value, read(frame).is_usable) == (1000.0, True)
    assert has_zero_vector(frame)
    assert not has_zero_vector(ge(1000))
    assert not has_zero_vector(header(DiffusionBValue=1000.0))


@pytest.mark.parametrize("value", [-1.0, -1000.0, math.nan, math.inf, 1e300, LARGEST_B * 1.01])
def test_a_number_that_is_no_b_value_is_not_usable(value: float) -> None:
    found = read(header(DiffusionBValue=value))
    assert not found.is_usable
    assert not found.is_number


def test_philips_minus_one_is_an_absence_and_another_negative_is_none() -> None:
    assert read_b_value(philips(-1.0)) is None
    assert not read(philips(-800.0)).is_usable


def test_several_numbers_in_the_standard_element_are_no_b_value() -> None:
    found = read(header(DiffusionBValue=[1000.0, 500.0]))
    assert not found.is_number
    assert "500" in found.written


@pytest.mark.parametrize(
    "frame",
    [
        canon("b=1000,5(0.4,0,0.9)"),
        header((0x0019, "SIEMENS MR HEADER", 0x0C, "LO", "1000,5")),
        header((0x0019, "SIEMENS MR HEADER", 0x0C, "UN", b"1000,5  ")),
        header((0x0019, "SIEMENS MR HEADER", 0x0C, "UN", b"1000,5")),
    ],
)
def test_a_decimal_comma_is_no_number_and_no_absence(frame: FrameHeader) -> None:
    found = read(frame)
    assert math.isnan(found.value)
    assert found.written.startswith("1000,5")


def test_bytes_are_text_or_binary_and_never_the_one_for_the_other() -> None:
    assert numbers(b"1000,5 \\8") == ()
    assert numbers(b"50,5") == ()
    assert math.isnan(first_number("1_000"))
    # A number whose bytes are all zero is 0.
    assert numbers(b"\0" * 8) == (0.0,)
    assert numbers(b"\0" * 4) == (0.0,)
    assert numbers(b"0 ") == (0.0,)
