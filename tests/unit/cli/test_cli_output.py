"""How commands speak: nothing is obeyed, nothing overwritten, each refusal has its code."""

from __future__ import annotations

import errno
import json
import sys
from pathlib import Path

import pytest

from biomarker_cli.cli.column_widths import column_widths
from biomarker_cli.cli.interrupting import Interrupted, code_of
from biomarker_cli.cli.main import file_error
from biomarker_cli.cli.new_files import write_new_file
from biomarker_cli.cli.output import Listing, print_error, print_json, say, say_prose
from biomarker_cli.model.errors import CaseError, ConfigurationError
from biomarker_cli.model.exit_codes import ExitCode

CLI_PAGE = Path(__file__).resolve().parents[3] / "docs" / "errors" / "cli.md"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plain", "plain"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb", "a\\nb"),
        ("M\u00fcller", "M\u00fcller"),
    ],
)
def test_a_line_is_shown_and_never_obeyed(capsys, text, told):
    say(text)
    assert capsys.readouterr().out == f"{told}\n"


def test_an_error_tells_code_place_and_next_step(capsys):
    print_error(CaseError("SERIES-GAP", "a gap", where="x.dcm", hint="Transfer again."))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "error SERIES-GAP: a gap",
        "  where  x.dcm",
        "  next   Transfer again.",
    ]


def test_json_reads_back_and_holds_no_character_that_a_terminal_obeys(capsys):
    value = {"name": "M\u00fcller\x1b[31m\u202e", "n": [1, 2.5, None, True]}
    print_json(value)
    text = capsys.readouterr().out
    assert json.loads(text) == value
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "M\u00fcller" in text
    with pytest.raises(ValueError, match="JSON"):
        print_json(float("nan"))


def test_a_listing_prints_brackets_as_they_are(capsys):
    table = Listing("Title", ("name", "value"))
    table.add_row("[bold]a[/bold]", "1")
    table.print()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].strip() == "Title"
    assert [line.split() for line in lines if "bold" in line] == [["[bold]a[/bold]", "1"]]


def test_a_file_that_exists_is_overwritten_only_when_told(tmp_path):
    path = tmp_path / "deep" / "a.csv"
    write_new_file(path, "one\n")
    with pytest.raises(ConfigurationError) as caught:
        write_new_file(path, "two\n")
    assert caught.value.code == "OUTPUT-EXISTS"
    assert path.read_bytes() == b"one\n"
    write_new_file(path, "two\n", overwrite=True)
    assert path.read_bytes() == b"two\n"


@pytest.mark.parametrize(
    ("number", "code", "exit_code"),
    [
        (errno.ENOSPC, "DISK-FULL", 6),
        (errno.EDQUOT, "DISK-FULL", 6),
        (errno.EACCES, "FILE-ACCESS", 6),
        (errno.EPERM, "FILE-ACCESS", 6),
        (errno.EROFS, "FILE-ACCESS", 6),
        (errno.EEXIST, "PATH-KIND", 2),
        (errno.ENOTDIR, "PATH-KIND", 2),
        (errno.EISDIR, "PATH-KIND", 2),
        (errno.ENOENT, "FILE-GONE", 3),
        (errno.EIO, "FILE-SYSTEM", 6),
    ],
)
def test_what_the_system_refuses_has_a_code_a_place_and_a_next_step(number, code, exit_code):
    error = file_error(OSError(number, "refused", "x.csv"))
    assert (error.code, error.where) == (code, "x.csv")
    assert error.exit_code == exit_code
    assert error.hint
    assert f"\n## {code}\n" in CLI_PAGE.read_text()


def test_an_interruption_keeps_its_code_through_another_exception():
    ended = Interrupted(ExitCode.TERMINATED)
    assert code_of(ended) is ExitCode.TERMINATED
    renamed = RuntimeError()
    renamed.__cause__ = ended
    assert code_of(renamed) is ExitCode.TERMINATED
    assert code_of(KeyboardInterrupt()) is ExitCode.INTERRUPTED


ROOM = 80


def column_widths_of(*rows, whole=()):
    names = rows[0]
    widths = column_widths(rows, [name in whole for name in names], ROOM)
    return dict(zip(names, widths, strict=True))


def test_a_table_that_fits_is_as_wide_as_its_cells():
    assert column_widths_of(("a", "long name"), ("cell", "x")) == {"a": 4, "long name": 9}


def test_text_gives_way_before_a_word_is_broken():
    """Of a rule that is told in words and a time stamp, the words go over several lines."""
    rows = ("rule", "found"), ("time of the first injection, as told " * 3, "2024-03-11T10:00:00")
    widths = column_widths_of(*rows)
    assert widths["found"] == len("2024-03-11T10:00:00")
    assert sum(widths.values()) + 2 * len(widths) == ROOM


def test_where_words_are_broken_only_the_longest_are():
    uid = "2.25.269678740474507766281993278801458331019"
    rows = ("volume", "rule", "element"), (uid, "acquisition_time", "(0008,0032) " + "x" * 20)
    widths = column_widths_of(*rows)
    assert (widths["rule"], widths["element"]) == (16, 20)
    assert widths["volume"] == ROOM - 6 - 36


def test_a_column_that_is_whole_is_never_broken():
    rows = ("rule", "what"), ("R" * 60, "word " * 20)
    assert column_widths_of(*rows, whole=("rule",)) == {"rule": 60, "what": 16}


def test_a_sentence_is_broken_between_words_and_set_in(capsys, monkeypatch):
    text = "Ask for the reconstruction of 5 mm or less, or measure only lesions of twice that."
    say_prose(text, "  fix   ")
    assert capsys.readouterr().out == f"  fix   {text}\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    say_prose(text, "  fix   ")
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("  fix   Ask for")
    assert all(line.startswith("        ") for line in rest)
    assert max(map(len, (first, *rest))) <= 40
    assert " ".join(line.strip() for line in (first, *rest)) == f"fix   {text}"
