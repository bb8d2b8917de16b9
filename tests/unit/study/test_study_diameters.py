"""diameters.csv of a study: the same by shards, in a second run, and gone with the measure."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import kept_study
import numpy as np
import pytest
from synthetic_protocols import protocol_head

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.multicentre.pooling.pool import pool_runs
from biomarker_cli.multicentre.pooling.rules import PoolRules
from biomarker_cli.study import measuring
from biomarker_cli.study.merging import StudyPart, merge_shards, run_shard
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.runner import RunOptions, StudyRun
from biomarker_cli.study.shards import Shard
from biomarker_cli.study.study_file import load_study, with_key

GRID = Geometry((4, 12, 14), (1.0, 1.5, 3.0))
STUDY = """\
format: biomarker-study/1
id: sizes
roles:
  ct: {{analyses: [{analyses}]}}
"""
MEANS = """\
extends: radiomics-ct@1.0.0
radiomics: {families: [intensity], aggregations: [3d]}
"""
LENGTHS = 4


def _write(folder: Path, analyses: str) -> Path:
    (folder / "study.yaml").write_text(STUDY.format(analyses=analyses))
    return folder / "study.yaml"


@pytest.fixture
def study(tmp_path) -> Path:
    """Three cases; the mask of each holds a lesion of its own size."""
    folder = tmp_path / "trial"
    folder.mkdir()
    image = np.arange(np.prod(GRID.shape), dtype=np.int16).reshape(GRID.shape) % 100
    lines = ["site_id,subject_id,timepoint,role,image,mask,quantity"]
    for number in range(3):
        write_nifti(image + np.int16(number), GRID, folder / f"i{number}.nii.gz")
        mask = np.zeros(GRID.shape, dtype=np.uint8)
        mask[1:3, 2 : 5 + number, 3:9] = 1
        write_nifti(mask, GRID, folder / f"m{number}.nii.gz")
        lines.append(f"A,S{number},T1,ct,i{number}.nii.gz,m{number}.nii.gz,hu")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    (folder / "means.yaml").write_text(protocol_head("analysis", "means") + MEANS)
    return _write(folder, "recist-size, means.yaml")


def _tables(folder: Path) -> dict[str, bytes]:
    names = (*sorted(path.name for path in folder.glob("*.csv")), "datapackage.json")
    return {name: (folder / name).read_bytes() for name in names}


def test_lines_are_the_same_by_shards_and_in_a_second_run(study, tmp_path):
    kept_study.run(study, tmp_path / "whole")
    expected = _tables(tmp_path / "whole")
    with (tmp_path / "whole" / "diameters.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 3 * LENGTHS
    assert {row["analysis_id"] for row in rows} == {"recist-size@0.1.0"}
    assert len({row["mask_sha256"] for row in rows}) == 3

    whole = with_key(load_study(study), writes=True)
    for number in (1, 2):
        part = StudyPart(Shard(number, 2), whole, study)
        planner = StudyPlanner(part.own, is_part=True)
        due = StudyRun.of_study(part.own, planner)
        with run_shard(part, due, tmp_path / "parts", RunOptions()).judged.cohort:
            pass
    with merge_shards(tmp_path / "parts").judged.cohort:
        assert _tables(tmp_path / "parts") == expected

    # A table that was lost is written again of the results; nothing is measured again.
    (tmp_path / "whole" / "diameters.csv").unlink()
    results = kept_study.contents(tmp_path / "whole" / "results")
    kept_study.run(study, tmp_path / "whole")
    assert _tables(tmp_path / "whole") == expected
    again = kept_study.contents(tmp_path / "whole" / "results")
    changed = {name for name in results if results[name] != again.get(name)}
    assert not {name for name in changed if name.endswith(".result")}


def test_lines_go_with_the_measure_and_change_no_other_table(study, tmp_path):
    kept_study.run(_write(study.parent, "means.yaml"), tmp_path / "without")
    expected = _tables(tmp_path / "without")
    assert "diameters.csv" not in expected
    kept_study.run(_write(study.parent, "recist-size, means.yaml"), tmp_path / "out")
    assert "diameters.csv" in _tables(tmp_path / "out")
    kept_study.run(_write(study.parent, "means.yaml"), tmp_path / "out")
    assert _tables(tmp_path / "out") == expected
    package = json.loads((tmp_path / "out" / "datapackage.json").read_text())
    assert "diameters" not in {resource["name"] for resource in package["resources"]}


def test_lines_stay_where_another_analysis_comes(study, tmp_path, monkeypatch):
    """What was measured is joined with what is new; nothing is measured twice."""
    joins = []
    join = measuring.joined
    monkeypatch.setattr(measuring, "joined", lambda *given: joins.append(join(*given)) or joins[-1])
    kept_study.run(_write(study.parent, "recist-size"), tmp_path / "out")
    for analyses in ("recist-size, means.yaml", "who-size, recist-size, means.yaml", "who-size"):
        kept_study.run(_write(study.parent, analyses), tmp_path / "out")
        anew = tmp_path / analyses.partition(",")[0] / str(len(joins))
        anew.parent.mkdir(exist_ok=True)
        kept_study.run(study, anew)
        assert _tables(tmp_path / "out") == _tables(anew)
    assert sum(found is not None for found in joins) >= 6


def _pooled(parts: list[Path], out: Path, **rules: str) -> list[dict[str, str]]:
    out.mkdir()
    pool_runs(parts, out, PoolRules(**rules))
    with (out / "diameters.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_a_pool_has_the_lines_of_its_parts(study, tmp_path):
    """One part has no sizes, as runs of earlier analyses."""
    kept_study.run(study, tmp_path / "whole")
    header, *cases = (study.parent / "cases.csv").read_text().splitlines()
    parts = []
    for number, analyses in ((1, "means.yaml"), (2, ""), (0, "")):
        (study.parent / "cases.csv").write_text(f"{header}\n{cases[number]}\n")
        _write(study.parent, analyses or "recist-size, means.yaml")
        parts.append(tmp_path / f"part{number}")
        kept_study.run(study, parts[-1])
    found = _pooled(parts, tmp_path / "pool", usable="caution")
    with (tmp_path / "whole" / "diameters.csv").open() as stream:
        whole = list(csv.DictReader(stream))
    assert found == [row for row in whole if not row["case_id"].startswith("A/S1/")]
    assert len(found) == 2 * LENGTHS


def test_a_pool_leaves_out_lines_with_their_measurements(study, tmp_path):
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[1, 2:5, 3:9] = mask[1, 8:10, 3:9] = 1
    write_nifti(mask, GRID, study.parent / "m1.nii.gz")
    (study.parent / "policy.yaml").write_text(
        "format: biomarker-usable/1\ntitle: none\nflags: {several_components: do_not_use}\n"
    )
    study.write_text(study.read_text() + "usable: policy.yaml\n")
    kept_study.run(study, tmp_path / "out")
    found = _pooled([tmp_path / "out"], tmp_path / "pool", usable="caution")
    assert {row["case_id"] for row in found} == {"A/S0/T1/ct", "A/S2/T1/ct"}
    assert len(_pooled([tmp_path / "out"], tmp_path / "all", usable="all")) == 3 * LENGTHS
