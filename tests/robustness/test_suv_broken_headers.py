"""Any single element gone, empty or garbled: the true SUV or a named error."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from synthetic_pet import TRUE_SUV, enhanced_volume, pet_header, pet_volume, radiopharmaceutical

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.pet.rules import SuvRules
from biomarker_cli.pet.suv import PetFrames, explain_suv, suv_volume

RULES = SuvRules(normalisations=("suvbw", "sul_janma", "suvbsa", "suvibw"))

OF_THE_HEADER = sorted(set(pet_header().dir()) - {"RadiopharmaceuticalInformationSequence"})
OF_THE_ITEM = sorted(radiopharmaceutical().dir())

GARBAGE = {
    "DA": ["00000000", "2025", "20250230", "yesterday"],
    "TM": ["", "7", "99", "246060", "noon"],
    "DT": ["2025", "20250101", "20250101100000+9999", "x"],
    "DS": ["", "nan", "inf", "1e400", "-1", "0", "abc"],
    "IS": ["", "-1", "0", "abc"],
    "CS": ["", "UNKNOWN", "\\\\"],
    "SQ": [],
}


def put(dataset: Dataset, keyword: str, value: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        delattr(dataset, keyword)
        if value is None:
            return
        try:
            setattr(dataset, keyword, value)
        except (ValueError, TypeError, OverflowError):
            # pydicom will not hold it in memory, so no file brings it here as a value.
            setattr(dataset, keyword, None)


def outcome_is_safe(volume) -> bool:
    try:
        found = suv_volume(volume, RULES).volume.array.mean(axis=(1, 2))
    except BiomarkerError as error:
        return bool(error.code and error.message)
    return bool(abs(found / TRUE_SUV - 1.0).max() <= 0.021)


@pytest.mark.parametrize("keyword", OF_THE_HEADER)
def test_header_element(keyword):
    for value in (None, *GARBAGE.get(dictionary_VR(keyword), ["", "UNKNOWN"])):
        volume = pet_volume(change=lambda d, _, value=value: put(d, keyword, value))
        assert outcome_is_safe(volume), value


@pytest.mark.parametrize("keyword", OF_THE_ITEM)
def test_element_of_the_administration(keyword):
    for value in (None, *GARBAGE.get(dictionary_VR(keyword), ["", "UNKNOWN"])):

        def change(dataset, _index, value=value):
            put(dataset.RadiopharmaceuticalInformationSequence[0], keyword, value)

        assert outcome_is_safe(pet_volume(change=change)), value


@pytest.mark.parametrize("keyword", OF_THE_HEADER)
def test_one_slice_that_differs(keyword):
    """A file of the series that was edited by itself."""

    def change(dataset, index):
        if index == 1:
            put(dataset, keyword, None)

    assert outcome_is_safe(pet_volume(change=change))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_two_elements_at_once(data):
    first, second = data.draw(
        st.lists(st.sampled_from(OF_THE_HEADER), min_size=2, max_size=2, unique=True)
    )
    values = [
        data.draw(st.sampled_from([None, *GARBAGE.get(dictionary_VR(k), ["UNKNOWN"])]))
        for k in (first, second)
    ]

    def change(dataset, _index):
        put(dataset, first, values[0])
        put(dataset, second, values[1])

    assert outcome_is_safe(pet_volume(change=change))


@pytest.mark.parametrize(
    "keyword",
    [
        "DecayCorrected",
        "DecayCorrectionDateTime",
        "AttenuationCorrected",
        "PatientWeight",
        "RadiopharmaceuticalInformationSequence",
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
    ],
)
def test_enhanced_object_without_an_element(keyword):
    volume = enhanced_volume()
    delattr(volume.frames.first.dataset, keyword)
    assert not suv_or_none(volume)


def suv_or_none(volume):
    try:
        return suv_volume(volume, SuvRules(normalisations=("suvbw",)))
    except BiomarkerError:
        return None


def test_an_explanation_is_given_for_an_empty_header():
    volume = pet_volume(change=lambda d, _: d.clear())
    found = explain_suv(PetFrames(volume.frames, 0.064), RULES)
    assert found.error is not None
    assert found.derivation["inputs"]
