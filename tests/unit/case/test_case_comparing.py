"""What changed between two analyses: what moves a number first, what only describes behind."""

from __future__ import annotations

import pytest
from synthetic_protocols import protocol_head

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.case.comparing import compare_analyses

ANALYSIS = """\
applies_to: {{modality: MR}}
measure: adc
regions: {{gaps: error, cross_series: allow, other_grid: forbid, empty: row}}
adc:
  estimator: lls
  b_set: {b_set}
  statistics: {statistics}
  burden: {burden}
{more}
"""
DEFAULTS = {
    "b_set": "{kind: range, min: 100}",
    "statistics": "[mean, median]",
    "burden": "[{name: low, to_mm2_s: 0.001}]",
    "more": "",
}


@pytest.fixture
def changes(tmp_path):
    """Return what differs between the analysis and one with some settings changed."""

    def load(name, title="Site", status="active", **settings):
        path = tmp_path / f"{name}.yaml"
        head = protocol_head("analysis", title=title, status=status)
        path.write_text(head + ANALYSIS.format(**{**DEFAULTS, **settings}))
        return load_analysis(str(path))

    def compare(**settings):
        found = compare_analyses(load("a"), load("b", **settings))
        return [(c.setting, c.before, c.after, c.moves_numbers) for c in found]

    return compare


def test_an_analysis_is_no_different_from_itself(changes):
    assert changes() == []


def test_a_default_that_is_spelt_out_is_no_difference(changes):
    assert changes(more="  b_value: actual") == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"b_set": "{kind: range, min: 150}"}, [("adc.b_set.min", "100", "150", True)]),
        (
            {"b_set": "{kind: range, min: 100, max: 900}"},
            [("adc.b_set.max", "", "900", True)],
        ),
        ({"statistics": "[mean]"}, [("adc.statistics", "mean, median", "mean", True)]),
        ({"title": "Another"}, [("title", "Site", "Another", False)]),
        ({"status": "draft"}, [("status", "active", "draft", False)]),
        ({"burden": "[]"}, [("adc.burden", "name low, to_mm2_s 0.001", "none", True)]),
    ],
)
def test_each_setting_stands_with_its_place_and_both_values(changes, settings, expected):
    assert changes(**settings) == expected


def test_of_a_list_of_sections_those_that_differ_are_told(changes):
    found = changes(burden="[{name: low, to_mm2_s: 0.001}, {name: high, from_mm2_s: 0.001}]")
    assert found == [("adc.burden", "", "name high, from_mm2_s 0.001", True)]


def test_what_moves_a_number_comes_first(changes):
    found = changes(title="Another", b_set="{kind: range, min: 150}")
    assert [moves for *_, moves in found] == [True, False]
