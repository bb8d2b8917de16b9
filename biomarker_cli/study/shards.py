"""Shards: parts of a study that machines without a common scheduler measure beside each other.

A case belongs to a shard by a digest of its id, so that neither the order of the list nor
how long a case takes decides. A shard leaves its results where a run leaves them, and in
``shards/`` what `biomarker merge` needs: ``i-of-n.json`` says what it was made with, and
``i-of-n.cases`` has a line for each of its cases. It writes no table.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from biomarker_cli.model.outputs import PRIVATE_MODE, replace_file, whole_file
from biomarker_cli.study.errors import StudyError

if TYPE_CHECKING:
    from biomarker_cli.study.cohort import Cohort

FOLDER = "shards"
FORMAT = "biomarker-shard/1"

_WORDS = {
    "study": "study",
    "study_sha256": "study file, list of cases, overrides or waivers (one that has expired counts)",
    "program": "version of the program",
    "protocols": "protocols",
    "study_key": "key of the study (study.key)",
    "person_key": "key of the user's cache, which stands in for persons (set BIOMARKER_CACHE_DIR "
    "to one folder for all)",
}

_SAID = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")
_NAME = re.compile(r"([0-9]+)-of-([0-9]+)\.json")
_DIGITS = 8


class Shard(NamedTuple):
    """Part of a study: the `number`-th, from 1, of `of`."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the shard that ``i/n`` means.

        Raises
        ------
        ValueError
        """
        found = _SAID.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no shard: expected i/n, such as 2/8")
        number, of = int(found[1]), int(found[2])
        if not 1 <= number <= of:
            raise ValueError(f"{text!r} is no shard: i counts from 1 to n")
        return cls(number, of)

    def has(self, case_id: str) -> bool:
        """Tell whether a case belongs to it."""
        digest = hashlib.sha256(case_id.encode()).hexdigest()
        return int(digest[:_DIGITS], 16) % self.of == self.number - 1

    @property
    def stem(self) -> str:
        """Name of its files, without ending."""
        return f"{self.number}-of-{self.of}"

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True)
class ShardMade:
    """What a shard was made with: those of one study must agree in all of it.

    Attributes
    ----------
    study, study_sha256 : str
        Id, and digest of all that the study says.
    program : str
        Version and digest of the program.
    protocols : dict
        Digest of each protocol by kind, id and version.
    study_key, person_key : str
        What names the key of the study, and the one that stands in for persons.
    """

    study: str
    study_sha256: str
    program: str
    protocols: dict[str, str]
    study_key: str
    person_key: str

    def differs(self, other: ShardMade) -> list[str]:
        """Return what the two were made with differently, in words."""
        own, theirs = asdict(self), asdict(other)
        return [words for name, words in _WORDS.items() if own[name] != theirs[name]]


@dataclass(frozen=True)
class ShardFile:
    """A shard that was measured to its end.

    Attributes
    ----------
    shard : Shard
    made : ShardMade
    study_file : str
        Where it had the study from: relative to the folder of the run where that leads there.
    cases_sha256 : str
        Digest of its ``.cases`` file.
    n_cases : int
    """

    shard: Shard
    made: ShardMade
    study_file: str
    cases_sha256: str
    n_cases: int


def begin_shard(folder: Path, shard: Shard) -> None:
    """Take away what an earlier run of a shard said: it is not at its end any more."""
    below = folder / FOLDER
    below.mkdir(exist_ok=True)
    (below / f"{shard.stem}.json").unlink(missing_ok=True)


def end_shard(
    folder: Path, shard: Shard, made: ShardMade, study_file: Path, cohort: Cohort
) -> None:
    """Write what `merge` needs of a shard that was measured to its end."""
    path = folder / FOLDER / f"{shard.stem}.cases"
    digest = hashlib.sha256()
    n_cases = 0
    with whole_file(path) as stream:
        if hasattr(os, "fchmod"):
            os.fchmod(stream.fileno(), PRIVATE_MODE)
        for line in cohort.exported():
            content = line.encode("utf-8", "surrogatepass") + b"\n"
            digest.update(content)
            stream.write(content)
            n_cases += 1
    said = {
        "format": FORMAT,
        "shard": list(shard),
        "study_file": os.path.relpath(study_file, folder),
        "cases_sha256": digest.hexdigest(),
        "n_cases": n_cases,
        "made": asdict(made),
    }
    text = json.dumps(said, indent=2) + "\n"
    replace_file(folder / FOLDER / f"{shard.stem}.json", text.encode())


def read_shards(folder: Path) -> list[ShardFile]:
    """Return the shards of a run, all of them, made with the same.

    Raises
    ------
    StudyError
        ``SHARD-MISSING``, ``SHARD-UNLIKE``, ``SHARD-DAMAGED``.
    """
    paths = sorted(path for path in (folder / FOLDER).glob("*.json") if _NAME.fullmatch(path.name))
    if not paths:
        raise no_shards(folder)
    found = sorted((_read(path) for path in paths), key=lambda file: file.shard)
    _require_one_division(found)
    first = found[0]
    for other in found[1:]:
        differing = first.made.differs(other.made)
        if differing:
            raise StudyError(
                "SHARD-UNLIKE",
                f"the shards {first.shard} and {other.shard} differ in: {'; '.join(differing)}",
                where=str(folder / FOLDER),
                hint="Run the older one again with the same study and program.",
            )
    missing = [n for n in range(1, first.shard.of + 1) if n not in {f.shard.number for f in found}]
    if missing:
        numbers = ", ".join(f"{n}/{first.shard.of}" for n in missing[:20])
        more = f" and {len(missing) - 20} more" if len(missing) > 20 else ""
        raise StudyError(
            "SHARD-MISSING",
            f"shards are missing, or were not measured to their end: {numbers}{more}",
            where=str(folder / FOLDER),
            hint="Run each with --shard, into the same folder.",
        )
    return found


def no_shards(folder: Path) -> StudyError:
    """Return the error for a folder without shards."""
    return StudyError(
        "SHARD-MISSING",
        f"{folder} holds no shard of a run",
        hint="Name the folder given to `biomarker run --shard i/n -o`.",
    )


def _require_one_division(found: list[ShardFile]) -> None:
    divisions = sorted({file.shard.of for file in found})
    if len(divisions) > 1:
        raise StudyError(
            "SHARD-UNLIKE",
            f"the shards are of several divisions: into {' and '.join(map(str, divisions))}",
            hint=f"Delete the files of the other one in {FOLDER}/; the results stay of use.",
        )


def _read(path: Path) -> ShardFile:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        found = ShardFile(
            Shard(*map(int, said["shard"])),
            ShardMade(**said["made"]),
            str(said["study_file"]),
            str(said["cases_sha256"]),
            int(said["n_cases"]),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(path, str(error)) from error
    if said.get("format") != FORMAT:
        raise damaged(path, f"it is of the format {said.get('format')}")
    if path.stem != found.shard.stem:
        raise damaged(path, f"it is of the shard {found.shard}")
    return found


def lines_of(folder: Path, file: ShardFile) -> Iterator[dict[str, Any]]:
    """Yield what a shard says of each of its cases.

    Raises
    ------
    StudyError
        ``SHARD-DAMAGED`` where it is not as it was written.
    """
    path = folder / FOLDER / f"{file.shard.stem}.cases"
    try:
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != file.cases_sha256:
                raise damaged(path, "its content is not what was written")
            stream.seek(0)
            yield from map(json.loads, _lines(stream))
    except OSError as error:
        raise damaged(path, str(error.strerror)) from error


def _lines(stream: Iterable[bytes]) -> Iterator[str]:
    return (line.decode("utf-8", "surrogatepass") for line in stream)


def damaged(path: Path, why: str) -> StudyError:
    """Return the error for a file of a shard that is not as it was written."""
    return StudyError(
        "SHARD-DAMAGED",
        f"the file of a shard cannot be used: {why}",
        where=f"{FOLDER}/{path.name}",
        hint="Run the shard again: what it has measured is kept.",
    )
