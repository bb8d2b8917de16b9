"""Read the content tree of somebody's structured report: within bounds, and nothing obeyed.

References
----------
DICOM PS3.3 C.17.3 (SR Document Content), PS3.16 TID 1500, TID 1411, TID 1501, TID 300.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.exchange.errors import ReportRefusedError
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.wording import shown

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MOST_BYTES = 64 * 1024**2
MOST_ITEMS = 200_000
MOST_DEPTH = 24
LONGEST_TEXT = 2000

MEASUREMENT_GROUP = ("125007", "DCM")

_UNDEFINED_LENGTH = 0xFFFFFFFF

_AGREE = 1e-6
"""NumericValue has up to 16 characters of what FloatingPointValue has in full."""


@dataclass(frozen=True)
class Concept:
    """A coded concept as a report says it."""

    value: str
    scheme: str
    meaning: str

    @property
    def key(self) -> tuple[str, str]:
        """Value and scheme."""
        return self.value, self.scheme


@dataclass(frozen=True)
class ReportNumber:
    """A number of a measurement group.

    Attributes
    ----------
    name : Concept
    value : float or None
        None where the report gives none.
    unit : str
        UCUM code, as the report has it.
    problem : str
        Why a value that stands there cannot be taken.
    said : tuple of (Concept, str or Concept)
        What stands below it: text and codes by their names.
    """

    name: Concept
    value: float | None
    unit: str
    problem: str
    said: tuple[tuple[Concept, str | Concept], ...]


@dataclass(frozen=True)
class ReportGroup:
    """A measurement group: what was measured of one finding.

    Attributes
    ----------
    said : tuple of (Concept, str or Concept)
        Text, UIDs and codes of the group itself.
    numbers : tuple of ReportNumber
    """

    said: tuple[tuple[Concept, str | Concept], ...]
    numbers: tuple[ReportNumber, ...]


@dataclass(frozen=True)
class ReportContent:
    """What a report says.

    Attributes
    ----------
    sop_instance_uid, study_uid : str
    said : tuple of (Concept, str or Concept)
        Of the whole report.
    groups : tuple of ReportGroup
    """

    sop_instance_uid: str
    study_uid: str
    said: tuple[tuple[Concept, str | Concept], ...]
    groups: tuple[ReportGroup, ...]


def read_report(path: Path) -> ReportContent:
    """Return the measurement groups of a structured report.

    Raises
    ------
    ReportRefusedError
        ``SR-TOO-LARGE``, ``SR-NOT-REPORT``, ``SR-NO-GROUP``, ``SR-DAMAGED``.
    HeaderError
        ``FILE-UNREADABLE``, ``FILE-NOT-DICOM``, ``FILE-EMPTY``.
    """
    from biomarker_cli.dicom.headers import ELEMENT_ERRORS, read_header

    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise _refused("SR-TOO-LARGE", path, f"expected at most {MOST_BYTES} bytes")
    try:
        dataset = read_header(path, most_inflated=MOST_BYTES)
    except HeaderError as error:
        if error.code != "FILE-INFLATES":
            raise
        why = f"it inflates to more than {MOST_BYTES} bytes"
        raise _refused("SR-TOO-LARGE", path, why) from error
    try:
        with warnings.catch_warnings():
            # Of text in a character set that is none; what it becomes is text.
            warnings.simplefilter("ignore")
            return _content(dataset, path)
    except BiomarkerError:
        raise
    except ELEMENT_ERRORS as error:
        why = f"its content cannot be read ({type(error).__name__})"
        raise _refused("SR-DAMAGED", path, why) from error


def _content(dataset: Dataset, path: Path) -> ReportContent:
    if "ContentSequence" not in dataset or "ConceptNameCodeSequence" not in dataset:
        raise _refused("SR-NOT-REPORT", path, "the object is no structured report")
    found = [item for item in _walk(dataset, path) if _is_group(item)]
    if not found:
        raise _refused("SR-NO-GROUP", path, "the report has no measurement group (TID 1500)")
    return ReportContent(
        sop_instance_uid=_word(dataset, "SOPInstanceUID"),
        study_uid=_word(dataset, "StudyInstanceUID"),
        said=tuple(_said(dataset)),
        groups=tuple(_group(item) for item in found),
    )


def _walk(dataset: Dataset, path: Path) -> Iterator[Dataset]:
    """Yield every content item, refusing a tree that is too deep or has too many."""
    waiting = [(item, 1) for item in reversed(_children(dataset))]
    n_items = 0
    while waiting:
        item, depth = waiting.pop()
        n_items += 1
        if n_items > MOST_ITEMS or depth > MOST_DEPTH:
            why = f"expected at most {MOST_ITEMS} items, {MOST_DEPTH} deep"
            raise _refused("SR-TOO-LARGE", path, why)
        yield item
        waiting += [(child, depth + 1) for child in reversed(_children(item))]


def _children(item: Dataset) -> list[Dataset]:
    return _items(item, "ContentSequence")


def _items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence; EOFError where the file ends before the sequence does.

    pydicom takes the items that are there, and the last groups of a report would be gone.
    """
    if keyword not in dataset:
        return []
    stored = dataset.get_item(keyword)
    length, value = getattr(stored, "length", 0), getattr(stored, "value", None)
    if isinstance(value, bytes) and length != _UNDEFINED_LENGTH and len(value) < length:
        raise EOFError(f"{keyword} is cut")
    return list(dataset[keyword].value or ())


def _is_group(item: Dataset) -> bool:
    name = _concept(item, "ConceptNameCodeSequence")
    is_container = _word(item, "ValueType") == "CONTAINER"
    return is_container and name is not None and name.key == MEASUREMENT_GROUP


def _group(item: Dataset) -> ReportGroup:
    numbers = [one for child in _children(item) if (one := _number(child)) is not None]
    return ReportGroup(tuple(_said(item)), tuple(numbers))


def _said(item: Dataset) -> Iterator[tuple[Concept, str | Concept]]:
    """Yield what the direct children of an item say in text, UIDs and codes."""
    for child in _children(item):
        name = _concept(child, "ConceptNameCodeSequence")
        kind = _word(child, "ValueType")
        if name is None:
            continue
        if kind == "TEXT":
            yield name, _word(child, "TextValue")
        elif kind == "UIDREF":
            yield name, _word(child, "UID")
        elif kind == "CODE":
            code = _concept(child, "ConceptCodeSequence")
            if code is not None:
                yield name, code


def _number(item: Dataset) -> ReportNumber | None:
    name = _concept(item, "ConceptNameCodeSequence")
    if _word(item, "ValueType") != "NUM" or name is None:
        return None
    said = tuple(_said(item))
    values = _items(item, "MeasuredValueSequence")
    if not values:
        return ReportNumber(name, None, "", "", said)
    unit = _concept(values[0], "MeasurementUnitsCodeSequence")
    value, problem = _value(values)
    return ReportNumber(name, value, unit.value if unit else "", problem, said)


def _value(values: list[Dataset]) -> tuple[float | None, str]:
    """Return a number with all its digits, or why it cannot be taken."""
    if len(values) > 1:
        return None, f"{len(values)} values where one belongs"
    numeric, floating = (
        _finite(values[0].get(keyword)) for keyword in ("NumericValue", "FloatingPointValue")
    )
    if numeric is None:
        return None, "its value is no number"
    if values[0].get("FloatingPointValue") is None:
        return numeric, ""
    if floating is None or not math.isclose(numeric, floating, rel_tol=_AGREE):
        return None, "NumericValue and FloatingPointValue contradict each other"
    return floating, ""


def _finite(value: Any) -> float | None:
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _concept(item: Dataset, keyword: str) -> Concept | None:
    codes = _items(item, keyword)
    if not codes:
        return None
    code = codes[0]
    value = next(
        (text for k in ("CodeValue", "LongCodeValue", "URNCodeValue") if (text := _word(code, k))),
        "",
    )
    scheme, meaning = (_word(code, k) for k in ("CodingSchemeDesignator", "CodeMeaning"))
    return Concept(value, scheme, meaning) if value else None


def _word(item: Dataset, keyword: str) -> str:
    """Return a text as one line in which nothing is obeyed, cut to what a cell may hold."""
    from biomarker_cli.dicom.words import word_in

    return shown(word_in(item, keyword).strip()[:LONGEST_TEXT])


def _refused(code: str, path: Path, what: str) -> ReportRefusedError:
    return ReportRefusedError(code, what, where=path.name)
