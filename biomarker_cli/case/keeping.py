"""Keep what a case was measured on: the masks of its regions, its maps, pictures of both.

Keeping is an addition at the end of the way of a case: it moves no number, and where it
fails the measurements stand.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.imaging.kept_maps import write_kept_map
from biomarker_cli.imaging.kept_masks import mask_bytes
from biomarker_cli.model.errors import BiomarkerError, CaseError
from biomarker_cli.model.file_names import FileNames
from biomarker_cli.model.outputs import PART_SUFFIX, replace_file
from biomarker_cli.tables.kept import (
    INDEX_NAME,
    KINDS,
    SUFFIXES,
    KeptFile,
    KeptIndex,
    read_index,
    write_index,
)

if TYPE_CHECKING:
    from biomarker_cli.imaging.geometry import Geometry
    from biomarker_cli.imaging.prepared_image import PreparedImage
    from biomarker_cli.imaging.quantity_map import QuantityMap
    from biomarker_cli.imaging.region import Region
    from biomarker_cli.imaging.volume import Volume

FILES_CHANGED = "its files are not what they were when it was measured"
"""Why nothing is kept of a case whose result stands for other files."""


@dataclass(frozen=True)
class KeepOrder:
    """What is to be kept of a case that is measured.

    Attributes
    ----------
    folder : Path
        Of the case.
    kinds : frozenset of str
        Of `tables.kept.KINDS`.
    """

    folder: Path
    kinds: frozenset[str]


@dataclass(frozen=True)
class KeepLater(KeepOrder):
    """What is to be made of a case that was measured before: nothing of it is measured anew.

    Attributes
    ----------
    result_key : str
        Of its result: what is read now must be what was read then.
    """

    result_key: str


@dataclass(frozen=True)
class Kept:
    """What was kept of a case.

    Attributes
    ----------
    files : tuple of KeptFile
    problem : CaseError or None
        ``CASE-KEEP-FAILED``; then nothing of it counts.
    log : str
        Traceback of an unexpected error.
    """

    files: tuple[KeptFile, ...] = ()
    problem: CaseError | None = None
    log: str = ""


class Keeper:
    """Keeps what a case is measured on, while it is measured.

    Parameters
    ----------
    order : KeepOrder
    """

    def __init__(self, order: KeepOrder) -> None:
        self._order = order
        self._files: list[KeptFile] = []
        self._names = {kind: FileNames() for kind in KINDS}
        self._drawn: set[str] = set()
        self._problem: CaseError | None = None
        self._log = ""
        self._try(self._begin)

    @property
    def kept(self) -> Kept:
        """What was kept so far."""
        return Kept(tuple(self._files), self._problem, self._log)

    def take(
        self,
        analysis: str,
        image: str,
        prepared: PreparedImage,
        regions: Sequence[tuple[str, Region]],
    ) -> None:
        """Keep what an analysis measures of an image.

        Parameters
        ----------
        analysis : str
            ``id@version``.
        image : str
            Name of the image of the case.
        prepared : PreparedImage
        regions : sequence of (str, Region)
            `roi_id` of the tables, and the region on the grid of the image.
        """
        if "maps" in self._order.kinds:
            for one in prepared.maps:
                self._try(self._map, one, analysis, image)
        # All analyses of an image measure the same regions.
        if image not in self._drawn:
            self._drawn.add(image)
            for roi_id, region in regions:
                self._try(self._region, roi_id, region, image, prepared.volume)

    def _try(self, step: Any, *given: Any) -> None:
        """Take a step; what stops it costs what is kept, never what was measured."""
        if self._problem is not None:
            return
        try:
            step(*given)
        except OSError as error:
            self._problem = keep_failed(error.strerror or type(error).__name__)
        except Exception as error:  # noqa: BLE001 - the measurements of the case stand
            self._problem = keep_failed(f"an unexpected {type(error).__name__}")
            self._log = traceback.format_exc()

    def _begin(self) -> None:
        folder = self._order.folder
        folder.mkdir(parents=True, exist_ok=True)
        _require_own(folder)
        if not _earlier(self._order).result_key:
            # What lies there is of an earlier result from now on.
            (folder / INDEX_NAME).unlink(missing_ok=True)

    def _map(self, one: QuantityMap, analysis: str, image: str) -> None:
        path = self._path("maps", f"{one.image}__{analysis}")
        write_kept_map(one.volume, path)
        sha256, n_bytes = _digest(path)
        twin = next((f for f in self._files if f.kind == "maps" and f.sha256 == sha256), None)
        if twin is not None:
            # Two analyses measure one map; it is kept once.
            path.unlink()
        self._files.append(
            KeptFile(
                "maps",
                twin.path if twin else f"maps/{path.name}",
                sha256,
                n_bytes,
                image,
                analysis_id=analysis,
                map_name=one.image,
                quantity=one.volume.quantity.name,
                geometry=_plain(one.volume.geometry),
            )
        )

    def _region(self, roi_id: str, region: Region, image: str, volume: Volume) -> None:
        if "masks" in self._order.kinds:
            self._store("masks", mask_bytes(region, roi_id, image), roi_id, image)
        if "pictures" in self._order.kinds:
            from biomarker_cli.drawing.picture_svg import picture_svg
            from biomarker_cli.drawing.region_tiles import region_tiles

            picture = picture_svg(region_tiles(region, volume), roi_id)
            self._store("pictures", picture, roi_id, image)

    def _store(self, kind: str, content: bytes, roi_id: str, image: str) -> None:
        path = self._path(kind, roi_id)
        replace_file(path, content)
        sha256 = hashlib.sha256(content).hexdigest()
        name = f"{kind}/{path.name}"
        self._files.append(KeptFile(kind, name, sha256, len(content), image, roi_id=roi_id))

    def _path(self, kind: str, text: str) -> Path:
        folder = self._order.folder / kind
        folder.mkdir(exist_ok=True)
        _require_own(folder)
        return folder / f"{self._names[kind].of(text)}{SUFFIXES[kind]}"


def keep_failed(why: str) -> CaseError:
    """Return what is said of a case of which nothing could be kept."""
    return CaseError(
        "CASE-KEEP-FAILED",
        f"what the study keeps of the case could not be kept: {why}",
        hint="Its measurements stand. Run again: only what is missing is made.",
    )


def finish(order: KeepOrder, kept: Kept, case_id: str, result_key: str) -> Kept:
    """Write the index of what was kept, and take away what it does not name.

    Parameters
    ----------
    order : KeepOrder
    kept : Kept
    case_id : str
    result_key : str
        Of what was read; empty where it had changed meanwhile.
    """
    if isinstance(order, KeepLater) and order.result_key != result_key:
        kept = replace(kept, problem=kept.problem or keep_failed(FILES_CHANGED))
    earlier = _earlier(order)
    if kept.problem is not None or not result_key:
        # Its room may be what the result needs.
        with contextlib.suppress(OSError):
            _take_away(order.folder, {one.path for one in earlier.files})
        return kept
    files = kept.files + tuple(one for one in earlier.files if one.kind not in order.kinds)
    kinds = order.kinds | set(earlier.kinds)
    try:
        write_index(KeptIndex(case_id, result_key, tuple(kinds), files), order.folder)
        _take_away(order.folder, {one.path for one in files})
    except OSError as error:
        return replace(kept, problem=keep_failed(error.strerror or type(error).__name__))
    return kept


def _earlier(order: KeepOrder) -> KeptIndex:
    """Return what is there already of the result that something is kept of."""
    nothing = KeptIndex("", "", (), ())
    if not isinstance(order, KeepLater):
        return nothing
    try:
        found = read_index(order.folder)
    except BiomarkerError:
        return nothing
    return found if found.result_key == order.result_key else nothing


def _require_own(folder: Path) -> None:
    """Refuse a link: what is written through it, and taken away, would be of somebody else."""
    if folder.is_symlink():
        raise OSError(errno.ELOOP, f"{folder.name} is a link that leads elsewhere")


def _take_away(folder: Path, named: set[str]) -> None:
    """Remove files of ours that the index does not name; what others put there stays."""
    if folder.is_symlink():
        return
    for kind in KINDS:
        if (folder / kind).is_symlink():
            continue
        for path in (folder / kind).glob("*"):
            is_ours = path.name.endswith((SUFFIXES[kind], PART_SUFFIX))
            if is_ours and f"{kind}/{path.name}" not in named:
                path.unlink()


def remove_kept(folder: Path) -> None:
    """Remove what is kept of a case that has left the study; what others put there stays."""
    (folder / INDEX_NAME).unlink(missing_ok=True)
    _take_away(folder, set())
    for path in (*(folder / kind for kind in KINDS), folder):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
        return digest.hexdigest(), stream.tell()


def _plain(geometry: Geometry) -> dict[str, Any]:
    return {
        "shape": list(geometry.shape),
        "spacing_mm": list(map(float, geometry.spacing_mm)),
        "origin_mm": list(map(float, geometry.origin_mm)),
        "direction": list(map(float, geometry.direction)),
    }
