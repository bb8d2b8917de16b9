"""The result store: one file per case, which is the truth; tables are made from it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from biomarker_cli.model.file_names import file_stem
from biomarker_cli.model.outputs import PART_SUFFIX, replace_file, write_beside
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.packed import OtherFormatError, PackedResult, dictionary_digest

_FORMAT = "biomarker-run/2"
_MARKER = "study.json"
_SUFFIX = ".result"
_DICTIONARIES = "features"


class UnusableResultError(Exception):
    """A result file is there, but it is not what this study wrote."""


@dataclass(frozen=True)
class ListedCase:
    """A case of the study, as the folder of its run knows it.

    Attributes
    ----------
    case_id : str
    result : PackedResult or None
        None where it was not reached yet, or refused before it was measured.
    refusal : tuple of str or None
        Code and message, where the study refuses it.
    """

    case_id: str
    result: PackedResult | None
    refusal: tuple[str, str] | None = None


@dataclass(frozen=True)
class ResultStore:
    """Results below the folder of a run.

    Attributes
    ----------
    folder : Path
        Folder of the run (``-o``).
    """

    folder: Path
    _known_dictionaries: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def results_folder(self) -> Path:
        """Where the result files lie."""
        return self.folder / "results"

    def open_for(self, study_id: str) -> str:
        """Make the folder, or take up the one of the same study.

        Returns
        -------
        str
            What was mended, empty where nothing was.

        Raises
        ------
        StudyError
            ``OUTPUT-EXISTS`` where the folder holds something else.
        """
        marker = self.results_folder / _MARKER
        owner = self._owner()
        if owner is not None:
            if owner != study_id:
                raise StudyError(
                    "OUTPUT-EXISTS",
                    f"{self.folder} holds the results of the study {owner!r}",
                    hint="Choose another folder with -o.",
                )
            if self._read_json(marker) is not None:
                return ""
            self._write_json(marker, {"format": _FORMAT, "study": study_id})
            return f"{_MARKER} was damaged or absent, and is made anew from the results"
        if self.folder.exists() and not self._is_free():
            raise StudyError(
                "OUTPUT-EXISTS",
                f"{self.folder} exists and is no run of this study",
                hint="Choose another folder with -o; nothing is overwritten.",
            )
        self.results_folder.mkdir(parents=True, exist_ok=True)
        self._write_json(marker, {"format": _FORMAT, "study": study_id})
        return ""

    def _owner(self) -> str | None:
        """Return the study whose results lie here, by the marker or by the results; None for none.

        A marker that is damaged says nothing; results that name several studies are of none.
        """
        said = self._read_json(self.results_folder / _MARKER)
        if said is not None and isinstance(said.get("study"), str):
            return str(said["study"])
        studies = {study for path in self._result_files() if (study := _study_in(path))}
        return studies.pop() if len(studies) == 1 else None

    def holds(self, stem: str) -> bool:
        """Tell whether a result is there, whatever it says, by the name of its files."""
        return (self.results_folder / f"{stem}{_SUFFIX}").exists()

    def _result_files(self) -> Iterable[Path]:
        return self.results_folder.glob(f"*{_SUFFIX}") if self.results_folder.is_dir() else ()

    def _is_free(self) -> bool:
        """Tell whether the folder is empty, or a run died in it before it could say whose it is."""
        if not self.folder.is_dir() or any(p != self.results_folder for p in self.folder.iterdir()):
            return False
        begun = self.results_folder.iterdir() if self.results_folder.is_dir() else ()
        return all(path.name == ".lock" or _is_unfinished_marker(path) for path in begun)

    def list_cases(
        self,
        study_id: str,
        case_ids: Iterable[str],
        refusals: Mapping[str, tuple[str, str]] | None = None,
        state: str | None = None,
    ) -> None:
        """Say which cases the study has now; results of others are kept, but not counted.

        Parameters
        ----------
        study_id : str
        case_ids : iterable of str
        refusals : mapping, optional
            Case -> code and message of those that the study refuses.
        state : str, optional
            Digest of what the tables were made of; by default that of the last run.
        """
        refused = {case: list(why) for case, why in (refusals or {}).items()}
        content = {"format": _FORMAT, "study": study_id, "cases": list(case_ids)}
        tables = self.written_state() if state is None else state
        marker = {**content, "refused": refused, "tables": tables}
        self._write_json(self.results_folder / _MARKER, marker)

    def list_if_new(self, study_id: str, case_ids: list[str]) -> None:
        """Say which cases the study has, unless that is known: shards do so beside each other."""
        if self._marker().get("cases") != case_ids:
            self.list_cases(study_id, case_ids)

    def written_state(self) -> str:
        """Return the digest of what the tables were made of, as the last run said it."""
        return str(self._marker().get("tables", ""))

    def load(self, case_id: str, study_id: str) -> PackedResult | None:
        """Return the stored result of a case, None where there is none.

        Raises
        ------
        UnusableResultError
            Where it is edited, damaged, or of another study, case or version.
        """
        try:
            content = self._path(case_id).read_bytes()
        except OSError:
            return None
        try:
            result = PackedResult.from_bytes(content)
        except OtherFormatError as error:
            raise UnusableResultError(
                "its stored result is of another version of the program"
            ) from error
        except (ValueError, TypeError, KeyError) as error:
            raise UnusableResultError("its stored result was edited or damaged") from error
        if (result.head.study, result.case_id) != (study_id, case_id):
            raise UnusableResultError("its stored result is of another study or case")
        if any(self.dictionary(digest) is None for digest in result.head.dictionaries.values()):
            raise UnusableResultError("the dictionary of features of its stored result is damaged")
        return result

    def save(self, result: PackedResult, dictionaries: Iterable[str] = ()) -> PackedResult:
        """Store a result and return it sealed; it appears whole or not at all.

        It survives a power cut.

        Parameters
        ----------
        result : PackedResult
        dictionaries : iterable of str
            Lines of ``features.csv`` that it names by their digests.
        """
        self._save_dictionaries(dictionaries)
        sealed, content = result.sealed()
        replace_file(self._path(result.case_id), content)
        return sealed

    def save_beside(
        self, result: PackedResult, dictionaries: Iterable[str] = ()
    ) -> tuple[PackedResult, Path]:
        """Write a result beside its place, and return it sealed with where it lies.

        Parameters
        ----------
        result, dictionaries
            As in `save`.

        Raises
        ------
        OSError
            Where it cannot be written; nothing of it is left then.
        """
        self._save_dictionaries(dictionaries)
        sealed, content = result.sealed()
        return sealed, write_beside(self._path(result.case_id), content)

    def take_up(self, case_id: str, part: Path) -> None:
        """Give a result that was put down its name: from now on it is the one of its case.

        Raises
        ------
        OSError
        """
        part.replace(self._path(case_id))

    def remove_unfinished(self) -> None:
        """Remove what runs that died have put down; nobody else may write here meanwhile."""
        for path in self.results_folder.glob(f".*{_SUFFIX}.*{PART_SUFFIX}"):
            path.unlink(missing_ok=True)

    def _save_dictionaries(self, dictionaries: Iterable[str]) -> None:
        for text in dictionaries:
            digest = dictionary_digest(text)
            if self.dictionary(digest) is None:
                path = self._dictionary_path(digest)
                path.parent.mkdir(exist_ok=True)
                replace_file(path, text.encode())
                self._known_dictionaries[digest] = text

    def dictionary(self, digest: str) -> str | None:
        """Return lines of ``features.csv``, None where they are absent or damaged."""
        found = self._known_dictionaries.get(digest)
        if found is None:
            try:
                found = self._dictionary_path(digest).read_bytes().decode()
            except (OSError, ValueError):
                return None
            if dictionary_digest(found) != digest:
                return None
            self._known_dictionaries[digest] = found
        return found

    def _dictionary_path(self, digest: str) -> Path:
        return self.results_folder / _DICTIONARIES / f"{digest[:32]}.csv"

    def listed(self) -> Iterator[ListedCase]:
        """Yield the cases of the study in its order."""
        marker = self._marker()
        refused = marker.get("refused") or {}
        for case_id in marker.get("cases", []):
            result = None
            with contextlib.suppress(UnusableResultError):
                result = self.load(case_id, str(marker.get("study")))
            why = refused.get(case_id)
            yield ListedCase(case_id, result, (why[0], why[1]) if why else None)

    def _marker(self) -> dict[str, Any]:
        """Return what the marker says of the cases; nothing where it was edited or damaged."""
        said = self._read_json(self.results_folder / _MARKER) or {}
        cases, refused = said.get("cases", []), said.get("refused", {})
        is_sound = _are_words(cases) and isinstance(refused, dict)
        return said if is_sound and all(map(_is_refusal, refused.values())) else {}

    def _path(self, case_id: str) -> Path:
        return self.results_folder / (file_stem(case_id) + _SUFFIX)

    @staticmethod
    def _read_json(path: Path) -> dict[str, Any] | None:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return data if isinstance(data, dict) else None

    @staticmethod
    def _write_json(path: Path, data: dict[str, Any]) -> None:
        # A byte of a file name that is no UTF-8 becomes the escape that JSON has for it.
        text = json.dumps(data, ensure_ascii=False, allow_nan=False)
        replace_file(path, text.encode("utf-8", "backslashreplace"))


def _are_words(said: object) -> bool:
    return isinstance(said, list) and all(isinstance(word, str) for word in said)


def _is_refusal(said: object) -> bool:
    """Tell whether something is a code and a message."""
    return isinstance(said, list) and _are_words(said) and len(said) == 2


def _is_unfinished_marker(path: Path) -> bool:
    return path.name.startswith(f".{_MARKER}.") and path.suffix == PART_SUFFIX


def _study_in(path: Path) -> str:
    """Return the study that a result file names, empty where it is damaged."""
    try:
        return PackedResult.from_bytes(path.read_bytes()).head.study
    except (OSError, ValueError, TypeError, KeyError):
        return ""
