"""The other criteria: the rules of each that its reference sequences do not meet."""

from __future__ import annotations

import pytest
from synthetic_response import assessed_of, calls_of

from biomarker_cli.protocol.locator import ProtocolKind, list_protocols
from biomarker_cli.response.best import best_response
from biomarker_cli.response.criterion import load_criterion
from biomarker_cli.response.linting import lint_criterion

FILES = list_protocols(ProtocolKind.RESPONSE)
IDS = [path.parent.name for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_a_shipped_criterion_passes_its_lint(path):
    criterion = load_criterion(str(path))
    assert lint_criterion(criterion.document) == []


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_rules_that_are_recalled_stay_drafts(path):
    file = load_criterion(str(path)).file
    is_recalled = any(source.confirmed.by == "recall" for source in file.source)
    assert not is_recalled or file.status == "draft"


def new(size, target="100", **more):
    cells = {"target": target, "new_lesion": "yes", "new_lesion_sizes": size}
    return cells | more


class TestIrecist:
    def test_a_first_progression_waits(self):
        assert calls_of("irecist", ["100", "120", "124.9"]) == ["iUPD", "iUPD"]

    def test_5_mm_beyond_the_value_at_iupd_confirm(self):
        assert calls_of("irecist", ["100", "120", "125"]) == ["iUPD", "iCPD"]
        assert calls_of("irecist", ["100", "120", "124", "125"]) == ["iUPD", "iUPD", "iCPD"]

    def test_an_answer_that_is_missing_keeps_the_state(self):
        rows = ["T1=60;T2=40", "T1=80;T2=40", "T1=missing;T2=40", "T1=85;T2=40"]
        assert calls_of("irecist", rows) == ["iUPD", "NE", "iCPD"]

    def test_stable_disease_resets_the_bar(self):
        calls = calls_of("irecist", ["100", "120", "119", "125", "130"])
        assert calls == ["iUPD", "iSD", "iUPD", "iCPD"]
        found = best_response(assessed_of("irecist", ["100", "120", "119", "125", "130"]))
        assert found.progression.dated_day == 168

    def test_scenario_b_a_stable_new_lesion_does_not_hinder_a_later_response(self):
        rows = ["100", new("NT1=12"), new("NT1=12", "65"), new("NT1=12", "65")]
        assert calls_of("irecist", rows) == ["iUPD", "iPR", "iPR"]

    def test_scenario_f_a_response_from_before_does_not_lift_iupd(self):
        rows = ["100", "65", new("NT1=12", "65"), new("NT1=12", "65")]
        assert calls_of("irecist", rows) == ["iPR", "iUPD", "iUPD"]

    def test_a_further_new_lesion_confirms(self):
        assert calls_of("irecist", ["100", new("NT1=12"), new("NT1=12;NT2=10")])[-1] == "iCPD"

    def test_growth_of_a_new_lesion_below_5_mm_confirms_nothing(self):
        assert calls_of("irecist", ["100", new("NT1=12"), new("NT1=16.9")])[-1] == "iUPD"
        assert calls_of("irecist", ["100", new("NT1=12"), new("NT1=17")])[-1] == "iCPD"

    def test_growth_of_new_lesions_that_are_not_measured_confirms(self):
        rows = ["100", {"target": "100", "new_lesion": "yes"}]
        grown = {"target": "100", "new_lesion": "yes", "extra": "new_non_target=increased"}
        assert calls_of("irecist", [*rows, grown]) == ["iUPD", "iCPD"]
        assert calls_of("irecist", [*rows, rows[-1]]) == ["iUPD", "iUPD"]

    def test_new_lesions_never_join_the_sum(self):
        (visit,) = assessed_of("irecist", ["100", new("NT1=50", "90")]).visits
        assert visit.value == 90

    def test_a_visit_within_26_days_confirms_only_by_symptom_and_new_lesion(self):
        first = ["100", {"target": "120", "day": 56}]
        assert calls_of("irecist", [*first, {"target": "140", "day": 81}])[-1] == "iUPD"
        assert calls_of("irecist", [*first, {"target": "140", "day": 82}])[-1] == "iCPD"
        early = new("NT1=9", "120", day=70, extra="early_scan=symptom")
        assert calls_of("irecist", [*first, early])[-1] == "iCPD"
        scheduled = new("NT1=9", "120", day=70, extra="early_scan=scheduled")
        assert calls_of("irecist", [*first, scheduled])[-1] == "iUPD"

    def test_a_late_confirmation_is_flagged(self):
        first = ["100", {"target": "120", "day": 56}]
        late = assessed_of("irecist", [*first, {"target": "125", "day": 113}]).visits[-1]
        assert "confirmation_late" in late.flags
        timely = assessed_of("irecist", [*first, {"target": "125", "day": 112}]).visits[-1]
        assert "confirmation_late" not in timely.flags

    def test_an_unconfirmed_progression_is_the_best_where_nothing_else_is(self):
        found = best_response(assessed_of("irecist", ["100", "120"]))
        assert (found.best.call, found.progression) == ("iUPD", None)

    def test_non_targets_that_did_not_change_confirm_nothing(self):
        first = {"target": "100", "non_target": "present"}
        rows = [first, *({"target": "100", "non_target": word} for word in ("pd", "unchanged"))]
        assert calls_of("irecist", rows)[-1] != "iCPD"


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ("8.0|liver=2.0+-0.2", "5.6|liver=2.0+-0.2", "PMR"),
        ("8.0|liver=2.0+-0.2", "5.61|liver=2.0+-0.2", "SMD"),
        ("8.0|liver=2.0+-0.2", "1.99|liver=2.0+-0.2", "CMR"),
        ("8.0|liver=2.0+-0.2", "1.99|liver=2.0+-0.2;background=no", "PMR"),
        ("3.4|liver=2.0+-0.2", "2.0|liver=2.0+-0.2", "NE"),
        ("3.41|liver=2.0+-0.2", "2.3|liver=2.0+-0.2", "PMR"),
        ("8.0|liver=2.0+-0.2;uptake=60", "5.0|liver=2.0+-0.2;uptake=76", "NE"),
        ("8.0|liver=2.0+-0.2;uptake=60", "5.0|liver=2.0+-0.2;uptake=75", "PMR"),
        ("8.0|liver=2.0+-0.2", "5.0|liver=2.31+-0.2", "NE"),
        ("8.0|liver=1.0+-0.1", "5.0|liver=1.21+-0.2", "NE"),
        ("8.0|liver=2.0+-0.2", "10.4|liver=2.0+-0.2", "PMD"),
        ("8.0|liver=2.0+-0.2;tlg=100", "8.0|liver=2.0+-0.2;tlg=175", "SMD"),
        ("8.0|liver=2.0+-0.2", "5.0|", "NE"),
        ("T1=8.0;T2=3|liver=2.0+-0.2", "T1=3;T2=5.6|liver=2.0+-0.2", "PMR"),
    ],
)
def test_percist(before, now, expected):
    rows = [dict(zip(("target", "extra"), one.split("|"), strict=True)) for one in (before, now)]
    assert calls_of("percist-1.0", rows) == [expected]


def test_percist_at_exactly_30_percent_by_policy():
    rows = [
        {"target": "8.0", "extra": "liver=2.0+-0.2"},
        {"target": "5.6", "extra": "liver=2.0+-0.2"},
    ]
    assert calls_of("percist-1.0", rows, {"limits": "exclusive"}) == ["SMD"]


@pytest.mark.parametrize(
    ("target", "extra", "expected"),
    [
        ("8.5", "cycles=1", "PMR"),
        ("8.6", "cycles=1", "SMD"),
        ("7.5", "cycles=2", "SMD"),
        ("7.4", "", "PMR"),
        ("8", "", "NE"),
        ("9", "", "SMD"),
        ("12.5", "cycles=2", "SMD"),
        ("12.6", "cycles=2", "PMD"),
        ("9", "extent=49", "PMD"),
        ("9", "extent=48", "SMD"),
        ("0", "", "CMR"),
    ],
)
def test_eortc(target, extra, expected):
    rows = [{"target": "10", "extra": "extent=40"}, {"target": target, "extra": extra}]
    assert calls_of("eortc-pet", rows) == [expected]


@pytest.mark.parametrize(
    ("criterion", "target", "hu", "expected"),
    [
        ("choi", "90", 80, "PR"),
        ("choi", "90.1", 68.1, "SD"),
        ("choi", "110", 68, "PR"),
        ("choi", "110", 68.1, "PD"),
        ("choi", "109.9", 68.1, "SD"),
        ("choi", "0", 68, "CR"),
        ("choi-modified", "90", 68, "PR"),
        ("choi-modified", "90", 68.1, "SD"),
        ("choi-modified", "90.1", 60, "SD"),
    ],
)
def test_choi(criterion, target, hu, expected):
    rows = [{"target": "100", "extra": "hu=80"}, {"target": target, "extra": f"hu={hu}"}]
    assert calls_of(criterion, rows) == [expected]


def test_choi_without_density_is_not_evaluable_unless_size_tells():
    rows = [{"target": "100", "extra": "hu=80"}, {"target": "95"}]
    assert calls_of("choi", rows) == ["NE"]
    assert calls_of("choi", [rows[0], {"target": "90"}]) == ["PR"]


class TestLugano:
    @pytest.mark.parametrize(
        ("before", "now", "expected"),
        [
            ("N1=20x10", "N1=25x10", "SD"),  # +25 % of the product
            ("N1=20x10", "N1=25x12", "PD"),  # +50 % and exactly 5 mm from 20 mm
            ("N1=20x10", "N1=24.9x12.1", "SD"),
            ("N1=21x10", "N1=30.9x14.9", "SD"),  # above 20 mm a step of 10
            ("N1=21x10", "N1=31x11", "PD"),
            ("T1=12x10", "T1=15x15", "SD"),  # not above 15 mm
            ("T1=12x10", "T1=17x11", "PD"),
            ("N1=40x30", "N1=15x15", "CR"),
            ("N1=40x30", "N1=15.1x10", "PR"),
            ("T1=40x30", "T1=15x12", "PR"),
            ("T1=40x30", "T1=0x0", "CR"),
            ("T1=40x30", "T1=TSTM", "PR"),
            ("N1=40x30", "N1=missing", "NE"),
        ],
    )
    def test_each_lesion_on_its_own(self, before, now, expected):
        assert calls_of("lugano-2014", [before, now]) == [expected]

    def test_whether_a_lesion_must_grow_by_10_mm_hangs_on_a_policy(self):
        rows = ["N1=18x12", "N1=24x15"]
        assert calls_of("lugano-2014", rows) == ["PD"]
        assert calls_of("lugano-2014", rows, {"step_by": "now"}) == ["SD"]

    @pytest.mark.parametrize(
        ("before", "now", "target", "expected"),
        [
            (150, 160, "30x20", "SD"),
            (150, "160.1", "30x20", "PD"),
            (130, 149, "30x20", "SD"),
            (120, 140, "30x20", "PD"),
            (105, 126, "30x20", "SD"),
            (150, 140, "21x12", "SD"),
            (150, 139, "21x12", "PR"),
            (150, 131, "15x12", "PR"),
            (150, 130, "15x12", "CR"),
            (150, "", "15x12", "NE"),
        ],
    )
    def test_the_spleen_counts_by_its_excess(self, before, now, target, expected):
        first = {"target": "30x20", "extra": f"spleen={before}"}
        extra = f"spleen={now}" if now else ""
        assert calls_of("lugano-2014", [first, {"target": target, "extra": extra}]) == [expected]

    @pytest.mark.parametrize(
        ("size", "expected"),
        [("N1=15", "PR"), ("N1=15.1", "PD"), ("T1=10", "PR"), ("T1=10.1", "PD"), ("", "PD")],
    )
    def test_a_new_lesion_has_its_size(self, size, expected):
        rows = ["30x20", {"target": "20x12", "new_lesion": "yes", "new_lesion_sizes": size}]
        assert calls_of("lugano-2014", rows) == [expected]

    @pytest.mark.parametrize(
        ("extra", "expected"),
        [
            ("deauville=3", "CMR"),
            ("deauville=4;uptake=reduced", "PMR"),
            ("deauville=4;uptake=unchanged", "NMR"),
            ("deauville=5;uptake=increased", "PMD"),
            ("deauville=4", "NE"),
        ],
    )
    def test_a_score_of_a_reader_goes_before_the_sizes(self, extra, expected):
        rows = [{"target": "30x20", "extra": "deauville=5"}, {"target": "30x20", "extra": extra}]
        assert calls_of("lugano-2014", rows) == [expected]


@pytest.mark.parametrize(
    ("target", "extra", "expected"),
    [
        ("70", "", "PR"),
        ("70", "deauville=3", "CR"),
        ("70.1", "deauville=3", "MR"),
        ("90.1", "", "SD"),
        ("120", "", "SD"),
        ("120.1", "", "PD"),
    ],
)
def test_recil(target, extra, expected):
    assert calls_of("recil-2017", ["100", {"target": target, "extra": extra}]) == [expected]


def test_recil_small_nodes_must_grow_by_5_mm_to_above_15():
    assert calls_of("recil-2017", ["T1=12", "T1=15"]) == ["SD"]
    assert calls_of("recil-2017", ["T1=12", "T1=16.9"]) == ["SD"]
    assert calls_of("recil-2017", ["T1=12", "T1=17"]) == ["PD"]


def test_mrecist_a_new_nodule_below_10_mm_is_none_yet():
    rows = ["40", {"target": "40", "new_lesion": "yes", "new_lesion_sizes": "T1=9.9"}]
    assert calls_of("mrecist-hcc", rows) == ["SD"]
    rows[1] = rows[1] | {"new_lesion_sizes": "T1=10"}
    assert calls_of("mrecist-hcc", rows) == ["PD"]


@pytest.mark.parametrize(
    ("criterion", "now", "expected"),
    [
        ("rano", "15x10", "PR"),
        ("rano", "15.1x10", "SD"),
        ("rano", "0x0", "CR"),
        ("rano-lgg", "22.5x10", "MR"),
        ("rano-lgg", "22.6x10", "SD"),
        ("rano-lgg", "25x15", "PD"),
        ("who", "15x10", "PR"),
        ("who", "25x15", "PD"),
        ("who", "24.9x15", "SD"),
    ],
)
def test_products(criterion, now, expected):
    assert calls_of(criterion, ["20x15", now]) == [expected]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [("steroids=increased", "SD"), ("clinical=worse", "PD"), ("steroids=stable", "PR")],
)
def test_rano_looks_at_steroids_and_the_patient(extra, expected):
    assert calls_of("rano", ["20x15", {"target": "10x10", "extra": extra}]) == [expected]


def test_rano_calls_a_response_confirmed_after_four_weeks():
    found = best_response(assessed_of("rano", ["20x15", "10x10", "10x10"]))
    assert (found.best.call, found.confirmed.call) == ("PR", "PR")


def test_irrc_asks_for_the_size_of_new_lesions():
    assert calls_of("irrc", ["SPD=100", {"target": "SPD=100", "new_lesion": "yes"}]) == ["NE"]


@pytest.mark.parametrize(
    ("before", "now", "highb", "expected"),
    [
        (1300, 1401, "decreased", "RAC1"),
        (1300, 1400, "decreased", "RAC3"),
        (1300, 1401, "stable", "RAC3"),
        (1300, 1401, "increased", "NE"),
        (1450, 2030, "decreased", "RAC1"),
        (1100, 1376, "decreased", "RAC2"),
        (1100, 1375, "decreased", "RAC3"),
        (900, 1000, "decreased", "RAC2"),
        (900, 900, "decreased", "RAC3"),
    ],
)
def test_met_rads(before, now, highb, expected):
    rows = [
        {"extra": f"adc_mm2_s={before}e-6"},
        {"extra": f"adc_mm2_s={now}e-6;highb={highb};morphology=stable"},
    ]
    assert calls_of("met-rads-p-adc", rows) == [expected]


def test_pcwg3_late_lesions_must_persist_for_six_weeks():
    first = [{}, {"extra": "new_bone=0"}, {"extra": "new_bone=2"}]
    early = {"extra": "new_bone_persisting=2", "day": 112 + 41}
    assert calls_of("pcwg3-bone", [*first, early])[-1] == "PDu"
    assert calls_of("pcwg3-bone", [*first, early | {"day": 112 + 42}])[-1] == "PD"
    gone = {"extra": "new_bone_persisting=1", "day": 168}
    assert calls_of("pcwg3-bone", [*first, gone])[-1] == "NON-PD"


def test_one_table_may_be_judged_by_criteria_that_read_other_numbers_of_it():
    rows = ["T1=30x20;N2=25x20", "T1=20x14;N2=16x14"]
    assert calls_of("recist-1.1", rows) == ["PR"]  # 30 + 20 to 20 + 14
    assert calls_of("recil-2017", rows) == ["PR"]  # 30 + 25 to 20 + 16
    assert calls_of("who", rows) == ["PR"]  # 600 + 500 to 280 + 224


def test_of_two_diameters_the_larger_is_the_longest_whichever_is_written_first():
    assert calls_of("lugano-2014", ["20x40", "10x15.1"]) == ["PR"]
    assert calls_of("recist-1.1", ["T1=20x40", "T1=28x10"]) == ["PR"]
    assert calls_of("recist-1.1", ["T1=20x40", "T1=10x28.1"]) == ["SD"]
