"""Sheets as people send them back: signs, separators, digits, units, and what is no sheet."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from biomarker_cli.cli.phantom.write import KIND_NAMES
from biomarker_cli.multicentre.phantoms import units
from biomarker_cli.multicentre.phantoms.errors import SheetEmptyError, SheetError
from biomarker_cli.multicentre.phantoms.judging import judge
from biomarker_cli.multicentre.phantoms.kinds import KINDS, phantom_of
from biomarker_cli.multicentre.phantoms.numbers import DecimalSign
from biomarker_cli.multicentre.phantoms.report import text_lines
from biomarker_cli.multicentre.phantoms.sheet import read_sheet, sheet_text
from biomarker_cli.multicentre.phantoms.units import unit_factor

HEAD = ["item", "region", "quantity", "unit", "value", "note"]
PHANTOM = ["info/phantom", "", "phantom", "", "suv/1 generic", ""]


def write(
    path: Path, rows: list[list[str]], separator: str = ",", encoding: str = "utf-8", end="\n"
) -> Path:
    lines = [separator.join(row) for row in [HEAD, PHANTOM, *rows]]
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return path


def row(item: str, value: str, unit: str = "g/mL") -> list[str]:
    return [item, "", "", unit, value, ""]


def judged(path: Path) -> dict[str, object]:
    return {one.item: one for one in judge(read_sheet(path)).rows}


MEAN, MAX = "hot/suvbw.uptake.mean", "ramp/suvbw.uptake.max"


@pytest.mark.parametrize(
    ("separator", "encoding", "end", "value"),
    [
        (",", "utf-8", "\n", "3.99"),
        (",", "utf-8", "\n", '"3,99"'),
        (";", "utf-8", "\r\n", "3,99"),
        (";", "utf-8-sig", "\r\n", "3,99"),
        (";", "cp1252", "\r\n", "3,99"),
        ("\t", "utf-16", "\r\n", "3,99"),
        ("\t", "utf-8", "\n", "3.99"),
    ],
)
def test_a_sheet_is_read_as_spreadsheets_save_it(tmp_path, separator, encoding, end, value):
    path = write(tmp_path / "s.csv", [row(MEAN, value)], separator, encoding, end)
    (found,) = (one for one in judged(path).values() if one.outcome != "not_given")
    assert (found.given, found.outcome) == (3.99, "pass")


@pytest.mark.parametrize(
    ("value", "outcome", "tolerance", "origin"),
    [
        ("4.025", "pass", 0.025, "limit"),
        ("3.975", "pass", 0.025, "limit"),
        ("4.026", "fail", 0.025, "limit"),
        ("3.974", "fail", 0.025, "limit"),
        ("4.0", "pass", 0.05, "last digit"),
        ("4.1", "fail", 0.05, "last digit"),
        ("4", "pass", 0.5, "last digit"),
        ("5", "fail", 0.5, "last digit"),
        ("0.4e1", "pass", 0.5, "last digit"),
        ("4.00e0", "pass", 0.025, "limit"),
        ("-4.0", "fail", 0.05, "last digit"),
        ("\N{MINUS SIGN}4.0", "fail", 0.05, "last digit"),
    ],
)
def test_the_tolerance_is_the_limit_or_half_the_last_digit(
    tmp_path, value, outcome, tolerance, origin
):
    found = judged(write(tmp_path / "s.csv", [row(MEAN, value)]))[MEAN]
    assert (found.outcome, found.tolerance_from) == (outcome, origin)
    assert found.tolerance == pytest.approx(tolerance)
    assert found.clause


def numbers(cells: list[str], delimiter: str = ",") -> list[float | None]:
    sign = DecimalSign(cells, delimiter)
    found = []
    for cell in cells:
        try:
            found.append(sign.number(cell).value)
        except ValueError:
            found.append(None)
    return found


@pytest.mark.parametrize(
    ("cells", "delimiter", "expected"),
    [
        # Three digits behind a comma may be thousands: another cell tells, or the delimiter.
        (["9,253"], ",", [None]),
        (["9,253", "3,99"], ",", [9.253, 3.99]),
        (["9,253"], ";", [9.253]),
        (["9.253"], ";", [None]),
        (["9.253", "3.99"], ";", [9.253, 3.99]),
        (["9.253"], ",", [9.253]),
        (["9,253", "3.99"], ",", [None, 3.99]),
        (["9.253", "3,99"], ";", [None, 3.99]),
        (["2,5", "3.99"], ",", [None, None]),
        (["1234,567"], ",", [1234.567]),
        (["9", "4.00"], ",", [9.0, 4.0]),
        (["1.234,5", "3,99"], ";", [None, 3.99]),
        (["1 234", "nan", "inf", "1e999", "4 g/mL", "<4", ".", ",", "=4", "0x4"], ",", [None] * 10),
        ([".5", "5."], ",", [0.5, 5.0]),
    ],
)
def test_a_number_that_may_be_two_is_none(cells, delimiter, expected):
    assert numbers(cells, delimiter) == expected


def test_half_of_the_last_digit_goes_with_the_unit(tmp_path):
    # True are 9341 Bq/mL, with a limit of 58.
    path = write(tmp_path / "s.csv", [row("hot/activity.mean", "9", "kBq/mL")])
    found = judged(path)["hot/activity.mean"]
    assert (found.given, found.tolerance, found.tolerance_from) == (9000.0, 500.0, "last digit")
    found = judged(write(path, [row("hot/activity.mean", "9.2", "kBq/mL")]))["hot/activity.mean"]
    assert (found.given, found.tolerance_from, found.outcome) == (9200.0, "limit", "fail")


@pytest.mark.parametrize(
    ("written", "wanted", "factor"),
    [
        ("", "mL", 1.0),
        ("ml", "mL", 1.0),
        ("mm³", "mL", 1e-3),
        ("cm^3", "mL", 1.0),
        ("kBq/ml", "Bq/mL", 1e3),
        ("10^-3 mm²/s", "mm2/s", 1e-3),
        ("×10⁻⁶ mm²/s", "mm2/s", 1e-6),
        ("µm²/ms", "mm2/s", 1e-3),
        ("HU", "[hnsf'U]", 1.0),
        ("SUV", "g/mL", 1.0),
    ],
)
def test_units_as_programs_write_them(written, wanted, factor):
    assert unit_factor(written, wanted) == pytest.approx(factor)


def test_a_unit_that_a_quantity_cannot_have_is_unreadable(tmp_path):
    found = judged(write(tmp_path / "s.csv", [row(MEAN, "4.00", "furlong")]))[MEAN]
    assert found.outcome == "unreadable"
    assert "furlong" in found.reason


def test_every_unit_that_a_phantom_asks_for_is_known():
    for kind in KINDS:
        for item in phantom_of(kind).items:
            assert unit_factor(item.unit, item.unit) == 1.0
    assert set(units._FACTORS) >= {item.unit for kind in KINDS for item in phantom_of(kind).items}


def test_a_row_that_cannot_be_used_is_a_row_and_the_others_go_on(tmp_path):
    rows = [row(MEAN, "4.00"), row(MAX, "five"), row("hot/volume", "21.5", "mL")]
    rows += [row("hot/volume", "21.4", "mL"), row("liver/volume", "3")]
    found = judged(write(tmp_path / "s.csv", rows))
    assert found[MEAN].outcome == "pass"
    assert found[MAX].outcome == "unreadable"
    assert "line 4" in found[MAX].reason
    assert found["hot/volume"].outcome == "unreadable"
    assert "lines 5, 6" in found["hot/volume"].reason
    assert found["liver/volume"].outcome == "unreadable"
    assert not judge(read_sheet(tmp_path / "s.csv")).is_passed


def test_a_peak_without_its_definition_is_not_judged(tmp_path):
    peak = "ramp/suvbw.uptake.peak"
    path = write(tmp_path / "s.csv", [row(peak, "4.80")])
    assert judged(path)[peak].outcome == "not_judged"
    assert judged(path)[peak].given == 4.8
    assert judged(path)[peak].deviation is None
    assert "1ml_voxel_centre_inside" in judged(path)[peak].reason
    assert judge(read_sheet(path)).is_passed
    for definition, outcome in (
        ("1ml_voxel_centre_inside", "pass"),
        ("1ml_partial_volume_inside", "fail"),
        ("the usual one", "not_judged"),
    ):
        answer = ["info/suvpeak_definition", "", "", "", definition, ""]
        assert judged(write(path, [answer, row(peak, "4.80")]))[peak].outcome == outcome


def test_what_the_sheet_does_not_say_is_listed(tmp_path):
    path = write(tmp_path / "s.csv", [["info/program", "", "", "", "X", ""], row(MEAN, "4.00")])
    judgement = judge(read_sheet(path))
    assert judgement.unsaid == ("version", "settings", "operator", "date", "suvpeak_definition")
    assert judgement.info["program"] == "X"


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_sheet_is_refused_and_holds_no_truth(tmp_path, kind):
    phantom = phantom_of(kind)
    text = sheet_text(phantom)
    path = tmp_path / "sheet.csv"
    path.write_text(text)
    assert {item.name for item in phantom.items} == {
        line.partition(",")[0] for line in text.splitlines() if "/" in line.partition(",")[0]
    } - {line.partition(",")[0] for line in text.splitlines() if line.startswith("info/")}
    with pytest.raises(SheetEmptyError, match="no number"):
        judge(read_sheet(path))
    for row_of_sheet in read_sheet(path).rows:
        assert row_of_sheet.value == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "first line"),
        (b"\n\n;;;\n", "first line"),
        (b"item\n", "first line"),
        (b"item,value,value\ninfo/phantom,suv/1 generic\n", "stands twice"),
        (b"\x00\x01\x02item,value\n", "no text"),
        (b"\xff\xfe\x00", "no text"),
        (b'item,value\n"unclosed', "no CSV|info/phantom"),
        (b"item,value\n" + b"a,1\n" * 6000, "6001 rows"),
        (b"x" * 2_100_000, "larger than 2 MB"),
        (b"item,value\nhot/volume,4\n", "info/phantom"),
        (b"item,value\ninfo/phantom,suv/9 generic\nhot/volume,4\n", "suv/9"),
        (b"item,value\ninfo/phantom,suv/1 enhanced\nhot/volume,4\n", "suv/1 enhanced"),
        (b"item,value\ninfo/phantom,suv/1 ge\ninfo/phantom,suv/1 gml\n", "stands twice"),
    ],
)
def test_what_is_no_sheet_is_refused_with_the_reason(tmp_path, content, said):
    path = tmp_path / "s.csv"
    path.write_bytes(content)
    with pytest.raises(SheetError, match=said):
        judge(read_sheet(path))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SheetError, match="no such file"):
        read_sheet(tmp_path)


def test_hostile_text_is_shown_and_not_obeyed(tmp_path):
    rows = [["info/program", "", "", "", "'=cmd()", ""], row(MEAN, "\x1b[2J4.00")]
    path = write(tmp_path / "s.csv", rows)
    judgement = judge(read_sheet(path))
    assert judgement.info["program"] == "=cmd()"
    assert judgement.rows[0].outcome == "unreadable"
    assert "\x1b" not in judgement.rows[0].reason


def test_a_line_that_names_the_separator_is_passed_over(tmp_path):
    path = write(tmp_path / "s.csv", [row(MEAN, "3,99")], ";", end="\r\n")
    path.write_bytes(b"sep=;\r\n" + path.read_bytes())
    (found,) = [one for one in read_sheet(path).rows if one.value]
    assert (found.value, found.line) == ("3,99", 4)


def test_numbers_that_are_judged_by_their_last_digit_are_counted(tmp_path):
    path = write(tmp_path / "s.csv", [row(MEAN, "4"), row(MAX, "5.00")])
    assert any(
        "1 number judged by the last digit" in one for one in text_lines(judge(read_sheet(path)))
    )
    path = write(path, [row(MEAN, "4.00"), row(MAX, "5.00")])
    assert not any("last digit that" in one for one in text_lines(judge(read_sheet(path))))


def test_the_truths_import_nothing_that_measures():
    folder = Path(units.__file__).parent
    allowed = ("biomarker_cli.multicentre.", "biomarker_cli.model.", "biomarker_cli.tables.")
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("biomarker_cli"):
                assert f"{node.module}.".startswith(allowed), (path.name, node.module)


def test_no_line_is_wider_than_a_terminal(tmp_path):
    rows = [row(item.name, "7.1234", item.unit) for item in phantom_of("suv").items]
    lines = list(text_lines(judge(read_sheet(write(tmp_path / "s.csv", rows)))))
    assert max(map(len, lines)) <= 80
    assert any("no known mistake" in line for line in lines)


def test_a_dialect_that_a_phantom_has_not_is_refused():
    with pytest.raises(SheetError, match="no dialect 'uih'"):
        phantom_of("suv", "uih")


def test_the_help_names_every_kind_and_dialect():
    from biomarker_cli.cli.phantom.write import _EPILOG

    assert set(KIND_NAMES) == set(KINDS)
    told = _EPILOG.partition("Dialects")[2].split()
    for kind in ("suv", "adc"):
        assert set(KINDS[kind].dialects) <= set(told)
    assert "enhanced" not in told
