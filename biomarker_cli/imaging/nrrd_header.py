"""The text header of an NRRD file: its fields, its key/value pairs, where it ends.

References
----------
Teem, "Definition of NRRD File Format", sections 1 and 3:
https://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.imaging.refusals import unreadable
from biomarker_cli.imaging.stored import MOST_HEADER_BYTES

_MAGIC = re.compile(rb"NRRD000\d\r?\n")

_FIELDS = frozenset(
    re.findall(
        r"\w+",
        "axismaxs axismins blocksize byteskip centerings centers content datafile dimension "
        "encoding endian kinds labels lineskip max measurementframe min number oldmax oldmin "
        "sampleunits sizes space spacedirections spacedimension spaceorigin spaceunits spacings "
        "thicknesses type units ",
    )
)
"""Fields by their names without blanks, in which they may be written as well."""

_SAME = {"centers": "centerings"}


@dataclass(frozen=True)
class NrrdHeader:
    """What an NRRD header holds.

    Attributes
    ----------
    fields : mapping of str to str
        By names in lower case without blanks: ``spacedirections``.
    pairs : mapping of str to str
        What programs add as ``key:=value``.
    start : int
        Where the byte behind the header lies.
    listed : tuple of str
        Lines behind ``data file: LIST``.
    """

    fields: Mapping[str, str]
    pairs: Mapping[str, str]
    start: int
    listed: tuple[str, ...] = ()


def nrrd_header(content: memoryview, path: Path) -> NrrdHeader:
    """Return the header of an NRRD file.

    Parameters
    ----------
    content : memoryview
        The file, or its beginning.
    path : Path
        For messages.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-UNREADABLE`` where it is no NRRD header, or contradicts itself.
    """
    text = bytes(content[:MOST_HEADER_BYTES])
    magic = _MAGIC.match(text)
    if not magic:
        raise unreadable(path, "it does not begin like an NRRD file")
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    position = magic.end()
    while position < len(text):
        end = text.find(b"\n", position)
        end = len(text) if end < 0 else end
        # File names may be of any bytes; what is shown of others is escaped.
        line = text[position:end].rstrip(b"\r").decode("utf-8", "surrogateescape")
        position = end + 1
        if not line:
            break
        if line.startswith("#"):
            continue
        _take(line, fields, pairs, path)
        if fields.get("datafile", "")[:4].upper() == "LIST":
            rest = text[position:].decode("utf-8", "surrogateescape")
            return NrrdHeader(fields, pairs, len(text), tuple(rest.splitlines()))
    else:
        if len(text) == MOST_HEADER_BYTES:
            raise unreadable(path, f"the header does not end within {MOST_HEADER_BYTES} bytes")
    return NrrdHeader(fields, pairs, min(position, len(text)))


def _take(line: str, fields: dict[str, str], pairs: dict[str, str], path: Path) -> None:
    """Sort one line into the fields or the pairs."""
    field, separator, value = line.partition(": ")
    key, assigned, text = line.partition(":=")
    if assigned and len(key) < len(field):
        text = re.sub(r"\\(n|\\)", lambda m: "\n" if m[1] == "n" else "\\", text)
        if pairs.setdefault(key, text) != text:
            raise unreadable(path, f"the header gives {key!r} twice")
        return
    name = field.lower().replace(" ", "")
    name = _SAME.get(name, name)
    if not separator or name not in _FIELDS:
        raise unreadable(path, f"the header has a line that is no field: {line[:60]!r}")
    if name in fields:
        raise unreadable(path, f"the header gives {field!r} twice")
    fields[name] = value.strip()
