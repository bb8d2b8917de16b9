"""plastimatch as an independent oracle: its rasteriser shares no code with ours.

It unites nested contours and puts planes midway between slices on the upper one,
so only ROIs without those are compared.
"""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.reading import read_frames
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget

pytestmark = [pytest.mark.data, pytest.mark.oracle]

PLASTIMATCH = shutil.which("plastimatch")

CASES = {
    "sts/STS_001/CT": ("image", "mask/RS.dcm", {"GTV_Mass_CT"}),
    "sts/STS_001/PET": ("image", "mask/RS.dcm", {"GTV_Mass_PET"}),
    "sts/STS_002/MR_T1": ("image", "mask/RS.dcm", {"GTV_Mass_MR_T1"}),
    "seg/lung1_holes": ("image", "rtstruct/1-1.dcm", {"GTV-1", "Spinal-Cord"}),
    "seg/synth_anis": (
        "image",
        "rtstruct_noempty/rtss_noempty.dcm",
        {
            "solid",
            "donut_keyhole",
            "two_overlap",
            "sparse_every2",
            "sparse_every4",
            "offplane_0p4",
            "tiny_r0p4",
            "small_r3",
            "edge_outside",
            "outside_z",
        },
    ),
}


@pytest.mark.skipif(PLASTIMATCH is None, reason="plastimatch is not installed")
@pytest.mark.parametrize("folder", CASES)
def test_masks_are_voxel_identical_to_those_of_plastimatch(data_dir, tmp_path, folder):
    image_name, structure_set_name, labels = CASES[folder]
    image = data_dir / folder / image_name
    structure_set = data_dir / folder / structure_set_name
    command = [PLASTIMATCH, "convert", "--input", structure_set, "--referenced-ct", image]
    command += ["--output-prefix", tmp_path, "--prefix-format", "nii.gz"]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    (candidate,) = scan([image]).volumes
    target = ImageTarget.from_frames(candidate.geometry, read_frames(candidate))
    rules = RegionRules(gaps="none")
    compared = set()
    for roi in import_regions(structure_set, target, rules):
        if roi.roi_id in labels:
            (theirs,) = import_regions(tmp_path / f"{roi.roi_id}.nii.gz", target, rules)
            np.testing.assert_array_equal(roi.region.mask, theirs.region.mask)
            compared.add(roi.roi_id)
    assert compared == labels
