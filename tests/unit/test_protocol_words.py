"""Every word that a protocol may hold is known by the table that does what it says."""

from __future__ import annotations

from typing import get_args

import pytest

from biomarker_cli.acquisition.checks import NotComparableError, passes
from biomarker_cli.acquisition.rules import Check, CheckKind, Tolerance
from biomarker_cli.diffusion.fitting import ESTIMATORS
from biomarker_cli.diffusion.rules import Estimator
from biomarker_cli.pet import normalisation, uptake
from biomarker_cli.pet.rules import Normalisation, PeakRule
from biomarker_cli.radiomics.engines.pyradiomics_settings import POINTWISE, image_type_of
from biomarker_cli.radiomics.filters.ibsi_rules import Boundary
from biomarker_cli.radiomics.filters.oriented import _PAD
from biomarker_cli.radiomics.filters.pyradiomics_rules import PyradiomicsPointwise
from biomarker_cli.radiomics.filters.rules import FilterRules, Unfiltered
from biomarker_cli.radiomics.filters.separable import SCIPY_MODE


def literals(union: object) -> set[str]:
    """Return the words of a union of Literals."""
    parts = get_args(union)
    words = {part for part in parts if isinstance(part, str)}
    return words.union(*(literals(part) for part in parts if not isinstance(part, str)))


def words_of(model: type, field: str) -> set[str]:
    return set(get_args(model.model_fields[field].annotation))


TABLES = [
    ("estimators", set(get_args(Estimator)), set(ESTIMATORS)),
    ("normalisations", set(get_args(Normalisation)), set(normalisation.QUANTITY_OF)),
    (
        "body measures",
        set(get_args(Normalisation)) - {"suvbw", "suvbsa"},
        set(normalisation._MASS_KG),
    ),
    (
        "SUV types",
        set(get_args(Normalisation)),
        {*normalisation.NORMALISATION_OF_SUV_TYPE.values()},
    ),
    ("peak kernels", words_of(PeakRule, "kernel"), set(uptake._KERNEL_TITLE)),
    ("peak places", words_of(PeakRule, "place"), set(uptake._PLACE_TITLE)),
    ("boundaries of separable filters", set(get_args(Boundary)), set(SCIPY_MODE)),
    ("boundaries of oriented filters", set(get_args(Boundary)), set(_PAD)),
    ("pointwise filters", words_of(PyradiomicsPointwise, "filter"), set(POINTWISE)),
    ("kinds of checks", literals(CheckKind), set(Check.model_fields)),
]


@pytest.mark.parametrize(("words", "known"), [t[1:] for t in TABLES], ids=[t[0] for t in TABLES])
def test_words_and_table_are_the_same(words, known):
    assert words == known


VALUES = {
    "constant": (True, ("a", "a"), ("a", "b")),
    "regex": ("^a", ("ab",), ("ba",)),
    "contains": ("a", (("a", "b"),), (("b",),)),
    "contains_any": (("a", "c"), (("a", "b"),), (("b",),)),
    "contains_all": (("a", "b"), (("a", "b"),), (("b",),)),
    "any_in": ((1, 2), ((1.0, 5.0),), ((5.0,),)),
    "all_in": ((1, 2), ((1.0, 2.0),), ((1.0, 5.0),)),
    "equals": (2, (2.0,), (3.0,)),
    "one_of": ((2, 3), (3.0,), (4.0,)),
    "min": (2, (2.0,), (1.0,)),
    "max": (2, (2.0,), (3.0,)),
    "range": ((1, 2), (1.0, 2.0), (3.0,)),
}


@pytest.mark.parametrize("kind", sorted(literals(CheckKind)))
def test_every_kind_of_check_is_judged_or_refused(kind):
    limit, good, bad = VALUES.get(kind, (True, ("a",), ("a",)))
    check = Check.model_validate({kind: limit})
    if kind in VALUES:
        assert passes(check, good, Tolerance())
        assert not passes(check, bad, Tolerance())
    else:
        with pytest.raises(NotComparableError, match=kind):
            passes(check, good, Tolerance())


def test_every_filter_is_one_of_pyradiomics_or_refused():
    union, _ = get_args(FilterRules)
    for filter_rules in get_args(union):
        one = filter_rules.model_construct(filter="square", sigma_mm=(1.0,))
        if filter_rules is Unfiltered or filter_rules.__name__.startswith("Pyradiomics"):
            assert image_type_of(one)[0]
        else:
            with pytest.raises(TypeError, match="has no filter"):
                image_type_of(one)
