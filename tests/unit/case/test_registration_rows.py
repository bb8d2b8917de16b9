"""The rows that a study writes of its registrations."""

from __future__ import annotations

from biomarker_cli.registration.rules import Checks
from biomarker_cli.tables.schema import REGISTRATIONS

_SHOWN_AS_ONE = {"displacement_same_frame_mm", "displacement_other_frame_mm"}
_NO_FIGURES = {"restarts"}


def test_every_figure_that_a_check_judges_is_a_column():
    figures = set(Checks.model_fields) - _SHOWN_AS_ONE - _NO_FIGURES
    assert figures | {"displacement_mm"} <= {column.name for column in REGISTRATIONS.columns}
