"""Known rigid motions of real series, made in the header: the truth is exact."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from synthetic_registration import moved

from biomarker_cli.api.images import read_volume
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.rules import RegionRules
from biomarker_cli.regions.target import ImageTarget
from biomarker_cli.registration.alignment import centre_mm, moved_start
from biomarker_cli.registration.anatomy import region_points_mm, transformed
from biomarker_cli.registration.registering import register
from biomarker_cli.registration.rules import FigureLimit, load_registration

pytestmark = pytest.mark.data

WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
MOTIONS = [
    ((5.0, -7.0, 4.0), (3.0, -2.0, 5.0)),
    ((-14.0, 16.0, 12.0), (-9.0, 8.0, 8.0)),
][: None if WHOLE else 1]


def _protocol():
    """Return the shipped one without its further alignments: the motion is what is asked."""
    protocol = load_registration("rigid-same-modality")
    names = ("restart_spread_mm", "restart_gain", "inverse_consistency_mm", "mirror_gain")
    checks = protocol.file.checks.model_copy(update=dict.fromkeys(names, FigureLimit()))
    return replace(protocol, file=protocol.file.model_copy(update={"checks": checks}))


@pytest.mark.parametrize(("shift_mm", "angles_deg"), MOTIONS)
@pytest.mark.parametrize("series", ["CT", "PET", "MR_T1"])
def test_a_header_motion_is_found_within_0_2_mm_at_the_lesion(
    data_dir, series, shift_mm, angles_deg
):
    folder = data_dir / "sts" / "STS_003" / series
    fixed = read_volume(folder / "image")
    (structure,) = (folder / "mask").iterdir()
    (lesion,) = import_regions(structure, ImageTarget.from_volume(fixed), RegionRules(), None)
    truth = moved_start(centre_mm(fixed.geometry), np.array(shift_mm), angles_deg)
    found = register(fixed, moved(fixed, truth), _protocol(), [lesion.region])
    points = region_points_mm(lesion.region)
    apart = transformed(found.matrix, points) - transformed(truth, points)
    assert np.linalg.norm(apart, axis=1).mean() < 0.2
    assert [one.roi_id for one in found.rois] == ["", lesion.roi_id]
    # The moved copy claims the frame of reference that it was moved out of.
    for one in found.rois:
        asked = {name for name, verdict in one.verdicts.items() if verdict != "ok"}
        assert asked == {"displacement_same_frame_mm"}
        assert one.status == "review"
