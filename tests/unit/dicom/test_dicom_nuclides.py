"""The one table of radionuclides, held to the context groups of the standard."""

from __future__ import annotations

import re

import pytest
from pydicom.sr.codedict import Code, codes

from biomarker_cli.dicom.nuclides import (
    NUCLIDES,
    agrees,
    nuclide_of_code,
    nuclide_of_text,
    nuclides_of_half_life,
)

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


HALF_LIVES = {
    "C-11": ("1221.8 s", "20.39 min"),
    "N-13": ("9.965 min", "9.965 min"),
    "O-14": ("70.606 s", "70.606 s"),
    "O-15": ("122.24 s", "122.24 s"),
    "F-18": ("109.77 min", "109.77 min"),
    "Na-22": ("2.6018 y", "2.6019 y"),
    "K-38": ("7.651 min", "7.636 min"),
    "Sc-43": ("3.891 h", "3.891 h"),
    "Sc-44": ("4.042 h", "3.97 h"),
    "Ti-45": ("184.8 min", "184.8 min"),
    "Mn-51": ("46.2 min", "46.2 min"),
    "Mn-52m": ("21.1 min", "21.1 min"),
    "Mn-52": ("5.591 d", "5.591 d"),
    "Fe-52": ("8.275 h", "8.275 h"),
    "Cu-60": ("23.7 min", "23.7 min"),
    "Cu-61": ("3.336 h", "3.333 h"),
    "Cu-62": ("9.67 min", "9.673 min"),
    "Cu-64": ("12.7006 h", "12.7 h"),
    "Zn-62": ("9.193 h", "9.186 h"),
    "Ga-66": ("9.49 h", "9.49 h"),
    "Ga-68": ("67.71 min", "67.71 min"),
    "Ge-68": ("270.95 d", "270.95 d"),
    "As-70": ("52.6 min", "52.6 min"),
    "As-72": ("26 h", "26 h"),
    "Se-73": ("7.15 h", "7.15 h"),
    "Br-75": ("96.7 min", "96.7 min"),
    "Br-76": ("16.2 h", "16.2 h"),
    "Br-77": ("57.04 h", "57.036 h"),
    "Rb-82": ("1.2575 min", "1.273 min"),
    "Y-86": ("14.74 h", "14.74 h"),
    "Y-90": ("64.05 h", "64.1 h"),
    "Nb-90": ("14.6 h", "14.6 h"),
    "Zr-89": ("78.41 h", "78.41 h"),
    "Tc-94m": ("52 min", "52 min"),
    "I-124": ("4.176 d", "4.176 d"),
    "Tb-152": ("17.5 h", "17.5 h"),
    "Ga-67": ("3.2617 d", "3.2612 d"),
    "In-111": ("2.8047 d", "2.8047 d"),
    "I-123": ("13.223 h", "13.27 h"),
    "I-131": ("8.0252 d", "8.0207 d"),
    "Lu-177": ("6.6443 d", "6.647 d"),
    "Ra-223": ("11.4366 d", "11.43 d"),
    "Re-188": ("17.005 h", "17.004 h"),
    "Sm-153": ("46.284 h", "46.5 h"),
    "Tc-99m": ("6.0072 h", "6.015 h"),
    "Tl-201": ("3.042 d", "72.912 h"),
    "Xe-133": ("5.2475 d", "5.243 d"),
}
"""Half-lives of ENSDF (by paceENSDF 0.6.3) and of ICRP 107 (by radioactivedecay 0.6.1)."""

SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "y": 365.2422 * 86_400.0}


@pytest.mark.parametrize("name", HALF_LIVES)
def test_a_header_may_hold_the_half_life_of_either_evaluation(name):
    for text in HALF_LIVES[name]:
        value, unit = text.split()
        half_life_s = float(value) * SECONDS[unit]
        assert agrees(NUCLIDES[name], half_life_s)
        assert NUCLIDES[name] in nuclides_of_half_life(half_life_s)


def test_every_half_life_was_held_against_both_evaluations():
    assert set(HALF_LIVES) == set(NUCLIDES)


@pytest.mark.parametrize(
    ("factor", "is_its_own"), [(0.9901, True), (1.0099, True), (0.9899, False), (1.0101, False)]
)
def test_a_half_life_agrees_within_one_percent(factor, is_its_own):
    for nuclide in NUCLIDES.values():
        assert agrees(nuclide, factor * nuclide.half_life_s) is is_its_own
