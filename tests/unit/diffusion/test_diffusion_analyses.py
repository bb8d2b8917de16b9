"""The shipped diffusion analyses, and what the feature dictionary says of their maps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from synthetic_dwi import Spec, candidates, write_dwi

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.diffusion.describing import image_description
from biomarker_cli.diffusion.maps import diffusion_maps
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind

IDS = (
    "dwi-adc",
    "dwi-adc-all",
    "dwi-adc-perfusion-free",
    "dwi-ivim",
    "dwi-kurtosis",
    "wb-dwi",
    "dwi-phantom",
)

A, C = 0.5257311121191336, 0.8506508083520400
ICOSAHEDRON = ((0, A, C), (0, A, -C), (A, C, 0), (A, -C, 0), (C, 0, A), (-C, 0, A))


def shipped(ident: str) -> AdcRules:
    return validate_section(AdcRules, load_document(ProtocolKind.ANALYSIS, ident), "adc")


@pytest.fixture(scope="module")
def every_b(tmp_path_factory: pytest.TempPathFactory) -> list[VolumeCandidate]:
    folder = tmp_path_factory.mktemp("dwi")
    weighted = [Spec(b, n) for b in (50, 200, 500, 1000, 1500, 2000) for n in ICOSAHEDRON]
    write_dwi(folder, [Spec(0), *weighted])
    return candidates(folder)


@pytest.mark.parametrize("ident", IDS)
def test_every_map_of_a_shipped_analysis_is_described(
    ident: str, every_b: list[VolumeCandidate]
) -> None:
    rules = shipped(ident)
    for result in diffusion_maps(every_b, rules):
        described = image_description(rules, result.image)["image_filter"]
        assert "geometric mean" in described
        assert "actual b" in described


@pytest.mark.parametrize("ident", IDS)
def test_a_shipped_analysis_says_what_moves_its_numbers(ident: str) -> None:
    said = load_document(ProtocolKind.ANALYSIS, ident).data["adc"]
    assert {
        "image",
        "estimator",
        "b_set",
        "b_value",
        "direction_mean",
        "nan_flag_above",
        "nan_undefined_above",
        "statistics",
    } <= set(said)


def test_whole_body_diffusion_never_fits_b_0(tmp_path: Path) -> None:
    write_dwi(tmp_path, [Spec(b) for b in (0, 50, 900)])
    result, *_ = diffusion_maps(candidates(tmp_path), shipped("wb-dwi"))
    assert [shell.nominal for shell in result.shells] == [50, 900]


def test_classes_of_whole_body_diffusion_are_those_of_marrow() -> None:
    classes = {one.name: one.limits for one in shipped("wb-dwi").burden}
    assert classes["low"][1] == classes["intermediate"][0] == 0.7e-3
    assert classes["intermediate"][1] == classes["high"][0] == 1.4e-3


@pytest.mark.parametrize("ident", ["dwi-adc", "dwi-adc-all", "dwi-adc-perfusion-free"])
def test_a_release_without_another_definition_keeps_its_numbers(ident: str) -> None:
    assert shipped(ident) == shipped(f"{ident}@0.1.0")
    assert shipped(ident) == shipped(f"{ident}@1.0.0")


@pytest.mark.parametrize(
    ("ident", "words"),
    [
        ("dwi-adc", "lls, lowest b to 100 and b to 1000"),
        ("dwi-adc-all", "lls, all b"),
        ("dwi-adc-perfusion-free", "lls, b from 100 to 1000"),
    ],
)
def test_the_dictionary_names_estimator_and_b_set(ident: str, words: str) -> None:
    rules = shipped(ident)
    assert image_description(rules, rules.image)["image_filter"].startswith(words)


def test_the_dictionary_names_how_perfusion_and_kurtosis_were_fitted() -> None:
    b_set = {"kind": "all"}
    rules = AdcRules.model_validate(
        {
            "estimator": "wls",
            "b_set": b_set,
            "statistics": ["mean"],
            "ivim": {"diffusion_from": 250},
            "kurtosis": {"b_max": 1800},
            "direction_mean": "arithmetic",
            "b_value": "nominal",
        }
    )
    tail = ", arithmetic mean, nominal b"
    for image in ("ivim_d", "ivim_f", "ivim_dstar"):
        said = image_description(rules, image)
        assert said == {"image_filter": f"ivim segmented, D from b 250{tail}"}
    for image in ("dki_d", "dki_k"):
        said = image_description(rules, image)
        assert said == {"image_filter": f"kurtosis lls, b up to 1800{tail}"}
    assert image_description(rules, "adc") == {"image_filter": f"wls, all b{tail}"}


def test_the_dictionary_names_a_refit_and_a_fixed_list() -> None:
    ivim, kurtosis = shipped("dwi-ivim@1.0.0"), shipped("dwi-kurtosis@1.0.0")
    tail = ", geometric mean, actual b"
    for image in ("ivim_d", "ivim_f", "ivim_dstar"):
        said = image_description(ivim, image)["image_filter"]
        assert said == f"ivim refit, D from b 200{tail}"
    for image in ("dki_d", "dki_mkt"):
        said = image_description(kurtosis, image)["image_filter"]
        assert said == f"kurtosis iwls, b 200, 500, 1000, 1500, 2000{tail}"


@pytest.mark.parametrize("ident", ["dwi-ivim", "dwi-kurtosis"])
def test_the_drafts_keep_the_fits_of_their_time(ident: str) -> None:
    draft, released = shipped(f"{ident}@0.1.0"), shipped(ident)
    assert released == shipped(f"{ident}@1.0.0")
    assert released != draft
    if draft.ivim is not None:
        assert (draft.ivim.method, draft.ivim.range_mm2_s) == ("segmented", None)
    if draft.kurtosis is not None:
        assert (draft.kurtosis.estimator, draft.kurtosis.image) == ("lls", "dki_k")


def test_the_kurtosis_of_the_docs_fits_its_own_list_and_nothing_else_of_it_moves(
    tmp_path: Path,
) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "diffusion.md").read_text()
    (example,) = re.findall(r"```yaml\n([^`]*?id: our-kurtosis.*?)```", page, re.S)
    path = tmp_path / "our-kurtosis.yaml"
    path.write_text(example)
    rules = shipped(str(path)).kurtosis
    released = shipped("dwi-kurtosis").kurtosis
    assert rules is not None
    assert released is not None
    assert rules == released.model_copy(update={"b_values": (0, 1000, 2000)})


def test_kurtosis_is_released_with_checked_directions_from_b_200_on() -> None:
    rules = shipped("dwi-kurtosis").kurtosis
    assert rules is not None
    assert rules.b_values == (200, 500, 1000, 1500, 2000)
    assert (rules.directions, rules.image) == ("isotropic", "dki_mkt")


def test_ivim_is_released_with_the_limits_that_the_reference_tests_use() -> None:
    rules = shipped("dwi-ivim").ivim
    assert rules is not None
    assert (rules.method, rules.diffusion_from) == ("refit", 200)
    assert rules.pseudo_diffusion == (5e-3, 0.2)
    assert rules.range_mm2_s == (1e-4, 5e-3)


def test_a_map_of_the_scanner_is_named_as_such() -> None:
    rules = AdcRules.model_validate(
        {
            "estimator": "lls",
            "b_set": {"kind": "list", "values": [0, 800]},
            "statistics": ["mean"],
            "vendor_map": {"use": "measure"},
        }
    )
    assert image_description(rules, "adc") == {"image_filter": "map of the scanner"}
    fitted = rules.model_copy(update={"vendor_map": AdcRules.model_fields["vendor_map"].default})
    assert image_description(fitted, "adc")["image_filter"].startswith("lls, b 0, 800")


@pytest.mark.parametrize(
    "change",
    [
        {"b_set": {"kind": "low_and_high", "low_max": 100, "high_max": 50}},
        {"b_set": {"kind": "list", "values": [0]}},
        {"b_set": {"kind": "most"}},
        {"ivim": {"diffusion_from": 200, "pseudo_diffusion": [0.3, 0.003]}},
        {"roi_signal": {"correct_noise": "sigma"}},
        {"roi_signal": {"correct_noise": "none", "sigma": 3.0}},
        {"burden": [{"name": "x", "from_mm2_s": 2e-3, "to_mm2_s": 1e-3}]},
        {"further": [{"image": "adc", "estimator": "wls", "b_set": {"kind": "all"}}]},
        {"statistics": ["mean", "mean"]},
        {"estimator": "magic"},
        {"image": "ADC map"},
    ],
)
def test_rules_that_contradict_themselves_are_refused(change: dict[str, object]) -> None:
    good = {"estimator": "lls", "b_set": {"kind": "all"}, "statistics": ["mean"]}
    AdcRules.model_validate(good)
    with pytest.raises(ValueError, match="validation error"):
        AdcRules.model_validate({**good, **change})
