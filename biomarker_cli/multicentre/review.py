"""Blinded worklists for a central review, and their return.

A worklist names what is to be read by a review id alone, which another reader, or a
second reading, has not in common with it; ``review.json``, which stays with who
coordinates, says whose each one is.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.outputs import PRIVATE_MODE, PUBLIC_MODE, part_of, write_part
from biomarker_cli.model.wording import counted, quoted
from biomarker_cli.multicentre.errors import ReviewError
from biomarker_cli.tables.cells import csv_text
from biomarker_cli.tables.columns import require_columns
from biomarker_cli.tables.reading import read_cells, read_table
from biomarker_cli.tables.schema import CASES
from biomarker_cli.tables.sealed_files import read_sealed, sealed

FORMAT = "biomarker-review/1"
KEY_FILE = "review.json"

MOST_READERS = 100

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_ID_DIGITS = 10
_FIRST, _REPEAT = "1", "2"
_READABLE = frozenset({"measured", "partial"})


@dataclass(frozen=True)
class ReviewItem:
    """What is to be judged.

    Attributes
    ----------
    name : str
        Name of its column.
    categories : tuple of str
        Words that it takes, from the least to the most; empty for any.
    """

    name: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReviewPlan:
    """Who reads what.

    Attributes
    ----------
    readers : tuple of str
    items : tuple of ReviewItem
    seed : str
        Orders, repeats and review ids follow from it; who knows it can undo the blinding.
    repeat : float
        Part of the cases that each reader reads twice.
    """

    readers: tuple[str, ...]
    items: tuple[ReviewItem, ...]
    seed: str
    repeat: float = 0.0

    def __post_init__(self) -> None:
        names = [item.name for item in self.items]
        for kind, found in (("reader", self.readers), ("item", names)):
            odd = [name for name in found if not _NAME.fullmatch(name)]
            if odd or not found or len(set(found)) < len(found):
                what = quoted(odd[0]) if odd else "one twice, or none"
                raise ReviewError(
                    "REVIEW-PLAN",
                    f"expected names of {kind}s of letters, digits, . _ -, found {what}",
                )
        if {"review_id", "order", "comment"} & set(names):
            raise ReviewError("REVIEW-PLAN", "an item has the name of a column of the worklist")
        if len(self.readers) > MOST_READERS or not 0 <= self.repeat <= 1:
            raise ReviewError(
                "REVIEW-PLAN",
                f"expected {MOST_READERS} readers at the most and a repeat of 0 to 100 %",
            )


def parse_item(text: str) -> ReviewItem:
    """Return the item that ``NAME`` or ``NAME=A,B,C`` means.

    Raises
    ------
    ReviewError
        ``REVIEW-PLAN``.
    """
    name, equals, words = text.partition("=")
    categories = tuple(word.strip() for word in words.split(",")) if equals else ()
    if equals and (len(categories) < 2 or "" in categories or len({*categories}) < len(categories)):
        raise ReviewError("REVIEW-PLAN", f"{quoted(text)} names no two categories, or one twice")
    return ReviewItem(name, categories)


@dataclass(frozen=True)
class _Entry:
    """One line of a worklist."""

    review_id: str
    reader_id: str
    case_id: str
    occasion: str


def assign(case_ids: Sequence[str], plan: ReviewPlan) -> dict[str, bytes]:
    """Return the files of a review by name: a worklist for each reader, and the key.

    Parameters
    ----------
    case_ids : sequence of str
        In any order.
    plan : ReviewPlan

    Raises
    ------
    InputNotFoundError
        ``NOTHING-FOUND`` without a case.
    ReviewError
        ``REVIEW-PLAN`` where two review ids would be one.
    """
    cases = sorted(set(case_ids))
    if not cases:
        raise InputNotFoundError("NOTHING-FOUND", "there is no case to review")
    entries = {reader: list(_entries(cases, reader, plan)) for reader in plan.readers}
    ids = [entry.review_id for of in entries.values() for entry in of]
    if len(set(ids)) < len(ids):
        raise ReviewError("REVIEW-PLAN", "two review ids are one", hint="Take another --seed.")
    columns = ("order", "review_id", *(item.name for item in plan.items), "comment")
    files = {
        f"worklist_{reader}.csv": csv_text(
            columns,
            (
                dict.fromkeys(columns, "") | {"order": place, "review_id": entry.review_id}
                for place, entry in enumerate(of, start=1)
            ),
        ).encode()
        for reader, of in entries.items()
    }
    key = sealed(
        {
            "format": FORMAT,
            "seed": plan.seed,
            "repeat": plan.repeat,
            "items": [{"name": i.name, "categories": list(i.categories)} for i in plan.items],
            "entries": [
                {
                    "review_id": one.review_id,
                    "reader_id": one.reader_id,
                    "case_id": one.case_id,
                    "occasion": one.occasion,
                }
                for of in entries.values()
                for one in of
            ],
        }
    )
    files[KEY_FILE] = (json.dumps(key, indent=1) + "\n").encode()
    return files


def _entries(cases: Sequence[str], reader: str, plan: ReviewPlan) -> Iterator[_Entry]:
    """Yield what a reader reads, in a drawn order; repeats stand in the second half."""
    # By a digest, so that neither another Python nor another reader changes the order.
    drawn = random.Random(hashlib.sha256(f"{plan.seed}\0{reader}".encode()).digest())  # noqa: S311
    order = list(cases)
    drawn.shuffle(order)
    half = (len(order) + 1) // 2
    # Rounding up: a tenth of nine cases is one.
    n_repeats = math.ceil(plan.repeat * len(order) - 1e-9)
    early = [(case, _FIRST) for case in order[:half]]
    mixed = [(case, _FIRST) for case in order[half:]]
    mixed += [(case, _REPEAT) for case in order[: min(n_repeats, half)]]
    drawn.shuffle(mixed)
    # More repeats than the first half has cases: those of the second stand behind it.
    behind = [(case, _REPEAT) for case in order[half:n_repeats]]
    drawn.shuffle(behind)
    for case, occasion in (*early, *mixed, *behind):
        yield _Entry(_review_id(plan.seed, reader, case, occasion), reader, case, occasion)


def _review_id(*parts: str) -> str:
    digest = hashlib.sha256("\0".join(("review", *parts)).encode("utf-8", "surrogatepass"))
    return f"R{digest.hexdigest()[:_ID_DIGITS]}"


@dataclass(frozen=True)
class Collected:
    """What came back.

    Attributes
    ----------
    rows : list of dict
        case_id, reader_id, item, occasion, category, comment.
    missing : list of dict
        reader_id, review_id and item of what was not judged.
    """

    rows: list[dict[str, str]]
    missing: list[dict[str, str]]


SCORE_COLUMNS = ("case_id", "reader_id", "item", "occasion", "category", "comment")


def collect(key_file: Path, worklists: Sequence[Path]) -> Collected:
    """Return the readings of worklists that came back.

    Parameters
    ----------
    key_file : Path
        ``review.json`` of the review.
    worklists : sequence of Path
        Each of one reader, in any order; rows may be in any order.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``, ``TABLE-UNREADABLE``.
    ReviewError
        ``REVIEW-KEY``; ``REVIEW-RETURN`` for a review id that is unknown, stands twice, or
        beside one of another reader, and for a word that is no category.
    """
    key = _read_key(key_file)
    entries = {one["review_id"]: one for one in key["entries"]}
    judged: dict[tuple[str, str], tuple[str, str]] = {}
    for path in worklists:
        _take(path, key, entries, judged)
    rows, missing = [], []
    for review_id, one in entries.items():
        for item in key["items"]:
            name = item["name"]
            category, comment = judged.get((review_id, name), ("", ""))
            head = {"reader_id": one["reader_id"], "item": name}
            if category:
                told = {"case_id": one["case_id"], "occasion": one["occasion"]}
                rows.append(head | told | {"category": category, "comment": comment})
            else:
                missing.append(head | {"review_id": review_id})
    rows.sort(key=lambda row: tuple(row[name] for name in SCORE_COLUMNS))
    return Collected(rows, missing)


def _take(
    path: Path,
    key: Mapping[str, Any],
    entries: Mapping[str, Mapping[str, str]],
    judged: dict[tuple[str, str], tuple[str, str]],
) -> None:
    frame = read_cells(path)
    names = [item["name"] for item in key["items"]]
    require_columns(path, ["review_id", *names], frame.columns, "Return the worklist as it was.")
    comments = frame["comment"] if "comment" in frame.columns else [""] * len(frame)
    readers: set[str] = set()
    for line, (review_id, comment) in enumerate(
        zip(frame["review_id"], comments, strict=True), start=2
    ):
        where = f"{path}, line {line}"
        entry = entries.get(review_id)
        if entry is None:
            raise _bad_return(f"{quoted(review_id)} is no review id of this review", where)
        readers.add(entry["reader_id"])
        if len(readers) > 1:
            raise _bad_return(f"{quoted(review_id)} is of another reader's worklist", where)
        for item in key["items"]:
            category = frame[item["name"]][line - 2].strip()
            if (review_id, item["name"]) in judged:
                raise _bad_return(f"{quoted(review_id)} came back twice", where)
            if category and item["categories"] and category not in item["categories"]:
                words = ", ".join(item["categories"])
                raise _bad_return(
                    f"{item['name']} is one of {words}, found {quoted(category)}", where
                )
            judged[review_id, item["name"]] = (category, comment)


def _bad_return(what: str, where: str) -> ReviewError:
    return ReviewError(
        "REVIEW-RETURN",
        what,
        where=where,
        hint="Each worklist comes back once, with the review ids that it was given.",
    )


def _read_key(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputNotFoundError(
            "NOTHING-FOUND",
            f"no such file: {path}",
            hint=f"`biomarker review assign -o DIR` writes DIR/{KEY_FILE}.",
        )
    found = read_sealed(path, FORMAT)
    if found is None:
        raise ReviewError(
            "REVIEW-KEY",
            f"it is no {FORMAT}, or was edited: its digest does not fit",
            where=str(path),
            hint="Take the file that `review assign` wrote, or assign again with the same seed.",
        )
    return found


def cases_to_review(run: Path, roles: Collection[str], timepoints: Collection[str]) -> list[str]:
    """Return the cases of a run, or a pool, that were measured.

    Parameters
    ----------
    run : Path
    roles, timepoints : collection of str
        Only these; empty for all.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``, ``TABLE-UNREADABLE``.
    InputNotFoundError
        ``NOTHING-FOUND``.
    """
    cases = read_table(CASES, run)
    rows = zip(cases["case_id"], cases["timepoint"], cases["status"], strict=True)
    found = [
        case_id
        for case_id, timepoint, status in rows
        if status in _READABLE
        and (not roles or case_id.rpartition("/")[2] in roles)
        and (not timepoints or timepoint in timepoints)
    ]
    if not found:
        raise InputNotFoundError("NOTHING-FOUND", f"no case of {run} is to be reviewed")
    return found


def write_review(files: Mapping[str, bytes], folder: Path) -> None:
    """Write worklists and key; the key may be read by its owner alone."""
    for name, content in files.items():
        path = folder / name
        part = part_of(path)
        write_part(part, content, PRIVATE_MODE if name == KEY_FILE else PUBLIC_MODE)
        part.replace(path)


def said_of(missing: Sequence[Mapping[str, str]]) -> list[str]:
    """Return for people what is missing, one line for each reader."""
    by_reader: dict[str, set[str]] = {}
    for one in missing:
        by_reader.setdefault(one["reader_id"], set()).add(one["review_id"])
    return [
        f"{reader} has not judged {counted(len(ids), 'case')}: {', '.join(sorted(ids)[:5])}"
        f"{' ...' if len(ids) > 5 else ''}"
        for reader, ids in sorted(by_reader.items())
    ]
