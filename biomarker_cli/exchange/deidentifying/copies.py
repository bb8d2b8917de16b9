"""Write copies of DICOM objects that name nobody: clean, check, then hand over."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.catalogue.catalogue import Progress
from biomarker_cli.catalogue.files import find_files
from biomarker_cli.catalogue.pseudonyms import PERSON_KEYWORDS, Person, person_key
from biomarker_cli.exchange.deidentifying.annex_e import table
from biomarker_cli.exchange.deidentifying.cleaning import Cleaner
from biomarker_cli.exchange.deidentifying.leaks import Originals
from biomarker_cli.exchange.deidentifying.mosaic_headers import (
    put_reduced_header,
    require_same_tiles,
)
from biomarker_cli.exchange.deidentifying.objects import (
    content_of,
    may_show_face,
    put_images_alone,
    read_object,
    require_taken,
    text_of,
)
from biomarker_cli.exchange.deidentifying.profile import OWN_WORDS, Profile
from biomarker_cli.exchange.deidentifying.subjects import Subjects
from biomarker_cli.exchange.deidentifying.values import SubjectKey
from biomarker_cli.exchange.errors import ExchangeError, LeakError, ObjectRefusedError
from biomarker_cli.exchange.placing import new_folder, require_absent
from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.inputs import CHANGED
from biomarker_cli.model.keys import KEY_FORM, key_in, new_key_text
from biomarker_cli.model.outputs import PRIVATE_MODE, part_of, replace_file, write_part
from biomarker_cli.tables.cells import csv_text

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MANIFEST = "deidentification.json"
COPIES_FORMAT = "biomarker-deidentified/1"
_LINK_COLUMNS = ("patient_id", "subject_id", "source", "error_code", "written")
_PREFIX_BYTES = 132
SKIPPED = "DEID-NOT-DICOM"
"""Of files that a folder of DICOM holds beside it: they stay behind, and nothing failed."""


@dataclass
class CopiedFiles:
    """What became of the files.

    Attributes
    ----------
    written : dict of str to str
        Path below the output -> sha256.
    left : Counter
        Code -> how many files stay behind.
    done : Counter
        (attribute, kept | changed | removed) -> how often.
    subjects : set of str
    n_faces : int
        Of images from which a face may be rendered.
    link : list of dict
        Rows that lead back to the source; they stay where the key is.
    """

    written: dict[str, str] = field(default_factory=dict)
    left: Counter[str] = field(default_factory=Counter)
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    subjects: set[str] = field(default_factory=set)
    n_faces: int = 0
    link: list[dict[str, str]] = field(default_factory=list)

    @property
    def is_partial(self) -> bool:
        """Whether DICOM objects stay behind."""
        return any(code != SKIPPED for code in self.left)


def read_or_make_key(path: Path, *, keep: bool = True) -> bytes:
    """Return the key of a file of 64 hexadecimal digits; where there is none, make it.

    Parameters
    ----------
    path : Path
    keep : bool
        Whether a new key is written; one of a trial run is not.

    Raises
    ------
    ExchangeError
        ``DEID-KEY`` where the file is no key, or cannot be read or written.
    """
    try:
        if not path.exists():
            content = new_key_text()
            if not keep:
                return bytes.fromhex(content.decode())
            write_part(path, content, PRIVATE_MODE)
    except OSError as error:
        raise _no_key(path, error) from error
    return read_key(path)


def link_of(key: Path) -> Path:
    """Return where the link table of a key lies."""
    return key.with_name(key.name + ".link.csv")


def read_key(path: Path) -> bytes:
    """Return the key of a file that is there.

    Raises
    ------
    ExchangeError
        ``DEID-KEY``.
    """
    try:
        key = key_in(path)
    except OSError as error:
        raise _no_key(path, error) from error
    if key is None:
        raise ExchangeError(
            "DEID-KEY",
            f"the file is no key: expected {KEY_FORM}",
            where=path.name,
            hint="Restore it, or name a file that does not exist: a new key is made.",
        )
    return key


def _no_key(path: Path, error: OSError) -> ExchangeError:
    return ExchangeError(
        "DEID-KEY", f"no key is read or made there: {error.strerror}", where=str(path)
    )


def examine(
    folder: Path, profile: Profile, subjects: Subjects, progress: Progress | None = None
) -> CopiedFiles:
    """Return what would become of the DICOM below a folder; nothing is written.

    `progress` is called with the steps done and all steps, of which a file has two.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND``, ``NOTHING-FOUND``.
    """
    return _Run(profile, subjects, progress).over(_files(folder), None)


def deidentify(
    folder: Path,
    output: Path,
    link: Path,
    profile: Profile,
    subjects: Subjects,
    progress: Progress | None = None,
) -> CopiedFiles:
    """Write de-identified copies of the DICOM below a folder, their manifest and the link.

    Parameters
    ----------
    folder : Path
    output : Path
        A folder that does not exist yet: it gets its name when all was checked.
    link : Path
        A file that does not exist yet, outside of the output; its owner alone reads it.
    profile : Profile
    subjects : Subjects
    progress : callable, optional
        Called with the steps done and all steps, of which a file has three.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND``, ``NOTHING-FOUND``.
    ExchangeError
        ``OUTPUT-EXISTS``; ``DEID-PLACE`` where source, copies and link are not apart.
    LeakError
        ``DEID-LEAK``; nothing is handed over.
    """
    require_place(folder, output, link)
    files = _files(folder)
    link_part = part_of(link)
    try:
        with new_folder(output) as part:
            outcome = _Run(profile, subjects, progress).over(files, part)
            if outcome.written:
                text = json.dumps(manifest_of(outcome, profile), indent=2, sort_keys=True)
                replace_file(part / MANIFEST, f"{text}\n".encode())
            rows = csv_text(_LINK_COLUMNS, outcome.link)
            write_part(link_part, rows.encode("utf-8", "surrogateescape"), PRIVATE_MODE)
        link_part.replace(link)
    finally:
        link_part.unlink(missing_ok=True)
    return outcome


def require_place(folder: Path, output: Path, link: Path) -> None:
    """Require that copies and link may be written where they are meant to be.

    Raises
    ------
    ExchangeError
        ``OUTPUT-EXISTS``, ``DEID-PLACE``.
    """
    require_absent(output)
    require_absent(
        link,
        "It is the way back from earlier copies: move it to where it is kept, and run this again "
        "with the same key.",
    )
    source, copies = folder.resolve(), output.resolve()
    if copies.is_relative_to(source) or link.resolve().is_relative_to(copies):
        raise ExchangeError(
            "DEID-PLACE",
            "the copies may not lie among their sources, nor the link or the key among them",
            where=str(output),
            hint="Name a folder elsewhere.",
        )


def _files(folder: Path) -> list[Path]:
    files = [Path(one.path) for one in find_files([folder]).files]
    if not files:
        raise InputNotFoundError("NOTHING-FOUND", f"no file below {folder}")
    return files


def _person_of(dataset: Dataset) -> Person:
    said = (text_of(dataset, one) for one in ("PatientID", *PERSON_KEYWORDS.values()))
    return Person.of_key(person_key(*said))


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            beginning = file.read(_PREFIX_BYTES)
            if not beginning.endswith(b"DICM"):
                # Whatever else lies there, however large, is not read.
                raise ObjectRefusedError(SKIPPED, "the file is no DICOM")
            return beginning + file.read()
    except OSError as error:
        raise ObjectRefusedError("DEID-UNREADABLE", "the file cannot be read") from error


class _Run:
    """Two passes over the files: what names somebody in one leaves in the copy of none."""

    def __init__(
        self, profile: Profile, subjects: Subjects, progress: Progress | None = None
    ) -> None:
        self._progress = progress
        self._rules, self._subjects = profile.rules, subjects
        self._words = frozenset(self._rules.words)
        self._codes = frozenset(self._rules.codes)
        self._outcome = CopiedFiles()
        self._persons: dict[str, set[Person]] = {}
        self._originals = Originals(self._words | self._codes)

    def over(self, files: Sequence[Path], part: Path | None) -> CopiedFiles:
        outcome, n_files = self._outcome, len(files)
        n_steps = n_files * (2 if part is None else 3)
        taken = {}
        for number, path in enumerate(files, 1):
            self._advance(number, n_steps)
            row = dict.fromkeys(_LINK_COLUMNS, "") | {"source": str(path)}
            outcome.link.append(row)
            with self._left_behind(row):
                taken[path] = row, self._take(path, row)
        self._require_subjects_without_names()
        for number, (path, (row, digest)) in enumerate(taken.items(), 1):
            self._advance(n_files + number, n_steps)
            with self._left_behind(row):
                self._require_one_person(row["patient_id"])
                name, content = self._copy(path, row["subject_id"], digest)
                outcome.written[name] = hashlib.sha256(content).hexdigest()
                row["written"] = name
                if part is not None:
                    (part / name).parent.mkdir(parents=True, exist_ok=True)
                    (part / name).write_bytes(content)
        if part is not None:
            for number, name in enumerate(outcome.written, 1):
                self._advance(2 * n_files + number, n_steps)
                self._require_no_leak(name, (part / name).read_bytes())
        return outcome

    def _advance(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(done, total)

    @contextmanager
    def _left_behind(self, row: dict[str, str]) -> Iterator[None]:
        try:
            yield
        except ObjectRefusedError as error:
            row["error_code"] = error.code
            self._outcome.left[error.code] += 1

    def _take(self, path: Path, row: dict[str, str]) -> bytes:
        """Take what names somebody in a file; return what tells whether it has changed."""
        source = _bytes_of(path)
        dataset = read_object(source)
        require_taken(dataset, self._rules)
        row["patient_id"] = text_of(dataset, "PatientID")
        study = text_of(dataset, "StudyInstanceUID")
        row["subject_id"] = self._subjects.of(row["patient_id"], study)
        self._persons.setdefault(row["patient_id"], set()).add(_person_of(dataset))
        self._originals.take(dataset)
        self._outcome.subjects.add(row["subject_id"])
        return hashlib.sha256(source).digest()

    def _require_subjects_without_names(self) -> None:
        """Refuse subjects of a list that repeat a name or an id of the files."""
        listed = self._subjects.listed
        if listed and any(map(self._originals.names_person, self._outcome.subjects)):
            raise ExchangeError(
                "DEID-SUBJECTS",
                "a subject_id repeats a name or an id of a patient: it would leave with the copies",
                hint="Choose names that say nothing, such as S0001.",
            )

    def _require_one_person(self, patient_id: str) -> None:
        persons = self._persons[patient_id]
        if self._subjects.listed is None and any(a.conflicts(b) for a in persons for b in persons):
            raise ObjectRefusedError(
                "DEID-TWO-PERSONS",
                "files of one PatientID contradict in name, date of birth or sex",
                hint="Say in --subjects whose they are, by patient_id and study_uid.",
            )

    def _copy(self, path: Path, subject: str, digest: bytes) -> tuple[str, bytes]:
        source = _bytes_of(path)
        if hashlib.sha256(source).digest() != digest:
            raise ObjectRefusedError(CHANGED, "the file has changed while it was read")
        original = read_object(source)
        # Read anew: elements that were decoded have lost the bytes they came with.
        dataset = read_object(source)
        values = SubjectKey(self._subjects.key, subject, self._words, self._codes)
        cleaner = Cleaner(self._rules, values, self._originals)
        cleaner.clean(dataset)
        if "safe_private" in self._rules.options:
            put_reduced_header(dataset, original)
        require_same_tiles(dataset, original)
        put_images_alone(dataset)
        if self._originals.says_in_stream(dataset):
            raise ObjectRefusedError("DEID-PIXELS", "the compressed pixel data hold text")
        content, name = content_of(dataset)
        if name in self._outcome.written:
            raise ObjectRefusedError("DEID-REPEATED", "another file is the same object")
        self._outcome.done.update(cleaner.done)
        self._outcome.n_faces += may_show_face(original)
        return name, content

    def _require_no_leak(self, name: str, content: bytes) -> None:
        found = self._originals.found_in(read_object(content), self._outcome.subjects | OWN_WORDS)
        if found:
            raise LeakError(
                "DEID-LEAK",
                f"{found} of a copy still holds what names a person, a device or a place: "
                "nothing was kept",
                where=name,
                hint="Take the element out of the profile's technical_text, or the word out "
                "of its words.",
            )


def manifest_of(outcome: CopiedFiles, profile: Profile) -> dict[str, Any]:
    """Return the manifest of the copies: no link to identity stands in it."""
    tables = {name: table(name) for name in ("annex_e_2024b", "safe_private_2026d")}
    return {
        "format": COPIES_FORMAT,
        "profile": profile.ident,
        "profile_sha256": profile.sha256,
        "tables": {name: {"sha256": one["sha256"]} for name, one in tables.items()},
        "methods": profile.rules.methods,
        "private_beyond_table": [
            f"({rule.group},xx{rule.element}) {rule.creator}"
            for rule in profile.rules.private
            if "safe_private" in profile.rules.options
        ],
        "recognisable_features": "kept" if outcome.n_faces else "none_expected",
        "n_recognisable": outcome.n_faces,
        "n_written": len(outcome.written),
        "left_behind": dict(sorted(outcome.left.items())),
        "files": dict(sorted(outcome.written.items())),
    }


def attribute_rows(done: Iterable[tuple[tuple[str, str], int]]) -> list[dict[str, Any]]:
    """Return what becomes of each attribute, by its name."""
    return [{"attribute": name, "becomes": what, "count": n} for (name, what), n in sorted(done)]
