"""Analyses that come and go: rows that were joined are those of measuring all of them anew."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
import yaml

from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.study import measuring
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.runner import RunOptions, StudyRun, run_study
from biomarker_cli.study.study_file import load_study, with_key

SLOW = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
ROUNDS = 12 if SLOW else 3
POOLS = {
    "ct": ("radiomics-ct", "pyradiomics-default", "recist-size", "choi-ct"),
    "pet": ("fdg-suv", "fdg-percist", "fdg-tmtv", "psma-suv", "radiomics-pet"),
    "dwi": ("dwi-adc", "dwi-adc-all", "dwi-ivim", "dwi-kurtosis", "dwi-phantom", "wb-dwi"),
}
"""Drafts, limits of phantoms, and fits that have no value everywhere are among them."""


def _contents(study_file: Path, out: Path, index: FileIndex) -> dict[str, bytes]:
    study = with_key(load_study(study_file), writes=True)
    due = StudyRun.of_study(study, StudyPlanner(study, index))
    with run_study(due, out, RunOptions()).judged.cohort:
        pass
    found = [*out.glob("*.csv"), *out.glob("derivations/*"), out / "datapackage.json"]
    return {path.name: path.read_bytes() for path in found}


@pytest.mark.parametrize("seed", range(8 if SLOW else 1))
def test_joined_rows_are_those_of_measuring_all_anew(sample_dir, tmp_path, monkeypatch, seed):
    path = shutil.copytree(sample_dir, tmp_path / "sample") / "study.yaml"
    chance, index = random.Random(seed), FileIndex(tmp_path / "index")
    said = yaml.safe_load(path.read_text())
    joins: list[bool] = []
    join = measuring.joined

    def counted(*given):
        found = join(*given)
        joins.append(found is not None)
        return found

    monkeypatch.setattr(measuring, "joined", counted)
    for number in range(ROUNDS):
        for role, pool in POOLS.items():
            said["roles"][role]["analyses"] = chance.sample(pool, chance.randint(1, 3))
        path.write_text(yaml.safe_dump(said))
        found = _contents(path, tmp_path / "out", index)
        expected = _contents(path, tmp_path / f"anew{number}", index)
        assert sorted(found) == sorted(expected)
        assert [n for n in found if found[n] != expected[n]] == []
    assert any(joins)
