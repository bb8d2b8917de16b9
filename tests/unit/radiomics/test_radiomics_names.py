"""What is computed and what the dictionary defines are tied: never silently undefined."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.features import FeatureNamesError, require_names
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.engines import native, native_pyradiomics, reporting
from biomarker_cli.radiomics.features import FAMILIES
from biomarker_cli.radiomics.features.pyradiomics_values import TEXTURE_AS_PYRADIOMICS
from biomarker_cli.radiomics.features.registry import is_offered
from biomarker_cli.radiomics.features.texture import TEXTURE_FAMILIES
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.plan import planned_features
from biomarker_cli.radiomics.rules import PYRADIOMICS_LACKS, FamilyName, RadiomicsRules

ALL_IBSI = (
    *("2d_average", "2d_slice_merged", "2.5d_merged_by_direction", "2.5d_merged"),
    *("3d_average", "3d_merged", "2d", "2.5d", "3d"),
)


def rules_of(conventions: str, **changes: object) -> RadiomicsRules:
    ident = "ibsi-1-config-d" if conventions == "ibsi" else "pyradiomics-default"
    document = load_document(ProtocolKind.ANALYSIS, ident)
    data = validate_section(RadiomicsRules, document, "radiomics").model_dump()
    if conventions == "ibsi":
        changes = {"interpolation": None, "aggregations": ALL_IBSI, **changes}
    return RadiomicsRules.model_validate({**data, **changes})


def planar_rules() -> RadiomicsRules:
    own = rules_of("pyradiomics").pyradiomics
    assert own is not None
    families = (*rules_of("pyradiomics").families, "morphology_2d")
    families = tuple(family for family in families if family != "morphology")
    return rules_of(
        "pyradiomics",
        families=families,
        pyradiomics={**own.model_dump(), "force_2d": True},
        aggregations=("2.5d_merged_by_direction", "2.5d"),
    )


def rows_of(rules: RadiomicsRules, box=np.s_[2:7, 3:9, 3:9]):
    rng = np.random.default_rng(1)
    array = rng.integers(-20, 200, (9, 12, 13)).astype(float)
    mask = np.zeros(array.shape, bool)
    mask[box] = True
    geometry = Geometry(mask.shape, (1.0, 1.5, 2.5))
    region = Region(mask, geometry, "x", "x")
    return radiomics_measurements(Volume(array, geometry, HU), [region], rules)["x"]


@pytest.mark.parametrize("conventions", ["ibsi", "pyradiomics"])
def test_every_planned_feature_of_an_ordinary_region_has_a_value(conventions):
    rules = rules_of(conventions)
    rows = rows_of(rules)
    assert [row.feature_id for row in rows] == [f.feature_id for f in planned_features(rules)]
    assert [row.feature_id for row in rows if row.value is None] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_that_conventions_define_is_computed_by_them(family):
    for conventions in ("ibsi", "pyradiomics"):
        definitions = [d for variants in FAMILIES[family].values() for d in variants.values()]
        offered = {d.name for d in definitions if is_offered(d, conventions)}
        planar = conventions == "pyradiomics" and family == "morphology_2d"
        rules = planar_rules() if planar else rules_of(conventions)
        if family in rules.families:
            rows = rows_of(rules, np.s_[4:5, 3:9, 3:9] if planar else np.s_[2:7, 3:9, 3:9])
            found = {row.definition.name for row in rows if row.definition.family == family}
            assert found == offered
        else:
            assert conventions == "ibsi" or family in PYRADIOMICS_LACKS
            assert conventions == "pyradiomics" or family == "morphology_2d"


def test_families_are_one_set():
    assert set(FAMILIES) == set(get_args(FamilyName))
    assert set(TEXTURE_FAMILIES) <= set(FAMILIES)
    assert set(TEXTURE_AS_PYRADIOMICS) == set(TEXTURE_FAMILIES) - PYRADIOMICS_LACKS


COMPUTED = [
    ("ibsi", native, "intensity_values"),
    ("ibsi", native, "histogram_values"),
    ("ibsi", native, "ivh_values"),
    ("ibsi", native, "peak_values"),
    ("ibsi", native, "shape_values"),
    ("pyradiomics", native_pyradiomics, "intensity_as_pyradiomics"),
    ("pyradiomics", native_pyradiomics, "histogram_as_pyradiomics"),
    ("pyradiomics", native_pyradiomics, "shape_as_pyradiomics"),
    *(("ibsi", TEXTURE_FAMILIES, family) for family in TEXTURE_FAMILIES),
    *(("pyradiomics", TEXTURE_AS_PYRADIOMICS, family) for family in TEXTURE_AS_PYRADIOMICS),
]


@pytest.mark.parametrize(("conventions", "where", "name"), COMPUTED)
def test_a_name_too_many_raises(monkeypatch, conventions, where, name):
    table = isinstance(where, dict)
    function = where[name] if table else getattr(where, name)

    def more(*arguments):
        return {**function(*arguments), "invented": 1.0}

    (monkeypatch.setitem if table else monkeypatch.setattr)(where, name, more)
    with pytest.raises(FeatureNamesError, match="invented not defined"):
        rows_of(rules_of(conventions))


@pytest.mark.parametrize(("conventions", "where", "name"), COMPUTED)
def test_a_name_too_few_raises(monkeypatch, conventions, where, name):
    table = isinstance(where, dict)
    function = where[name] if table else getattr(where, name)
    planned = {feature.definition.name for feature in planned_features(rules_of(conventions))}

    def fewer(*arguments):
        found = dict(function(*arguments))
        lost = next(key for key in found if key in planned and key != "volume")
        return {key: value for key, value in found.items() if key != lost}

    (monkeypatch.setitem if table else monkeypatch.setattr)(where, name, fewer)
    with pytest.raises(FeatureNamesError, match="not computed"):
        rows_of(rules_of(conventions))


def test_a_family_that_nobody_planned_raises():
    found = {"original.invented.": {"volume": 1.0}}
    with pytest.raises(FeatureNamesError, match="is not planned"):
        reporting.outcomes_of(found, rules_of("ibsi"), "why")


def test_require_names():
    require_names("a", ["x", "y"], ["x"], ["x", "y", "z"])
    with pytest.raises(FeatureNamesError, match=r"^a: x, y not computed$"):
        require_names("a", [], ["y", "x"], ["x", "y"])
    with pytest.raises(FeatureNamesError, match=r"^a: z not defined$"):
        require_names("a", ["x", "z"], ["x"], ["x"])
