"""Transforms of other programs: read with their direction, and refused where they are none."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from synthetic_registration import GRID, motion

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.model.inputs import InputError
from biomarker_cli.registration.alignment import centre_mm
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.given_transforms import read_transform, transform_in
from biomarker_cli.registration.transform_files import write_tfm

TFM = Path("given.tfm")
AFFINE = "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"


def _written(transform, tmp_path) -> bytes:
    SimpleITK.WriteTransform(transform, str(tmp_path / "made.tfm"))
    return (tmp_path / "made.tfm").read_bytes()


def test_what_is_written_is_read_back(tmp_path):
    write_tfm(motion(), centre_mm(GRID), tmp_path / "a.tfm")
    found = transform_in((tmp_path / "a.tfm").read_bytes(), TFM, "", "")
    np.testing.assert_allclose(found, motion(), atol=1e-12)


def test_rigid_transforms_of_itk_and_chains_of_them_are_taken(tmp_path):
    euler = SimpleITK.Euler3DTransform((1.0, 2.0, 3.0), 0.1, -0.2, 0.3, (4.0, 5.0, 6.0))
    shift = SimpleITK.TranslationTransform(3, (7.0, 0.0, -1.0))
    chain = SimpleITK.CompositeTransform([shift, euler])
    for transform in (euler, shift, chain):
        found = transform_in(_written(transform, tmp_path), TFM, "", "")
        for point in ((0.0, 0.0, 0.0), (10.0, -20.0, 300.0)):
            expected = transform.TransformPoint(point)
            np.testing.assert_allclose((found @ (*point, 1.0))[:3], expected, atol=1e-9)


def _affine(numbers) -> bytes:
    return f"{AFFINE}Parameters: {' '.join(map(str, numbers))}\nFixedParameters: 0 0 0\n".encode()


_ONE = _affine([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])
_NEXT = b"Transform: AffineTransform_double_3_3\n" + _ONE[len(AFFINE) :]

UNUSABLE = {
    "two": _ONE + b"#Transform 1\n" + _NEXT,
    "two files in one": _ONE + _ONE,
    "two, one of them indented": _ONE + _NEXT.replace(b"Transform:", b"  Transform :"),
    "two, one of them indented throughout": _ONE + b"  " + _NEXT.replace(b"\n", b"\n  ") + b"\n",
    "two, without a line between them": _ONE + _NEXT,
    "a chain of nothing": _ONE.splitlines(keepends=True)[0]
    + b"#Transform 0\nTransform: CompositeTransform_double_3_3\n",
    "empty": b"",
    "text": b"x,y,z\n1,2,3\n",
    "truncated": AFFINE.encode(),
    "too few numbers": _affine(range(7)),
    "too few fixed numbers": _affine([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0])[:-3] + b"\n",
    "words": _affine(["one"] * 12),
    "no number": _affine(["nan"] * 12),
    "infinite": _affine([1, 0, 0, 0, 1, 0, 0, 0, 1, "inf", 0, 0]),
    "mirror": _affine([-1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]),
    "flat": _affine([1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
    "unknown kind": AFFINE.replace("Affine", "Magic").encode() + b"Parameters: 1\n",
    "huge": AFFINE.encode() + b"Parameters: " + b"1 " * 200_000,
    "not text": bytes(range(256)) * 4,
    "not ASCII": AFFINE.replace("Affine", "Äffine").encode() + b"Parameters: 1\n",
    "no DICOM in disguise": b"\0" * 128 + b"DICM" + b"\0" * 64,
}


@pytest.mark.parametrize("content", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_is_no_transform_is_refused_by_name(content):
    with pytest.raises(RegistrationError) as refused:
        transform_in(content, TFM, "", "")
    assert refused.value.code == "REGISTRATION-TRANSFORM"
    assert refused.value.where == "given.tfm"


def test_several_transforms_are_counted():
    """ITK would take the first and say so to nobody."""
    with pytest.raises(RegistrationError, match="it holds 3 transforms that are no chain"):
        transform_in(_ONE + _NEXT + _NEXT, TFM, "", "")


def test_a_file_is_read_as_its_bytes_and_no_pipe_is_waited_for(tmp_path):
    write_tfm(motion(), centre_mm(GRID), tmp_path / "a.TFM")
    found = read_transform(tmp_path / "a.TFM", "", "")
    np.testing.assert_array_equal(
        found, transform_in((tmp_path / "a.TFM").read_bytes(), TFM, "", "")
    )
    (tmp_path / "b.tfm").write_bytes(UNUSABLE["huge"])
    with pytest.raises(RegistrationError, match="no ITK transform file"):
        read_transform(tmp_path / "b.tfm", "", "")
    os.mkfifo(tmp_path / "c.tfm")
    with pytest.raises(InputError) as refused:
        read_transform(tmp_path / "c.tfm", "", "")
    assert refused.value.code == "FILE-NOT-REGULAR"


def test_fields_and_planes_are_refused(tmp_path):
    spline = SimpleITK.BSplineTransform(3, 3)
    plane = SimpleITK.Euler2DTransform()
    for transform in (spline, plane):
        with pytest.raises(RegistrationError, match="no rigid or affine transform"):
            transform_in(_written(transform, tmp_path), TFM, "", "")


def test_wherever_a_file_is_cut_short_it_is_refused(tmp_path):
    write_tfm(motion(), centre_mm(GRID), tmp_path / "a.tfm")
    whole = (tmp_path / "a.tfm").read_bytes()
    for end in range(0, len(whole), 7):
        with pytest.raises(RegistrationError):
            transform_in(whole[:end], TFM, "", "")


def test_another_ending_is_read_as_dicom():
    with pytest.raises(HeaderError):
        transform_in(_affine([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]), Path("given.dcm"), "1.2", "1.3")
