"""Rules: units, scopes, roles, vendors, tolerance, what is never a pass."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pydicom.dataset import Dataset
from synthetic_acquisitions import injection, instance, pet_instance, series_of
from synthetic_protocols import protocol_head

from biomarker_cli.acquisition.diffing import compare_protocols
from biomarker_cli.acquisition.drafting import draft_protocol
from biomarker_cli.acquisition.evaluating import evaluate
from biomarker_cli.acquisition.facts import FACTS
from biomarker_cli.acquisition.junit import check_xml
from biomarker_cli.acquisition.linting import lint
from biomarker_cli.acquisition.matching import match_protocols
from biomarker_cli.acquisition.measured import MeasuredFact
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.reading import tags_of
from biomarker_cli.acquisition.results import exit_code
from biomarker_cli.acquisition.waivers import apply_waivers, load_waivers
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.model.units import is_unit
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind, list_protocols
from biomarker_cli.protocol.lock import require_locked, write_lock


@pytest.fixture
def write(tmp_path: Path):
    def make(body: str, name: str = "site.yaml", status: str = "draft", by: str = "recall") -> str:
        path = tmp_path / name
        path.write_text(protocol_head(status=status, by=by) + body, encoding="utf-8")
        return str(path)

    return make


@pytest.fixture
def protocol(write):
    def make(*rules: str, extra: str = "") -> object:
        return load_acquisition(
            write(extra + "rules:\n" + "".join(f"  - {{{r}}}\n" for r in rules))
        )

    return make


def outcome(protocol, *series):
    return [r.outcome.value for r in evaluate(protocol, series)]


def mr(number=0, **elements):
    return instance(number, "MR", **elements)


class TestUnits:
    def test_a_number_without_unit_is_refused(self, protocol):
        with pytest.raises(ProtocolError, match="a number without a unit"):
            protocol("id: A, title: a, fact: EchoTime, check: {max: 90}")

    def test_a_unit_of_another_dimension_is_refused(self, protocol):
        with pytest.raises(ProtocolError, match=r"ms.*is no"):
            protocol("id: A, title: a, fact: EchoTime, check: {max: 90}, unit: mm")

    def test_an_element_of_unknown_unit_needs_its_header_unit(self, protocol):
        with pytest.raises(ProtocolError, match="header_unit"):
            protocol("id: A, title: a, fact: SAR, check: {max: 4}, unit: '1'")
        protocol("id: A, title: a, fact: SAR, check: {max: 4}, unit: '1', header_unit: '1'")

    def test_values_are_converted_to_the_unit_of_the_rule(self, protocol):
        rule = "id: A, title: a, fact: EchoTime, check: {range: [0.07, 0.09]}, unit: s"
        (result,) = evaluate(protocol(rule), [series_of([mr(EchoTime=80)])])
        assert (result.outcome, result.observed, result.unit) == ("pass", "0.08", "s")

    def test_a_mistyped_fact_gets_the_one_that_was_meant(self, protocol):
        with pytest.raises(ProtocolError, match="did you mean slice_thickness_mm"):
            protocol("id: A, title: a, fact: slice_thicknes_mm, check: {max: 3}, unit: mm")

    def test_a_fact_that_does_not_exist_is_refused(self, protocol):
        with pytest.raises(ProtocolError, match="neither a fact"):
            protocol("id: A, title: a, fact: EchoTme, check: {present: true}")

    @pytest.mark.parametrize(
        "fact",
        [
            "PatientName",
            "PatientID",
            "PatientBirthDate",
            "OperatorsName",
            "OtherPatientIDsSequence.PatientID",
            "RequestAttributesSequence.RequestingPhysician",
        ],
    )
    def test_who_somebody_is_is_no_fact_for_a_rule(self, protocol, fact):
        with pytest.raises(ProtocolError, match="says who somebody is"):
            protocol(f"id: A, title: a, fact: {fact}, check: {{present: true}}")
        rule = "id: A, title: a, fact: EchoTime, check: {present: true}"
        with pytest.raises(ProtocolError, match="says who somebody is"):
            protocol(f"{rule}, when: {{{fact}: {{present: true}}}}")
        protocol("id: A, title: a, fact: PatientSex, check: {present: true}")


CHECKS = [
    ("equals: 3.0", "unit: mm", {"SliceThickness": 3.0}, {"SliceThickness": 3.2}),
    ("one_of: [3, 5]", "unit: mm", {"SliceThickness": 5}, {"SliceThickness": 4}),
    ("min: 3", "unit: mm", {"SliceThickness": 3}, {"SliceThickness": 2.9}),
    ("max: 3", "unit: mm", {"SliceThickness": 3}, {"SliceThickness": 3.1}),
    ("range: [2, 3]", "unit: mm", {"SliceThickness": 2}, {"SliceThickness": 1.9}),
    ("range: [null, 3]", "unit: mm", {"SliceThickness": 0.1}, {"SliceThickness": 4}),
]
WORDS = [
    ("contains: ORIGINAL", ["ORIGINAL", "PRIMARY"], ["DERIVED"]),
    ("contains_any: [A, B]", ["X", "B"], ["X"]),
    ("contains_all: [A, B]", ["B", "A", "C"], ["A"]),
    ("equals: A", ["A"], ["B"]),
    ("regex: ^ORIG", ["ORIGINAL"], ["DERIVED"]),
    ("present: true", ["A"], None),
    ("absent: true", None, ["A"]),
]


class TestChecks:
    @pytest.mark.parametrize(("check", "unit", "good", "bad"), CHECKS)
    def test_numbers(self, protocol, check, unit, good, bad):
        rule = protocol(f"id: A, title: a, fact: SliceThickness, check: {{{check}}}, {unit}")
        assert outcome(rule, series_of([mr(**good)])) == ["pass"]
        assert outcome(rule, series_of([mr(**bad)])) == ["fail"]
        assert outcome(rule, series_of([mr()])) == ["not_evaluable"]

    @pytest.mark.parametrize(("check", "good", "bad"), WORDS)
    def test_words(self, protocol, check, good, bad):
        rule = protocol(f"id: A, title: a, fact: ImageType, check: {{{check}}}")
        assert outcome(rule, series_of([mr(ImageType=good)])) == ["pass"]
        assert outcome(rule, series_of([mr(ImageType=bad)])) == ["fail"]

    def test_sets_of_numbers(self, protocol):
        def of(check):
            return protocol(f"id: A, title: a, fact: b_values, check: {{{check}}}, unit: s/mm2")

        both = series_of([mr(DiffusionBValue=0.0), mr(DiffusionBValue=800.0)])
        assert outcome(of("any_in: [500, 1000]"), both) == ["pass"]
        assert outcome(of("all_in: [500, 1000]"), both) == ["fail"]
        assert outcome(of("contains_all: [0, 800]"), both) == ["pass"]
        assert outcome(of("any_in: [1400, null]"), both) == ["fail"]

    def test_constant_over_instances(self, protocol):
        rule = protocol("id: A, title: a, fact: FlipAngle, check: {constant: true}, over: instance")
        assert outcome(rule, series_of([mr(FlipAngle=9), mr(FlipAngle=9)])) == ["pass"]
        assert outcome(rule, series_of([mr(FlipAngle=9), mr(FlipAngle=8)])) == ["fail"]

    @pytest.mark.parametrize("check", ["min: 3, max: 4", "", "min: null", "range: [5, 3]"])
    def test_a_check_has_exactly_one_sensible_key(self, protocol, check):
        with pytest.raises(ProtocolError):
            protocol(f"id: A, title: a, fact: SliceThickness, check: {{{check}}}, unit: mm")

    def test_tolerance_absolute_and_relative(self, protocol):
        base = "id: A, title: a, fact: SliceThickness, unit: mm, check: {max: 0.5}, tolerance: "
        assert outcome(protocol(base + "{abs: 0.1}"), series_of([mr(SliceThickness=0.6)])) == [
            "pass"
        ]
        assert outcome(protocol(base + "{rel: 0.1}"), series_of([mr(SliceThickness=0.6)])) == [
            "fail"
        ]

    def test_overlap_passes_a_gap_of_zero_and_half_a_tenth_is_tolerated(self, protocol):
        rule = protocol(
            "id: A, title: a, fact: slice_gap_mm, unit: mm, check: {max: 0}, tolerance: {abs: 0.05}"
        )
        for thickness, wanted in ((3.5, "pass"), (2.96, "pass"), (2.9, "fail")):
            slices = [mr(n, SliceThickness=thickness) for n in range(3)]  # 3 mm apart
            assert outcome(rule, series_of(slices)) == [wanted]


class TestNeverAPass:
    MAX = "id: A, title: a, fact: SliceThickness, check: {max: 5}, unit: mm, over: instance"

    def test_missing_in_one_instance(self, protocol):
        two = series_of([mr(SliceThickness=3), mr(SliceThickness=None)])
        (result,) = evaluate(protocol(self.MAX), [two])
        assert (result.outcome, result.n_missing) == ("not_evaluable", 1)

    def test_a_violation_that_stands_there_is_a_fail_although_another_is_missing(self, protocol):
        assert outcome(
            protocol(self.MAX), series_of([mr(SliceThickness=9), mr(SliceThickness=None)])
        ) == ["fail"]

    @pytest.mark.parametrize("text", ["", "***"])
    def test_empty_and_nonsense(self, protocol, text):
        rule = protocol(
            "id: A, title: a, fact: StudyDate, check: {min: 0}, unit: '1', header_unit: '1'"
        )
        assert outcome(rule, series_of([mr(StudyDate=text)])) == ["not_evaluable"]

    def test_implausible_is_a_defect_not_a_deviation(self, protocol):
        rule = protocol(self.MAX + ", implausible: {below: 0.1, above: 50}")
        assert outcome(rule, series_of([mr(SliceThickness=0)])) == ["not_evaluable"]
        assert outcome(rule, series_of([mr(SliceThickness=51)])) == ["not_evaluable"]

    def test_an_inferred_unit_is_judged_only_where_the_rule_accepts_it(self, protocol):
        rule = "id: A, title: a, fact: field_strength_t, check: {max: 3}, unit: T"
        gauss = series_of([mr(MagneticFieldStrength=15000)])
        assert outcome(protocol(rule), gauss) == ["not_evaluable"]
        assert outcome(protocol(rule + ", accept_inferred: true"), gauss) == ["pass"]

    def test_if_missing_may_be_a_fail(self, protocol):
        assert outcome(protocol(self.MAX + ", if_missing: fail"), series_of([mr()])) == ["fail"]

    def test_an_unknown_condition_leaves_the_rule_unjudged(self, protocol):
        rule = protocol(self.MAX + ", when: {ScanningSequence: EP}")
        assert outcome(rule, series_of([mr(SliceThickness=3)])) == ["not_evaluable"]
        assert outcome(rule, series_of([mr(SliceThickness=3, ScanningSequence="SE")])) == [
            "not_applicable"
        ]

    @pytest.mark.parametrize(
        "ident", sorted({path.parent.name for path in list_protocols(ProtocolKind.ACQUISITION)})
    )
    def test_a_protocol_whose_every_tag_is_missing_passes_nothing(self, ident):
        loaded = load_acquisition(ident)
        modality = str(loaded.content.applies_to.when["Modality"].limit)
        empty = Dataset()
        empty.Modality = modality
        results = [
            r
            for role in (loaded.content.roles or {"": None})
            for r in evaluate(loaded, [series_of([empty, empty], role=role)])
        ]
        assert results
        assert not [r for r in results if r.outcome in {"pass", "fail"}]
        assert exit_code(results) is ExitCode.DONE
        has_errors = any(rule.severity == "error" for rule in loaded.content.rules)
        strict = ExitCode.VIOLATION if has_errors else ExitCode.DONE
        assert exit_code(results, strict=True) is strict


class TestScopesAndRoles:
    ROLES = "applies_to: {when: {Modality: MR}}\nroles: {A: {when: {EchoTime: {max: 50}}}, B: {}}\n"

    def test_a_study_without_a_required_role_has_missing_series(self, protocol):
        rules = protocol(
            "id: A1, title: a, role: A, fact: EchoTime, check: {max: 40}, unit: ms",
            "id: B1, title: b, role: B, fact: EchoTime, check: {max: 40}, unit: ms",
            extra=self.ROLES,
        )
        results = evaluate(rules, [series_of([mr(EchoTime=30)])])
        assert [(r.rule_id, r.outcome.value, r.scope) for r in results] == [
            ("A1", "pass", "series"),
            ("B1", "missing_series", "study"),
        ]
        assert exit_code(results) is ExitCode.DONE
        assert exit_code(results, strict=True) is ExitCode.VIOLATION

    def test_another_modality_is_not_applicable_and_alone_nothing_to_check(self):
        results = evaluate(load_acquisition("recist-ct"), [series_of([mr(SliceThickness=9)])])
        assert {r.outcome.value for r in results} == {"not_applicable"}
        assert exit_code(results) is ExitCode.NOTHING_FOUND

    def test_a_set_is_united_over_the_series_of_a_study(self, protocol):
        rule = protocol(
            "id: A, title: a, fact: b_values, check: {contains_all: [0, 800]}, "
            "unit: s/mm2, over: study"
        )
        one = series_of([mr(DiffusionBValue=0.0)], uid="1")
        other = series_of([mr(DiffusionBValue=800.0)], uid="2")
        (result,) = evaluate(rule, [one, other])
        assert (result.outcome, result.scope, result.series_uid) == ("pass", "study", "1;2")

    def test_a_study_that_the_protocol_does_not_speak_of_lacks_no_role(self):
        ct = series_of([instance(0, "CT", SliceThickness=3)])
        results = evaluate(load_acquisition("pirads-2.1"), [ct])
        assert {r.outcome.value for r in results} == {"not_applicable"}
        assert exit_code(results) is ExitCode.NOTHING_FOUND

    def test_the_study_says_whose_a_series_is_not_the_patient_id(self, protocol):
        """Two centres may both have a patient 001; one subject may have two PatientIDs."""
        rule = protocol(
            "id: A, title: a, fact: kernel, check: {same_as_baseline: true}, over: subject"
        )
        first = series_of([instance(0, "CT", ConvolutionKernel="A")], "1.1", "1")
        second = series_of(
            [instance(0, "CT", ConvolutionKernel="B", StudyDate="20250101")], "2.1", "2"
        )
        assert outcome(rule, first, second) == ["not_applicable", "fail"]
        apart = [first.in_study("", "A/001"), second.in_study("", "B/001")]
        assert outcome(rule, *apart) == ["not_applicable", "not_applicable"]
        other = series_of(
            [instance(0, "CT", ConvolutionKernel="B", StudyDate="20250101", PatientID="P2")],
            "2.1",
            "2",
        )
        together = [first.in_study("", "A/001"), other.in_study("", "A/001")]
        assert outcome(rule, *together) == ["not_applicable", "fail"]

    def test_the_role_that_a_study_gives_holds_where_the_header_tells_none(self):
        series = series_of([mr(SliceThickness=3), mr(1, SliceThickness=3)])
        loaded = load_acquisition("pirads-2.1")
        told = {r.rule_id: r.outcome for r in evaluate(loaded, [series], ["series"])}
        assert told == {}
        given = {
            r.rule_id: r.outcome
            for r in evaluate(loaded, [series.in_study("T2W", "A/001")], ["series"])
        }
        assert given["PIRADS-T2W-THICKNESS"] == "pass"

    def test_same_as_baseline_compares_with_the_first_examination(self, protocol):
        rule = protocol(
            "id: A, title: a, fact: ConvolutionKernel, check: {same_as_baseline: true}, "
            "over: subject"
        )

        def scan(day, kernel, patient="P1", moved="UNMODIFIED"):
            header = instance(
                0,
                "CT",
                StudyDate=day,
                ConvolutionKernel=kernel,
                PatientID=patient,
                LongitudinalTemporalInformationModified=moved,
            )
            return series_of([header], uid=day, study=day)

        first, same = scan("20240101", "SOFT"), scan("20240301", "SOFT")
        assert outcome(rule, first, same) == ["not_applicable", "pass"]
        assert outcome(rule, first, scan("20240301", "BONE")) == ["not_applicable", "fail"]
        assert outcome(rule, first, scan("20240301", None)) == ["not_applicable", "not_evaluable"]
        assert outcome(rule, first, scan("", "SOFT")) == ["not_evaluable"] * 2
        assert outcome(rule, first, scan("20240301", "BONE", "P2")) == ["not_applicable"] * 2
        assert outcome(rule, first) == ["not_applicable"]
        # Which of the two was first cannot be told from a date that was moved beside one of
        # the calendar; of two that were moved alike it can.
        moved = [scan(day, "SOFT", moved="MODIFIED") for day in ("20200101", "20200301")]
        assert outcome(rule, first, moved[0]) == ["not_evaluable"] * 2
        assert outcome(rule, *moved) == ["not_applicable", "pass"]

    def test_a_cohort_rule_holds_all_series_together(self, protocol):
        rule = protocol(
            "id: A, title: a, fact: ConvolutionKernel, check: {constant: true}, over: cohort"
        )
        soft = series_of([instance(0, "CT", ConvolutionKernel="SOFT")], uid="1")
        bone = series_of([instance(0, "CT", ConvolutionKernel="BONE")], uid="2")
        assert outcome(rule, soft, soft) == ["pass"]
        (result,) = evaluate(rule, [soft, bone])
        assert (result.outcome, result.scope, result.series_uid) == ("fail", "cohort", "")

    def test_scopes_can_be_chosen(self, protocol):
        rule = protocol(
            "id: A, title: a, fact: KVP, check: {constant: true}, over: cohort, unit: kV"
        )
        assert evaluate(rule, [series_of([instance(0, "CT", KVP=120)])], ["series"]) == []

    def test_what_is_measured_is_handed_in(self):
        series = series_of([pet_instance(0)])
        loaded = load_acquisition("earl-1-phantom")
        results = {r.rule_id: r.outcome for r in evaluate(loaded, [series])}
        assert results["EARL1-RC-MAX-10"] == "not_evaluable"
        measured = [MeasuredFact("", "phantom_recovery_max_10mm", 0.5, "sheet")]
        results = {r.rule_id: r.outcome for r in evaluate(loaded, [series], measured=measured)}
        assert results["EARL1-RC-MAX-10"] == "pass"


class TestFacts:
    @pytest.mark.parametrize("fact", list(FACTS), ids=lambda fact: fact.name)
    def test_each_has_a_definition_a_known_unit_and_its_elements(self, fact):
        assert fact.definition.endswith(".")
        assert not fact.unit or is_unit(fact.unit)
        counted = fact.name in {"n_frames", "n_instances"}
        assert bool(tags_of(fact)) == (not counted and not fact.is_measured)

    def test_those_of_the_contract_are_there(self):
        wanted = (
            "slice_spacing_mm slice_gap_mm uptake_time_min uptake_time_series_min "
            "uptake_time_bed_min activity_per_kg field_strength_t b_values fov_mm voxel_volume_mm3 "
            "pixel_spacing_mm acquired_voxel_phase_mm acquired_voxel_frequency_mm "
            "temporal_resolution_s n_frames ctdi_vol_mgy spiral_pitch kernel contrast_phase "
            "radionuclide corrections manufacturer model device_serial station software"
        )
        assert not [name for name in wanted.split() if FACTS.get(name) is None]


class TestElements:
    def test_private_element_by_creator_and_vendor_alternative(self, protocol):
        rule = protocol(
            "id: A, title: a, fact: EchoTime, check: {max: 50}, unit: ms, vendors: [{manufacturer: "
            "acme, fact: {group: '0043', creator: ACME_1, element: '39', index: 1}, "
            "header_unit: ms}]"
        )
        header = mr(EchoTime=10)
        header.private_block(0x0043, "ACME_1", create=True).add_new(0x39, "IS", [1, 90])
        assert outcome(rule, series_of([header])) == ["fail"]
        header.Manufacturer = "OTHER"
        assert outcome(rule, series_of([header])) == ["pass"]
        del header.Manufacturer
        assert outcome(rule, series_of([header])) == ["not_evaluable"]

    def test_an_element_inside_a_sequence(self, protocol):
        rule = protocol(
            "id: A, title: a, check: {min: 1}, unit: MBq, "
            "fact: RadiopharmaceuticalInformationSequence.RadionuclideTotalDose"
        )
        assert outcome(rule, series_of([pet_instance(0)])) == ["pass"]


class TestUptake:
    def uptake(self, **elements):
        sequence = injection(**elements)
        series = series_of([pet_instance(0, RadiopharmaceuticalInformationSequence=sequence)])
        results = evaluate(load_acquisition("qiba-fdg-1-14"), [series])
        return next((r.outcome.value, r.observed) for r in results if r.rule_id == "QIBAFDG-UPTAKE")

    def test_start_time_alone_takes_the_date_of_the_scan(self):
        assert self.uptake(RadiopharmaceuticalStartDateTime=None) == ("pass", "60")

    def test_start_time_rolls_over_midnight(self):
        sequence = injection(
            RadiopharmaceuticalStartDateTime=None, RadiopharmaceuticalStartTime="233000"
        )
        header = pet_instance(
            0, RadiopharmaceuticalInformationSequence=sequence, AcquisitionTime="003000"
        )
        results = evaluate(load_acquisition("qiba-fdg-1-14"), [series_of([header])])
        assert [r.observed for r in results if r.rule_id == "QIBAFDG-UPTAKE"] == ["60"]

    def test_a_long_lived_nuclide_needs_the_date(self):
        outcome = self.uptake(RadiopharmaceuticalStartDateTime=None, RadionuclideHalfLife=282240.0)
        assert outcome == ("not_evaluable", "")

    def test_an_offset_from_utc_without_that_of_the_series_is_not_evaluable(self):
        outcome, _ = self.uptake(
            RadiopharmaceuticalStartDateTime="20240101090000+0100",
            RadiopharmaceuticalStartTime=None,
        )
        assert outcome == "not_evaluable"

    def test_the_local_start_time_tells_the_offset_of_the_series(self):
        outcome = self.uptake(RadiopharmaceuticalStartDateTime="20240101080000+0000")
        assert outcome == ("pass", "60")


class TestLint:
    RULE = "  - {id: A, title: a, fact: EchoTime, check: {max: 90}, unit: ms, fix: f}\n"
    TEST = "tests:\n  - {facts: {EchoTime: 80}, expect: {A: pass}}\n"

    def codes(self, path):
        return {f.code for f in lint(load_document(ProtocolKind.ACQUISITION, path))}

    def test_clean(self, write):
        assert self.codes(write("rules:\n" + self.RULE + self.TEST)) == set()

    def test_an_active_protocol_with_a_recalled_source(self, write):
        path = write("rules:\n" + self.RULE + self.TEST, status="active")
        assert self.codes(path) == {"recalled-source"}

    def test_a_rule_without_a_test(self, write):
        assert self.codes(write("rules:\n" + self.RULE)) == {"untested"}

    def test_a_test_that_fails_names_expected_and_found(self, write):
        path = write("rules:\n" + self.RULE + self.TEST.replace("80", "100"))
        (finding,) = lint(load_document(ProtocolKind.ACQUISITION, path))
        assert "expected pass, found fail" in finding.message
        assert finding.line > 8

    def test_a_number_without_unit(self, write):
        path = write("rules:\n" + self.RULE.replace("unit: ms, ", ""))
        assert self.codes(path) == {"invalid"}

    def test_a_reused_id(self, write):
        assert self.codes(write("rules:\n" + self.RULE * 2 + self.TEST)) == {"invalid"}

    def test_an_id_that_a_released_version_has_for_another_fact(self, tmp_path):
        path = tmp_path / "recist.yaml"
        path.write_text(
            protocol_head(ident="recist-ct", version="9.0.0")
            + "rules:\n"
            + "  - {id: RECIST-CT-001, title: a, fact: kernel, check: {equals: B}, fix: f}\n"
            + "tests:\n  - {facts: {kernel: B}, expect: {RECIST-CT-001: pass}}\n",
            encoding="utf-8",
        )
        assert self.codes(str(path)) == {"reused-id"}

    @pytest.mark.parametrize(
        ("extends", "code"),
        [("base-ct@^1.0", "floating-parent"), ("recist-ct@0.1.0", "draft-parent")],
    )
    def test_an_active_protocol_stands_on_one_released_parent(self, write, extends, code):
        test = self.TEST.replace("{EchoTime", "{Modality: CT, EchoTime")
        body = f"extends: {extends}\nrules:\n" + self.RULE + test
        path = write(body, status="active", by="primary")
        assert self.codes(path) == {code}

    def test_a_version_without_its_entry_in_the_changelog(self, write):
        path = Path(write("rules:\n" + self.RULE + self.TEST))
        path.write_text(path.read_text().replace("\nversion: 0.1.0", "\nversion: 0.2.0"))
        assert self.codes(str(path)) == {"changelog"}


class TestExtends:
    def test_a_parent_that_is_not_there_names_the_child_and_what_may_be_meant(self, write):
        path = write("extends: base-cct@1.0.0\n", "child.yaml")
        with pytest.raises(ProtocolError, match=r"\[child.yaml, extends\].*Did you mean base-ct"):
            load_acquisition(path)

    def test_an_id_twice_in_a_child_is_refused_not_merged(self, write):
        rule = "  - {id: A, title: a, fact: EchoTime, check: {max: 90}, unit: ms}\n"
        write("rules:\n" + rule, "parent.yaml")
        with pytest.raises(ProtocolError, match="stands twice: A"):
            load_acquisition(write("extends: parent.yaml\nrules:\n" + rule * 2))

    def test_a_child_overrides_and_disables_by_id(self, write):
        rules = (
            "rules:\n  - {id: A, title: a, fact: EchoTime, check: {max: 90}, unit: ms}\n"
            "  - {id: B, title: b, fact: FlipAngle, check: {max: 90}, unit: deg}\n"
        )
        parent = write(rules, "parent.yaml")
        child = write(
            "extends: parent.yaml\ndisable: [B]\n"
            "rules:\n  - {id: A, title: a, fact: EchoTime, check: {max: 70}, unit: ms}\n"
        )
        before, after = load_acquisition(parent), load_acquisition(child)
        assert [(r.id, r.check.max) for r in after.content.rules] == [("A", 70.0)]
        changes = {(c.rule_id, c.what, c.direction) for c in compare_protocols(before, after)}
        assert changes == {("A", "limit", "stricter"), ("B", "removed", "looser")}

    def test_a_parent_that_changes_changes_the_digest_of_the_child(self, write, tmp_path):
        body = "rules:\n  - {id: A, title: a, fact: EchoTime, check: {max: 90}, unit: ms}\n"
        write(body, "parent.yaml")
        child = write("extends: parent.yaml\n")
        document = load_document(ProtocolKind.ACQUISITION, child)
        lock = tmp_path / "protocols.lock"
        write_lock(lock, ProtocolKind.ACQUISITION, document)
        require_locked(lock, ProtocolKind.ACQUISITION, document)
        write(body.replace("90", "95"), "parent.yaml")
        changed = load_document(ProtocolKind.ACQUISITION, child)
        with pytest.raises(ProtocolError) as caught:
            require_locked(lock, ProtocolKind.ACQUISITION, changed)
        assert caught.value.code == "LOCK-MISMATCH"


class TestWaivers:
    def waived(self, tmp_path, today, **changes):
        entry = {
            "protocol": "recist-ct",
            "versions": "^1.0",
            "rule": "RECIST-CT-001",
            "series": "1.2",
            "reason": "no thin reconstruction is kept",
            "approver": "core lab",
            "expires": "2026-06-30",
        } | changes
        path = tmp_path / "waivers.yaml"
        lines = ", ".join(f"{key}: '{value}'" for key, value in entry.items())
        path.write_text(f"format: biomarker-waivers/1\nwaivers: [{{{lines}}}]\n")
        thick = series_of([instance(0, "CT", SliceThickness=6)])
        results = evaluate(load_acquisition("recist-ct"), [thick])
        return apply_waivers(results, load_waivers(path), today)[0]

    def test_a_waived_fail_is_no_violation_and_says_why(self, tmp_path):
        result = self.waived(tmp_path, date(2026, 6, 30))
        assert result.outcome == "waived"
        assert "no thin reconstruction" in result.reason
        assert exit_code([result], strict=True) is ExitCode.DONE

    def test_an_expired_waiver_is_a_fail(self, tmp_path):
        result = self.waived(tmp_path, date(2026, 7, 1))
        assert result.outcome == "fail"
        assert "expired on 2026-06-30" in result.reason

    @pytest.mark.parametrize(
        "changes", [{"series": "9.9"}, {"rule": "OTHER"}, {"versions": "^2.0"}, {"protocol": "x"}]
    )
    def test_a_waiver_for_something_else_waives_nothing(self, tmp_path, changes):
        assert self.waived(tmp_path, date(2026, 1, 1), **changes).outcome == "fail"

    @pytest.mark.parametrize("changes", [{"expires": "soon"}, {"reason": ""}, {"versions": "any"}])
    def test_a_waiver_that_cannot_be_read_is_refused(self, tmp_path, changes):
        with pytest.raises(ProtocolError) as caught:
            self.waived(tmp_path, date(2026, 1, 1), **changes)
        assert caught.value.code == "WAIVER-INVALID"


class TestReports:
    def test_junit_counts_and_never_passes_what_was_not_judged(self):
        series = [
            series_of([instance(0, "CT", SliceThickness=t)], uid=f"1.{n}")
            for n, t in enumerate((3, 6, None))
        ]
        text = check_xml(evaluate(load_acquisition("recist-ct"), series))
        assert text.count("<failure") == 1
        assert text.count("<skipped") == 1
        assert text.count("<testcase") == 3

    def test_control_characters_of_a_header_reach_no_report(self, protocol):
        rule = protocol("id: A, title: a, fact: StationName, check: {equals: A}")
        series = series_of([instance(0, "CT", StationName="\x1b[31mred\x07\x00x")])
        (result,) = evaluate(rule, [series])
        assert result.observed == "\ufffd[31mred\ufffd\ufffdx"
        assert ET.fromstring(check_xml([result])).find(".//failure") is not None

    def test_what_is_not_there_has_no_unit(self):
        series = series_of([instance(0, "CT")])
        text = check_xml(evaluate(load_acquisition("recist-ct"), [series]))
        assert "found nothing;" in text

    def test_the_protocol_that_asks_for_more_fits_better(self):
        found = match_protocols([series_of([pet_instance(n) for n in range(3)])])
        assert found[0].ident.startswith(
            ("qiba-fdg", "eanm-fdg", "percist", "us-label", "base-pet")
        )
        scores = [m.score for m in found]
        assert scores == sorted(scores, reverse=True)

    def test_a_draft_passes_its_reference_and_its_own_lint(self, tmp_path):
        series = series_of([mr(n, EchoTime=80, SliceThickness=3.0) for n in range(3)])
        path = tmp_path / "drafted.yaml"
        path.write_text(draft_protocol([series], "drafted", "2026-01-01"), encoding="utf-8")
        document = load_document(ProtocolKind.ACQUISITION, str(path))
        assert [f for f in lint(document) if f.severity == "error"] == []
        results = evaluate(load_acquisition(str(path)), [series])
        assert {r.outcome.value for r in results} == {"pass"}
        assert "echo_time_ms" in path.read_text()
