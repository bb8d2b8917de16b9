"""The result store: one file per case, which is the truth; tables are made from it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biomarker_cli.case import CaseResult
from biomarker_cli.study.case_names import file_stem
from biomarker_cli.study.errors import StudyError

_FORMAT = "biomarker-result/1"
_MARKER = "study.json"


@dataclass(frozen=True)
class StoredResult:
    """A result with the key that it was computed under."""

    key: str
    result: CaseResult


@dataclass(frozen=True)
class ResultStore:
    """Results below the folder of a run.

    Attributes
    ----------
    folder : Path
        Folder of the run (``-o``).
    """

    folder: Path

    @property
    def results_folder(self) -> Path:
        """Where the result files lie."""
        return self.folder / "results"

    def open_for(self, study_id: str) -> None:
        """Make the folder, or take up the one of the same study.

        Raises
        ------
        StudyError
            ``OUTPUT-EXISTS`` where the folder holds something else.
        """
        marker = self.results_folder / _MARKER
        if marker.is_file():
            owner = self._read_json(marker) or {}
            if owner.get("study") != study_id:
                raise StudyError(
                    "OUTPUT-EXISTS",
                    f"{self.folder} holds the results of the study {owner.get('study')!r}",
                    hint="Choose another folder with -o.",
                )
            return
        if self.folder.exists() and not self._is_free():
            raise StudyError(
                "OUTPUT-EXISTS",
                f"{self.folder} exists and is no run of this study",
                hint="Choose another folder with -o; nothing is overwritten.",
            )
        self.results_folder.mkdir(parents=True, exist_ok=True)
        self._write_json(marker, {"format": _FORMAT, "study": study_id})

    def _is_free(self) -> bool:
        """Tell whether the folder is empty, or a run died in it before it could say whose it is."""
        if not self.folder.is_dir() or any(p != self.results_folder for p in self.folder.iterdir()):
            return False
        unfinished = (self.results_folder / _MARKER).with_suffix(".json.part")
        begun = self.results_folder.iterdir() if self.results_folder.is_dir() else ()
        return all(path == unfinished for path in begun)

    def list_cases(self, study_id: str, case_ids: Sequence[str]) -> None:
        """Say which cases the study has now; results of others are kept, but not counted."""
        content = {"format": _FORMAT, "study": study_id, "cases": list(case_ids)}
        self._write_json(self.results_folder / _MARKER, content)

    def load(self, case_id: str) -> StoredResult | None:
        """Return the stored result of a case; None where there is none or it is corrupt."""
        return self._read(self._path(case_id))

    def save(self, key: str, result: CaseResult) -> None:
        """Store a result; it appears whole or not at all, and survives a power cut."""
        data = {"format": _FORMAT, "key": key, "result": result.to_json()}
        self._write_json(self._path(result.case_id), data)

    def load_listed(self) -> dict[str, StoredResult | None]:
        """Return the cases of the study in its order, None where one has no result yet."""
        marker = self._read_json(self.results_folder / _MARKER) or {}
        return {case_id: self.load(case_id) for case_id in marker.get("cases", [])}

    def _read(self, path: Path) -> StoredResult | None:
        data = self._read_json(path)
        if data is None or data.get("format") != _FORMAT:
            return None
        try:
            return StoredResult(str(data["key"]), CaseResult.from_json(data["result"]))
        except (KeyError, TypeError):
            return None

    def _path(self, case_id: str) -> Path:
        return self.results_folder / f"{file_stem(case_id)}.json"

    @staticmethod
    def _read_json(path: Path) -> dict[str, Any] | None:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return data if isinstance(data, dict) else None

    @staticmethod
    def _write_json(path: Path, data: dict[str, Any]) -> None:
        text = _json_text(data)
        temporary = path.with_suffix(".json.part")
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)


def _json_text(data: dict[str, Any]) -> str:
    encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
    try:
        return encoder.encode(data)
    except ValueError:
        # The slow way says which number it is that JSON cannot hold.
        return "".join(encoder.iterencode(data))
