"""Tables of other commands in a report: held to their package, or named as of others."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kept_study import run, write_study

from biomarker_cli.report.beside import tables_beside
from biomarker_cli.report.identity import ReportIdentity
from biomarker_cli.report.making import ReportOrder, report_pages
from biomarker_cli.report.run_reading import read_run
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.writing import write_table

IDENTITY = ReportIdentity(True)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("beside")
    run(write_study(folder / "study", n_cases=1, keep=()), folder / "out")
    return read_run(folder / "out")


def whole(tables):
    return dict(report_pages(tables, ReportOrder()))


def test_tables_of_other_commands_are_shown_and_bad_ones_are_named(tables, tmp_path):
    below = tmp_path / "more"
    below.mkdir()
    (below / "changes.csv").write_text("site_id,subject_id,change,secret\nA,S0,0.123456789,x\n")
    (tmp_path / "best.csv").write_text("")
    (tmp_path / "passports.csv").write_text("other\n1\n")
    beside = tables_beside(replace(tables, folder=tmp_path), IDENTITY)
    found = {table.name: table for table in beside}
    assert found["more/changes.csv"].rows == [["A", "S0", "0.12346"]]
    assert found["best.csv"].problem.startswith("TABLE-UNREADABLE")
    assert found["passports.csv"].problem.startswith("TABLE-COLUMNS")


def write_best(folder, subjects=("S0",)):
    names = ("criterion", "subject_id", "reader", "best")
    table = Table(
        "best",
        "subject",
        (*(Column(n, "string", "-") for n in names), Column("best_change_percent", "number", "-")),
        names[:3],
    )
    rows = [
        dict(zip(names, ("recist-1.1@1.0.0", one, "", "PR"), strict=True))
        | {"best_change_percent": -40.0}
        for one in subjects
    ]
    folder.mkdir()
    write_table(table, rows, folder)
    write_datapackage([table], folder, "response")


def test_a_table_is_held_to_the_data_package_of_its_folder(tables, tmp_path):
    at = replace(tables, folder=tmp_path)
    write_best(tmp_path / "response")
    (found,) = tables_beside(at, IDENTITY)
    assert (found.is_held, found.strangers, found.problem) == (True, (), "")
    path = tmp_path / "response" / "best.csv"
    path.write_bytes(path.read_bytes().replace(b"PR", b"CR"))
    (edited,) = tables_beside(at, IDENTITY)
    assert edited.problem.startswith("TABLE-CHANGED")
    assert not edited.rows
    assert "Best change from baseline" not in whole(at)["index.html"]
    (tmp_path / "response" / "datapackage.json").write_text("[")
    assert tables_beside(at, IDENTITY)[0].problem.startswith("TABLE-PACKAGE")
    (tmp_path / "response" / "datapackage.json").unlink()
    (loose,) = tables_beside(at, IDENTITY)
    assert (loose.is_held, loose.problem) == (False, "")
    assert "no data package holds it" in whole(at)["index.html"]


def test_a_table_of_another_run_is_named(tables, tmp_path):
    at = replace(tables, folder=tmp_path)
    write_best(tmp_path / "response", ["S0", "<b>", *(f"X{n}" for n in range(9))])
    (found,) = tables_beside(at, IDENTITY)
    assert found.strangers == ("the run has no subject <b>, X0, X1, X2, X3, X4 and 4 more",)
    assert "may belong to another run: the run has no subject &lt;b&gt;" in whole(at)["index.html"]
    (tmp_path / "changes.csv").write_text("site_id,feature_id,change\nB,f.g,1\n,,2\n")
    changes = next(t for t in tables_beside(at, IDENTITY) if t.name == "changes.csv")
    assert changes.strangers == ("the run has no site B", "the run has no feature f.g")


def test_response_is_drawn_where_its_tables_lie(tables, tmp_path):
    at = replace(tables, folder=tmp_path)
    assert 'id="response"' not in whole(at)["index.html"]
    write_best(tmp_path / "response")
    page = whole(at)["index.html"]
    assert 'href="#response"' in page
    # Without the table of visits there is a waterfall and neither spider nor swimmer.
    assert page.count("Best change from baseline, recist-1.1@1.0.0</h3>") == 1
    assert "1 subject; the numbers are in the folder of response/best.csv." in page
    assert "Change from baseline over days" not in page
