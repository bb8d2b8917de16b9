"""The shipped analysis protocols: valid, sourced, and immutable once released."""

from __future__ import annotations

from pathlib import Path

import pytest

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind, list_protocols

FILES = list_protocols(ProtocolKind.ANALYSIS)

RELEASED = {
    "dwi-adc@1.0.0": "654784b488ff62e3c2283552ed17f0e7c51d6a033f9f8a7f8655b2691ede1483",
    "dwi-adc-all@1.0.0": "8df616e97f9726662121ab62269033374372244a197a427d251cdf6e2f948f84",
    "dwi-adc-perfusion-free@1.0.0": (
        "abacf03a4adbb93e04996fbdc99efb34a5cfaa0cb27fd76c240fa669f11823f7"
    ),
    "dwi-ivim@1.0.0": "5aec10c30e64f31babca1cb392687c8bc41b671b3d2d5a9af633cb65422fce52",
    "dwi-kurtosis@1.0.0": "3f1e8e32e3e9005012c78da4900f49c73e297158e5a32b37cc665c773d77f1b7",
    "fdg-percist@1.0.0": "c8f2af2697e1b2e272a9b60fdf58b1f5a5096f584062dd820ba55c1d3c04cc80",
    "fdg-suv@1.0.0": "3c92af9f0285f5b774872fe23c588567a1c1d16ab469a37ffcf269ecea1578cf",
    "fdg-tmtv@1.0.0": "4c483e4c7a452f85be78b57f0b2416ca5c5d43b220f3f6a21732baf667f48858",
    "ibsi-1-config-a@1.0.0": "cd829c52f6c10fc7118c7bb70fc9577c5ed8bca0fb4066ecb97002977bc0bb76",
    "ibsi-1-config-b@1.0.0": "a788b44a975723c0be9f222eac4e870c7dbe2b4e61d54b071cdc511b9a0afd5c",
    "ibsi-1-config-c@1.0.0": "df76cf31b23a5363123b5678b27c50bed3edcc2a364f4c118fada991b0f29b11",
    "ibsi-1-config-d@1.0.0": "4d004116670950477890862e5e81d3bd515e51c00bc41768bbb7b7fc39ad1cdd",
    "ibsi-1-config-e@1.0.0": "9733f90efeb549daf8701529efb469c24235127e018d884b0ce781c78754df9c",
    "ibsi-1-digital@1.0.0": "77c36d30dd7414014b43b55631199ca8c973daeec99a6194128d1661587dce19",
    "ibsi-2-config-1-a@1.0.0": "0f236e62f0570bd50f5cd56363eb74ee54dc02657b8b62b5e80e10246c8453cb",
    "ibsi-2-config-1-b@1.0.0": "d456ad9d7180eb5ab057b4846bafbca8ab39295324aa2103d57b14d120e18d05",
    "ibsi-2-config-2-a@1.0.0": "6c6dd37b89186daf243ad6f53da6f7203f9aacf4a81852f1104811b83ad51eb0",
    "ibsi-2-config-2-b@1.0.0": "b26224e5c5b88c49dbed0b2f4736069dcb6978a079289900043ee5e9d79c7491",
    "ibsi-2-config-3-a@1.0.0": "76c77da112ea920d9fe50b6b5c619a847cfe1497f5040bae9e4ef71576bd8735",
    "ibsi-2-config-3-b@1.0.0": "a382237a24337915ab50dbe292f6ecc33eb047b59d83e8192675219857c8bf54",
    "ibsi-2-config-4-a@1.0.0": "080129513b68851b519fe7a57782d4ef701ffdfba796ebb36d08d70d6acb7c95",
    "ibsi-2-config-4-b@1.0.0": "7adfe75eb21eadc39021c47e3677a866a1e96f0337f5964a63eff431acb180ee",
    "ibsi-2-config-5-a@1.0.0": "877c3922ef1722e2e645bd7e34409210fe3146d7e68e82dbd0bbc9c75e4d5654",
    "ibsi-2-config-5-b@1.0.0": "78db75df638b1093532b20bd166c1362e361cdb9d214542286eb591513ce549f",
    "ibsi-2-config-6-a@1.0.0": "8b080ea3747dab94c2c28f9434d6eb3150fb7309ebb64aa895d05eedbfb97244",
    "ibsi-2-config-6-b@1.0.0": "c325d63b31e10303a2787159790afa16fb08e95ca7d04dcb78ce0618fee47ae6",
    "ibsi-2-config-7-a@1.0.0": "216783343c6c4add178a27ea7a6feef2949541f40c00bc7a2274cc41bb8fe0ae",
    "ibsi-2-config-7-b@1.0.0": "c7a2f248644826c99ebadd9e613e82ab5915fbd12d406bf9fdd5bf5a0e2f8727",
    "ibsi-2-config-8-a@1.0.0": "aba675fb93449ba3a2b14310058d356f3c2ea3c0f0cdfcaa393107796e14ece9",
    "ibsi-2-config-8-b@1.0.0": "86ccd17b30c61c86b61c2cdae34b3e7a4378d1aa3a7348c7691ebfb1dd173ed5",
    "ibsi-2-config-9-a@1.0.0": "db0262a9c1f4e5526338ea1b7ba1e1b42397169cf5f74518b9e0c024632bb2e3",
    "ibsi-2-config-9-b@1.0.0": "102c5b5bc35b5cd5e0ce9a55ebb4975ad63729b955679f51501fdbdd92367ed6",
    "psma-suv@1.0.0": "07a1fd214258063ac83a4bec404ba1daefa87d4dc1e231a60ac0ea0e419851a5",
    "pyradiomics-default@1.0.0": "8dc85d3f39db9be7de13e5b391ef65b1d5329bbf2f1406dbd8ba08afe599d368",
    "radiomics-ct@1.0.0": "0a1f38d9ac71308d566ad5abdcffe150d22fcd1cfc20035fa18046f1aa8d393c",
    "radiomics-mr@1.0.0": "39f7d9ad653a727b70f01c8a1259a5f314931a1227936b77f911646c795fb21c",
    "radiomics-pet@1.0.0": "9551f1117a59afb32c4dcfb5d6e45422172c09eea908217e7b7956c7a77749e0",
    "wb-dwi@1.0.0": "5c481d3b25e1a4899c799f18c7f9c1e66db629219d00e27a571c147c5890ead7",
}
"""sha256 of the merged content of every released version: a change needs a new version."""


def _ident(path: Path) -> str:
    return f"{path.parent.name}@{path.stem}"


@pytest.mark.parametrize("path", FILES, ids=_ident)
def test_every_shipped_analysis_is_valid_and_stands_under_its_own_name(path):
    analysis = load_analysis(str(path))
    assert analysis.ident == _ident(path)
    assert analysis.protocol.changelog[-1].version == path.stem


def test_released_versions_are_immutable():
    found = {}
    for path in FILES:
        document = load_document(ProtocolKind.ANALYSIS, str(path))
        if document.header.status == "active":
            found[document.ident] = document.sha256
    assert found == RELEASED


def test_every_radiomics_analysis_of_the_contract_is_released():
    filters = {f"ibsi-2-config-{n}-{letter}" for n in range(1, 10) for letter in "ab"}
    wanted = {
        *("ibsi-1-digital", *(f"ibsi-1-config-{letter}" for letter in "abcde")),
        *("radiomics-ct", "radiomics-mr", "radiomics-pet", "pyradiomics-default"),
        *filters,
    }
    assert {ident.removesuffix("@1.0.0") for ident in RELEASED} >= wanted


@pytest.mark.parametrize("ident", sorted(RELEASED))
def test_released_analyses_rest_on_what_was_read_or_reproduced(ident):
    confirmed = {source.confirmed.by for source in load_analysis(ident).protocol.source}
    assert "primary" in confirmed
    assert "recall" not in confirmed
    assert load_analysis(ident.split("@")[0]).ident == ident


def test_released_uptake_analyses_are_what_their_sources_say():
    def suv(ident):
        return load_analysis(ident).document.data["suv"]

    assert suv("fdg-suv") == suv("fdg-suv@0.1.0")
    assert suv("psma-suv") == suv("psma-suv@0.1.0")
    # Practical PERCIST names James; Janmahasatian stays for trials that began with it.
    assert suv("fdg-percist")["normalisations"][:2] == ["sul_james128", "sul_janma"]
    # The benchmark's preselection of lesions: SUV 4.0 and 3 cm3.
    assert {"fixed": 4.0} in suv("fdg-tmtv")["thresholds"]
    assert suv("fdg-tmtv")["lesions"]["smallest_ml"] == 3.0


def test_the_bands_of_psma_hold_the_activities_of_the_labels_from_50_to_120_kg():
    bands = load_analysis("psma-suv").document.data["suv"]["activity_mbq_per_kg"]
    for nuclide, (least, most) in {"Ga-68": (111, 259), "F-18": (296, 370)}.items():
        low, high = bands[nuclide]
        assert low < least / 120
        assert most / 50 < high
        # An entry in another unit is off by a thousand at least.
        assert most / 50 / 1000 < low
