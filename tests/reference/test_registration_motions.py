"""Known rigid motions of real series, made in the header: the truth is exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic_registration import moved

from biomarker_cli.api.images import read_volume
from biomarker_cli.registration.alignment import centre_mm, image_of, moved_start
from biomarker_cli.registration.anatomy import body_points_mm, transformed
from biomarker_cli.registration.registering import register
from biomarker_cli.registration.rules import FigureLimit, load_registration

pytestmark = pytest.mark.data


def _protocol():
    """Return the shipped one without its further alignments: the motion is what is asked."""
    protocol = load_registration("rigid-same-modality")
    names = ("restart_spread_mm", "inverse_consistency_mm", "mirror_gain")
    checks = protocol.file.checks.model_copy(update=dict.fromkeys(names, FigureLimit()))
    return replace(protocol, file=protocol.file.model_copy(update={"checks": checks}))


@pytest.mark.parametrize("series", ["CT", "PET", "MR_T1"])
def test_a_header_motion_is_found_within_0_2_mm(data_dir, series):
    fixed = read_volume(data_dir / "sts" / "STS_003" / series)
    truth = moved_start(centre_mm(fixed.geometry), np.array([5.0, -7.0, 4.0]), (3.0, -2.0, 5.0))
    found = register(fixed, moved(fixed, truth), _protocol())
    points = body_points_mm(image_of(fixed))
    apart = transformed(found.matrix, points) - transformed(truth, points)
    assert np.linalg.norm(apart, axis=1).mean() < 0.2
    assert found.status != "failed"
