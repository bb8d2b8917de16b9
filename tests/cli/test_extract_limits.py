"""``extract`` with the analysis of a phantom: a broken limit is told to the shell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic_dwi import SHAPE, Spec, write_dwi
from synthetic_protocols import protocol_head

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry


@pytest.fixture
def phantom(tmp_path: Path) -> Path:
    """A vial of 1.1e-3 mm2/s, and its mask called mask."""
    signal = {b: np.full(SHAPE, 5000 * np.exp(-b * 1.1e-3)) for b in (0, 500, 900)}
    write_dwi(tmp_path / "dwi", [Spec(b, array=array) for b, array in signal.items()])
    grid = Geometry(SHAPE, (1.0, 2.0, 3.0))
    write_nifti(np.ones(SHAPE, dtype=np.uint8), grid, tmp_path / "mask.nii.gz")
    return tmp_path


def analysis(folder: Path, vials: str) -> Path:
    path = folder / "ours.yaml"
    path.write_text(
        protocol_head("analysis", "ours", "1.0.0", "active")
        + "extends: dwi-phantom@0.1.0\nadc:\n  phantom:\n    certificate:\n"
        + f"      {{phantom: p, source: c, temperature_c: 0, vials: [{vials}]}}\n"
    )
    return path


@pytest.mark.parametrize(
    ("vials", "code", "said"),
    [
        ("{roi: mask, adc_mm2_s: 1.13e-3}", 0, ""),
        ("{roi: mask, adc_mm2_s: 1.15e-3}", 7, "mask: adc.phantom.bias_pass is 0"),
        # The worst that happened is told, and both are said.
        ("{roi: mask, adc_mm2_s: 1.15e-3}, {roi: x, adc_mm2_s: 1e-3}", 5, "REGION-REQUIRED"),
        ("{roi: mask, adc_mm2_s: 1.13e-3}, {roi: x, adc_mm2_s: 1e-3}", 5, "REGION-REQUIRED"),
    ],
)
def test_extract_exits_7_where_a_limit_is_broken(biomarker, phantom, vials, code, said):
    chosen = analysis(phantom, vials)
    done = biomarker(
        *("extract", "adc", "--image", phantom / "dwi", "--mask", phantom / "mask.nii.gz"),
        *("--analysis", chosen, "-o", phantom / "out"),
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert ("out of its limit" in done.stderr) == ("1.15e-3" in vials)
    rows = (phantom / "out" / "rois.csv").read_text()
    assert ("REGION-REQUIRED" in rows) == ("roi: x" in vials)
