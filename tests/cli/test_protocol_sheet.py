"""``biomarker protocol sheet``: what a radiographer enters, on paper and as a table."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest

from biomarker_cli.acquisition.console_names import MANUFACTURERS, load_console_names
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.acquisition.results import CheckResult, Outcome
from biomarker_cli.acquisition.sheet import NO_NAME, SHEET_COLUMNS, sheet_csv, sheet_rows
from biomarker_cli.acquisition.sheet_page import _WRITTEN, sheet_html
from biomarker_cli.protocol.errors import ProtocolError
from tests.synthetic_protocols import protocol_head

HOSTILE = "<script>alert(1)</script>\u202e & =1+1"
BODY = """\
roles: {t1: {title: First, when: {ProtocolName: t1}}}
rules:
  - {id: A, title: TITLE, fact: EchoTime, check: {max: 90}, unit: ms, why: WHY, fix: Shorter,
     role: t1, vendors: [{manufacturer: Siemens, check: {max: 80}},
      {manufacturer: TOSHIBA, check: {max: 70}}]}
  - {id: B, title: Ratio, fact: FlipAngle, check: {range: [10, 20]}, unit: deg, level: should,
     section: '4.2', tolerance: {abs: 1}, when: {MRAcquisitionType: 3D}, fix: Set it}
  - {id: C, title: Told, fact: SeriesDate, check: {present: true}, fix: Send it}
"""


@pytest.fixture
def protocol(tmp_path):
    def write(title: str = "Echo time", why: str = "Signal", status: str = "draft"):
        path = tmp_path / "site.yaml"
        body = BODY.replace("TITLE", json.dumps(title)).replace("WHY", json.dumps(why))
        path.write_text(protocol_head(status=status) + body)
        return path

    return write


def result(rule: str, outcome: str, observed: str = "", expected: str = "", reason: str = ""):
    told = {"observed": observed, "expected": expected, "unit": "ms", "tags": "", "reason": reason}
    return CheckResult(
        "series", "1.2", "site", "0.1.0", "0", rule, "error", Outcome(outcome), **told
    )


class TestRows:
    def test_every_rule_has_its_line_with_limit_unit_and_condition(self, protocol):
        rows = sheet_rows(load_acquisition(str(protocol())), "ge")
        assert [(r.rule_id, r.limit, r.unit) for r in rows] == [
            ("A", "<= 90", "ms"),
            ("B", "10 .. 20 (+- 1)", "deg"),
            ("C", "present", ""),
        ]
        assert (rows[0].series, rows[0].why) == ("First", "Signal")
        assert (rows[1].applies, rows[1].level) == ("MRAcquisitionType 3D", "should")
        assert (rows[1].why, rows[2].why) == ("Source, section 4.2", "")
        assert {row.console_name for row in rows} == {NO_NAME}

    @pytest.mark.parametrize(
        ("vendor", "limit"),
        [("siemens", "<= 80"), ("canon", "<= 70"), ("ge", "<= 90"), ("philips", "<= 90")],
    )
    def test_a_vendor_has_its_own_limit(self, protocol, vendor, limit):
        rows = sheet_rows(load_acquisition(str(protocol())), vendor)
        assert [row.limit for row in rows if row.rule_id == "A"] == [limit]

    def test_without_a_vendor_each_has_a_line(self, protocol):
        rows = sheet_rows(load_acquisition(str(protocol())))
        assert [(r.applies, r.limit) for r in rows if r.rule_id == "A"] == [
            ("Siemens", "<= 80"),
            ("TOSHIBA", "<= 70"),
            ("other manufacturers", "<= 90"),
        ]

    def test_what_was_found_stands_beside_the_limit_it_was_judged_by(self, protocol):
        results = [
            result("A", "fail", "95", "<= 80"),
            result("A", "fail", "95", "<= 80"),
            result("A", "pass", "60", "<= 65"),
            result("B", "not_evaluable", reason="FlipAngle is not told"),
            result("C", "not_applicable"),
        ]
        rows = sheet_rows(load_acquisition(str(protocol())), results=results)
        assert [(r.rule_id, r.limit, r.found, r.outcome, r.fix) for r in rows] == [
            ("A", "<= 80", "95", "fail", "Shorter"),
            ("A", "<= 65", "60", "pass", ""),
            ("B", "10 .. 20 (+- 1)", "FlipAngle is not told", "not_evaluable", "Set it"),
            ("C", "present", "", "not_applicable", ""),
        ]


class TestConsoleNames:
    def read(self, tmp_path, text: str, vendor: str = "siemens"):
        path = tmp_path / "names.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_console_names(path, vendor)

    HEAD = "vendor,fact,name,source\n"

    def test_a_name_is_of_its_vendor_and_has_its_source(self, tmp_path, protocol):
        text = self.HEAD + "siemens,EchoTime,TE,Statement 1\nge,EchoTime,Echo,Statement 2\n"
        names = self.read(tmp_path, text)
        rows = sheet_rows(load_acquisition(str(protocol())), "siemens", names)
        assert (rows[0].console_name, rows[0].name_source) == ("TE", "Statement 1")
        assert rows[1].console_name == NO_NAME
        assert self.read(tmp_path, text, "philips") == {}

    @pytest.mark.parametrize(
        ("rows", "told"),
        [
            ("siemens,EchoTime,TE,\n", "source is empty"),
            ("siemens,EchoTime,,S\n", "name is empty"),
            ("elscint,EchoTime,TE,S\n", "vendor is none of siemens"),
            ("siemens,Echotime,TE,S\n", "neither a fact of the library"),
            ("siemens,PatientName,Name,S\n", "says who somebody is"),
            ("siemens,EchoTime,TE,S\nsiemens,EchoTime,Echo,S\n", "two names"),
            ("siemens,EchoTime,TE,S,more\n", "more cells"),
        ],
    )
    def test_a_row_that_cannot_be_is_refused_with_its_line(self, tmp_path, rows, told):
        with pytest.raises(ProtocolError, match=told) as caught:
            self.read(tmp_path, self.HEAD + rows)
        assert caught.value.code == "CONSOLE-NAMES-INVALID"
        assert f"names.csv:{rows.count(chr(10)) + 1}" in str(caught.value)

    @pytest.mark.parametrize(
        "text", ["", "vendor,fact\n", "\x00" * 9, "a" * 1_100_000, '"' * 3 + "\n"]
    )
    def test_a_file_that_is_no_such_table(self, tmp_path, text):
        with pytest.raises(ProtocolError) as caught:
            self.read(tmp_path, text)
        assert caught.value.code == "CONSOLE-NAMES-INVALID"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href"} and value]


class TestPage:
    def page(self, path, **told):
        protocol = load_acquisition(str(path))
        return sheet_html(protocol, sheet_rows(protocol, **told), against=bool(told))

    def test_it_loads_nothing_runs_nothing_and_prints_on_a4(self, protocol):
        text = self.page(protocol())
        parsed = _Tags()
        parsed.feed(text)
        assert not parsed.links
        assert not {"script", "img", "link", "iframe"} & set(parsed.tags)
        assert "default-src 'none'" in text
        assert "size: A4" in text

    def test_texts_of_a_protocol_and_of_a_header_are_text(self, protocol):
        found = [result("A", "fail", HOSTILE, "<= 80")]
        text = self.page(protocol(title=HOSTILE, why=HOSTILE), results=found)
        assert "<script" not in text
        assert "\u202e" not in text
        assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3

    def test_a_draft_says_so_and_a_released_one_does_not(self, protocol):
        assert "A draft" in self.page(protocol())
        assert "A draft" not in self.page(protocol(status="active"))

    def test_the_table_escapes_formulas(self, protocol):
        protocol_read = load_acquisition(str(protocol(title="=1+1")))
        text = sheet_csv(sheet_rows(protocol_read), against=False)
        rows = list(csv.DictReader(io.StringIO(text)))
        assert rows[0]["parameter"] == "'=1+1"
        assert tuple(rows[0]) == SHEET_COLUMNS[:-3]


class TestCommand:
    def test_a_page_with_what_was_found(self, biomarker, sample_dir, tmp_path):
        page = tmp_path / "sheet.html"
        series = sample_dir / "centre_a" / "S0001" / "T1" / "ct"
        done = biomarker("protocol", "sheet", "recist-ct", "--against", series, "-o", page)
        assert (done.returncode, done.stdout) == (0, "")
        text = page.read_text()
        assert re.search(r"&lt;= 5.*<td>2.5<div class=.small.>pass</div></td>", text)
        again = biomarker("protocol", "sheet", "recist-ct", "-o", page)
        assert again.returncode == 2
        assert "OUTPUT-EXISTS" in again.stderr
        assert page.read_text() == text

    def test_json_and_the_terminal(self, biomarker):
        (row,) = json.loads(biomarker("protocol", "sheet", "recist-ct", "--format", "json").stdout)
        assert (row["limit"], row["unit"], row["console_name"]) == ("<= 5", "mm", NO_NAME)
        assert "<= 5 mm" in biomarker("protocol", "sheet", "recist-ct").stdout

    def test_json_is_printed_beside_a_file(self, biomarker, tmp_path):
        page = tmp_path / "sheet.csv"
        done = biomarker("protocol", "sheet", "recist-ct", "-o", page, "--format", "json")
        assert len(json.loads(done.stdout)) == 1
        assert "<= 5" in page.read_text()

    @pytest.mark.parametrize(
        ("options", "code", "told"),
        [
            (("-o", "sheet.pdf"), 2, ".html or .csv"),
            (("--names", "names.csv"), 2, "--names goes with --vendor"),
            (("--vendor", "siemens", "--names", "absent.csv"), 2, "CONSOLE-NAMES-INVALID"),
            (("--against", "absent"), 3, "PATH-NOT-FOUND"),
        ],
    )
    def test_what_cannot_be(self, biomarker, options, code, told):
        done = biomarker("protocol", "sheet", "recist-ct", *options)
        assert done.returncode == code
        assert told in done.stderr

    def test_series_that_the_protocol_does_not_speak_of(self, biomarker, sample_dir):
        pet = sample_dir / "centre_a" / "S0001" / "T1" / "pet"
        done = biomarker("protocol", "sheet", "recist-ct", "--against", pet)
        assert done.returncode == 3
        assert "NOTHING-FOUND" in done.stderr

    def test_the_vendors_of_the_command_are_those_that_are_known(self, biomarker):
        assert set(MANUFACTURERS) == set(_WRITTEN)
        shown = biomarker("protocol", "sheet", "--help").stdout
        assert f"[{'|'.join(MANUFACTURERS)}]" in shown
