"""StoreOrder: where the result of a case is put down by whoever measures it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StoreOrder:
    """Where a result is put down, and what it is stored under.

    Attributes
    ----------
    run : Path
        Folder of the run, absolute.
    study_id : str
    names : str
        Digest of what the inputs are called.
    """

    run: Path
    study_id: str
    names: str
