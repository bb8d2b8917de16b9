"""Paths as users give them, and what is said beside a result."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

PathLike: TypeAlias = str | os.PathLike[str]

_CALLER = 3
"""Frames from the warning to who called a public function."""


class BiomarkerWarning(UserWarning):
    """Something was left out or failed, and the result has no row of it."""


def paths_of(given: PathLike | Iterable[PathLike]) -> tuple[Path, ...]:
    """Return one path, or several."""
    if isinstance(given, str | os.PathLike):
        return (Path(given),)
    return tuple(map(Path, given))


def warn(text: str) -> None:
    """Say to who called a public function what its result does not."""
    warnings.warn(text, BiomarkerWarning, stacklevel=_CALLER)
