"""Find the files below the paths that a user names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from biomarker_cli.model import InputNotFoundError


def find_files(paths: Iterable[Path]) -> list[Path]:
    """Return every regular file below the paths, sorted, each once.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND`` for a path that does not exist.
    """
    found: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise InputNotFoundError(
                "PATH-NOT-FOUND", f"no such file or folder: {path}", hint="Check the spelling."
            )
        found.update([path] if path.is_file() else _below(path))
    return sorted(found)


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                yield Path(root) / name
