"""Write several new files, all of them or none, and never over another one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from biomarker_cli.model.outputs import PRIVATE_MODE, PUBLIC_MODE, part_of, write_part
from biomarker_cli.study.errors import StudyError


def write_new(contents: Mapping[Path, bytes], private: frozenset[Path] = frozenset()) -> None:
    """Write files that do not exist yet.

    Each is written whole under another name first, so that none is ever half
    there; where one cannot take its place, those before it are taken away again.

    Parameters
    ----------
    contents : mapping of Path to bytes
    private : frozenset of Path
        Those that only their owner may read.

    Raises
    ------
    StudyError
        ``OUTPUT-EXISTS``.
    OSError
        Where the system refuses.
    """
    parts: dict[Path, Path] = {}
    placed: list[Path] = []
    try:
        for path, content in contents.items():
            parts[path] = part_of(path)
            write_part(parts[path], content, PRIVATE_MODE if path in private else PUBLIC_MODE)
        for path, part in parts.items():
            _place(part, path)
            placed.append(path)
    except BaseException:
        for path in placed:
            with contextlib.suppress(OSError):
                path.unlink()
        raise
    finally:
        for part in parts.values():
            with contextlib.suppress(OSError):
                part.unlink()


def _place(part: Path, path: Path) -> None:
    """Give a file its name, unless another one has it."""
    try:
        os.link(part, path)
    except FileExistsError as error:
        raise exists(path) from error
    except OSError:
        # No hard links on this file system: between the two calls there is a gap.
        if path.exists():
            raise exists(path) from None
        part.replace(path)


def exists(path: Path, otherwise: str = "") -> StudyError:
    """Return the error for a file that would be overwritten, and what may be done instead."""
    return StudyError(
        "OUTPUT-EXISTS",
        f"{path} exists",
        hint=f"Nothing is overwritten: move it away first{otherwise}.",
    )
