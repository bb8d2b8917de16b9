"""What the ROI map lets be carried, and by what."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_registration import motion

from biomarker_cli.registration.carry_rules import DEFAULT_CARRY, require_carried, require_rigid
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.rules import load_registration


def _refusal(rule: str, protocol: str) -> str:
    try:
        require_carried("gtv", rule, load_registration(protocol))
    except RegistrationError as error:
        return f"{error.where} {error.code}"
    return ""


@pytest.mark.parametrize(
    ("rule", "by_rigid", "by_field"),
    [
        ("never", "gtv REGISTRATION-CARRY-NEVER", "gtv REGISTRATION-CARRY-NEVER"),
        ("rigid", "", "gtv REGISTRATION-CARRY-RIGID"),
        ("deformable", "", ""),
    ],
)
def test_only_what_is_named_deformable_is_deformed(rule, by_rigid, by_field):
    for protocol in ("rigid-same-modality", "rigid-mr-ct", "none"):
        assert _refusal(rule, protocol) == by_rigid
    assert _refusal(rule, "demons-ct-ct") == by_field


def test_where_nothing_is_said_a_roi_is_carried_rigidly():
    assert DEFAULT_CARRY == "rigid"


@pytest.mark.parametrize("scales", [(2.0, 0.5, 1.0), (1.002, 1.002, 1.002)])
def test_a_transform_that_stretches_carries_only_what_is_named_deformable(scales):
    """With the first no volume changes, and a lesion is twice as long."""
    matrix = motion() @ np.diag((*scales, 1.0))
    with pytest.raises(RegistrationError) as caught:
        require_rigid("gtv", "rigid", matrix)
    assert (caught.value.where, caught.value.code) == ("gtv", "REGISTRATION-CARRY-RIGID")
    require_rigid("gtv", "deformable", matrix)
    require_rigid("gtv", "rigid", motion())
