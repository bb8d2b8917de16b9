"""plastimatch as an independent writer of Spatial Registration objects: which way they lead."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from synthetic_registration import motion

from biomarker_cli.api.images import read_volume
from biomarker_cli.registration.given_transforms import read_transform
from biomarker_cli.registration.pairs import frame_of_reference_of
from biomarker_cli.registration.transform_files import write_tfm

pytestmark = pytest.mark.data


def test_its_object_leads_as_the_transform_that_it_was_given(data_dir, plastimatch, tmp_path):
    folders = [data_dir / "sts" / subject / "PET" / "image" for subject in ("STS_003", "STS_001")]
    write_tfm(motion(), np.zeros(3), tmp_path / "a.tfm")
    subprocess.run(
        [
            *(plastimatch, "xf-convert", "--input", str(tmp_path / "a.tfm")),
            *("--output-dicom", str(tmp_path / "out")),
            *("--fixed-rcs", str(folders[0]), "--moving-rcs", str(folders[1])),
        ],
        check=True,
        capture_output=True,
    )
    (written,) = (tmp_path / "out").glob("sro_*.dcm")
    frames = [frame_of_reference_of(read_volume(folder)) for folder in folders]
    # It writes six decimals.
    assert read_transform(written, *frames) == pytest.approx(motion(), abs=1e-4)
