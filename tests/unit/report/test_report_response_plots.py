"""Which rows of the tables of response become a picture, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.report.response_plots import KINDS, LIMITS, Wanted, response_picture
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.writing import write_table

RECIST = "recist-1.1@1.0.0"


def table(name: str, key: str, texts: str, numbers: str) -> Table:
    columns = [Column(one, "string", "-") for one in texts.split()]
    columns += [Column(one, "number", "-") for one in numbers.split()]
    return Table(name, name, tuple(columns), tuple(key.split()))


WHO = "criterion subject_id reader"
BEST = table("best", WHO, f"{WHO} best", "best_change_percent")
RESPONSE = table(
    "response",
    f"{WHO} timepoint",
    f"{WHO} timepoint overall new_lesion",
    "day change_from_baseline_percent",
)
ENDPOINTS = table(
    "endpoints",
    "criterion reader endpoint level subject_id",
    "criterion reader endpoint level subject_id status",
    "end_day",
)


def rows_of(columns: Table, text: str) -> list[dict[str, object]]:
    """Return rows of words between blanks; - is empty."""
    found = []
    for line in text.strip().splitlines():
        cells = ["" if cell == "-" else cell for cell in line.split()]
        found.append(dict(zip(columns.column_names, cells, strict=True)))
    return found


BEST_ROWS = f"""
{RECIST} S1 - PR -36
{RECIST} S2 - SD 5.5
{RECIST} S3 - NE -
"""
RESPONSE_ROWS = f"""
{RECIST} S1 - BL - - 0 -
{RECIST} S1 - TP2 PD yes 112 -30
{RECIST} S1 - TP1 PR no 56 -36
{RECIST} S2 - BL - - 0 -
{RECIST} S2 - TP1 SD no 60 5.5
{RECIST} S3 - BL - - 0 -
{RECIST} S3 - TP1 NE no 57 -
"""
ENDPOINT_ROWS = f"""
{RECIST} - PFS subject S1 event 112
{RECIST} - PFS subject S2 censored 60
{RECIST} - PFS arm - - -
{RECIST} - DoR subject S1 event 56
"""


def written(folder: Path, best=BEST_ROWS, response=RESPONSE_ROWS, endpoints=ENDPOINT_ROWS) -> Path:
    folder.mkdir(exist_ok=True)
    tables = {BEST: best, RESPONSE: response, ENDPOINTS: endpoints}
    for one, text in tables.items():
        write_table(one, rows_of(one, text), folder)
    write_datapackage(tables, folder, "response")
    return folder


def refused(folder: Path, kind: str = "waterfall", **wanted: str) -> BiomarkerError:
    with pytest.raises(BiomarkerError) as error:
        response_picture(kind, folder, Wanted(**wanted))
    return error.value


def test_a_subject_without_a_follow_up_has_no_bar(tmp_path):
    found = response_picture("waterfall", written(tmp_path), Wanted())
    assert (found.criterion, found.reader, found.n_subjects) == (RECIST, "", 2)
    assert found.left_out == ("S3",)
    assert "S1: -36.0 %, PR" in found.svg
    assert "S2: +5.5 %, SD" in found.svg
    assert "S3" not in found.svg
    assert "-30 %" in found.svg
    assert "+20 %" in found.svg


def test_a_spider_runs_from_the_baseline_in_the_order_of_days(tmp_path):
    found = response_picture("spider", written(tmp_path), Wanted(criterion="recist-1.1"))
    assert found.n_subjects == 2
    assert found.left_out == ("S3",)
    places = [found.svg.index(text) for text in ("S1 TP1: -36.0 %, PR", "S1 TP2: -30.0 %, PD")]
    assert places == sorted(places)
    assert found.svg.count(">new<") == 1


def test_a_swimmer_ends_where_its_endpoint_says_or_at_the_last_visit(tmp_path):
    found = response_picture("swimmer", written(tmp_path), Wanted())
    assert (found.n_subjects, found.left_out) == (3, ())
    assert "S1: to day 112, event" in found.svg
    assert "S2: to day 60, censored" in found.svg
    assert "S3: to day 57, no endpoint" in found.svg
    assert "S3 TP1: day 57, NE" in found.svg


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_rows_changes_no_byte(kind, tmp_path):
    first = response_picture(kind, written(tmp_path / "a"), Wanted()).svg
    turned = ["\n".join(reversed(t.strip().splitlines())) for t in (BEST_ROWS, RESPONSE_ROWS)]
    assert response_picture(kind, written(tmp_path / "b", *turned), Wanted()).svg == first


def test_one_of_several_criteria_and_readers_has_to_be_named(tmp_path):
    two = f"{BEST_ROWS}who@1.0.0 S1 R1 PR -55\nwho@1.0.0 S1 R2 SD -45\n"
    folder = written(tmp_path, best=two)
    error = refused(folder)
    assert (error.code, "recist-1.1@1.0.0" in str(error)) == ("PLOT-AMBIGUOUS", True)
    error = refused(folder, criterion="who")
    assert error.code == "PLOT-AMBIGUOUS"
    assert "R1" in str(error)
    found = response_picture("waterfall", folder, Wanted("who@1.0.0", "R2"))
    assert (found.reader, found.n_subjects) == ("R2", 1)
    assert "-45.0 %" in found.svg
    assert "-50 %" in found.svg
    assert refused(folder, criterion="who@2.0.0").code == "PLOT-NOTHING"
    assert refused(folder, criterion="who", reader="R3").code == "PLOT-NOTHING"


def test_a_criterion_without_known_limits_has_no_lines(tmp_path):
    folder = written(tmp_path, best="own@1.0.0 S1 - PR -55\n")
    assert "stroke-dasharray" not in response_picture("waterfall", folder, Wanted()).svg
    assert all(low < 0 < high for low, high in LIMITS.values())


@pytest.mark.parametrize("kind", ["waterfall", "spider"])
def test_a_table_without_any_change_is_no_picture(kind, tmp_path):
    folder = written(tmp_path, best=f"{RECIST} S3 - NE -\n", response=f"{RECIST} S3 - BL - - 0 -\n")
    assert refused(folder, kind).code == "PLOT-NOTHING"


def test_visits_without_a_day_are_no_lane(tmp_path):
    folder = written(tmp_path, response=f"{RECIST} S3 - BL - - - -\n")
    assert refused(folder, "swimmer").code == "PLOT-NOTHING"


def test_tables_that_are_not_as_they_were_written_are_refused(tmp_path):
    folder = written(tmp_path / "edited")
    path = folder / "best.csv"
    path.write_text(path.read_text().replace("-36", "-66"))
    assert refused(folder).code == "TABLE-CHANGED"
    path.unlink()
    assert refused(folder).code == "TABLE-NOT-FOUND"
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty").code == "TABLE-NOT-FOUND"
    other = tmp_path / "other"
    other.mkdir()
    write_table(ENDPOINTS, [], other)
    write_datapackage([ENDPOINTS], other, "run")
    assert refused(other).code == "PLOT-NO-RESPONSE"
    (other / "datapackage.json").write_text("[]")
    assert refused(other).code == "TABLE-PACKAGE"


def test_tables_of_another_form_are_refused(tmp_path):
    text = table("best", WHO, WHO, "best_change_percent")
    write_table(text, [], tmp_path)
    write_datapackage([text], tmp_path, "response")
    assert refused(tmp_path).code == "TABLE-COLUMNS"
    words = table("best", WHO, f"{WHO} best best_change_percent", "")
    row = dict.fromkeys(words.column_names, "much")
    write_table(words, [row], tmp_path)
    write_datapackage([words], tmp_path, "response")
    assert refused(tmp_path).code == "TABLE-VALUE"


def test_hostile_names_stay_text(tmp_path):
    name = "<script>=1+1</script>"
    folder = written(tmp_path, best=f"{RECIST} {name} - PR -36\n")
    found = response_picture("waterfall", folder, Wanted())
    assert "<script>" not in found.svg
    assert "&lt;script&gt;=1+1" in found.svg
