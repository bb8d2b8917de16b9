"""Rows behind those of a list that a person keeps: every byte that stands there stays.

A list is read as its spreadsheet saved it: byte order mark, separator, ends of lines,
further columns, remarks. New rows are written in the same manner.
"""

from __future__ import annotations

import csv
import io
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.model.outputs import PRIVATE_MODE, part_of, write_part
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.yaml_source import read_text
from biomarker_cli.study.case_list import MOST_BYTES
from biomarker_cli.study.errors import StudyError
from biomarker_cli.tables.cells import escape_cell, unescape_cell

_SEPARATORS = ",;\t"
_REMARK = "#"


@dataclass(frozen=True)
class KeptList:
    """A list as it was read.

    Attributes
    ----------
    path : Path
    content : bytes
    separator, line_end : str
    columns : tuple of str
        As a new row has them: in lower case, without blanks around.
    rows : tuple of dict
        Cells by column, without blanks around; rows that are empty or remarks are none.
    """

    path: Path
    content: bytes
    separator: str
    line_end: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]

    def with_rows(self, rows: Sequence[Mapping[str, str]]) -> bytes:
        """Return the content with rows behind those that are there."""
        if not rows:
            return self.content
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self.separator, lineterminator=self.line_end)
        for row in rows:
            writer.writerow([escape_cell(row.get(name, "")) for name in self.columns])
        is_ended = self.content.endswith((b"\n", b"\r"))
        gap = "" if is_ended else self.line_end
        return self.content + gap.encode() + text.getvalue().encode()


def read_kept(path: Path, needed: Sequence[str], code: str) -> KeptList:
    """Read a list that rows will be written behind.

    Parameters
    ----------
    path : Path
    needed : sequence of str
        Columns without which it is not what it should be.
    code : str
        Of the error where it cannot be used.

    Raises
    ------
    StudyError
        With the code given.
    """
    try:
        text = read_text(path, MOST_BYTES)
        content = path.read_bytes()
    except (ProtocolError, OSError) as error:
        message = error.message if isinstance(error, ProtocolError) else str(error.strerror)
        raise _unusable(path, code, message) from error
    lines = text.splitlines()
    head = next((line for line in lines if _is_head(line)), "")
    separator = max(_SEPARATORS, key=head.count)
    # Strict: a quote that nobody closed would swallow the rows behind it.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        table = [[unescape_cell(cell.strip()) for cell in cells] for cells in reader]
    except csv.Error as error:
        raise _unusable(path, code, f"no CSV: {error}") from error
    told = [cells for cells in table if any(cells) and not _is_remark(cells, separator)]
    columns = tuple(cell.lower() for cell in told[0]) if told else ()
    missing = [name for name in needed if name not in columns]
    if missing or len(set(columns) - {""}) != len([c for c in columns if c]):
        raise _unusable(path, code, f"its first line does not name {', '.join(missing or needed)}")
    rows = tuple(dict.fromkeys(columns, "") | dict(zip(columns, c, strict=False)) for c in told[1:])
    return KeptList(path, content, separator, _line_end(content), columns, rows)


def _is_head(line: str) -> bool:
    return bool(line.strip()) and not line.startswith((_REMARK, "sep="))


def _is_remark(cells: Sequence[str], separator: str) -> bool:
    first = cells[0]
    return first.startswith(_REMARK) or separator.join(cells).startswith("sep=")


def _line_end(content: bytes) -> str:
    if b"\r\n" in content:
        return "\r\n"
    return "\n" if b"\n" in content or b"\r" not in content else "\r"


def _unusable(path: Path, code: str, why: str) -> StudyError:
    return StudyError(
        code,
        f"nothing can be added to the list: {why}",
        where=path.name,
        hint="Save it as CSV UTF-8 with the columns that `biomarker init` has written.",
    )


def replace_kept(kept: KeptList, content: bytes) -> None:
    """Write a list anew, with the rights that it had, unless somebody has changed it meanwhile.

    Raises
    ------
    StudyError
        ``STUDY-CHANGED``.
    OSError
    """
    if content == kept.content:
        return
    path = kept.path.resolve()
    if path.read_bytes() != kept.content:
        raise StudyError(
            "STUDY-CHANGED",
            "the file has changed since it was read",
            where=path.name,
            hint="Close it in other programs, and run the same command again.",
        )
    part = part_of(path)
    try:
        write_part(part, content, PRIVATE_MODE)
        part.chmod(stat.S_IMODE(path.stat().st_mode))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
