"""Figures of values that may be held beside others: what is not drawn is named or counted."""

from __future__ import annotations

import pytest

from biomarker_cli.report.errors import ReportError
from biomarker_cli.report.run_plots import WantedValues, run_figure
from biomarker_cli.report.run_reading import read_run
from biomarker_cli.report.values import feature_values, outliers
from tests.synthetic_evidence import FEATURE, Seen, write_package

CARRIED = "mask_propagated:rigid@1.0.0:0a"
SIZE = "adc.morphology.volume_mesh"
PLAIN = [Seen(f"S{n}", 10.0 + n) for n in range(8)]


def test_values_that_are_not_usable_move_no_fence(tmp_path):
    odd = [Seen(f"X{n}", 1000.0, usable="no") for n in range(4)]
    folder = write_package(tmp_path, [*PLAIN, Seen("S9", 40.0), *odd, Seen("X9", None)])
    figure = run_figure("sites", folder, WantedValues())
    assert [row[0] for row in figure.rows] == [f"A/S{n}/T1/dwi" for n in (*range(8), 9)]
    assert "1000" not in figure.svg
    assert figure.said == (
        "Beyond 1.5 interquartile ranges of the quartiles: A/S9/T1/dwi (40).",
        "Not drawn, for they may not be held beside others: A/X0/T1/dwi, A/X1/T1/dwi, "
        "A/X2/T1/dwi, A/X3/T1/dwi.",
        "Without a value: 1 case.",
    )
    assert not outliers({str(n): v for n, v in enumerate([*range(10, 18), 40, *[1000] * 4])})


def test_a_course_has_no_size_of_a_mask_of_another_visit(tmp_path):
    seen = [
        Seen("S1", 10.0, feature=SIZE),
        Seen("S1", 10.0, timepoint="T2", date="20240611", feature=SIZE, flags=CARRIED),
        Seen("S2", 10.0, feature=SIZE),
        Seen("S2", 20.0, timepoint="T2", date="20240611", feature=SIZE),
    ]
    folder = write_package(tmp_path, seen)
    figure = run_figure("change", folder, WantedValues(feature=SIZE))
    assert [row[0] for row in figure.rows] == ["A/S2/T1/dwi", "A/S2/T2/dwi"]
    assert figure.said[0] == "Subjects with two visits or more: 1 of 2."
    assert "A/S1/T2/dwi" in figure.said[1]


@pytest.mark.parametrize("kind", ["sites", "change"])
def test_a_figure_of_nothing_usable_is_refused(tmp_path, kind):
    folder = write_package(tmp_path, [Seen(f"S{n}", 1.0, usable="no") for n in range(3)])
    with pytest.raises(ReportError, match="A/S1/T1/dwi") as caught:
        run_figure(kind, folder, WantedValues(feature=FEATURE))
    assert caught.value.code == "PLOT-NOTHING"


def test_a_value_without_its_weight_is_weighed(tmp_path):
    seen = [*PLAIN, Seen("S8", 1.0, usable="", flags="implausible")]
    tables = read_run(write_package(tmp_path, seen))
    (found,) = feature_values(tables, [FEATURE])
    assert [row.usable for row in found.left_out] == ["no"]
    assert len(found.rows) == 8
