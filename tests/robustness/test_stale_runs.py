"""What a folder or the cache says of an earlier run is believed only while it is true."""

from __future__ import annotations

import json
import random
import re
import shutil
import time
from pathlib import Path

import pytest
from kept_study import run, write_study

from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.model.inputs import FINE_SETTLING_NS
from biomarker_cli.study import finishing
from biomarker_cli.study.cohort_database import kept_database, sum_of
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.study_file import load_study, with_key

TABLE = "value,name\n1,LIVER\n2,SPLEEN\n"


def _run(study: Path, out: Path) -> list[str]:
    """Run a study when its files are settled, and return what was done with each case."""
    time.sleep(2 * FINE_SETTLING_NS / 1e9)
    report = run(study, out)
    actions = [case.action for case in report.decisions]
    report.judged.cohort.__exit__()
    return actions


def _written(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.csv")}


@pytest.fixture
def study(tmp_path):
    return write_study(tmp_path / "study", n_cases=4, keep=())


def test_a_table_of_names_that_comes_or_goes_beside_a_mask_is_seen(study, tmp_path):
    """No list and no header says that it is there."""
    table, out = study.parent / "mask.labels.csv", tmp_path / "out"
    named = table.read_text()
    _run(study, out)
    for step, content in enumerate((None, TABLE, None, named)):
        if content is None:
            table.unlink()
        else:
            table.write_text(content)
        assert set(_run(study, out)) == {"run"}
        _run(study, tmp_path / f"anew{step}")
        assert _written(out) == _written(tmp_path / f"anew{step}")
        assert set(_run(study, out)) == {"reuse"}


@pytest.mark.parametrize("last", ["write_tables", "write_manifest", "write_text"])
def test_tables_of_a_run_that_died_behind_them_are_not_left_alone(
    study, tmp_path, monkeypatch, last
):
    """The study is as before again; what lies there is of what it was in between."""
    study.write_text(study.read_text() + "integrity: flag\n")
    rows, out = (study.parent / "cases.csv").read_text(), tmp_path / "out"
    broken = rows.replace(",i0.nii.gz,", ",nowhere.nii.gz,")
    (study.parent / "cases.csv").write_text(broken)
    _run(study, out)
    before = _written(out)

    def dies(*_given, **_named):
        raise OSError(28, "No space left on device")

    calls = {"write_tables": "write_manifest", "write_manifest": "write_text"}
    (study.parent / "cases.csv").write_text(broken.replace("nowhere", "elsewhere"))
    if last == "write_text":
        monkeypatch.setattr("biomarker_cli.study.store.ResultStore.list_cases", _after(1, dies))
    else:
        monkeypatch.setattr(finishing, calls[last], dies)
    with pytest.raises(OSError, match="No space"):
        run(study, out)
    monkeypatch.undo()
    assert _written(out) != before
    (study.parent / "cases.csv").write_text(broken)
    _run(study, out)
    assert _written(out) == before


def _after(calls, what):
    from biomarker_cli.study.store import ResultStore

    kept, made = ResultStore.list_cases, []

    def counted(*given, **named):
        made.append(1)
        return (kept if len(made) <= calls else what)(*given, **named)

    return counted


def test_tables_that_were_copied_from_another_run_are_written_again(study, tmp_path):
    out, other = tmp_path / "out", tmp_path / "other"
    for folder, wanted in ((out, "GTV"), (other, "MUSCLE")):
        rows = (study.parent / "cases.csv").read_text()
        lines = [line.rpartition(",rois")[0] or line for line in rows.splitlines()]
        (study.parent / "cases.csv").write_text(
            "\n".join([lines[0].removesuffix(",rois") + ",rois"])
            + "\n"
            + "\n".join(f"{','.join(line.split(',')[:7])},{wanted}" for line in lines[1:])
            + "\n"
        )
        _run(study, folder)
    asked, expected = (study.parent / "cases.csv").read_text(), _written(out)
    assert _written(other) != expected
    for path in [*other.glob("*.csv"), other / "datapackage.json", other / "manifest.json"]:
        shutil.copy(path, out / path.name)
    shutil.copytree(other / "derivations", out / "derivations", dirs_exist_ok=True)
    (study.parent / "cases.csv").write_text(asked.replace(",MUSCLE\n", ",GTV\n"))
    _run(study, out)
    assert _written(out) == expected


@pytest.mark.parametrize("name", ["manifest.json", "datapackage.json"])
def test_what_describes_the_tables_is_mended_where_it_was_edited(study, tmp_path, name):
    out = tmp_path / "out"
    _run(study, out)
    said = json.loads((out / name).read_text())
    path = out / name
    path.write_text(path.read_text().replace('"kept"', '"other"'))
    _run(study, out)
    again = json.loads(path.read_text())
    assert again | {"created": ""} == said | {"created": ""}


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_cohort_is_made_again(study, tmp_path, seed):
    out, chance = tmp_path / "out", random.Random(seed)
    _run(study, out)
    expected = _written(out)
    (path,) = (tmp_path / "index" / "cohorts").glob("*.sqlite")
    content = bytearray(path.read_bytes())
    for _ in range(2):
        damaged = bytearray(content)
        kind = chance.choice(("page", "cut", "bits"))
        if kind == "page":
            begin = 4096 * chance.randrange(1, len(content) // 4096)
            damaged[begin : begin + 4096] = chance.randbytes(4096)
        elif kind == "cut":
            del damaged[chance.randrange(100, len(content)) :]
        else:
            for _ in range(30):
                damaged[chance.randrange(100, len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        assert set(_run(study, out)) == {"reuse"}, kind
        assert _written(out) == expected


@pytest.mark.parametrize(
    ("column", "was", "now"),
    [("survey", '"flags":[]', '"flags":["odd"]'), ("head", '"GTV"', '"GTX"')],
)
def test_a_cohort_of_which_a_word_was_changed_is_not_believed(study, tmp_path, column, was, now):
    """SQLite sees damaged pages, not a text that is another."""
    out = tmp_path / "out"
    _run(study, out)
    database = kept_database(out, tmp_path / "index")
    assert database is not None
    before = database.execute(f"SELECT {column} FROM cases").fetchall()
    database.execute(f"UPDATE cases SET {column} = REPLACE({column}, ?, ?)", (was, now))
    assert database.execute(f"SELECT {column} FROM cases").fetchall() != before
    database.commit()
    database.close()
    _run(study, out)
    database = kept_database(out, tmp_path / "index")
    assert database is not None
    assert database.execute(f"SELECT {column} FROM cases").fetchall() == before
    database.close()


@pytest.mark.parametrize("shift", [-1, 8, 15])
def test_a_bit_that_turns_in_a_mark_is_seen(tmp_path, shift):
    """Marks tell that one image stands under two names: of one that is lost nobody would know."""
    database = kept_database(tmp_path, tmp_path / "index")
    assert database is not None
    chance = random.Random(shift)
    rows = [("instance", chance.getrandbits(62), chance.getrandbits(62), 1) for _ in range(9)]
    database.executemany("INSERT INTO marks VALUES (?, ?, ?, ?)", rows)
    database.commit()
    database.close()
    (path,) = (tmp_path / "index" / "cohorts").glob("*.sqlite")
    content = path.read_bytes()
    places = [found.start() for found in re.finditer(b"instance", content)]
    assert len(places) == 2 * len(rows)
    for place in places:
        damaged = bytearray(content)
        # In the value, in the owner, or in the word itself.
        damaged[place + (shift if shift > 0 else 3)] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        assert kept_database(tmp_path, tmp_path / "index") is None


def test_a_check_sum_tells_texts_apart():
    texts = [("a", "b"), ("ab", ""), ("a", None, "b"), ("", "ab"), (None, None)]
    assert len({sum_of(*text) for text in texts}) == len(texts)
    assert sum_of("\u00e4") == sum_of("\u00e4".encode())


def test_plans_of_refused_cases_are_not_kept_in_memory(study, tmp_path):
    """Nobody asks for them again, and without slices they would fill no room that is counted."""
    rows = (study.parent / "cases.csv").read_text().replace(",i1.nii.gz,", ",nowhere.nii.gz,")
    (study.parent / "cases.csv").write_text(rows)
    planner = StudyPlanner(with_key(load_study(study), writes=True), FileIndex(tmp_path / "index"))
    for place, is_kept in enumerate((True, False, True)):
        case = planner.planned(place)
        assert (case.refusal is None) == is_kept
        planner.keep(place, case)
        assert (planner.planned(place) is case) == is_kept


def test_a_cohort_that_cannot_be_kept_is_named():
    import sqlite3

    from biomarker_cli.study.cohort import Cohort
    from biomarker_cli.study.errors import StudyError

    with pytest.raises(StudyError) as caught, Cohort.in_memory():
        raise sqlite3.OperationalError("database or disk is full")
    assert caught.value.code == "RUN-CACHE"
    assert "disk is full" in caught.value.message
