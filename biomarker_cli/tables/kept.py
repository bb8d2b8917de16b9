"""What a run keeps beside its results: masks, maps and pictures, named with their digests.

::

    RUN/kept/<case>/kept.json            what is there, of which result, and its digests
                    masks/<roi>.mask     `imaging.kept_masks`
                    maps/<map>.nii.gz    `imaging.kept_maps`
                    pictures/<roi>.svg

Rooms that read a run take regions and maps from here, never from the images.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from biomarker_cli.imaging.errors import KeptFileError
from biomarker_cli.imaging.kept_masks import (
    KeptMask,
    damaged,
    geometry_from_plain,
    mask_from_bytes,
)
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.file_names import file_stem
from biomarker_cli.model.outputs import replace_file
from biomarker_cli.model.quantity import QUANTITIES
from biomarker_cli.tables.errors import TableError

KEPT_FORMAT = "biomarker-kept/1"
KEPT_FOLDER = "kept"
INDEX_NAME = "kept.json"

KINDS = ("maps", "masks", "pictures")
"""What a study may keep; each is a folder of that name."""

SUFFIXES = {"maps": ".nii.gz", "masks": ".mask", "pictures": ".svg"}

_SEAL, _END = b',\n "sha256": "', b'"\n}\n'

MOST_INDEX_BYTES = 64 * 1024**2
"""Of an index: some 100,000 files."""


@dataclass(frozen=True)
class KeptFile:
    """A file that is kept.

    Attributes
    ----------
    kind : str
        Of `KINDS`.
    path : str
        From the folder of the case, with ``/``.
    sha256 : str
    n_bytes : int
    image : str
        Name of the image of the case whose grid it lies on.
    roi_id : str
        Of masks and pictures, as in the tables.
    analysis_id : str
        Of maps: ``id@version`` of the analysis that made it.
    map_name : str
        Of maps: first word of its feature ids.
    quantity : str
        Of maps: what its values are (`model.quantity`).
    geometry : dict or None
        Of maps: shape, spacing_mm, origin_mm and direction, digit by digit.
    """

    kind: str
    path: str
    sha256: str
    n_bytes: int
    image: str
    roi_id: str = ""
    analysis_id: str = ""
    map_name: str = ""
    quantity: str = ""
    geometry: dict[str, Any] | None = None


@dataclass(frozen=True)
class KeptIndex:
    """What is kept of a case.

    Attributes
    ----------
    case_id : str
    result_key : str
        Of the result that it belongs to, as in ``cases.csv``.
    kinds : tuple of str
        What was asked for: all there is of these stands in `files`.
    files : tuple of KeptFile
        By their paths.
    """

    case_id: str
    result_key: str
    kinds: tuple[str, ...]
    files: tuple[KeptFile, ...]

    def of_kind(self, kind: str) -> tuple[KeptFile, ...]:
        """Return the files of one kind."""
        return tuple(one for one in self.files if one.kind == kind)

    def require(self, kind: str) -> None:
        """Refuse a case of which the run was not asked to keep a kind: none is not no ROI.

        Raises
        ------
        TableError
            ``KEPT-NOT-FOUND``.
        """
        if kind not in self.kinds:
            raise TableError(
                "KEPT-NOT-FOUND",
                f"the run keeps no {kind} of the case",
                where=self.case_id,
                hint=f"Write `keep: [{kind}]` into the study and run it again: nothing is "
                "measured anew.",
            )


def case_folder(run: Path, case_id: str) -> Path:
    """Return where the files of a case are kept."""
    return run / KEPT_FOLDER / file_stem(case_id)


def write_index(index: KeptIndex, folder: Path) -> None:
    """Write the index of a case; whatever it names lies there already."""
    replace_file(folder / INDEX_NAME, index_bytes(index))


def index_bytes(index: KeptIndex) -> bytes:
    """Return the content of the index of a case."""
    content = {
        "format": KEPT_FORMAT,
        "case_id": index.case_id,
        "result_key": index.result_key,
        "kinds": sorted(index.kinds),
        "files": [asdict(one) for one in sorted(index.files, key=lambda one: one.path)],
    }
    # A byte of a name that is no UTF-8 becomes the escape that JSON has for it.
    body = json.dumps(content, indent=1, allow_nan=False).encode().removesuffix(b"\n}")
    return body + _SEAL + _seal(body) + _END


def read_index(folder: Path) -> KeptIndex:
    """Return what is kept of a case.

    Parameters
    ----------
    folder : Path
        See `case_folder`.

    Raises
    ------
    TableError
        ``KEPT-NOT-FOUND`` where nothing is kept.
    KeptFileError
        ``KEPT-DAMAGED`` where the index is not as it was written.
    """
    path = folder / INDEX_NAME
    where = f"{folder.name}/{INDEX_NAME}"
    index = index_from_bytes(_content(path, where, MOST_INDEX_BYTES), where)
    if file_stem(index.case_id) != folder.name:
        raise damaged(where, "it is the index of another case")
    return index


def index_from_bytes(content: bytes, where: str) -> KeptIndex:
    """Return the index that a file holds.

    Raises
    ------
    KeptFileError
        ``KEPT-DAMAGED`` where it is not as it was written.
    """
    try:
        return _index(content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise damaged(where, "the index was edited or cut") from error


def read_index_of(run: Path, case_id: str, result_key: str) -> KeptIndex:
    """Return what a run keeps of a result, as its tables name it.

    Raises
    ------
    TableError, KeptFileError
        As `read_index`, and ``KEPT-NOT-FOUND`` where it is of another result.
    """
    index = read_index(case_folder(run, case_id))
    if (index.case_id, index.result_key) != (case_id, result_key):
        raise _not_found("what is kept is of another result than the tables", case_id)
    return index


def kept_cases(run: Path) -> Iterator[Path]:
    """Yield the folders of all cases that a run keeps something of, by their names."""
    folder = run / KEPT_FOLDER
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if (path / INDEX_NAME).is_file())


def missing_kinds(folder: Path, result_key: str, kinds: Iterable[str]) -> tuple[str, ...]:
    """Return which kinds are not there for a result, by a look at names and sizes.

    Parameters
    ----------
    folder : Path
        Of the case.
    result_key : str
    kinds : iterable of str
        What is to be there.
    """
    wanted = sorted(kinds)
    try:
        index = read_index(folder)
    except (TableError, KeptFileError):
        return tuple(wanted)
    if index.result_key != result_key:
        return tuple(wanted)
    return tuple(
        kind
        for kind in wanted
        if kind not in index.kinds or not all(_is_there(folder, f) for f in index.of_kind(kind))
    )


def read_kept(folder: Path, file: KeptFile) -> bytes:
    """Return the content of a kept file, as it was written.

    Raises
    ------
    TableError
        ``KEPT-NOT-FOUND``.
    KeptFileError
        ``KEPT-DAMAGED`` where its size or digest is another one.
    """
    where = f"{folder.name}/{file.path}"
    content = _content(folder / file.path, where, file.n_bytes + 1)
    if len(content) != file.n_bytes:
        raise damaged(where, f"expected {file.n_bytes} bytes, found {_more(content, file)}")
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise damaged(where, "its content is not what was written (sha256)")
    return content


def read_mask(folder: Path, file: KeptFile) -> KeptMask:
    """Return a kept mask.

    Raises
    ------
    TableError, KeptFileError
        As `read_kept`, and ``KEPT-DAMAGED`` where it is of another ROI than the index says.
    """
    where = f"{folder.name}/{file.path}"
    mask = mask_from_bytes(read_kept(folder, file), where)
    if (mask.region.name, mask.image) != (file.roi_id, file.image):
        raise damaged(where, "it is of another ROI than the index says")
    return mask


def read_map(folder: Path, file: KeptFile) -> Volume:
    """Return a kept map: the values, grid and quantity that were measured.

    Raises
    ------
    TableError, KeptFileError
        As `read_kept`.
    ImageFileError
        Where it is no NIfTI file.
    """
    from biomarker_cli.imaging.files import read_image_file

    path, where = folder / file.path, f"{folder.name}/{file.path}"
    content = read_kept(folder, file)
    if file.quantity not in QUANTITIES or file.geometry is None:
        raise damaged(where, "the index does not say what its values are")
    volume = read_image_file(path, QUANTITIES[file.quantity], {path: content})
    try:
        geometry = geometry_from_plain(file.geometry)
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(where, "the index does not say where it lies") from error
    if not geometry.same_grid(volume.geometry):
        raise damaged(where, "it lies elsewhere than the index says")
    # The file holds its place in float32.
    return Volume(volume.as_float64(), geometry, volume.quantity, volume_id=file.map_name)


def _content(path: Path, where: str, most: int) -> bytes:
    # A pipe would never end.
    if not path.is_file():
        raise _not_found("no such file is kept", where)
    try:
        with path.open("rb") as stream:
            return stream.read(most)
    except OSError as error:
        raise damaged(where, f"it cannot be read: {error.strerror}") from error


def _index(text: bytes) -> KeptIndex:
    body, _, seal = text.rpartition(_SEAL)
    if seal != _seal(body) + _END:
        raise ValueError("edited")
    content = json.loads(text)
    if content["format"] != KEPT_FORMAT:
        raise ValueError("of another format")
    files = tuple(KeptFile(**one) for one in content["files"])
    if not all(_is_plain(one) for one in files):
        raise ValueError("a path leads elsewhere")
    return KeptIndex(content["case_id"], content["result_key"], tuple(content["kinds"]), files)


def _seal(body: bytes) -> bytes:
    """Return what an edit of an index would change, of all that stands before it."""
    return hashlib.sha256(body).hexdigest().encode()


def _is_plain(file: KeptFile) -> bool:
    """Tell whether a path names a file in the folder of its kind, and nothing beyond."""
    kind, slash, name = file.path.partition("/")
    return (
        kind == file.kind
        and kind in KINDS
        and slash == "/"
        and name.endswith(SUFFIXES[kind])
        and not name.startswith(".")
        and not set(name) & set("/\\:\0")
        and type(file.n_bytes) is int
        and file.n_bytes >= 0
    )


def _is_there(folder: Path, file: KeptFile) -> bool:
    try:
        return os.stat(f"{folder}/{file.path}").st_size == file.n_bytes  # noqa: PTH116 - often
    except OSError:
        return False


def _more(content: bytes, file: KeptFile) -> str:
    return "more" if len(content) > file.n_bytes else str(len(content))


def _not_found(what: str, where: str) -> TableError:
    return TableError(
        "KEPT-NOT-FOUND",
        what,
        where=where,
        hint="Write `keep: [masks, maps, pictures]` into the study and run it again: "
        "what is missing is made without measuring anew.",
    )
