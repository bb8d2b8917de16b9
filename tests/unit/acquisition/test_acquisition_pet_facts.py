"""Facts of PET headers: the nuclide by its code, and the rule that asks for it."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from synthetic_acquisitions import injection, pet_instance, series_of

from biomarker_cli.acquisition.evaluating import evaluate
from biomarker_cli.acquisition.facts import FACTS
from biomarker_cli.acquisition.protocol import load_acquisition


def of_nuclide(code_value: str):
    nuclide = Dataset()
    nuclide.CodeValue = code_value
    item = injection(RadionuclideCodeSequence=[nuclide])
    return series_of([pet_instance(0, RadiopharmaceuticalInformationSequence=item)])


# DICOM PS3.16 CID 4020 and, of Xe-133, CID 18.
CODES = [
    ("77004003", "F-18"),
    ("C-111A1", "F-18"),
    ("3932008", "Cu-64"),
    ("C-127A2", "Cu-64"),
    ("35337001", "Ga-68"),
    ("C-131A3", "Ga-68"),
    ("63360001", "Zr-89"),
    ("C-168A4", "Zr-89"),
    ("40937006", "I-124"),
    ("C-114A5", "I-124"),
    ("80751004", "Xe-133"),
]


@pytest.mark.parametrize(("code_value", "name"), CODES)
def test_the_nuclide_of_a_header_is_told_by_its_code(code_value, name):
    assert FACTS.get("radionuclide").read(of_nuclide(code_value)).values == (name,)


@pytest.mark.parametrize(("code_value", "name"), CODES)
def test_the_rule_for_gallium_passes_gallium_alone(code_value, name):
    protocol = load_acquisition("psma-pet@0.1.0")
    results = evaluate(protocol, [of_nuclide(code_value)])
    (result,) = (r for r in results if r.rule_id == "PSMA-NUCLIDE")
    assert (result.outcome.value, result.observed) == ("pass" if name == "Ga-68" else "fail", name)


def test_a_code_that_is_none_of_the_table_stays_what_it_is():
    assert FACTS.get("radionuclide").read(of_nuclide("12345")).values == ("12345",)
