"""Registrations as ``registration.csv`` records them, for who reads a run afterwards.

A transform is taken only with the row that says what became of it: one that failed, or
that asks for a person, leads nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.wording import quoted
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.given_transforms import TFM_SUFFIX, read_transform
from biomarker_cli.registration.linear_parts import inverse_of

HEADERS = "none"
"""Word for the header geometry: images of one frame of reference lie as they say."""

_REFUSED = {"failed": "failed", "review": "asks for a person"}
"""What is said of a registration, the worst first."""

_TAKEN = frozenset({"none", "rigid", "given"})

_WANTED = (
    "registration_id",
    "fixed_series_uid",
    "moving_series_uid",
    "transform",
    "transform_file",
    "matrix",
    "status",
    "checks",
)

_SAME_NUMBERS = 1e-6
"""A file holds its shift about a centre: the last digits differ."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """A registration that a table records.

    Attributes
    ----------
    registration_id : str
    fixed_series_uid, moving_series_uid : str
    matrix : ndarray, shape (4, 4)
        Fixed point to moving point, LPS mm.
    """

    registration_id: str
    fixed_series_uid: str
    moving_series_uid: str
    matrix: FloatArray


@dataclass(frozen=True)
class Imaged:
    """What the tables of a run say of an image: where it claims to lie."""

    series_uid: str
    frame_uid: str


@dataclass(frozen=True, eq=False)
class Link:
    """The way from one image to another.

    Attributes
    ----------
    registration_id : str
        ``none`` for the header geometry.
    matrix : ndarray, shape (4, 4)
        Point of the one to point of the other, LPS mm.
    """

    registration_id: str
    matrix: FloatArray


@dataclass(frozen=True, eq=False)
class Registrations:
    """What may lead from one image of a run to another.

    Attributes
    ----------
    recorded : tuple of Recorded
    refused : dict
        Series of fixed and of moving image -> why their registration is not taken.
    by_headers : bool
        Whether images of one frame of reference lie as their headers say.
    frames : mapping
        Series of the run -> its frame of reference.
    """

    recorded: tuple[Recorded, ...]
    refused: dict[tuple[str, str], str]
    by_headers: bool
    frames: Mapping[str, str] = field(default_factory=dict)

    def in_run(self, images: Iterable[Imaged]) -> Registrations:
        """Return these, knowing which frame of reference the series of a run name."""
        return replace(self, frames={one.series_uid: one.frame_uid for one in images})

    def link(self, fixed: Imaged, moving: Imaged) -> Link:
        """Return the way from a fixed image to a moving one.

        The registration of these two series, in either direction. Where the header geometry
        was asked for: of two images of one frame of reference the headers, else the
        registration of two series of the run that lie in these two frames, as CT of PET.

        Raises
        ------
        RegistrationError
            ``REGISTRATION-NOT-TAKEN`` where it failed or asks for a person,
            ``REGISTRATION-AMBIGUOUS`` where there are several,
            ``REGISTRATION-NOT-NAMED`` where there is none.
        """
        if fixed == moving and fixed.series_uid:
            return Link("", np.eye(4))
        found = self._between(fixed.series_uid, moving.series_uid, {})
        ways = "" not in {fixed.frame_uid, moving.frame_uid} and self.by_headers
        if found is None and ways:
            if fixed.frame_uid == moving.frame_uid:
                return Link(HEADERS, np.eye(4))
            found = self._between(fixed.frame_uid, moving.frame_uid, self.frames)
        if found is not None:
            return found
        raise RegistrationError(
            "REGISTRATION-NOT-NAMED",
            "nothing says where these two images lie to each other",
            hint=_hint(fixed, moving),
        )

    def _between(self, one: str, other: str, named: Mapping[str, str]) -> Link | None:
        """Return the way between two series, or two frames that `named` gives of series."""
        if not one or not other:
            return None
        for fixed, moving in self.refused:
            ends = named.get(fixed, fixed), named.get(moving, moving)
            if ends in {(one, other), (other, one)}:
                why = self.refused[fixed, moving]
                raise RegistrationError("REGISTRATION-NOT-TAKEN", why)
        found = []
        for each in self.recorded:
            ends = (
                named.get(each.fixed_series_uid, each.fixed_series_uid),
                named.get(each.moving_series_uid, each.moving_series_uid),
            )
            if ends == (one, other):
                found.append(Link(each.registration_id, each.matrix))
            elif ends == (other, one):
                found.append(Link(each.registration_id, inverse_of(each.matrix)))
        if len(found) > 1:
            names = ", ".join(sorted(quoted(link.registration_id) for link in found))
            raise RegistrationError(
                "REGISTRATION-AMBIGUOUS", f"several registrations lead there: {names}"
            )
        return found[0] if found else None


def _hint(fixed: Imaged, moving: Imaged) -> str:
    if fixed.frame_uid and fixed.frame_uid == moving.frame_uid:
        return "Both name one frame of reference: say --registration none to take its word."
    return "Register them with `biomarker register`, and name its registration.csv."


def read_registrations(named: Sequence[str]) -> Registrations:
    """Return the registrations of some files.

    Parameters
    ----------
    named : sequence of str
        ``registration.csv`` of `biomarker register`, with its transform beside it, or the
        word ``none`` for the header geometry.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-FILE``, ``REGISTRATION-TRANSFORM``.
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``, ``TABLE-UNREADABLE``.
    """
    recorded: dict[tuple[str, str, str, bytes], Recorded] = {}
    refused: dict[tuple[str, str], str] = {}
    for name in named:
        if name == HEADERS:
            continue
        for rows in _by_registration(Path(name)):
            head = rows[0]
            ends = head["fixed_series_uid"], head["moving_series_uid"]
            why = _refusal(rows)
            if why:
                refused[ends] = why
            else:
                one = _recorded(head, Path(name))
                key = (one.registration_id, *ends, one.matrix.round(6).tobytes())
                recorded.setdefault(key, one)
    return Registrations(tuple(recorded.values()), refused, HEADERS in named)


def _by_registration(path: Path) -> list[list[dict[str, str]]]:
    from biomarker_cli.tables.columns import require_columns
    from biomarker_cli.tables.reading import read_cells

    if path.suffix.lower() != ".csv":
        raise _bad_file(
            path,
            "it is no registration.csv",
            "A transform alone does not say of which series it is, nor whether to believe it.",
        )
    frame = read_cells(path)
    require_columns(path, _WANTED, frame.columns)
    found: dict[str, list[dict[str, str]]] = {}
    for cells in frame.to_dict("records"):
        row = {str(name): str(value) for name, value in cells.items()}
        found.setdefault(row["registration_id"], []).append(row)
    if not found or "" in found:
        raise _bad_file(path, "it holds no registration, or one without an id")
    if any(_ends(row) != _ends(rows[0]) for rows in found.values() for row in rows):
        raise _bad_file(path, "the rows of one registration name different images")
    return list(found.values())


def _ends(row: dict[str, str]) -> tuple[str, ...]:
    names = ("fixed_series_uid", "moving_series_uid", "transform", "transform_file")
    return tuple(row[name] for name in names)


def _refusal(rows: Sequence[dict[str, str]]) -> str:
    """Return why a registration is not taken; empty where it is."""
    words = {row["status"] for row in rows}
    name = f"registration {quoted(rows[0]['registration_id'])}"
    if words != {"ok"}:
        checks = sorted({one for row in rows for one in row["checks"].split(";") if one})
        known = [said for word, said in _REFUSED.items() if word in words]
        said = known[0] if words <= {"ok", *_REFUSED} else "has a status that none of ours has"
        return f"{name} {said}: {quoted('; '.join(checks))}"
    if rows[0]["transform"] not in _TAKEN:
        return f"{name} is {quoted(rows[0]['transform'])}: only rigid and affine ones are taken"
    return ""


def _recorded(row: dict[str, str], table: Path) -> Recorded:
    ends = row["fixed_series_uid"], row["moving_series_uid"]
    if "" in ends:
        raise _bad_file(table, "its images have no SeriesInstanceUID: they are not of a run")
    if ends[0] == ends[1]:
        raise _bad_file(table, "it registers a series with itself")
    name = row["transform_file"]
    path = table.with_name(name) if name and Path(name).name == name else table
    # A pipe would never end.
    if path.suffix != TFM_SUFFIX or "\0" in name or not path.is_file():
        raise _bad_file(table, f"its transform is {quoted(name)}, no file beside it")
    matrix = read_transform(path, "", "")
    if not _says(row["matrix"], matrix):
        raise _bad_file(
            table,
            f"{name} is not the transform that the row says",
            "The file or the row is that of another registration: register anew.",
        )
    return Recorded(row["registration_id"], *ends, matrix)


def _says(cell: str, matrix: FloatArray) -> bool:
    """Tell whether a cell holds a transform; a turn alone would let another shift pass."""
    try:
        said = np.array([float(word) for word in cell.split()])
    except ValueError:
        return False
    own = matrix[:3].ravel()
    return said.shape == own.shape and bool((np.abs(said - own) <= _SAME_NUMBERS).all())


def _bad_file(path: Path, what: str, hint: str = "") -> RegistrationError:
    return RegistrationError("REGISTRATION-FILE", what, where=str(path), hint=hint)
