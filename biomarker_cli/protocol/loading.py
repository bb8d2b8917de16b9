"""Load a protocol file: syntax, parents, header, typed sections."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.protocol.document import ProtocolDocument, ProtocolHeader
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.locator import ProtocolKind, locate
from biomarker_cli.protocol.merging import merge
from biomarker_cli.protocol.places import Place, key_path, merged_places, own_places, place_of
from biomarker_cli.protocol.yaml_nodes import KeyPath
from biomarker_cli.protocol.yaml_source import (
    format_found,
    line_of,
    read_content,
    read_yaml,
    require_format,
    yaml_of,
)

Section = TypeVar("Section", bound=BaseModel)

_DEEPEST_CHAIN = 8


def load_document(kind: ProtocolKind, wanted: str) -> ProtocolDocument:
    """Load ``id[@version]`` or a file, merged with what it extends.

    Parameters
    ----------
    kind : ProtocolKind
    wanted : str
        An id, an id with version or range, or a path.

    Raises
    ------
    ProtocolError
        ``PROTOCOL-NOT-FOUND``, ``PROTOCOL-SYNTAX``, ``PROTOCOL-INVALID``,
        ``PROTOCOL-EXTENDS``.
    """
    return _load(kind, locate(kind, wanted), ())


def _load(kind: ProtocolKind, path: Path, seen: tuple[Path, ...]) -> ProtocolDocument:
    path = path.resolve()
    if path in seen or len(seen) >= _DEEPEST_CHAIN:
        raise ProtocolError("PROTOCOL-EXTENDS", "a protocol extends itself", where=path.name)
    data, lines = read_yaml(path)
    if data.get("format") != kind.format_name:
        raise _wrong_format(kind, data, path, line_of(lines, ("format",)))
    header = _validate_header(data, path, lines)
    own = ProtocolDocument(header, data, path, lines)
    places = own_places(lines, own.file_name)
    if not header.extends:
        return replace(own, places=places)
    parent = _load(kind, _parent_path(kind, header.extends, path), (*seen, path))
    merged = merge(parent.data, data, path.name)
    places = merged_places(merged, (data, places), (parent.data, parent.places))
    return replace(own, data=merged, places=places, ancestors=(parent, *parent.ancestors))


def _wrong_format(kind: ProtocolKind, data: dict[str, Any], path: Path, line: int) -> ProtocolError:
    found = format_found(data)
    if "format" not in data:
        what, where = "the file does not say its format:", path.name
    else:
        what, where = f"the file is of {found or 'another format'}:", f"{path.name}:{line}"
    for other in kind.others:
        if found == other.format_name:
            what = f"the file is {other.described}:"
    return ProtocolError(
        "PROTOCOL-INVALID",
        f"{what} expected {kind.described}, format {kind.format_name!r}",
        where=where,
        hint=f"`biomarker protocol show` of a shipped one, such as {kind.example}, shows its form.",
    )


def _parent_path(kind: ProtocolKind, extends: str, child: Path) -> Path:
    beside = child.parent / extends
    if beside.suffix in {".yaml", ".yml"}:
        return beside
    try:
        return locate(kind, extends)
    except ProtocolError as error:
        where = f"{child.name}, extends"
        raise ProtocolError(error.code, error.message, where=where, hint=error.hint) from error


def validate_section(
    model: type[Section], document: ProtocolDocument, key: str | None = None
) -> Section:
    """Return a typed section of a document, or the whole of it.

    Parameters
    ----------
    model : type
        Pydantic model of the section.
    document : ProtocolDocument
    key : str, optional
        Key of the section; without it the model is that of the whole document.

    Raises
    ------
    ProtocolError
        ``PROTOCOL-INVALID``, with file, line, key, and what is wrong.
    """
    data = document.data if key is None else document.data.get(key, {})
    top: KeyPath = () if key is None else (key,)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = "; ".join(
            f"{_where(document, problem)}, {problem.key}: {problem.message}"
            for problem in problems(error, document, top)[:MOST_PROBLEMS]
        )
        raise ProtocolError("PROTOCOL-INVALID", found, where=document.path.name) from error


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that a model finds wrong with a merged protocol.

    Attributes
    ----------
    key : str
    place : Place
        Where it stands, in the file or in one that it extends.
    message : str
        In the words of who writes the file.
    """

    key: str
    place: Place
    message: str


def problems(
    error: ValidationError, document: ProtocolDocument, top: KeyPath = ()
) -> list[Problem]:
    """Return each problem of a protocol with the file and the line in which it stands.

    Parameters
    ----------
    error : ValidationError
    document : ProtocolDocument
    top : tuple
        Where in it the model begins.
    """
    found = []
    for item in error.errors(include_url=False):
        path = (*top, *item["loc"])
        key = shortened(".".join(map(str, path)), _LONGEST_PLACE) or "top level"
        place = place_of(document.places, key_path(document.data, path))
        found.append(Problem(key, place, problem_text(item["msg"])))
    return found


def _where(document: ProtocolDocument, problem: Problem) -> str:
    line = f"line {problem.place.line}"
    inherited = problem.place.file not in ("", document.file_name)
    return f"{line} of {problem.place.file}" if inherited else line


_WORDS = (
    (r"^Value error, ", ""),
    (r"^Field required$", "the key is missing"),
    (r"^Extra inputs are not permitted$", "the key is unknown"),
    (r"a valid dictionary( or instance of \w+)?", "a mapping of keys"),
    (r"a valid tuple", "a list"),
    (r"a valid string", "text"),
    (r"^Tuple should have", "the list should have"),
    (r"^Input should be", "expected"),
)
"""What the library says of Python, in the words of the file."""


MOST_PROBLEMS = 10
"""Problems of one file that are listed."""

_LONGEST_PROBLEM = 300
_LONGEST_PLACE = 100


def problem_text(message: str) -> str:
    """Return what a model says is wrong in the words of who writes the file."""
    for said, meant in _WORDS:
        message = re.sub(said, meant, message)
    return shortened(message, _LONGEST_PROBLEM)


def problems_text(error: ValidationError, lines: Mapping[KeyPath, int]) -> str:
    """Return each problem with its line and key.

    Parameters
    ----------
    error : ValidationError
    lines : mapping
        Line of each key of the file.
    """
    found = []
    for item in error.errors(include_url=False)[:MOST_PROBLEMS]:
        path = item["loc"]
        key = shortened(".".join(map(str, path)), _LONGEST_PLACE) or "top level"
        found.append(f"line {line_of(lines, path)}, {key}: {problem_text(item['msg'])}")
    return "; ".join(found)


def shortened(text: str, most: int) -> str:
    """Return a text of a file as a message can hold it."""
    return text if len(text) <= most else f"{text[:most]}..."


def load_model(
    path: Path, model: type[Section], form: str, code: str, raised: type[BiomarkerError]
) -> Section:
    """Read a YAML file of ours that is no protocol.

    Parameters
    ----------
    path : Path
    model : type
        What it holds.
    form : str
        The `format` that it must state.
    code : str
    raised : type
        Error that has the code, whatever is wrong; with the line and the key.
    """
    return load_sealed_model(path, model, form, code, raised)[0]


def load_sealed_model(
    path: Path, model: type[Section], form: str, code: str, raised: type[BiomarkerError]
) -> tuple[Section, str]:
    """Read a YAML file as `load_model` does, and return the sha256 of its content as well."""
    try:
        content = read_content(path)
        data, lines = yaml_of(content, path.name)
        require_format(data, lines, path, form, code)
    except ProtocolError as error:
        raise raised(code, error.message, where=error.where, hint=error.hint) from error
    try:
        return model.model_validate(data), hashlib.sha256(content).hexdigest()
    except ValidationError as error:
        raise raised(code, problems_text(error, lines), where=path.name) from error


def _validate_header(data: Any, path: Path, lines: Mapping[KeyPath, int]) -> ProtocolHeader:
    try:
        return ProtocolHeader.model_validate(data)
    except ValidationError as error:
        found = problems_text(error, lines)
        raise ProtocolError("PROTOCOL-INVALID", found, where=path.name) from error
