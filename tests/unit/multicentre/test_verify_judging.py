"""Checks, causes and certificates: what is out, what is told of it, and what is written."""

from __future__ import annotations

import ast
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biomarker_cli.diffusion import maps
from biomarker_cli.model.errors import BiomarkerError, CaseError
from biomarker_cli.multicentre.qualification import certificate, ct_phantom, truths
from biomarker_cli.multicentre.qualification.bench import Bench
from biomarker_cli.multicentre.qualification.checks import (
    MEASURED,
    Expected,
    KnownCheck,
    SuiteResult,
    compared,
    refusal,
)
from biomarker_cli.multicentre.qualification.diagnosing import diagnose
from biomarker_cli.multicentre.qualification.qualification_report import (
    WIDTH,
    as_json,
    check_lines,
    junit,
    said_of,
    text_lines,
)
from biomarker_cli.multicentre.qualification.qualifying import (
    NOTHING,
    SUITES,
    Qualification,
    QualificationRequest,
    qualify,
)
from biomarker_cli.multicentre.qualification.suites import adc, engines, ibsi1, ibsi2, regions, suv
from biomarker_cli.multicentre.qualification.truths import published
from biomarker_cli.multicentre.qualification.truths.response_maps import MAPS
from biomarker_cli.tables.certificates import FAILED, PASSED


def check(name="a", value=10.0, found=10.0, tolerance=0.1, **more):
    return KnownCheck("suv", Expected(name, value, tolerance, **more), found)


@pytest.mark.parametrize(
    ("found", "is_within"),
    [(10.0, True), (10.05, True), (10.1, True), (9.9, True), (10.2, False), (9.8, False)],
)
def test_half_a_tolerance_passes_and_twice_does_not(found, is_within):
    assert check(found=found).is_within is is_within


@pytest.mark.parametrize("found", [None, math.nan, math.inf, "word"])
def test_what_is_no_number_is_out(found):
    one = check(found=found)
    assert not one.is_within
    assert one.excess == math.inf


def test_without_a_tolerance_only_the_same_number_passes():
    assert check(tolerance=0.0).is_within
    assert check(found=10.0 + 1e-12, tolerance=0.0).excess == math.inf


def test_ibsi_compares_three_significant_digits():
    assert check(value=0.368, found=0.3684, tolerance=0.0, digits=3).is_within
    assert not check(value=0.368, found=0.3686, tolerance=0.0, digits=3).is_within


def test_a_word_must_be_the_same():
    assert check(value="SUV-UNITS", found="SUV-UNITS").is_within
    assert not check(value="SUV-UNITS", found=MEASURED).is_within


def test_whatever_stops_a_measurement_is_a_finding():
    def refused():
        raise CaseError("SERIES-GAP", "slices are missing")

    def broken():
        raise ZeroDivisionError("by zero")

    for measure, said in ((refused, "SERIES-GAP"), (broken, "ZeroDivisionError")):
        (one,) = compared("suv", [Expected("a", 1.0, 0.1)], measure)
        assert not one.is_within
        assert one.problem.startswith(said)
        assert said in said_of(one)


def test_what_was_not_found_has_no_value():
    (one,) = compared("suv", [Expected("a", 1.0, 0.1)], lambda: {"b": 1.0})
    assert one.found is None
    assert said_of(one).endswith("there is no value")


def test_a_refusal_is_told_by_its_code():
    def refused():
        raise CaseError("SERIES-GAP", "slices are missing")

    assert refusal(refused) == "SERIES-GAP"
    assert refusal(lambda: 1) == MEASURED


# What one mistake gives, and what else is out.

HALF = {"it is halved": 5.0}


def test_one_mistake_that_gives_every_number_is_certain():
    found = diagnose([check("a", found=5.0, mistakes=HALF), check("b", found=5.0, mistakes=HALF)])
    assert [(one.text, one.certainty) for one in found] == [("it is halved", "certain")]


def test_one_number_alone_is_never_certain():
    (one,) = diagnose([check(found=5.0, mistakes=HALF, steps=("halving",))])
    assert (one.text, one.certainty) == ("halving", "suspected")


def test_a_mistake_that_a_number_within_contradicts_is_not_told():
    found = diagnose(
        [
            *(check(name, found=5.0, mistakes=HALF, steps=("step",)) for name in "ab"),
            check("c", mistakes=HALF, steps=("step",)),
        ]
    )
    assert [one.certainty for one in found] == ["suspected"]


@pytest.mark.parametrize(("other", "certainty"), [(10.15, "certain"), (10.25, "suspected")])
def test_what_would_move_a_number_by_less_than_twice_its_tolerance_contradicts_nothing(
    other, certainty
):
    found = diagnose(
        [
            *(check(name, found=5.0, mistakes=HALF, steps=("step",)) for name in "ab"),
            check("c", mistakes={"it is halved": other}, steps=("step",)),
        ]
    )
    assert found[0].certainty == certainty


def test_a_mistake_goes_before_a_quantity_that_can_be_fitted():
    both = {"mistakes": HALF, "follows": {"the distance": 1.0}}
    found = diagnose([check(name, found=5.0, **both) for name in "ab"])
    assert [(one.text, one.certainty) for one in found] == [("it is halved", "certain")]


def test_two_mistakes_that_give_the_same_are_both_told_and_none_is_certain():
    both = {"it is halved": 5.0, "it is cut": 5.0}
    found = diagnose([check(name, found=5.0, mistakes=both) for name in "ab"])
    assert {one.text for one in found} == set(both)
    assert {one.certainty for one in found} == {"likely"}


def test_a_number_that_a_mistake_does_not_speak_of_takes_its_certainty():
    found = diagnose(
        [
            *(check(name, found=5.0, mistakes=HALF) for name in "ab"),
            check("c", found=7.0, steps=("elsewhere",)),
        ]
    )
    assert (found[0].text, found[0].certainty) == ("it is halved", "likely")


def test_a_mistake_may_leave_a_twentieth_and_no_more():
    for found, certainty in ((5.2, "certain"), (5.4, "suspected")):
        checks = [check(name, found=found, mistakes=HALF, steps=("s",)) for name in "ab"]
        assert diagnose(checks)[0].certainty == certainty


def test_a_quantity_is_told_with_its_size_by_the_powers_that_follow_it():
    checks = [
        check("length", 10.0, 10.1, 0.01, follows={"the distance": 1.0}),
        check("area", 100.0, 102.01, 0.01, follows={"the distance": 2.0}),
        check("rate", 10.0, 10.0 / 1.01, 0.01, follows={"the distance": -1.0}),
    ]
    (one,) = diagnose(checks)
    assert (one.text, one.certainty) == ("the distance is off by +1 %", "certain")


def test_powers_that_do_not_agree_tell_no_quantity():
    checks = [
        check("length", 10.0, 10.1, 0.01, follows={"the distance": 1.0}, steps=("s",)),
        check("area", 100.0, 103.0, 0.01, follows={"the distance": 2.0}, steps=("s",)),
    ]
    assert [one.certainty for one in diagnose(checks)] == ["suspected"]


def test_a_number_of_the_other_sign_tells_no_quantity():
    follows = {"the distance": 1.0}
    checks = [
        check(name, found=found, follows=follows, steps=("s",))
        for name, found in (("a", -10.0), ("b", 11.0))
    ]
    assert [one.certainty for one in diagnose(checks)] == ["suspected"]


def test_the_step_that_failing_checks_share_is_suspected():
    checks = [
        check("a", found=0.0, steps=("own of a", "shared")),
        check("b", found=0.0, steps=("own of b", "shared")),
        check("c", steps=("own of c", "elsewhere")),
        check("d", steps=("own of a", "elsewhere")),
    ]
    assert diagnose(checks)[0].text == "shared"


def test_values_of_whole_runs_tell_a_place_only_where_nothing_else_does():
    run = check("run", found=0.0, steps=("a whole run",), is_derived=True)
    own = check("own", found=0.0, steps=("its step",))
    assert [one.text for one in diagnose([run, own])] == ["its step"]
    assert [one.text for one in diagnose([run, check("own", steps=("its step",))])] == [
        "a whole run"
    ]


def test_nothing_out_has_no_cause():
    assert diagnose([check(steps=("s",))]) == ()


# The suites themselves.


def test_the_truths_import_nothing_of_what_is_measured():
    allowed = (
        "biomarker_cli.model.",
        "biomarker_cli.multicentre.objects.",
        "biomarker_cli.multicentre.qualification.truths.",
        "biomarker_cli.multicentre.qualification.checks.",
    )
    modules = sorted(Path(truths.__file__).parent.glob("*.py"))
    assert len(modules) > 5
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("biomarker_cli"):
                assert f"{node.module}.".startswith(allowed), (path.name, node.module)


@pytest.mark.parametrize("suite", [suv, adc, regions, ibsi1])
def test_every_check_has_a_name_of_its_own_and_tells_a_step(suite, tmp_path):
    checks = suite.run(Bench(tmp_path)).checks
    names = [one.expected.name for one in checks]
    assert len(set(names)) == len(names)
    assert all(one.expected.steps for one in checks)


def test_the_phantom_is_the_published_one():
    levels, mask = published.digital_phantom()
    assert levels.shape == mask.shape == (4, 4, 5)
    assert (int(mask.sum()), int(levels[mask].sum())) == (74, 159)
    counts = {config: len(published.chapter_1(config)) for config in ("digital", *"ABCDE")}
    assert counts == {"digital": 482, "A": 346, "B": 346, "C": 210, "D": 210, "E": 210}
    # One of the 324 values of chapter 2 has no consensus.
    assert sum(len(published.chapter_2(c)) for c in published.CONFIGURATIONS_2) == 323


@pytest.mark.data
def test_the_shipped_values_are_those_of_the_reference_tables(reference_dir):
    from biomarker_cli.multicentre.qualification.bench import DATA

    for number in "12":
        ours = DATA / f"ibsi{number}.csv"
        theirs = reference_dir / f"ibsi{number}_reference_values.csv"
        assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.data
def test_the_ct_phantom_is_found_below_the_data(data_dir, tmp_path):
    assert ct_phantom.ct_phantom_lacks(data_dir) == ""
    result = ibsi1.run(Bench(tmp_path, data_dir))
    assert len(result.checks) - len(ibsi1.run(Bench(tmp_path)).checks) == 1322
    assert not result.failures
    assert not result.skipped


@pytest.mark.data
def test_response_maps_are_measured_where_they_lie_and_told_as_skipped_elsewhere(
    data_dir, tmp_path, monkeypatch
):
    chosen = {name: MAPS[name] for name in ("1_a_1", "2_b")}
    monkeypatch.setattr(ibsi2, "MAPS", chosen)
    checks, skipped = ibsi2._maps(data_dir)
    assert [one.expected.name for one in checks] == [
        f"map {name}: largest deviation" for name in chosen
    ]
    assert all(one.is_within and 0.0 < one.found < 0.01 for one in checks)
    assert skipped == ()
    checks, (told,) = ibsi2._maps(tmp_path)
    assert checks == []
    assert told.startswith("2 response maps: need ibsi/filter_phantoms")


@pytest.mark.parametrize(("part", "verdict"), [(0.5, PASSED), (2.0, FAILED)])
def test_half_a_tolerance_of_suv_is_not_reported_and_twice_is(part, verdict, monkeypatch):
    exact = suv.suv_volume

    def moved(volume, rules):
        result = exact(volume, rules)
        array = result.volume.array * (1.0 + part * 1e-4)
        return replace(result, volume=replace(result.volume, array=array))

    monkeypatch.setattr(suv, "suv_volume", moved)
    assert qualify(QualificationRequest(("suv",))).verdict == verdict


@pytest.mark.parametrize(("part", "verdict"), [(0.5, PASSED), (2.0, FAILED)])
def test_half_a_tolerance_of_adc_is_not_reported_and_twice_is(part, verdict, monkeypatch):
    exact = maps.adc_maps

    def moved(*arguments, **named):
        return tuple(
            replace(one, volume=replace(one.volume, array=one.volume.array * (1.0 + part * 5e-4)))
            for one in exact(*arguments, **named)
        )

    monkeypatch.setattr(maps, "adc_maps", moved)
    assert qualify(QualificationRequest(("adc",))).verdict == verdict


@pytest.mark.parametrize(("part", "n_out"), [(0.5, False), (2.0, True)])
def test_half_a_tolerance_of_an_engine_is_not_reported_and_twice_is(part, n_out, monkeypatch):
    exact = engines.measure_engine

    def moved(engine):
        return {name: value * (1.0 + part * 1e-9) for name, value in exact(engine).items()}

    monkeypatch.setattr(engines, "measure_engine", moved)
    assert bool(engines.run(Bench(Path(), engine="native")).failures) is n_out


def test_pyradiomics_that_is_not_installed_is_told_as_skipped(monkeypatch, tmp_path):
    monkeypatch.setattr(engines, "version_of", lambda package: None)
    result = engines.run(Bench(tmp_path))
    assert len(result.skipped) == 1
    assert "not installed" in result.skipped[0]
    assert {one.expected.name.split(":")[0] for one in result.checks} == {
        "native against shipped values"
    }


def test_an_engine_that_was_named_and_is_not_there_is_refused(monkeypatch):
    from biomarker_cli.multicentre.qualification import qualifying

    monkeypatch.setattr(qualifying, "version_of", lambda package: None)
    with pytest.raises(BiomarkerError) as caught:
        qualify(QualificationRequest(("engines",), engine="pyradiomics"))
    assert (caught.value.code, caught.value.exit_code) == ("VERIFY-ENGINE", 3)


def test_data_that_lack_the_phantom_are_refused(tmp_path):
    with pytest.raises(BiomarkerError) as caught:
        qualify(QualificationRequest(("ibsi-2",), data=tmp_path))
    assert (caught.value.code, caught.value.exit_code) == ("VERIFY-DATA", 3)


def test_another_image_in_place_of_the_phantom_is_refused(tmp_path):
    import nibabel

    for place in (ct_phantom.IMAGE, ct_phantom.MASK):
        (tmp_path / place).parent.mkdir(parents=True)
        image = nibabel.Nifti1Image(np.ones((4, 5, 6), np.int16), np.eye(4))
        nibabel.save(image, tmp_path / place)
    with pytest.raises(BiomarkerError) as caught:
        qualify(QualificationRequest(("ibsi-1",), data=tmp_path))
    assert caught.value.code == "VERIFY-DATA"


def test_the_command_names_every_suite():
    from biomarker_cli.cli.verify import SUITE_NAMES

    assert SUITE_NAMES == SUITES


# What is written of it.


def qualification(*checks, skipped=(), suites=("suv",)):
    return Qualification(
        QualificationRequest(suites), (SuiteResult("suv", tuple(checks), tuple(skipped)),)
    )


def test_the_verdict_is_that_of_the_checks():
    assert qualification(check()).verdict == PASSED
    assert qualification(check(), check("b", found=0.0)).verdict == FAILED
    assert qualification(skipped=("all: need data",)).verdict == NOTHING


def test_only_all_suites_and_engines_are_a_whole():
    assert QualificationRequest().is_whole
    assert QualificationRequest(SUITES).is_whole
    assert not QualificationRequest(("suv",)).is_whole
    assert not QualificationRequest(engine="native").is_whole


def test_text_has_80_columns_the_worst_first_and_nothing_is_obeyed():
    hostile = check("\x1b[31m" + "x" * 90, found=0.0, steps=("step\n" * 30,))
    told = qualification(check("mild", found=11.0, steps=("m",)), hostile, skipped=("y " * 60,))
    lines = text_lines(told, certificate.certificate_of(told), 20)
    assert max(map(len, lines)) <= WIDTH
    text = "\n".join(lines)
    assert "\x1b" not in text
    assert text.index("x" * 60) < text.index("mild")
    assert "skipped: not verified here" in text
    assert "next" in text
    assert "verdict: out_of_tolerance (2 of 2 checks out of tolerance)" in text


def test_json_lists_the_worst_and_says_how_many_are_left_out():
    told = qualification(*(check(str(n), found=11.0 + n, steps=("s",)) for n in range(5)))
    found = as_json(told, certificate.certificate_of(told), 2)
    assert [one["check"] for one in found["failures"]] == ["4", "3"]
    assert found["failures_left_out"] == 3
    assert found["causes"][0]["certainty"] == "suspected"
    json.dumps(found, allow_nan=False)


def test_a_deviation_without_end_is_null_in_json():
    told = qualification(check(found=None))
    found = as_json(told, certificate.certificate_of(told), 20)
    assert found["failures"][0]["excess"] is None
    json.dumps(found, allow_nan=False)


def test_junit_has_a_test_per_check_and_one_per_lack():
    from xml.etree import ElementTree as ET

    told = qualification(check(), check("b<&>", found=0.0), skipped=("all: need data",))
    (suite,) = ET.fromstring(junit(told))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    (failed,) = suite.iter("failure")
    assert "expected 10, found 0" in failed.get("message")


def test_the_id_hangs_on_installation_and_findings_alone():
    first = certificate.certificate_of(qualification(check()))
    again = certificate.certificate_of(qualification(check())) | {"created": "another day"}
    assert certificate.certificate_id(again) == first["id"]
    other = certificate.certificate_of(qualification(check(found=10.01)))
    assert other["id"] != first["id"]
    moved = first | {"installation": first["installation"] | {"processor": "another"}}
    assert certificate.certificate_id(moved) != first["id"]


def test_a_certificate_has_counts_and_the_worst_of_each_suite():
    found = certificate.certificate_of(qualification(check(), check("b", found=10.05)))
    (suite,) = found["suites"]
    assert (suite["n_checks"], suite["n_out_of_tolerance"]) == (2, 0)
    assert suite["worst"]["check"] == "b"
    assert suite["worst"]["excess"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"format": "biomarker-certificate/1"}',
        b'{"format": "biomarker-repeatability/1", "sha256": "x"}',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"format": "biomarker-certificate/1", "sha256": NaN}',
    ],
)
def test_a_file_that_is_no_certificate_is_refused(content, tmp_path):
    path = tmp_path / "c.json"
    path.write_bytes(content)
    with pytest.raises(BiomarkerError) as caught:
        certificate.read_certificate(path)
    assert (caught.value.code, caught.value.exit_code) == ("CERTIFICATE-INVALID", 2)


def test_a_certificate_that_was_altered_is_refused(tmp_path):
    from biomarker_cli.tables.certificates import as_text

    made = certificate.certificate_of(qualification(check()))
    path = tmp_path / "c.json"
    path.write_text(as_text(made))
    assert certificate.read_certificate(path) == made
    path.write_text(as_text(made | {"verdict": "better"}))
    with pytest.raises(BiomarkerError):
        certificate.read_certificate(path)


def test_a_certificate_that_failed_does_not_hold():
    made = certificate.certificate_of(qualification(check(found=0.0)))
    assert check_lines(made, [])[-2].endswith("it did not pass")
    passed = certificate.certificate_of(qualification(check()))
    assert check_lines(passed, [])[-1] == "it describes this installation"
    changed = check_lines(passed, [("processor", "a", "b")])
    assert "  processor: certified a, now b" in changed
    assert max(map(len, changed)) <= WIDTH


def test_the_texture_is_the_same_everywhere():
    from biomarker_cli.multicentre.qualification.truths.texture import texture

    # Another way to hash would give other images than those of the shipped values.
    found = texture(engines.GRID, 400)
    assert found[0, 0, :5].tolist() == [0.0, 145.0, 92.0, 182.0, 184.0]
    assert (found[3, 4, 5], np.sum(found)) == (63.0, 1025082.0)
