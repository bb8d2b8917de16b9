"""Registration protocols: those that are shipped, and those that are refused."""

from __future__ import annotations

import pytest
import yaml

from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.locator import ProtocolKind, list_protocols, locate
from biomarker_cli.registration.rules import load_registration


def _changed(tmp_path, change, shipped="rigid-same-modality"):
    data = yaml.safe_load(locate(ProtocolKind.REGISTRATION, shipped).read_text())
    change(data)
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(data))
    return str(path)


def test_every_shipped_protocol_loads():
    names = {load_registration(str(p)).ident for p in list_protocols(ProtocolKind.REGISTRATION)}
    assert {"none@1.0.0", "rigid-same-modality@0.1.0", "rigid-mr-ct@0.1.0"} <= names


def test_across_modalities_review_is_the_rule():
    assert load_registration("rigid-mr-ct").file.review == "always"
    assert load_registration("rigid-same-modality").file.review == "never"


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(transform="none"),
        lambda d: d.pop("rigid"),
        lambda d: d["rigid"].update(levels=[]),
        lambda d: d["rigid"]["sampling"].update(seed=0),
        lambda d: d["rigid"].update(start="moments"),
        lambda d: d["checks"].update(unknown={"fail": 1}),
        lambda d: d["checks"]["rotation_deg"].update(fail="many"),
        lambda d: d["applies_to"].update(pairs=[["CT", "US"]]),
        lambda d: d.update(format="biomarker-response/1"),
    ],
)
def test_a_protocol_that_contradicts_itself_is_refused(tmp_path, change):
    with pytest.raises(ProtocolError) as caught:
        load_registration(_changed(tmp_path, change))
    assert caught.value.code == "PROTOCOL-INVALID"


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(transform="rigid"),
        lambda d: d.pop("rigid"),
        lambda d: d.pop("demons"),
        lambda d: d["applies_to"].update(pairs=[]),
        lambda d: d["applies_to"].update(pairs=[["CT", "CT"], ["MR", "MR"]]),
        lambda d: d["applies_to"].update(pairs=[["MR", "CT"]]),
        lambda d: d["demons"].update(levels=[]),
        lambda d: d["demons"].update(levels=d["demons"]["levels"][::-1]),
        lambda d: d["demons"].update(window_hu=[400, -400]),
        lambda d: d["demons"].update(window_hu=[-1000, float("inf")]),
        lambda d: d["demons"].update(field_sigma_voxels=0),
        lambda d: d["demons"]["levels"][0].update(iterations=0),
        lambda d: d["demons"]["levels"][0].update(voxel_mm=float("nan")),
    ],
)
def test_demons_need_both_stages_and_two_ct(tmp_path, change):
    with pytest.raises(ProtocolError) as caught:
        load_registration(_changed(tmp_path, change, "demons-ct-ct"))
    assert caught.value.code == "PROTOCOL-INVALID"


def test_demons_of_ones_own_are_taken_and_kept_from_other_pairs(tmp_path):
    path = _changed(tmp_path, lambda d: d["demons"].update(field_sigma_voxels=2), "demons-ct-ct")
    assert load_registration(path).file.demons.field_sigma_voxels == 2
    assert load_registration("demons-ct-ct").file.applies_to.pairs == (("CT", "CT"),)
