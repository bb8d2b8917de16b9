"""The files of derivations have names that any file system takes, and tell whose they are."""

from __future__ import annotations

import pytest

from biomarker_cli.model.file_names import file_stem
from biomarker_cli.tables.manifest import case_and_analysis, derivation_name

SHORT = "A/S__1/T1/pet"
LONG = "/".join(letter * 64 for letter in "ASTR")


def test_a_name_is_made_of_case_and_analysis():
    assert derivation_name("A/S1/T1/pet", "fdg-suv@1.0.0") == "A__S1__T1__pet__fdg-suv@1.0.0.json"


@pytest.mark.parametrize("case_id", [SHORT, LONG])
@pytest.mark.parametrize("analysis", ["fdg-suv@1.0.0", f"{'a' * 240}@1.0.0"])
def test_a_name_is_never_too_long_and_tells_its_case(case_id, analysis):
    name = derivation_name(case_id, analysis)
    assert len(name) <= 255
    assert name.endswith(".json")
    assert case_and_analysis(name)[0] == file_stem(case_id)


def test_two_long_analyses_have_names_of_their_own():
    one, two = (derivation_name(LONG, f"{'a' * 120}@1.0.{patch}") for patch in (0, 1))
    assert one != two


def test_what_is_not_cut_tells_its_analysis():
    assert case_and_analysis(derivation_name(SHORT, "fdg-suv@1.0.0"))[1] == "fdg-suv@1.0.0"
