"""The traps of real headers, each with the outcome that it must give."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_protocols import protocol_head

from biomarker_cli.acquisition.evaluating import evaluate
from biomarker_cli.acquisition.header_facts import header_facts
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.series import series_headers
from biomarker_cli.catalogue.catalogue import scan

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def headers(data_dir: Path):
    known: dict[str, list] = {}

    def read(folder: str):
        if folder not in known:
            known[folder] = series_headers(scan([data_dir / "headers" / folder]))
        return known[folder]

    return read


@pytest.fixture
def outcomes(headers):
    def judge(folder: str, protocol: str) -> dict[str, tuple[str, str]]:
        results = evaluate(load_acquisition(protocol), headers(folder))
        return {r.rule_id: (r.outcome.value, r.observed) for r in results}

    return judge


@pytest.fixture
def facts(headers):
    def read(folder: str) -> dict[str, tuple[str, str]]:
        (series,) = headers(folder)
        return {f.fact: (f.value, f.row()["flags"]) for f in header_facts(series)}

    return read


def test_dose_in_mbq_is_not_evaluable_and_flagged(outcomes, facts):
    found = outcomes("pt_dro_3_0_dose_in_MBq", "base-pet@1.0.0")
    assert found["BASE-PET-ACTIVITY"] == ("not_evaluable", "368.08")
    value, flags = facts("pt_dro_3_0_dose_in_MBq")["injected_activity_mbq"]
    assert (value, flags) == ("368.08", "unit_inferred:RadionuclideTotalDose")


def test_dose_in_bq_passes(outcomes):
    assert outcomes("pt_dro_0_0_bqml", "base-pet@1.0.0")["BASE-PET-ACTIVITY"][0] == "pass"


def test_field_in_gauss_is_not_evaluable_and_flagged(outcomes, facts):
    folder = "mr_ge_genesis_dce_field_in_gauss"
    assert outcomes(folder, "base-mr@1.0.0")["BASE-MR-FIELD"] == ("not_evaluable", "1.5")
    assert facts(folder)["field_strength_t"] == ("1.5", "unit_inferred:MagneticFieldStrength")


def test_mixed_thickness_fails_over_instances(outcomes):
    folder = "ct_ge_hispeed_mixed_thickness"
    assert outcomes(folder, "recist-ct@0.1.0")["RECIST-CT-001"] == ("fail", "4\\7")
    assert outcomes(folder, "base-ct@1.0.0")["BASE-CT-THICKNESS"] == ("fail", "4\\7")


def test_injection_a_day_after_the_scan_is_not_evaluable(outcomes, facts):
    folder = "pt_ge_discoveryst_sts010"
    assert outcomes(folder, "qiba-fdg-1-14@1.0.0")["QIBAFDG-UPTAKE"] == (
        "not_evaluable",
        "-1329.62",
    )
    assert float(facts(folder)["uptake_time_series_min"][0]) == pytest.approx(95.1 - 1440, abs=0.1)


@pytest.mark.parametrize(
    ("folder", "minutes"), [("pt_ge_discoveryst_sts001", 45.2), ("pt_ge_discoveryst_sts004", 101.3)]
)
def test_uptake_outside_the_window_fails(outcomes, folder, minutes):
    outcome, observed = outcomes(folder, "qiba-fdg-1-14@1.0.0")["QIBAFDG-UPTAKE"]
    assert outcome == "fail"
    assert float(observed) == pytest.approx(minutes, abs=0.05)


def test_philips_repeats_of_b0_are_one_b_value(facts):
    assert facts("mr_philips_elition_dwi_oneslice")["b_values"][0] == "0, 1000"


def test_an_adc_map_has_no_b_values_although_its_header_says_500(outcomes, facts):
    found = outcomes("mr_toshiba_titan_adcmap", "dwi@1.0.0")
    assert found["DWI-B-COUNT"][0] == found["DWI-B-LOW"][0] == "not_evaluable"
    assert facts("mr_toshiba_titan_adcmap")["b_values"][0] == ""
    assert facts("mr_toshiba_titan_adcmap")["is_adc_map"][0] == "yes"


@pytest.mark.parametrize(
    ("folder", "fov"), [("mr_siemens_skyra_mosaic", "216, 216"), ("mr_uih_umr770_dti", "224, 224")]
)
def test_the_field_of_view_of_a_mosaic_is_that_of_a_tile(facts, folder, fov):
    # The picture would have 648 and 896 x 1120 mm.
    assert facts(folder)["fov_mm"][0] == fov


def test_empty_te_and_tr_are_not_evaluable(outcomes):
    for folder in ("mr_siemens_avanto_t1_sts001", "mr_philips_intera_t1_sts004_emptytags"):
        found = outcomes(folder, "base-mr@1.0.0")
        assert found["BASE-MR-TE"] == found["BASE-MR-TR"] == ("not_evaluable", "")


def test_a_date_of_asterisks_stays_what_it_is(facts):
    assert facts("mr_uih_umr770_dti")["study_date"][0] == "***"


def test_frames_of_one_file_are_judged_one_by_one(headers, tmp_path):
    """An enhanced object: one file, many frames, over: frame."""
    (series,) = headers("mr_siemens_xa30_enhanced_dwi")
    assert len({frame.path for frame in series.frames}) < len(series.frames)
    path = tmp_path / "frames.yaml"
    path.write_text(
        protocol_head(ident="frames") + "rules:\n"
        "  - {id: TE, title: t, fact: echo_time_ms, check: {max: 200}, unit: ms, over: frame}\n"
        "  - {id: B, title: b, fact: DiffusionBValue, check: {max: 10}, unit: s/mm2, over: frame}\n"
    )
    found = {r.rule_id: r for r in evaluate(load_acquisition(str(path)), [series])}
    assert found["TE"].outcome == "pass"
    assert found["B"].outcome == "fail"


def test_a_file_that_is_no_image_is_left_out(headers):
    (series,) = headers("ct_philips_ingenuity_5mm")
    assert len(series.frames) == 28


def test_slice_spacing_is_known_in_ct_without_spacing_between_slices(facts):
    assert facts("ct_philips_ingenuity_5mm")["slice_spacing_mm"][0] == "5"


def test_an_untagged_b0_is_inferred_and_not_judged(outcomes, facts):
    folder = "mr_toshiba_galan_dti_oneslice"
    assert facts(folder)["b_values"] == ("0, 1500", "b0_untagged")
    assert outcomes(folder, "dwi@1.0.0")["DWI-B-COUNT"][0] == "not_evaluable"


def test_uih_console_b_values_are_judged_not_the_applied_ones(facts):
    assert facts("mr_uih_umr770_dti")["b_values"][0] == "0, 1000"


@pytest.mark.parametrize(
    ("tag", "fact"),
    [
        (0x00101030, "weight_kg"),
        (0x00101020, "height_m"),
        (0x00181074, "injected_activity_mbq"),
        (0x00181075, "half_life_s"),
    ],
)
def test_a_decimal_comma_is_no_value_and_its_text_is_told(tag, fact):
    from synthetic_pet import pet_volume

    from biomarker_cli.acquisition.header_facts import header_facts
    from biomarker_cli.acquisition.series import SeriesHeaders

    volume = pet_volume()
    for frame in volume.frames:
        holder = frame.dataset
        if tag >> 16 == 0x0018:
            (holder,) = frame.dataset.RadiopharmaceuticalInformationSequence
        holder.add_new(tag, "LO", "70,5")
    series = SeriesHeaders("1", "2", "3", "PT", volume.frames)
    found = {f.fact: f for f in header_facts(series)}
    assert (found[fact].value, found[fact].unreadable) == ("", "70,5")
    assert sum(bool(f.unreadable) for f in found.values()) == 1
