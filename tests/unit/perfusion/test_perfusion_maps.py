"""Maps of all voxels: slabs of slices, and a series without contrast agent."""

from __future__ import annotations

import numpy as np
import pytest
from perfusion_cases import FolderImage, dce_rules
from synthetic_dce import SHAPE, Truth, Written, siemens, write_dynamic

from biomarker_cli.perfusion import dce_maps
from biomarker_cli.perfusion.errors import PerfusionError

TRUTH = Truth(n=40)
RULES = dce_rules(level="voxel", statistics=["median"])


def test_slabs_of_one_slice_give_what_the_whole_gives(tmp_path, monkeypatch):
    signal = np.empty((TRUTH.n, *SHAPE))
    signal[:] = TRUTH.signal()[:, None, None, None]
    for z in range(SHAPE[0]):
        signal[:, z, :3] = Truth(n=TRUTH.n, ktrans=0.05 * (z + 1)).signal()[:, None, None]
    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH)), signal)
    whole = dce_maps.dce_maps(FolderImage(tmp_path), RULES)
    monkeypatch.setattr(dce_maps, "_SLAB_BYTES", 1)
    slabs = dce_maps.dce_maps(FolderImage(tmp_path), RULES)
    assert [one.image for one in slabs] == [one.image for one in whole]
    for one, other in zip(whole, slabs, strict=True):
        np.testing.assert_array_equal(one.volume.array, other.volume.array)
    (ktrans,) = (one.volume.array for one in slabs if one.image == "ktrans_etofts")
    assert ktrans[:, 0, 0] == pytest.approx([0.05, 0.1], rel=0.02)
    assert ktrans[:, 5, 0] == pytest.approx(0.2, rel=0.02)


def test_no_map_without_contrast_agent(tmp_path):
    write_dynamic(tmp_path, TRUTH, Written(change=siemens(TRUTH)), np.full(TRUTH.n, 500.0))
    with pytest.raises(PerfusionError) as error:
        dce_maps.dce_maps(FolderImage(tmp_path), RULES)
    assert error.value.code == "DCE-NO-ARRIVAL"


def test_no_map_where_the_bolus_is_within_the_baseline(tmp_path):
    early = Truth(n=40, onset_s=6.0)
    write_dynamic(tmp_path, early, Written(change=siemens(early)))
    with pytest.raises(PerfusionError) as error:
        dce_maps.dce_maps(FolderImage(tmp_path), RULES)
    assert error.value.code == "DCE-NO-ARRIVAL"
