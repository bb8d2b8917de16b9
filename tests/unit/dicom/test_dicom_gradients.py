"""The weighting direction of a frame as each vendor writes it, with the element that says it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.gradients import (
    Directionality,
    Gradient,
    b_matrix_trace,
    has_zero_vector,
    read_gradient,
    says_unweighted,
    written_vectors,
)

NONE, DIRECTIONAL, ISOTROPIC, UNKNOWN = (
    Directionality.NONE,
    Directionality.DIRECTIONAL,
    Directionality.ISOTROPIC,
    Directionality.UNKNOWN,
)
OBLIQUE = (0.6, -0.64, 0.48)


def header(*private, **elements):
    """Private elements are given as (group, creator, offset, VR, value)."""
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    blocks = {}
    for group, creator, offset, vr, value in private:
        block = blocks.setdefault((group, creator), 0x10 + len(blocks))
        dataset.add_new((group, block), "LO", creator)
        dataset.add_new((group, (block << 8) + offset), vr, value)
    return FrameHeader(dataset, 0, Path("image.dcm"))


def siemens(offset, vr, value):
    return (0x0019, "SIEMENS MR HEADER", offset, vr, value)


def ge(mode, flag="8", vector=()):
    parts = [(0x0019, "GEMS_ACQU_01", 0xBB + n, "DS", str(v)) for n, v in enumerate(vector)]
    return [
        (0x0021, "GEMS_RELA_01", 0x5A, "SL", mode),
        (0x0043, "GEMS_PARM_01", 0x30, "IS", flag),
        *parts,
    ]


def philips(word, *parts):
    slope = "Philips MR Imaging DD 001"
    return [
        (0x2001, "Philips Imaging DD 001", 0x04, "CS", word),
        *((0x2005, slope, 0xB0 + n, "FL", v) for n, v in enumerate(parts)),
    ]


CASES = {
    "standard, isotropic": (
        header(DiffusionDirectionality="ISOTROPIC"),
        Gradient(ISOTROPIC, None, "(0018,9075)"),
    ),
    "standard, none": (
        header(DiffusionDirectionality="NONE"),
        Gradient(NONE, None, "(0018,9075)"),
    ),
    "standard, directional": (
        header(DiffusionDirectionality="DIRECTIONAL", DiffusionGradientOrientation=[*OBLIQUE]),
        Gradient(DIRECTIONAL, OBLIQUE, "(0018,9075)"),
    ),
    "Philips, the standard vector": (
        header(*philips("O"), DiffusionGradientOrientation=[*OBLIQUE]),
        Gradient(DIRECTIONAL, OBLIQUE, "(0018,9089)"),
    ),
    "Philips, its own vector": (
        header(*philips("O", 0.0, 0.0, 1.0)),
        Gradient(DIRECTIONAL, (0.0, 0.0, 1.0), "(0018,9089)"),
    ),
    "Philips, isotropic": (header(*philips("I")), Gradient(ISOTROPIC, None, "(2001,xx04)")),
    "Philips, oblique without vector": (
        header(*philips("O")),
        Gradient(UNKNOWN, None, "(2001,xx04)"),
    ),
    "GE, a tensor": (
        header(*ge(16, vector=OBLIQUE)),
        Gradient(DIRECTIONAL, OBLIQUE, "(0019,xxBB)"),
    ),
    "GE, combined": (
        header(*ge(3, flag="15", vector=OBLIQUE)),
        Gradient(ISOTROPIC, None, "(0043,xx30)"),
    ),
    "GE, the flag means nothing in a tensor": (
        header(*ge(16, flag="15", vector=OBLIQUE)),
        Gradient(DIRECTIONAL, OBLIQUE, "(0019,xxBB)"),
    ),
    "GE, no vector": (header(*ge(16)), Gradient(UNKNOWN, None, "(0019,xxBB)")),
    "GE, no diffusion": (header(*ge(0, vector=OBLIQUE)), Gradient(UNKNOWN)),
    "Siemens, directional": (
        header(siemens(0x0D, "CS", "DIRECTIONAL"), siemens(0x0E, "FD", [*OBLIQUE])),
        Gradient(DIRECTIONAL, OBLIQUE, "(0019,xx0E)"),
    ),
    "Siemens, trace": (
        header(siemens(0x0D, "CS", "TRACE")),
        Gradient(ISOTROPIC, None, "(0019,xx0D)"),
    ),
    "Siemens, directional without vector": (
        header(siemens(0x0D, "CS", "DIRECTIONAL")),
        Gradient(UNKNOWN, None, "(0019,xx0D)"),
    ),
    "United Imaging": (
        header((0x0065, "Image Private Header", 0x37, "FD", [*OBLIQUE])),
        Gradient(DIRECTIONAL, OBLIQUE, "(0065,xx37)"),
    ),
    "the vector alone": (
        header(DiffusionGradientOrientation=[*OBLIQUE]),
        Gradient(DIRECTIONAL, OBLIQUE, "(0018,9089)"),
    ),
    "a vector of length 0": (header(DiffusionGradientOrientation=[0, 0, 0]), Gradient(UNKNOWN)),
    "nothing": (header(), Gradient(UNKNOWN)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_direction_is_read_as_its_vendor_writes_it(name):
    frame, expected = CASES[name]
    assert read_gradient(frame) == expected


def test_vectors_of_every_element_are_told_with_their_length():
    both = header(siemens(0x0E, "FD", [0.0, 0.0, 2.0]), DiffusionGradientOrientation=[*OBLIQUE])
    found = {one.tag: one.squared_length for one in written_vectors(both)}
    assert found == {"(0018,9089)": pytest.approx(1.0), "(0019,xx0E)": pytest.approx(4.0)}
    assert not has_zero_vector(both)
    assert has_zero_vector(header(DiffusionGradientOrientation=[0.0, 0.0, 0.0]))
    assert not has_zero_vector(header())
    mixed = header(siemens(0x0E, "FD", [*OBLIQUE]), DiffusionGradientOrientation=[0.0, 0.0, 0.0])
    assert not has_zero_vector(mixed)


def test_the_trace_of_the_b_matrix_is_the_sum_of_its_diagonal():
    # xx, xy, xz, yy, yz, zz
    private = header(siemens(0x27, "FD", [100.0, 7.0, 8.0, 200.0, 9.0, 400.0]))
    assert b_matrix_trace(private) == (700.0, "(0019,xx27)")
    matrix = Dataset()
    matrix.DiffusionBValueXX, matrix.DiffusionBValueXY, matrix.DiffusionBValueXZ = 1.0, 50.0, 60.0
    matrix.DiffusionBValueYY, matrix.DiffusionBValueYZ, matrix.DiffusionBValueZZ = 2.0, 70.0, 4.0
    assert b_matrix_trace(header(DiffusionBMatrixSequence=[matrix])) == (7.0, "(0018,9601)")
    assert b_matrix_trace(header()) == (None, "")


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (header(DiffusionDirectionality="NONE"), "(0018,9075) says NONE"),
        (
            header(*ge(16, flag="14")),
            "(0043,xx30) says that it is no diffusion-weighted image (14)",
        ),
        (header(*ge(0, flag="14")), ""),
        (header(*ge(16, flag="15")), ""),
        (header(DiffusionDirectionality="ISOTROPIC"), ""),
    ],
)
def test_an_image_without_weighting_may_say_so(frame, says):
    assert says_unweighted(frame) == says
