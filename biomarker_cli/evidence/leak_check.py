"""Refuse identifiers of persons before anything of a clinical table is written.

Three checks: no column that is taken is called like an identifier, no cell that leaves looks
like one, and no cell of a column that identifies and stays behind stands inside a key that
leaves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from biomarker_cli.evidence.clinical_schema import ClinicalSchema
from biomarker_cli.evidence.clinical_table import ClinicalTable
from biomarker_cli.evidence.errors import ClinicalError
from biomarker_cli.model.wording import quoted

IDENTIFYING_WORDS = frozenset(
    {
        *("name", "surname", "forename", "firstname", "lastname", "familyname", "givenname"),
        *("initials", "birth", "birthday", "birthdate", "dob", "geburtsdatum"),
        *("mrn", "ssn", "nhs", "patientid", "hospitalnumber", "accession", "passport"),
        *("insurance", "address", "street", "postcode", "zip", "zipcode", "phone", "telephone"),
        *("mobile", "fax", "email", "mail"),
    }
)
"""Words in the name of a column that holds what identifies a person."""

_PAIRS = (("patient", "id"), ("patient", "name"), ("date", "birth"), ("hospital", "number"))

_PATTERNS = (
    ("an e-mail address", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")),
    ("a name as DICOM writes it", re.compile(r"[^\W\d]+\^[^\W\d]")),
    ("a telephone number", re.compile(r"\+[0-9][0-9 ()/-]{6,}")),
    ("a social security number", re.compile(r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b")),
)

SHORTEST_ORIGINAL = 4
"""Characters of an identifier that is looked for in keys; a shorter one stands in anything."""


def refuse_identifiers(table: ClinicalTable, schema: ClinicalSchema) -> None:
    """Refuse a table of which an identifier would leave.

    Raises
    ------
    ClinicalError
        ``CLINICAL-IDENTIFIER``; it names columns and lines, never what stands there.
    """
    for name in (*schema.source_columns, *schema.columns):
        # The key of the subject is an id of the study, whatever the column is called.
        if name != schema.keys.subject and is_identifying(name):
            raise _refusal(f"the column {quoted(name, 60)} is called like an identifier")
    for where, text in _leaving(table, schema):
        for what, pattern in _PATTERNS:
            if pattern.search(text):
                raise _refusal(f"{where} holds {what}")
    _refuse_originals(table, schema)


def is_identifying(column: str) -> bool:
    """Tell whether a column is called like one that identifies a person."""
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", column)
    words = [word for word in re.split(r"[^a-z]+", apart.lower()) if word]
    singular = (word.removesuffix("s") for word in words)
    if IDENTIFYING_WORDS & {*words, *singular, "".join(words)}:
        return True
    return any(first in words and second in words for first, second in _PAIRS)


def _leaving(table: ClinicalTable, schema: ClinicalSchema) -> Iterator[tuple[str, str]]:
    """Yield every text that leaves, with where it stands."""
    for row in table.rows:
        for key in ("site", "subject", "timepoint", "lesion"):
            yield f"line {row.line}, the key {key},", getattr(row, key)
    for name, column in schema.columns.items():
        for word in column.words:
            yield f"a code of {name}", word


def _refuse_originals(table: ClinicalTable, schema: ClinicalSchema) -> None:
    keys = {
        getattr(row, key).casefold()
        for row in table.rows
        for key in ("site", "subject", "timepoint", "lesion")
    } - {""}
    for name, cells in table.cells.items():
        if name == schema.keys.subject or not is_identifying(name):
            continue
        originals = {cell.casefold() for cell in cells if len(cell) >= SHORTEST_ORIGINAL}
        # Whole first: a large table has as many keys as originals.
        if originals & keys or _is_inside(originals, keys):
            raise _refusal(f"a cell of the column {quoted(name, 60)} stands in a key")


def _is_inside(originals: set[str], keys: set[str]) -> bool:
    longest = max(map(len, keys), default=0)
    parts = {
        key[start:stop]
        for key in keys
        for start in range(min(len(key), 64))
        for stop in range(start + SHORTEST_ORIGINAL, min(len(key), 64) + 1)
    }
    return any(len(one) <= longest and one in parts for one in originals)


def _refusal(message: str) -> ClinicalError:
    return ClinicalError(
        "CLINICAL-IDENTIFIER",
        f"{message}: nothing was written",
        hint="Take it out of the table or the schema; a subject is named by its id in the study.",
    )
