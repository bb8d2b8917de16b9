"""How quantities were derived, as files beside the tables: one per case and analysis."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.tables.manifest import DERIVATIONS_FOLDER, derivation_name

if TYPE_CHECKING:
    from biomarker_cli.study.packed import PackedResult


class Derivations:
    """The derivations of a run while they are written.

    Parameters
    ----------
    folder : Path
        Made where there is one to write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: set[str] = set()

    def write(self, result: PackedResult) -> None:
        """Write those of a case."""
        for name, text in derivation_files(result).items():
            self._folder.mkdir(exist_ok=True)
            (self._folder / name).write_bytes(text)
            self._written.add(name)

    def drop_others(self) -> None:
        """Delete those of a case that has left the study, or of an older protocol.

        Nothing is deleted through a link, where other runs may have theirs.
        """
        if self._folder.is_symlink():
            return
        for path in self._folder.glob("*.json"):
            if path.name not in self._written:
                path.unlink()


def derivation_files(result: PackedResult) -> dict[str, bytes]:
    """Return the files of the derivations of a case, by name."""
    # A byte of a file name that is no UTF-8 becomes the escape that JSON has for it.
    return {
        derivation_name(result.case_id, analysis): _derivation(found).encode(
            "utf-8", "backslashreplace"
        )
        for analysis, found in result.derivations.items()
    }


def _derivation(derivation: Any) -> str:
    return json.dumps(derivation, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def derivations_are_true(expected: Mapping[str, str], folder: Path) -> bool:
    """Tell whether the derivations below the folder of a run are those of its cases, no others.

    Parameters
    ----------
    expected : mapping
        Name -> digest of its file.
    folder : Path
        Of the run.
    """
    below = folder / DERIVATIONS_FOLDER
    names = {path.name for path in below.glob("*.json")}
    return names == set(expected) and all(
        hashlib.sha256((below / name).read_bytes()).hexdigest() == digest
        for name, digest in expected.items()
    )
