"""The shipped protocols: tested, sourced, and immutable once released."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from biomarker_cli.acquisition.checks import passes
from biomarker_cli.acquisition.linting import lint
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.rules import AcquisitionRules, Tolerance
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind, list_protocols

FILES = list_protocols(ProtocolKind.ACQUISITION)

RELEASED = {
    "acr-breast-mr@1.0.0": "80ba61a498c5862a4746ada0abcc9b69839266456de282c0d38f85d8705b64b6",
    "acr-ldct@1.0.0": "1b5cee16d8a8cee3524ebb8bd43c8df2c32e80e51a88291a33f827177e5c7842",
    "acr-ldct@1.1.0": "b2444777c7741187957edfacc1ad83ad149009b16a29081f2ef62b312cfd6bf9",
    "base-ct@1.0.0": "a1bb6d8490d9d05f957b8cf10387de8932358f9f201aa72f105fcaa7be2ae71f",
    "base-mr@1.0.0": "5b0b7cf726e5e9147fffc6ce9708c41552b082e3701ad7e0e8f43995f97c9c79",
    "base-mr@1.0.1": "cd37eb4492e2d5c5618fce9e08712bf991309c8a4a261e3fab4f249a5dda7af3",
    "base-pet@1.0.0": "ce33ab84c6c09b6195fb8eb34d14bf620962be9c2ab1eb12309f62ade158bd78",
    "base-pet@1.0.1": "19f7a77e24783cb4cf65b53f92369dcc3851cdb0f3cd2d14c40b647a76cac4f9",
    "dwi@1.0.0": "788ca78caf7d43376dfa2661dafc3741889897193ba64394f6f30e82d69672ef",
    "eanm-fdg-2-0@1.0.0": "9b8b7ba87502fdeecd5711212a278ab43a8dea371f0dc5237ea09f8f33cfb68d",
    "earl-1-phantom@1.0.0": "cfec2cd14db7296b02b25a346c40933af3a661d01da88af36911c7cad2f01fb9",
    "esgar-rectum-mr@1.0.0": "a6c019ab69b1c63434e1efdc12c979405246943019ee6c7d2d14d883f21f099e",
    "fleischner-nodule-ct@1.0.0": (
        "fbabb6712f797079c8a871ed6de8964498fd722a97f9b6a885de57200ca1b139"
    ),
    "li-rads-2018-ct@1.0.0": "d47a8d5f065ddace27b3c58d08a3ae7d04ec5c8ea33380e109a034a9b4ff582d",
    "li-rads-2018-mr@1.0.0": "8a3b0a46c0312aa4c00c04e2f1edfc63e41ee05f1c7d15fb2ef40df7f4bdb7e0",
    "my-rads@1.0.0": "e969e5a66e83f65be57c17f5edf7c3985825451ec946c68c885ef2e576e0fc4a",
    "onco-rads-wb-dwi@1.0.0": "b2caa78fdede047067688e37d28168b76f39a2018aa52e78003cfe6e09428101",
    "percist-1-0@1.0.0": "987b739178930fc377107d12768ddedcc404c0f655e14f41bb6628b74bc70d53",
    "pirads-2.1@1.0.0": "cd87b12eb8a1e8a5951de94347adb17ee9485da46421675c99d46f6a68d02ed7",
    "pirads-2.1@1.1.0": "04bf95a0df0e315dd3ef632ae44dd704f8c832bf1ff15b604bfa13321d28b898",
    "qiba-fdg-1-14@1.0.0": "7b0f2a0a1ed500b965a9dbdd40d26f7618008cd0b50b0f62d3256434aa39c9c7",
    "qiba-small-lung-nodule-2023@1.0.0": (
        "304e6f4dccd063869474b3bd8a214ef734d88d6670213b2509373d508f507a0b"
    ),
    "recist-ct@1.0.0": "e491510e624fd6961b7cb5e161f1d7c97a82d9a9701918423d6843443c4703d6",
    "us-label-cu64-dotatate@1.0.0": (
        "07abe62d161e50edce5cad36c88a626a6e6e5fc0619ec93c473ee34c4d176084"
    ),
    "us-label-f18-fluciclovine@1.0.0": (
        "24069442a7c142c968ec21958c934757d54ea0842a176cca802e5768cdb147ae"
    ),
    "us-label-f18-piflufolastat@1.0.0": (
        "56164d64a65e6df57f3fcf60a861769ee8e7e35301543e3edca330943d2456e8"
    ),
    "us-label-ga68-dotatate@1.0.0": (
        "160b1219989ac7e7738499328f1b4d03ee5b23aaabb57078c310340ea0cbd2ba"
    ),
    "us-label-ga68-psma-11@1.0.0": (
        "5aa63b712cfc1613151122ef679aae6ee96fc5eab211d36b09cdc7d7df2fa717"
    ),
    "wb-dwi@1.0.0": "7cdd30ad4645f04e6cd651a5602cd57fc19d5f1b13d05534847d56aed5625912",
    "wb-dwi@1.1.0": "868e19ae2ffc3d3f1e3f2270e07b017a7b4173f858e4670b9728289d341b94ff",
}
"""sha256 of the merged content of every released version: a change needs a new version."""


def _ident(path: Path) -> str:
    return f"{path.parent.name}@{path.stem}"


@pytest.mark.parametrize("path", FILES, ids=_ident)
def test_lint_finds_no_error_and_no_warning(path):
    assert lint(load_document(ProtocolKind.ACQUISITION, str(path))) == []


def test_released_versions_are_immutable():
    found = {}
    for path in FILES:
        document = load_document(ProtocolKind.ACQUISITION, str(path))
        if document.header.status == "active":
            found[document.ident] = document.sha256
    assert found == RELEASED


def test_every_id_of_the_contract_is_shipped():
    shipped = {path.parent.name for path in FILES}
    assert shipped >= {
        *("base-ct", "base-mr", "base-pet", "recist-ct", "qiba-fdg-1-14", "dwi", "pirads-2.1"),
        *("acr-ldct", "earl-1-phantom", "wb-dwi", "my-rads", "percist-1-0", "eanm-fdg-2-0"),
        *("acr-breast-mr", "esgar-rectum-mr", "onco-rads-wb-dwi", "fleischner-nodule-ct"),
        *("li-rads-2018-ct", "li-rads-2018-mr", "us-label-ga68-psma-11"),
        *("us-label-f18-piflufolastat", "us-label-ga68-dotatate", "us-label-cu64-dotatate"),
        *(
            "us-label-f18-fluciclovine",
            "qiba-small-lung-nodule-2023",
            "qiba-dwi-brain",
            "qiba-dwi-liver",
            "qiba-dwi-prostate",
        ),
        *("qiba-dwi-breast", "qiba-ct-volumetry", "qiba-dce"),
    }


@pytest.mark.parametrize("path", FILES, ids=_ident)
def test_active_protocols_rest_on_text_only_and_drafts_say_so(path):
    content = load_acquisition(str(path)).content
    confirmed = {source.confirmed.by for source in content.source}
    if content.status == "active":
        assert "recall" not in confirmed
    else:
        assert path.stem == "0.1.0"


@pytest.mark.parametrize("path", FILES, ids=_ident)
def test_every_rule_is_tested_to_pass_and_to_fail(path):
    protocol = load_acquisition(str(path))
    seen: dict[str, set[str]] = {}
    own = {i for test in protocol.content.tests for i in test.expect}
    for test in protocol.content.tests:
        for rule_id, outcomes in test.expect.items():
            seen.setdefault(rule_id, set()).update(outcomes)
    for rule in protocol.content.rules:
        if rule.id in own:
            assert seen[rule.id] >= {"pass", "fail"}, rule.id


def _rule(ident: str, rule_id: str):
    (found,) = [r for r in load_acquisition(ident).content.rules if r.id == rule_id]
    return found


@pytest.mark.data
def test_limits_are_those_of_the_reference_table(reference_dir):
    """The table's text-confirmed limits, by value: just inside passes, just outside fails."""
    with (reference_dir / "acquisition_requirements.csv").open(encoding="utf-8") as file:
        rows = {(r["protocol"], r["rule"]): r for r in csv.DictReader(file)}
    cases = [
        ("PI-RADS v2.1 T2W", "FOV", "pirads-2.1", "PIRADS-T2W-FOV"),
        ("PI-RADS v2.1 DWI", "slice thickness", "pirads-2.1", "PIRADS-DWI-THICKNESS"),
        ("PI-RADS v2.1 DWI", "in-plane phase+freq", "pirads-2.1", "PIRADS-DWI-PHASE"),
        ("PI-RADS v2.1 DWI", "intermediate b", "pirads-2.1", "PIRADS-DWI-B-MID"),
        ("PI-RADS v2.1 DCE", "in-plane", "pirads-2.1", "PIRADS-DCE-PHASE"),
        ("PI-RADS v2.1 DCE", "temporal resolution", "pirads-2.1", "PIRADS-DCE-TEMPORAL"),
        ("PI-RADS v2.1 DCE", "observation time", "pirads-2.1", "PIRADS-DCE-DURATION"),
        ("RECIST 1.1 CT", "slice thickness", "recist-ct", "RECIST-CT-001"),
        ("ACR LDCT screening", "thickness", "acr-ldct", "ACR-LDCT-THICKNESS"),
        ("LDCT", "kVp", "acr-ldct", "ACR-LDCT-KVP"),
        ("LDCT", "pitch", "acr-ldct", "ACR-LDCT-PITCH"),
        ("LDCT", "detector rows", "acr-ldct", "ACR-LDCT-ROWS"),
        ("WB-DWI UK consensus", "thickness", "wb-dwi", "WBDWI-THICKNESS"),
        ("WB-DWI UK consensus", "TE", "wb-dwi", "WBDWI-TE"),
        ("WB-DWI UK consensus", "STIR TI", "wb-dwi", "WBDWI-STIR-TI"),
        ("QIBA FDG v1.13", "uptake", "qiba-fdg-1-14", "QIBAFDG-UPTAKE"),
    ]
    for protocol, name, ident, rule_id in cases:
        row, rule = rows[protocol, name], _rule(ident, rule_id)
        text = row["limit"].split("(")[0].strip()
        low, _, high = text.partition("-")
        kind = row["check"].replace("any in range", "range")
        ends = {
            "max": (None, low),
            "min": (low, None),
            "range": (low, high),
        }[kind]
        for end, inside in zip(ends, (1, -1), strict=True):
            if end is None:
                continue
            value = float(end)
            step = 0.01 * inside
            assert passes(rule.check, [value + step], Tolerance()), rule_id
            assert not passes(rule.check, [value - step], Tolerance()), rule_id


def test_earl_limits_are_those_of_the_accreditation():
    maximum = {10: (0.34, 0.57), 13: (0.59, 0.85), 17: (0.73, 1.01)}
    maximum |= {22: (0.83, 1.09), 28: (0.91, 1.13), 37: (0.95, 1.16)}
    mean = {10: (0.27, 0.43), 13: (0.44, 0.60), 17: (0.57, 0.73)}
    mean |= {22: (0.63, 0.78), 28: (0.72, 0.85), 37: (0.76, 0.89)}
    for word, limits in (("MAX", maximum), ("A50", mean)):
        for diameter, interval in limits.items():
            rule = _rule("earl-1-phantom", f"EARL1-RC-{word}-{diameter}")
            assert rule.check.range == interval


def test_what_is_known_by_recall_only_is_left_out_of_active_protocols():
    facts = {rule.fact for rule in load_acquisition("pirads-2.1@1.0.0").content.rules}
    assert not facts & {"EchoTime", "RepetitionTime", "echo_time_ms", "repetition_time_ms"}
    assert [r.id for r in load_acquisition("recist-ct").content.rules] == ["RECIST-CT-001"]


def test_what_was_recalled_and_is_confirmed_now_stands_in_a_later_version():
    """TE and TR of DWI: the table of Radiology and Oncology 2019, 10.2478/raon-2019-0021."""
    assert load_acquisition("pirads-2.1").ident == "pirads-2.1@1.1.0"
    assert _rule("pirads-2.1", "PIRADS-DWI-TE").check.max == 90
    assert _rule("pirads-2.1", "PIRADS-DWI-TR").check.min == 3000
    assert _rule("pirads-2.1", "PIRADS-DCE-GAP").check.max == 0


def test_what_is_asked_for_volumetry_only_is_no_error_of_visual_screening():
    for rule in load_acquisition("acr-ldct").content.rules:
        if rule.id == "ACR-LDCT-ROWS" or rule.id.startswith("ACR-LDCT-SAME"):
            assert (rule.level, rule.severity) == ("should", "warning"), rule.id


def test_an_id_without_version_means_the_newest_active():
    assert load_acquisition("recist-ct").ident == "recist-ct@1.0.0"
    assert load_acquisition("dwi").ident == "dwi@1.0.0"
    assert isinstance(load_acquisition("base-ct").content, AcquisitionRules)
