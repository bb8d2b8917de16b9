"""Find the files below the paths that a user names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from biomarker_cli.catalogue.instances import Defect
from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.inputs import CHANGED, FileSignature

PASSING_CODES = frozenset({"FILE-UNREADABLE", CHANGED})
"""What may be over when the file is looked at again: nobody keeps it, nor does without the file."""


class FoundFile(NamedTuple):
    """A regular file and what tells whether it has changed."""

    path: str
    signature: FileSignature


@dataclass(slots=True)
class FoundFiles:
    """What lies below some paths.

    Attributes
    ----------
    roots : list of str
        The paths that were named, absolute.
    files : list of FoundFile
        Sorted by path; a file that is reached in two ways (links) stands once.
    problems : list of (str, Defect)
        Paths that cannot be followed or read, and why.
    """

    roots: list[str] = field(default_factory=list)
    files: list[FoundFile] = field(default_factory=list)
    problems: list[tuple[str, Defect]] = field(default_factory=list)


def find_files(paths: Iterable[Path]) -> FoundFiles:
    """Return every regular file below the paths, sorted, each once.

    Names that begin with a dot are left out. Links are followed, but a folder
    is entered once, so that a link back to a parent does not go round.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND`` for a path that does not exist.
    """
    walk = _Walk()
    for path in paths:
        if not path.exists():
            raise InputNotFoundError(
                "PATH-NOT-FOUND", f"no such file or folder: {path}", hint="Check the spelling."
            )
        # Not resolved: the user knows the files by the names of this path.
        root = os.path.abspath(path)  # noqa: PTH100
        walk.found.roots.append(root)
        walk.enter(root)
    found = walk.found
    # Where links lead to one file, the first name in the alphabet stands for it.
    unique: dict[tuple[int, int], FoundFile] = {}
    for file, identity in sorted(walk.seen, key=lambda item: item[0].path):
        unique.setdefault(identity, file)
    found.files = list(unique.values())
    found.problems.sort()
    return found


# Pipes, sockets and devices hold no series and may never end.
_NOT_REGULAR = Defect(
    "FILE-NOT-REGULAR", "it is a pipe, a socket or a device, not a file", "Copy it into a file."
)


class _Walk:
    def __init__(self) -> None:
        self.found = FoundFiles()
        self.seen: list[tuple[FoundFile, tuple[int, int]]] = []
        self.folders: set[tuple[int, int]] = set()

    def enter(self, root: str) -> None:
        pending = [root]
        while pending:
            path = pending.pop()
            try:
                status = os.stat(path)  # noqa: PTH116 - one of 100,000 calls
            except OSError as error:
                self._problem(path, error)
                continue
            if stat.S_ISDIR(status.st_mode):
                pending.extend(self._folder(path, (status.st_dev, status.st_ino)))
            elif stat.S_ISREG(status.st_mode):
                self._file(path, status)
            else:
                self.found.problems.append((path, _NOT_REGULAR))

    def _folder(self, path: str, identity: tuple[int, int]) -> list[str]:
        if identity in self.folders:
            return []
        self.folders.add(identity)
        below: list[str] = []
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_file(follow_symlinks=False):
                        self._file(entry.path, entry.stat())
                    else:
                        below.append(entry.path)
        except OSError as error:
            self._problem(path, error)
        return below

    def _file(self, path: str, status: os.stat_result) -> None:
        file = FoundFile(path, FileSignature.of(status))
        self.seen.append((file, (status.st_dev, status.st_ino)))

    def _problem(self, path: str, error: OSError) -> None:
        # A link that leads nowhere is not the same trouble as a folder that is locked.
        if os.path.islink(path):  # noqa: PTH114
            defect = Defect("FILE-BROKEN-LINK", "the link leads nowhere", "Mount its target.")
        else:
            defect = Defect(
                "FILE-UNREADABLE", f"it cannot be read: {error.strerror}", "Check its permissions."
            )
        self.found.problems.append((path, defect))
