"""Values that cannot be, text in place of numbers, damage: never a pass, never the end of all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from synthetic_acquisitions import injection, instance, pet_instance, series_of
from synthetic_protocols import protocol_head

from biomarker_cli.acquisition.drafting import draft_protocol
from biomarker_cli.acquisition.evaluating import evaluate
from biomarker_cli.acquisition.facts import FACTS
from biomarker_cli.acquisition.facts.elements import KEYWORD_UNITS
from biomarker_cli.acquisition.facts.plausible import BOUNDS
from biomarker_cli.acquisition.header_facts import facts_by_series, header_facts
from biomarker_cli.acquisition.junit import check_xml
from biomarker_cli.acquisition.linting import lint
from biomarker_cli.acquisition.matching import match_protocols
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.reading import read_fact
from biomarker_cli.acquisition.series import series_headers
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.injection import read_injections
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind

HEAD = protocol_head()


@pytest.fixture
def protocol(tmp_path: Path):
    def make(fact: str, check: str, unit: str, more: str = ""):
        rule = f"{{id: A, title: a, fact: {fact}, check: {{{check}}}, unit: {unit}, fix: x{more}}}"
        path = tmp_path / "site.yaml"
        path.write_text(f"{HEAD}rules: [{rule}]\n", encoding="utf-8")
        return load_acquisition(str(path))

    return make


def outcomes(protocol, *datasets: Dataset) -> list[str]:
    return [r.outcome.value for r in evaluate(protocol, [series_of(datasets)])]


def mr(**elements):
    return instance(0, "MR", **elements)


CHECKS = {
    "max": "max: 90",
    "min": "min: -5",
    "range": "range: [null, 90]",
    "constant": "constant: true",
    "equals": "equals: {v}",
    "one_of": "one_of: [{v}, 80]",
    "contains": "contains: {v}",
    "contains_any": "contains_any: [{v}, 80]",
    "contains_all": "contains_all: [{v}]",
    "any_in": "any_in: [null, 90]",
    "all_in": "all_in: [null, 90]",
}


class TestValuesThatCannotBe:
    @pytest.mark.parametrize("kind", CHECKS)
    @pytest.mark.parametrize("value", [0, -1])
    def test_no_check_judges_them(self, protocol, kind, value):
        unit = "ms" if kind != "present" else "''"
        found = protocol("EchoTime", CHECKS[kind].format(v=value), unit)
        assert outcomes(found, mr(EchoTime=value)) == ["not_evaluable"]
        (result,) = evaluate(found, [series_of([mr(EchoTime=value)])])
        assert f"{value} cannot be" in result.reason

    def test_a_limit_that_the_value_breaks_does_not_judge_it_either(self, protocol):
        assert outcomes(protocol("EchoTime", "min: 10", "ms"), mr(EchoTime=0)) == ["not_evaluable"]
        assert outcomes(protocol("EchoTime", "min: 10", "ms"), mr(EchoTime=9)) == ["fail"]

    def test_one_slice_suffices(self, protocol):
        found = protocol("EchoTime", "max: 90", "ms")
        assert outcomes(found, mr(EchoTime=80), mr(EchoTime=0)) == ["not_evaluable"]
        assert outcomes(found, mr(EchoTime=80), mr(EchoTime=70)) == ["pass"]

    def test_it_is_not_there_where_it_is_asked_for(self, protocol):
        found = protocol("PatientWeight", "present: true", "''")
        assert outcomes(found, pet_instance(0, PatientWeight=0)) == ["not_evaluable"]
        assert outcomes(found, pet_instance(0, PatientWeight=70)) == ["pass"]

    def test_it_meets_no_condition(self, protocol):
        found = protocol("EchoTime", "max: 90", "ms", ", when: {RepetitionTime: {max: 5000}}")
        assert outcomes(found, mr(EchoTime=80, RepetitionTime=0)) == ["not_evaluable"]
        assert outcomes(found, mr(EchoTime=80, RepetitionTime=3000)) == ["pass"]
        assert outcomes(found, mr(EchoTime=80, RepetitionTime=6000)) == ["not_applicable"]

    def test_limits_hold_in_the_unit_of_the_fact(self, protocol):
        found = protocol("SliceThickness", "max: 9000", "cm")
        assert outcomes(found, mr(SliceThickness=4999)) == ["pass"]
        assert outcomes(found, mr(SliceThickness=5001)) == ["not_evaluable"]

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            ("InversionTime", 0),
            ("DiffusionBValue", 0),
            ("GantryDetectorTilt", 0),
            ("TableHeight", -100),
            ("TriggerTime", 0),
            ("ContrastBolusVolume", 0),
            ("FlipAngle", 360),
            ("PatientWeight", 0.5),
        ],
    )
    def test_what_may_be_is_judged(self, keyword, value):
        assert read_fact(series_of([mr(**{keyword: value})]), keyword).implausible == ""

    def test_a_fact_beside_its_element_has_the_same_limits(self):
        pairs = {
            "slice_thickness_mm": "SliceThickness",
            "echo_time_ms": "EchoTime",
            "repetition_time_ms": "RepetitionTime",
            "inversion_time_ms": "InversionTime",
            "flip_angle_deg": "FlipAngle",
            "weight_kg": "PatientWeight",
            "height_m": "PatientSize",
            "field_strength_t": "MagneticFieldStrength",
            "tube_voltage_kv": "KVP",
            "half_life_s": "RadionuclideHalfLife",
        }
        for fact, keyword in pairs.items():
            assert BOUNDS[fact] is BOUNDS[keyword], fact

    def test_the_table_names_facts_and_elements_that_exist(self):
        known = {fact.name for fact in FACTS} | set(KEYWORD_UNITS)
        known |= {"InversionTimes", "ExposureTimeInms", "XRayTubeCurrentInmA"}
        assert set(BOUNDS) <= known

    @pytest.mark.parametrize(
        "fact", [f for f, b in BOUNDS.items() if not b.may_be_low and f in KEYWORD_UNITS]
    )
    def test_no_positive_element_passes_with_0(self, protocol, fact):
        found = protocol(fact, "max: 1e9", f"'{KEYWORD_UNITS[fact]}'")
        assert outcomes(found, mr(**{fact: [0, 0] if fact == "PixelSpacing" else 0})) == [
            "not_evaluable"
        ]

    def test_an_item_of_a_sequence_is_weighed_too(self, protocol):
        path = "RadiopharmaceuticalInformationSequence.RadionuclideTotalDose"
        found = protocol(path, "max: 1e9", "Bq")
        items = injection(RadionuclideTotalDose=0)
        data = pet_instance(0, RadiopharmaceuticalInformationSequence=items)
        assert outcomes(found, data) == ["not_evaluable"]
        assert outcomes(found, pet_instance(0)) == ["pass"]

    def test_a_gap_needs_a_thickness_that_can_be(self):
        whole = series_of([instance(n, "CT", SliceThickness=3.0) for n in range(3)])
        zero = series_of([instance(n, "CT", SliceThickness=0.0) for n in range(3)])
        assert set(read_fact(whole, "slice_gap_mm").values) == {0.0}
        assert read_fact(zero, "slice_gap_mm").values == ()

    def test_facts_say_so(self):
        rows = {f.fact: f for f in header_facts(series_of([mr(EchoTime=0, RepetitionTime=3000)]))}
        assert rows["echo_time_ms"].value == "0"
        assert rows["echo_time_ms"].flags == {"fact_implausible"}
        assert "fact_implausible" not in rows["repetition_time_ms"].flags

    def test_a_draft_fixes_none(self):
        told = {"SliceThickness": 3.0, "RepetitionTime": 3000.0}
        text = draft_protocol([series_of([mr(EchoTime=0, **told)])], "x", "2026-01-01")
        assert "repetition_time_ms" in text
        assert "echo_time_ms" not in text

    def test_a_test_case_may_break_a_limit_by_one(self, tmp_path):
        def findings(limit: str, expect: str) -> list[str]:
            path = tmp_path / "site.yaml"
            path.write_text(
                f"{HEAD}rules: [{{id: A, title: a, fact: weight_kg, check: {limit}, unit: kg}}]\n"
                f"tests: [{{facts: {{weight_kg: 0}}, expect: {{A: {expect}}}}}]\n"
            )
            found = lint(load_document(ProtocolKind.ACQUISITION, str(path)))
            return [f.code for f in found if f.code == "test-fails"]

        assert findings("{min: 2}", "fail") == []
        assert findings("{min: 2}", "not_evaluable") == []
        assert findings("{max: 2}", "not_evaluable") == []
        assert findings("{max: 2}", "pass") == ["test-fails"]
        assert findings("{max: 2}", "fail") == ["test-fails"]


def raw(dataset: Dataset, keyword: str, vr: str, value: bytes) -> Dataset:
    """Put stored bytes in the place of an element, as a reader finds them."""
    tag = Tag(keyword)
    dataset._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    return dataset


class TestDamage:
    @pytest.mark.parametrize("text", ["70,5", "70 kg", "7\0 0"])
    def test_text_in_place_of_a_number_is_quoted_and_is_no_value(self, protocol, text):
        series = series_of([raw(pet_instance(0), "PatientWeight", "DS", text.encode())])
        row = next(f for f in header_facts(series) if f.fact == "weight_kg")
        assert (row.value, row.flags) == ("", {"fact_unreadable"})
        assert text.replace("\0", r"\x00") in row.note
        assert "\0" not in row.note
        (result,) = evaluate(protocol("PatientWeight", "max: 90", "kg"), [series])
        assert result.outcome == "not_evaluable"
        assert "is no number, in 1 of 1" in result.reason

    def test_a_slice_with_text_is_a_missing_one(self, protocol):
        found = protocol("PatientWeight", "max: 90", "kg")
        bad = raw(pet_instance(1), "PatientWeight", "DS", b"70,0")
        assert outcomes(found, pet_instance(0), bad) == ["not_evaluable"]

    def test_what_is_quoted_is_bounded(self):
        series = series_of([raw(pet_instance(0), "PatientWeight", "DS", b"7," * 5000)])
        assert len(read_fact(series, "PatientWeight").reason) < 200

    @pytest.mark.parametrize(
        ("keyword", "fact"),
        [
            ("RadionuclideTotalDose", "injected_activity_mbq"),
            ("RadionuclideHalfLife", "half_life_s"),
        ],
    )
    def test_a_comma_inside_an_item_is_quoted(self, keyword, fact):
        items = injection()
        raw(items[0], keyword, "DS", b"6586,2")
        data = pet_instance(0, RadiopharmaceuticalInformationSequence=items)
        reading = read_fact(series_of([data]), fact)
        assert reading.values == ()
        assert "'6586,2' is no number" in reading.reason

    def test_positions_with_nul_are_missing(self):
        data = raw(mr(), "ImagePositionPatient", "DS", b"-9\0@\0C\\-95.9\\1")
        reading = read_fact(series_of([data, mr()]), "n_temporal_positions")
        assert reading.values == ()
        assert reading.n_missing == 1

    @pytest.mark.parametrize("name", [f.name for f in FACTS])
    def test_an_exception_of_any_kind_is_a_reading_without_values(self, name, monkeypatch):
        def fail(_series):
            raise NotImplementedError("Doe^John")

        definition = FACTS.get(name)
        monkeypatch.setitem(FACTS._by_name, name, replace(definition, read=fail))
        monkeypatch.setattr("biomarker_cli.acquisition.reading.tags_of", lambda _: ("(0010,1030)",))
        reading = read_fact(series_of([mr()]), name)
        assert reading.values == ()
        assert reading.n_missing == 1
        assert reading.flags == {"fact_unreadable"}
        assert "Doe" not in reading.reason

    def test_an_unknown_type_inside_an_item_is_named(self):
        items = injection()
        raw(items[0].RadionuclideCodeSequence[0], "CodeValue", "L1", b"C-111A1")
        data = pet_instance(0, RadiopharmaceuticalInformationSequence=items)
        with pytest.raises(HeaderError, match="RadiopharmaceuticalInformationSequence"):
            read_injections(series_of([data]).frames.first)

    def test_an_unknown_type_inside_an_item_loses_its_facts_alone(self):
        items = injection()
        nuclide = items[0].RadionuclideCodeSequence[0]
        raw(nuclide, "CodeMeaning", "L1", b"Fluor")
        raw(nuclide, "CodeValue", "L1", b"C-111A1")
        damaged = series_of([pet_instance(0, RadiopharmaceuticalInformationSequence=items)])
        rows = {f.fact: f for f in header_facts(damaged)}
        assert rows["radionuclide"].value == ""
        assert "fact_unreadable" in rows["radionuclide"].flags
        assert rows["weight_kg"].value == "70"
        whole = series_of([pet_instance(0)], uid="1.3")
        by_uid = {"1.2": set(), "1.3": set()}
        for result in evaluate(load_acquisition("base-pet"), [damaged, whole]):
            by_uid[result.series_uid].add(result.outcome.value)
        assert by_uid["1.3"] == {"pass"}
        assert "not_evaluable" in by_uid["1.2"]
        assert match_protocols([damaged, whole])

    def test_a_rule_that_raises_is_not_evaluable(self, protocol, monkeypatch):
        def fail(*_):
            raise OverflowError("math range error")

        monkeypatch.setattr("biomarker_cli.acquisition.judging.passes", fail)
        found = protocol("EchoTime", "max: 90", "ms")
        assert outcomes(found, mr(EchoTime=80)) == ["not_evaluable"]

    def test_a_sequence_is_no_text_of_its_elements(self):
        """They hold names, and what is observed stands in a table."""
        item = Dataset()
        item.PatientName = "Doe^John"
        series = series_of([mr(ReferencedImageSequence=[item])])
        assert "Doe" not in str(read_fact(series, "ReferencedImageSequence").values)

    def test_a_series_that_cannot_be_read_does_not_end_the_others(self, monkeypatch, tmp_path):
        from synthetic_series import axial, write_series

        for uid in ("a", "b"):
            write_series(tmp_path / uid, axial(0.0, 3.0), series=uid)
        catalogue = scan([tmp_path])

        from biomarker_cli.acquisition import series as module

        read = module.read_series_frames

        def fail_for_a(members, reader):
            if "a_000" in str(members[0].refs[0].path):
                raise NotImplementedError("unknown VR")
            return read(members, reader)

        monkeypatch.setattr(module, "read_series_frames", fail_for_a)
        refused = []
        found = series_headers(catalogue, refused=lambda uid, error: refused.append(error.code))
        assert len(found) == 1
        assert refused == ["FILE-ELEMENT"]

    def test_a_series_of_two_studies_has_one_row_of_each(self):
        one = series_of([instance(0, "CT", SliceThickness=3.0, PatientWeight=70)], study="1.1")
        other = series_of([instance(0, "CT", SliceThickness=6.0)], study="1.5")
        rows = facts_by_series([one, other])["1.2"]
        assert len({row.fact for row in rows}) == len(rows)
        thickness = next(row for row in rows if row.fact == "slice_thickness_mm")
        assert thickness.value == "3\\6"
        assert "fact_varies" in thickness.flags
        results = evaluate(load_acquisition("recist-ct"), [one, other])
        assert [r.outcome.value for r in results if r.scope == "series"] == ["fail"]


def test_junit_is_xml_whatever_a_header_holds():
    series = series_of([instance(0, "CT", SliceThickness=9.0)])
    (result,) = evaluate(load_acquisition("recist-ct"), [series])
    hostile = "\0\x1b[2J\udcff\ufffe<&>\u202e"
    for field in ("observed", "reason", "title", "series_uid"):
        text = check_xml([replace(result, **{field: hostile})])
        assert ET.fromstring(text.encode("utf-8")) is not None
        assert r"\x00\x1b[2J\xff\ufffe" in text
