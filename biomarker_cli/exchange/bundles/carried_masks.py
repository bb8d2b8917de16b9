"""Kept masks of a run that leave in a bundle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from biomarker_cli.exchange.bundles.archives import is_member_name
from biomarker_cli.exchange.errors import ExchangeError
from biomarker_cli.imaging.kept_masks import MASK_FORMAT, damaged
from biomarker_cli.tables.kept import (
    INDEX_NAME,
    KEPT_FOLDER,
    KeptFile,
    KeptIndex,
    index_bytes,
    index_from_bytes,
    kept_cases,
    read_index,
    read_kept,
    read_mask,
)

MASKS = "masks"
MASK_SUFFIX = ".mask"
_DIGITS = 16


def kept_masks(folder: Path, result_keys: Mapping[str, str]) -> dict[str, bytes]:
    """Return the masks that a run keeps, with an index of each case, by their names.

    Parameters
    ----------
    folder : Path
        Of the run.
    result_keys : mapping
        Case -> key of its result, as the tables have them.

    Raises
    ------
    ExchangeError
        ``BUNDLE-NO-MASKS`` where the run keeps none.
    TableError, KeptFileError
        ``KEPT-NOT-FOUND``, ``KEPT-DAMAGED``.
    """
    found: dict[str, bytes] = {}
    for place in kept_cases(folder):
        index = read_index(place)
        # What stands beside another result was not measured.
        if MASKS in index.kinds and result_keys.get(index.case_id) == index.result_key:
            found |= _of_case(place, index)
    if not found:
        raise ExchangeError(
            "BUNDLE-NO-MASKS",
            "the run keeps no masks of its results",
            where=str(folder),
            hint="Write `keep: [masks]` into the study and run it again: nothing is measured anew.",
        )
    return found


def _of_case(place: Path, index: KeptIndex) -> dict[str, bytes]:
    stem = place.name if is_member_name(place.name) else f"case_{_digest(index.case_id)}"
    below = f"{KEPT_FOLDER}/{stem}/"
    files, found = [], {}
    for file in index.of_kind(MASKS):
        read_mask(place, file)  # of that ROI and image, and whole
        name = file.path if is_member_name(file.path) else _plain_path(file)
        files.append(replace(file, path=name))
        found[below + name] = read_kept(place, file)
    found[below + INDEX_NAME] = index_bytes(replace(index, kinds=(MASKS,), files=tuple(files)))
    return found


def _plain_path(file: KeptFile) -> str:
    return f"{MASKS}/roi_{_digest(file.path)}{MASK_SUFFIX}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def readable_part(name: str, content: bytes) -> bytes:
    """Return what of a member is text: of a mask, its first line."""
    return content.partition(b"\n")[0] if name.endswith(MASK_SUFFIX) else content


def require_masks(kept: Mapping[str, bytes], digests: Mapping[str, str]) -> int:
    """Refuse kept files of a bundle that are not those of their indices; return how many masks.

    No mask is unpacked: its first line is read, its digest is held against the index.

    Parameters
    ----------
    kept : mapping
        Member below the folder of kept files -> its content, of a mask the first line.
    digests : mapping
        Member -> sha256, of all members.

    Raises
    ------
    KeptFileError
        ``KEPT-DAMAGED``.
    """
    told: dict[str, str] = {}
    for name, content in kept.items():
        if name.rpartition("/")[2] != INDEX_NAME:
            continue
        told[name] = digests[name]
        below = name.removesuffix(INDEX_NAME)
        for file in index_from_bytes(content, name).files:
            member = below + file.path
            told[member] = file.sha256
            if member in kept:
                _require_head(kept[member], file, member)
    present = {name: digests[name] for name in kept}
    if told != present:
        raise damaged(KEPT_FOLDER, "the masks are not those of their indices")
    return sum(name.endswith(MASK_SUFFIX) for name in told)


def _require_head(line: bytes, file: KeptFile, where: str) -> None:
    try:
        head = json.loads(line)
        is_of = (head["format"], head["roi_id"], head["image"]) == (
            MASK_FORMAT,
            file.roi_id,
            file.image,
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        is_of = False
    if file.kind != MASKS or not is_of:
        raise damaged(where, "it is no mask of the ROI that the index says")
