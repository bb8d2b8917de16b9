"""The table of measures: each room says what it measures, and sections are composed."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import BaseModel
from synthetic_pet import TRUE_SUV, write_pet

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.case.inputs import CaseInputs
from biomarker_cli.case.measures import MEASURES, measure_room, proposed_roles
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.case.preparing import prepare
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.protocol.locator import ProtocolKind, shipped_versions

WITHOUT_SUV = """
format: biomarker-analysis/1
id: stored
version: 0.1.0
status: draft
title: Stored values of PET
source: [{doc: none, section: "-", confirmed: {by: recall}}]
extends: radiomics-pet@1.0.0
changelog: [{version: 0.1.0, date: 2026-11-20, change: first}]
suv: null
"""


@pytest.fixture
def case_of(tmp_path):
    write_pet(tmp_path / "pet")
    image = ImagePlan("pet", scan([tmp_path / "pet"]).candidates)

    def make(analysis):
        return CaseInputs(CasePlan("S", "1", "T1", "pet", (image,), None, (analysis,)))

    return make


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_a_room_says_what_it_measures(name):
    room = measure_room(name)
    assert issubclass(room.SECTION, BaseModel)
    assert room.__name__ == MEASURES[name]
    for role in room.ROLES:
        assert not room.MODALITIES or role.modality in room.MODALITIES
        assert load_analysis(role.analysis).protocol.measure == name
        assert shipped_versions(ProtocolKind.ACQUISITION, role.acquisition)


def test_the_roles_of_a_new_study_differ_and_narrow_ones_come_first():
    roles = proposed_roles()
    assert sorted(role.name for role in roles) == ["ct", "dce", "dwi", "mr", "pet"]
    assert [role.is_narrow for role in roles] == [True, True, False, False, False]


def test_radiomics_of_pet_measure_the_map_of_the_section_suv(case_of):
    analysis = load_analysis("radiomics-pet")
    found = prepare(case_of(analysis), analysis)
    assert found.volume.quantity.name == "suvbw"
    assert np.allclose(found.volume.array[:, 0, 0], TRUE_SUV, rtol=1e-6)
    assert found.derivation["image"] == "suvbw"


def test_without_that_section_pet_keeps_its_stored_values_and_a_flag(case_of, tmp_path):
    path = tmp_path / "stored.yaml"
    path.write_text(WITHOUT_SUV)
    analysis = load_analysis(str(path))
    found = prepare(case_of(analysis), analysis)
    assert found.volume.quantity.name == "pet_stored"
    assert "pet_stored_values" in found.volume.flags
    assert not found.derivation


def test_suv_measures_its_own_map_once(case_of):
    analysis = load_analysis("fdg-suv")
    found = prepare(case_of(analysis), analysis)
    assert np.allclose(found.volume.array[:, 0, 0], TRUE_SUV, rtol=1e-6)
    assert analysis.room.maps is None
