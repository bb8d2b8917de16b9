"""The file of a transform is what ITK reads as the same transform."""

from __future__ import annotations

import numpy as np
import SimpleITK
from synthetic_registration import GRID, motion

from biomarker_cli.registration.alignment import centre_mm, matrix_of
from biomarker_cli.registration.transform_files import write_tfm


def test_itk_reads_the_transform_back_within_1e_12(tmp_path):
    write_tfm(motion(), centre_mm(GRID), tmp_path / "a.tfm")
    read = SimpleITK.ReadTransform(str(tmp_path / "a.tfm"))
    point = (3.0, -7.5, 21.0)
    expected = (motion() @ (*point, 1.0))[:3]
    np.testing.assert_allclose(read.TransformPoint(point), expected, atol=1e-12)
    np.testing.assert_allclose(matrix_of(SimpleITK.AffineTransform(read)), motion(), atol=1e-12)


def test_itk_resamples_the_moving_image_onto_the_fixed_one_with_it(tmp_path):
    """The direction: fixed point to moving point."""
    fixed = SimpleITK.Image(20, 20, 20, SimpleITK.sitkFloat32)
    moving = SimpleITK.Image(fixed)
    fixed[10, 10, 10], moving[13, 10, 10] = 1, 1
    shift = np.eye(4)
    shift[0, 3] = 3
    write_tfm(shift, np.zeros(3), tmp_path / "a.tfm")
    there = SimpleITK.Resample(moving, fixed, SimpleITK.ReadTransform(str(tmp_path / "a.tfm")))
    assert there[10, 10, 10] == 1
