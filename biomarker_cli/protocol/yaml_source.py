"""Read YAML with line numbers, strictly.

Duplicate keys are refused (YAML readers keep the last one silently), dates stay
text, no tag can build a Python object, and what nobody writes is refused before
it costs time. A file that does not say to be one of ours is not quoted: whoever
names another file must not learn from the message what stands in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.yaml_nodes import CONTROL, KeyPath, YamlFaultError, parse

MOST_BYTES = 1_000_000
"""Bytes of a file; the largest that is shipped has 20,000."""

_IS_OURS = re.compile(r"^(\ufeff)?['\"]?format['\"]?\s*:\s*['\"]?biomarker-", re.MULTILINE)
_FORMAT = re.compile(r"biomarker-[a-z]+/\d{1,3}")
_NEWLINE = re.compile(r"\r\n|\r|\n")


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Return the mapping of a YAML file and the line of each of its keys.

    Raises
    ------
    ProtocolError
        ``PROTOCOL-NOT-FOUND`` where there is no file to read,
        ``PROTOCOL-SYNTAX`` for anything that is not one mapping without
        duplicate keys, ``PROTOCOL-INVALID`` for control characters and for
        numbers, texts and nesting beyond all bounds.
    """
    return yaml_of(read_content(path), path.name)


def yaml_of(content: bytes, name: str) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Return the mapping that the content of a YAML file is, and the line of each of its keys.

    Parameters
    ----------
    content : bytes
    name : str
        Of the file, for messages.

    Raises
    ------
    ProtocolError
        As `read_yaml`.
    """
    text = _text_of(content, name)
    try:
        _require_printable(text)
        data, lines = parse(text)
    except YamlFaultError as problem:
        word = problem.word if _IS_OURS.search(text) else problem.plain
        code = "PROTOCOL-SYNTAX" if problem.is_syntax else "PROTOCOL-INVALID"
        where = f"{name}:{problem.line}"
        raise ProtocolError(code, problem.message.format(word), where=where) from problem
    if not isinstance(data, dict):
        raise ProtocolError("PROTOCOL-SYNTAX", "expected a mapping of keys", where=name)
    return data, lines


def _require_printable(text: str) -> None:
    found = CONTROL.search(text)
    if found:
        line = 1 + len(_NEWLINE.findall(text[: found.start()]))
        message = f"the control character U+{ord(found[0]):04X}"
        raise YamlFaultError(message, line, is_syntax=False)


def read_text(path: Path, most_bytes: int = MOST_BYTES) -> str:
    """Return the text of a file that a person wrote, without a byte order mark.

    Raises
    ------
    ProtocolError
        ``PROTOCOL-NOT-FOUND``, ``PROTOCOL-SYNTAX`` where it is no UTF-8,
        ``PROTOCOL-INVALID`` where it is larger than `most_bytes`.
    """
    return _text_of(read_content(path, most_bytes), path.name)


def read_content(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Return the bytes of a file that a person wrote.

    Raises
    ------
    ProtocolError
        ``PROTOCOL-NOT-FOUND``, ``PROTOCOL-INVALID`` where it is larger than `most_bytes`.
    """
    try:
        if path.exists() and not path.is_file():
            # Reading a pipe or a device may never end.
            raise ProtocolError(
                "PROTOCOL-NOT-FOUND", "the path is no regular file", where=path.name
            )
        with path.open("rb") as stream:
            content = stream.read(most_bytes + 1)
    except OSError as error:
        raise ProtocolError(
            "PROTOCOL-NOT-FOUND",
            f"the file cannot be read: {path} ({error.strerror})",
            where=path.name,
        ) from error
    if len(content) > most_bytes:
        raise ProtocolError(
            "PROTOCOL-INVALID",
            f"the file is larger than {most_bytes} bytes: nobody wrote it by hand",
            where=path.name,
        )
    return content


def _text_of(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + len(_NEWLINE.findall(content[: error.start].decode("utf-8", "replace")))
        raise ProtocolError(
            "PROTOCOL-SYNTAX",
            f"the file is no UTF-8 text (byte {error.start})",
            where=f"{name}:{line}",
            hint="Save it as UTF-8.",
        ) from error


def format_found(data: dict[str, Any]) -> str:
    """Return what a file says its format is; empty where it is none of ours.

    Anything else is not quoted, as it may be of a file that is nobody's business.
    """
    said = data.get("format")
    return said if isinstance(said, str) and _FORMAT.fullmatch(said) else ""


def require_format(
    data: dict[str, Any], lines: dict[KeyPath, int], path: Path, wanted: str, code: str
) -> None:
    """Refuse a file of another format before anything of it is judged, and quoted.

    Raises
    ------
    ProtocolError
        With the given code.
    """
    if data.get("format") == wanted:
        return
    found = f"found {format_found(data) or 'another'}" if "format" in data else "the key is missing"
    where = f"{path.name}:{line_of(lines, ('format',))}"
    raise ProtocolError(code, f"expected format: {wanted}, {found}", where=where)


def line_of(lines: Mapping[KeyPath, int], place: KeyPath) -> int:
    """Return the line of a key, or of the nearest key above it."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)
