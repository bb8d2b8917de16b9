"""UIDs of the standard stay; those that a site put under its root are mapped as all others."""

from __future__ import annotations

import pytest

from biomarker_cli.dicom.identity import UidMap


@pytest.mark.parametrize(
    "uid", ["1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.128", "1.2.840.10008.1.4.1.1", ""]
)
def test_uids_of_the_standard_stay(uid):
    assert UidMap(b"key")(uid) == uid


@pytest.mark.parametrize("uid", ["1.2.840.10008.99.1", "1.2.840.10008.5.1.4.1.1.128.7", "1.2.3"])
def test_uids_of_others_are_mapped(uid):
    assert UidMap(b"key")(uid).startswith("2.25.")
