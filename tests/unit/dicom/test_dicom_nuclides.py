"""The one table of radionuclides, held to the context groups of the standard."""

from __future__ import annotations

import re

import pytest
from pydicom.sr.codedict import Code, codes

from biomarker_cli.dicom.nuclides import NUCLIDES, nuclide_of_code, nuclide_of_text

PET_RADIONUCLIDES = tuple(codes.cid4020.concepts.values())
RADIONUCLIDES = (*PET_RADIONUCLIDES, *codes.CID18.concepts.values())


def of_standard(code_value: str) -> list[Code]:
    """Return the concepts that a code value means, whichever scheme it is of."""
    return [
        concept
        for concept in RADIONUCLIDES
        if code_value == concept.value or Code(code_value, "SRT", "") == concept
    ]


@pytest.mark.parametrize("concept", PET_RADIONUCLIDES, ids=lambda concept: concept.meaning)
def test_every_pet_radionuclide_of_the_standard_is_known(concept):
    nuclide = nuclide_of_code(concept.value)
    assert nuclide is not None
    assert nuclide is nuclide_of_text(concept.meaning)
    assert nuclide.is_positron_emitter


@pytest.mark.parametrize("nuclide", NUCLIDES.values(), ids=lambda nuclide: nuclide.name)
def test_every_code_means_its_nuclide_in_the_standard(nuclide):
    element, mass = nuclide.name.split("-")
    assert nuclide.codes
    for code_value in nuclide.codes:
        concepts = of_standard(code_value)
        assert concepts
        for concept in concepts:
            assert re.match(rf"\^{mass}\^[A-Z]", concept.meaning)
            assert nuclide_of_text(concept.meaning).name == f"{element}-{mass}"


def test_a_code_with_a_snomed_value_has_the_retired_one_too():
    for nuclide in NUCLIDES.values():
        schemes = {"SRT" if code.startswith("C-") else "other" for code in nuclide.codes}
        assert schemes == {"SRT", "other"} or nuclide.codes[0].startswith("1266")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("^18^Fluorine", "F-18"),
        ("18F", "F-18"),
        ("F^18^", "F-18"),
        ("Fluorine-18", "F-18"),
        ("F-18", "F-18"),
        ("^68^Gallium", "Ga-68"),
        ("^99m^Technetium", "Tc-99m"),
        ("89 Zr", "Zr-89"),
    ],
)
def test_nuclide_of_text(text, name):
    assert nuclide_of_text(text).name == name


@pytest.mark.parametrize("text", ["", "Solution", "FDG -- fluorodeoxyglucose", "18"])
def test_text_that_names_no_nuclide(text):
    assert nuclide_of_text(text) is None


@pytest.mark.parametrize("value", ["", "C-111A", "18", "F-18"])
def test_a_value_that_is_no_code(value):
    assert nuclide_of_code(value) is None
