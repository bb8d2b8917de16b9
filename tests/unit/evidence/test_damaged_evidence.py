"""Damaged files of every kind: a result or a named error."""

from __future__ import annotations

import hashlib
import json
import random
import shutil

import pytest
from synthetic_evidence import Seen, write_clinical, write_package, write_plan

from biomarker_cli.evidence.associating import associate
from biomarker_cli.evidence.association_plan import load_plan
from biomarker_cli.evidence.joining import join_table, write_join
from biomarker_cli.model.errors import BiomarkerError

PIECES = (
    *(b"", b"\x00", b"\xff", b"\x1b[2J", b"\n", b"\r", b",", b'"', b"'", b"=1+1", b"-", b"nan"),
    *(b"1e400", b"9" * 400, b"\xe2\x80\xae", b"{", b"[", b": ", b"&a *a", b"!!python/name:os"),
)
N_DAMAGED = 60


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A joined folder with the clinical files and the plan beside it."""
    root = tmp_path_factory.mktemp("whole")
    seen = [Seen(f"S{n}", float(n % 7)) for n in range(12)]
    rows = [
        {"centre": "A", "patient": f"S{n}", "weight": str(50 + n), "response": str(n % 2)}
        for n in range(12)
    ]
    run = write_package(root / "run", seen)
    _, table, _, file = write_clinical(root / "clinical", rows)
    write_join(join_table(run, root / table, root / file), run, root / "joined")
    write_plan(root / "plan.yaml", covariates=[{"table": "clinical", "column": "weight"}])
    return root


def damage(path, rng):
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 3)):
        start = rng.randrange(len(content) + 1)
        stop = min(start + rng.choice((0, 1, 3, 20)), len(content))
        content[start:stop] = rng.choice(PIECES)
    if rng.random() < 0.1:
        del content[rng.randrange(len(content) + 1) :]
    path.write_bytes(content)


def seal(folder):
    """Make the package say what its tables are, as somebody who forges it would."""
    path = folder / "datapackage.json"
    package = json.loads(path.read_text())
    for one in package["resources"]:
        content = (folder / one["path"]).read_bytes()
        one["hash"] = f"sha256:{hashlib.sha256(content).hexdigest()}"
        one["bytes"] = len(content)
    path.write_text(json.dumps(package))


def outcomes(copy, relative, attempt, *, is_forged=False):
    """Damage a file again and again; return what became of each attempt."""
    found = []
    target = copy / relative
    original = target.read_bytes()
    for number in range(N_DAMAGED):
        target.write_bytes(original)
        damage(target, random.Random(f"{relative}/{number}"))
        if is_forged:
            seal(target.parent)
        try:
            attempt()
        except BiomarkerError as error:
            found.append(error.code)
        else:
            found.append("done")
    return found


@pytest.mark.parametrize("name", ["clinical/clinical.csv", "clinical/clinical.yaml"])
def test_a_damaged_clinical_file_is_a_join_or_a_named_error(whole, tmp_path, name):
    copy = shutil.copytree(whole, tmp_path / "copy")
    files = (copy / "clinical" / "clinical.csv", copy / "clinical" / "clinical.yaml")

    def attempt():
        write_join(join_table(copy / "run", *files), copy / "run", tmp_path / "out")

    found = outcomes(copy, name, attempt)
    assert "done" in found
    assert len(set(found)) > 2


@pytest.mark.parametrize(
    "name",
    [
        "plan.yaml",
        "joined/datapackage.json",
        *(
            f"joined/{table}.csv"
            for table in ("measurements", "cases", "clinical", "rois", "facts")
        ),
    ],
)
def test_a_damaged_plan_or_package_is_an_association_or_a_named_error(whole, tmp_path, name):
    copy = shutil.copytree(whole, tmp_path / "copy")

    def attempt():
        associate(copy / "joined", *load_plan(copy / "plan.yaml"))

    found = outcomes(copy, name, attempt, is_forged=name.endswith(".csv"))
    assert len(set(found)) > 1
