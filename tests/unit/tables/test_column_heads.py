"""Names of columns that are made of data: as cells are escaped, and each tells one column."""

from __future__ import annotations

import csv

import pytest

from biomarker_cli.tables.cells import unescape_cell
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.export.column_heads import require_heads, units_path
from biomarker_cli.tables.export.joint import JointRules, export_joint
from biomarker_cli.tables.export.wide import WideRules, export_wide
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import CASES, FEATURES, MEASUREMENTS, ROIS
from biomarker_cli.tables.writing import write_table

CASE = "A/S1/T1/ct"


def _run(folder, units):
    """Write a run whose features have the given units, by feature id."""
    folder.mkdir()
    features = [
        {"analysis_id": "a@1.0.0", "feature_id": name, "unit_ucum": ";".join(some)}
        for name, some in units.items()
    ]
    rows = [
        {
            "case_id": CASE,
            "roi_id": "GTV",
            "analysis_id": "a@1.0.0",
            "feature_id": name,
            "value": 1.5,
            "unit": some[0],
            "status": "ok",
            "usable": "yes",
        }
        for name, some in units.items()
    ]
    write_table(FEATURES, features, folder)
    write_table(MEASUREMENTS, rows, folder)
    case = {"case_id": CASE, "site_id": "A", "subject_id": "S1", "timepoint": "T1"}
    write_table(CASES, [case | {"modality": "=cmd|", "status": "measured"}], folder)
    write_table(ROIS, [{"case_id": CASE, "roi_id": "GTV", "status": "ok"}], folder)
    write_datapackage([MEASUREMENTS, FEATURES, CASES, ROIS], folder, "trial")
    return folder


def _exported(export, rules, folder, output):
    export(folder, output, rules)
    heads = []
    for path in (output, units_path(output)):
        with path.open(newline="") as stream:
            heads.append(next(csv.reader(stream)))
    assert heads[0] == heads[1]
    return heads[0]


FORMULAS = ["=1+1", "+1+1", "-x", "@SUM(A1)", "'quoted"]


def test_a_feature_id_like_a_formula_is_escaped_as_in_the_rows(tmp_path):
    folder = _run(tmp_path / "run", {name: ["1"] for name in FORMULAS})
    head = _exported(export_wide, WideRules(), folder, tmp_path / "wide.csv")
    assert set(head[-5:]) == {f"'{name}" for name in FORMULAS}
    assert set(map(unescape_cell, head[-5:])) == set(FORMULAS)


def test_a_modality_like_a_formula_is_escaped_in_every_column_of_its_quantity(tmp_path):
    folder = _run(tmp_path / "run", {"original.intensity.mean": ["1"]})
    head = _exported(export_joint, JointRules(), folder, tmp_path / "joint.csv")
    assert head[4:] == [
        *(f"'=cmd|.{word}" for word in ("case_id", "status", "usable", "flags")),
        "'=cmd|.original.intensity.mean",
    ]


@pytest.mark.parametrize("hidden", ["\x1b[31m", "\n", "\r", "\t", "\0", "\u202e", "\u200b"])
@pytest.mark.parametrize(
    ("export", "rules"), [(export_wide, WideRules()), (export_joint, JointRules())]
)
def test_a_name_with_a_character_that_nobody_sees_is_refused(tmp_path, export, rules, hidden):
    folder = _run(tmp_path / "run", {f"a.{hidden}b": ["1"]})
    output = tmp_path / "out.csv"
    with pytest.raises(TableError, match="without a glyph") as refused:
        export(folder, output, rules)
    assert refused.value.code == "TABLE-HEADS"
    assert hidden not in str(refused.value)
    assert not output.exists()
    assert not units_path(output).exists()


def test_two_columns_of_one_name_are_refused(tmp_path):
    folder = _run(tmp_path / "run", {"a.size": ["mm", "cm"], "a.size [cm]": ["cm"]})
    with pytest.raises(TableError, match=r"a\.size \[cm\].* would stand twice") as refused:
        export_wide(folder, tmp_path / "wide.csv", WideRules())
    assert refused.value.code == "TABLE-HEADS"
    folder = _run(tmp_path / "other", {"=cmd|.case_id": ["1"]})
    with pytest.raises(TableError, match="would stand twice"):
        export_joint(folder, tmp_path / "joint.csv", JointRules())


def test_letters_of_every_script_are_seen(tmp_path):
    require_heads(["größe", "体積", "a b", "mm²", "a\u00a0b"], tmp_path)
