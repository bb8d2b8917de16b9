"""Masks that come from another case of the subject: what the list of cases says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from biomarker_cli.model.errors import CaseError
from biomarker_cli.model.wording import quoted

if TYPE_CHECKING:
    from biomarker_cli.study.case_list import CaseEntry

_PROTOCOL_SUFFIXES = (".yaml", ".yml")
_TRANSFORM_SUFFIXES = (".tfm", ".dcm")

_SHOWN = 80


def problem_of_link(cells: Mapping[str, str]) -> str:
    """Return what is wrong with the cells `mask_from` and `registration`; empty for nothing."""
    source, said = cells.get("mask_from", ""), cells.get("registration", "")
    if not source:
        return "registration is given without mask_from" if said else ""
    if cells["mask"]:
        return "mask and mask_from are both given: the case has one segmentation"
    named = [part.strip() for part in said.split(";") if part.strip()]
    if not named:
        return "mask_from is given without registration"
    files = [one for one in named if is_transform(one)]
    if len(files) > 1 or len(named) - len(files) > 1:
        return "registration names more than a protocol and the file of a transform"
    return ""


def is_protocol_file(name: str) -> bool:
    """Tell whether a registration is the file of a protocol."""
    return name.endswith(_PROTOCOL_SUFFIXES)


def is_transform(name: str) -> bool:
    """Tell whether a registration is the file of a transform; all else is a protocol.

    By its ending, or where it has none of ours by its folder: DICOM files often have none.
    """
    is_file = name.lower().endswith(_TRANSFORM_SUFFIXES) or "/" in name
    return is_file and not is_protocol_file(name)


def with_sources(entries: Sequence[CaseEntry], where: str) -> tuple[CaseEntry, ...]:
    """Return the rows, those refused whose mask cannot come from where they say.

    Parameters
    ----------
    entries : sequence of CaseEntry
        Of the whole list.
    where : str
        Name of the list, for messages.
    """
    by_id = {entry.case_id: entry for entry in entries}
    return tuple(_judged(entry, by_id, where) for entry in entries)


def _judged(entry: CaseEntry, by_id: Mapping[str, CaseEntry], where: str) -> CaseEntry:
    if not entry.mask_from or entry.refusal is not None:
        return entry
    problem = _problem_of_source(entry, by_id.get(entry.mask_from))
    if not problem:
        return entry
    refusal = CaseError(
        "CASE-MASK-FROM",
        problem,
        where=f"{where}:{entry.line}",
        hint="mask_from is the id of another case of the subject, which has a mask of its own.",
    )
    return without_files(entry, refusal)


def without_files(entry: CaseEntry, refusal: CaseError) -> CaseEntry:
    """Return a row that is refused: what it names is looked at no more."""
    bare = replace(entry, images=(), mask="", mask_from="", registration=())
    return replace(bare, refusal=refusal)


def _problem_of_source(entry: CaseEntry, source: CaseEntry | None) -> str:
    name = quoted(entry.mask_from, _SHOWN)
    if source is None:
        return f"mask_from is {name}, and the study has no such case"
    if source.case_id == entry.case_id:
        return "mask_from names the case itself"
    if (source.site_id, source.subject_id) != (entry.site_id, entry.subject_id):
        return f"mask_from is {name}, a case of another subject"
    if source.mask_from:
        return (
            f"mask_from is {name}, whose own mask comes from "
            f"{quoted(source.mask_from, _SHOWN)}: what was carried is not carried on"
        )
    if source.refusal is not None:
        return f"mask_from is {name}, whose row cannot be used"
    return ""
