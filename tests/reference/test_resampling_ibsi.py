"""The resampled CT phantom against the IBSI-1 reference values of configurations C and E.

Values of intensity statistics and of the approximate volume depend on nothing
but the resampling of image and mask, and the re-segmentation to [-1000, 400] HU
(C) or to 3 standard deviations (E).
"""

import csv

import numpy as np
import pytest

from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.imaging.resampling import centred_axis, interpolate, interpolate_mask
from biomarker_cli.model.quantity import HU

pytestmark = pytest.mark.data

SPACING_MM = 2.0


def _reference(reference_dir, config):
    with (reference_dir / "ibsi1_reference_values.csv").open() as file:
        return {
            row["tag"]: (float(row["value"]), float(row["tolerance"] or 0))
            for row in csv.DictReader(file)
            if row["config"] == config and row["value"]
        }


def _resampled(data_dir, interpolation):
    folder = data_dir / "ibsi" / "ct_phantom" / "nifti"
    image = read_image_file(folder / "image" / "phantom.nii.gz", HU)
    mask = read_image_file(folder / "mask" / "mask.nii.gz", HU)
    sizes = zip(image.array.shape, image.geometry.spacing_mm[::-1], strict=True)
    z, y, x = (centred_axis(length, spacing, SPACING_MM) for length, spacing in sizes)
    # IBSI rounds CT to whole Hounsfield units after interpolation.
    values = np.rint(interpolate(image.as_float64(), (z, y, x), interpolation))
    return values, interpolate_mask(mask.array > 0, (z, y, x), "linear")


def _hold(found, reference):
    for name, value in found.items():
        expected, tolerance = reference[name]
        assert abs(value - expected) <= tolerance, name


def test_configuration_c_trilinear(data_dir, reference_dir):
    image, morphological = _resampled(data_dir, "linear")
    roi = image[morphological & (image >= -1000) & (image <= 400)]
    _hold(
        {
            "morph_vol_approx": np.count_nonzero(morphological) * SPACING_MM**3,
            "stat_mean": roi.mean(),
            "stat_median": np.median(roi),
            "stat_min": roi.min(),
            "stat_max": roi.max(),
            "stat_rms": np.sqrt((roi**2).mean()),
        },
        _reference(reference_dir, "C"),
    )


def test_configuration_e_tricubic(data_dir, reference_dir):
    image, morphological = _resampled(data_dir, "cubic")
    inside = image[morphological & (image >= -1000) & (image <= 400)]
    roi = inside[np.abs(inside - inside.mean()) <= 3 * inside.std()]
    _hold(
        {
            "morph_vol_approx": np.count_nonzero(morphological) * SPACING_MM**3,
            "stat_mean": roi.mean(),
            "stat_median": np.median(roi),
            "stat_min": roi.min(),
            "stat_max": roi.max(),
            "stat_rms": np.sqrt((roi**2).mean()),
        },
        _reference(reference_dir, "E"),
    )
