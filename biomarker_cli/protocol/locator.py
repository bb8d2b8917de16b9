"""Find protocol files: shipped ones by ``id[@version]``, others by path.

An installed wheel carries them inside the package; a checkout has them in
``protocols/`` at its top. One place says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from biomarker_cli.protocol.document import ID_PATTERN
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.versions import Version, in_range
from biomarker_cli.protocol.yaml_source import read_yaml

_LONGEST_ID = 100
"""Letters; the longest that is shipped has 30, and a folder takes at most 255."""

_PACKAGE = Path(__file__).resolve().parent.parent


class ProtocolKind(StrEnum):
    """The kinds of protocol; the value names their folder."""

    ACQUISITION = "acquisition"
    ANALYSIS = "analysis"
    RESPONSE = "response"
    REGISTRATION = "registration"

    @property
    def others(self) -> tuple[ProtocolKind, ...]:
        """The other kinds."""
        return tuple(kind for kind in ProtocolKind if kind is not self)

    @property
    def described(self) -> str:
        """The kind with its article, for messages."""
        return f"{'an' if self.value.startswith('a') else 'a'} {self.value} protocol"

    @property
    def example(self) -> str:
        """One that is shipped."""
        return {
            "acquisition": "recist-ct",
            "analysis": "fdg-suv",
            "response": "recist-1.1",
            "registration": "rigid-same-modality",
        }[self]

    @property
    def format_name(self) -> str:
        """What ``format:`` must say in such a file."""
        return f"biomarker-{self.value}/1"


def protocol_root() -> Path:
    """Return the folder of the shipped protocols."""
    packaged = _PACKAGE / "_protocols"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "protocols"


def shipped_versions(kind: ProtocolKind, ident: str) -> dict[Version, Path]:
    """Return the versions of one protocol, in rising order; none where `ident` is no id."""
    return versions_in(protocol_root() / kind.value, ident)


def versions_in(folder: Path, ident: str) -> dict[Version, Path]:
    """Return the versions of what a folder has under an id, as `shipped_versions` does."""
    if not re.match(ID_PATTERN, ident) or len(ident) > _LONGEST_ID:
        return {}
    found = {Version.parse(path.stem): path for path in (folder / ident).glob("*.yaml")}
    return dict(sorted(found.items()))


def list_protocols(kind: ProtocolKind) -> list[Path]:
    """Return the file of every shipped version of a kind, sorted by id and version."""
    root = protocol_root() / kind.value
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir())
    return [path for f in folders for path in shipped_versions(kind, f.name).values()]


def newest_protocols(kind: ProtocolKind) -> list[Path]:
    """Return of each shipped protocol what its id alone means, and what is newer, by id."""
    found: list[Path] = []
    for ident in shipped_ids(kind):
        versions = shipped_versions(kind, ident)
        paths = list(versions.values())
        found += paths[paths.index(_newest_active(versions)) :]
    return found


def shipped_ids(kind: ProtocolKind) -> list[str]:
    """Return the id of every shipped protocol of a kind, sorted."""
    return sorted({path.parent.name for path in list_protocols(kind)})


def closest(wanted: str, known: Iterable[str]) -> list[str]:
    """Return the names that a mistyped or shortened one may mean, the likeliest first."""
    names = list(known)
    word = wanted.lower()
    starting = [name for name in names if word and name.startswith(word)]
    return (starting or get_close_matches(word, names, n=3, cutoff=0.6))[:5]


def unknown_id(ident: str, *kinds: ProtocolKind) -> ProtocolError:
    """Return the error for an id that no shipped protocol of some kinds has."""
    what = kinds[0].value + " protocol" if len(kinds) == 1 else "protocol"
    by_path = "A file is named by its path, ending in .yaml."
    if _is_file(Path(ident)):
        step = by_path
    elif len(ident) <= _LONGEST_ID and Path(ident).is_dir() and ident:
        step = f"It is a folder: name a file in it. {by_path}"
    elif len(kinds) == 1 and (other := _kind_with(ident, kinds[0].others)) is not None:
        return ProtocolError(
            "PROTOCOL-NOT-FOUND",
            f"{ident!r} is {other.described}; {kinds[0].described} is expected",
            hint=f"Shipped {kinds[0].value} protocols are: {', '.join(shipped_ids(kinds[0]))}.",
        )
    else:
        known = [name for kind in kinds for name in shipped_ids(kind)]
        near = closest(ident, known)
        meant = f"Did you mean {' or '.join(near)}? `biomarker protocol list` shows all."
        step = f"{meant if near else 'Shipped are: ' + ', '.join(known) + '.'} {by_path}"
    return ProtocolError(
        "PROTOCOL-NOT-FOUND", f"no {what} is called {ident[:_LONGEST_ID]!r}", hint=step
    )


def _kind_with(ident: str, kinds: Iterable[ProtocolKind]) -> ProtocolKind | None:
    return next((kind for kind in kinds if shipped_versions(kind, ident)), None)


def locate(kind: ProtocolKind, wanted: str) -> Path:
    """Return the file of ``id``, ``id@version``, ``id@^1.0`` or a path.

    An id without version means the newest active version, else the newest draft.

    Raises
    ------
    ProtocolError
        ``PROTOCOL-NOT-FOUND``.
    """
    path = Path(wanted)
    if path.suffix in {".yaml", ".yml"}:
        if not _is_file(path):
            raise ProtocolError(
                "PROTOCOL-NOT-FOUND",
                f"no such protocol file: {wanted}",
                hint="A shipped protocol is named by its id alone: `biomarker protocol list`.",
            )
        return path
    ident = wanted.partition("@")[0]
    versions = shipped_versions(kind, ident)
    if not versions:
        raise unknown_id(ident, kind)
    return chosen(versions, wanted)


def chosen(versions: dict[Version, Path], wanted: str) -> Path:
    """Return which of the versions of an id ``id``, ``id@version`` or ``id@^1.0`` means.

    Raises
    ------
    ProtocolError
        ``PROTOCOL-NOT-FOUND``.
    """
    ident, at, version = wanted.partition("@")
    if not at:
        return _newest_active(versions)
    shipped = f"Shipped are: {', '.join(map(str, versions))}."
    try:
        matching = [p for v, p in versions.items() if in_range(v, version)]
    except ValueError as error:
        raise ProtocolError("PROTOCOL-NOT-FOUND", str(error), where=wanted, hint=shipped) from error
    if not matching:
        raise ProtocolError(
            "PROTOCOL-NOT-FOUND",
            f"{ident!r} has no version {version}",
            hint=shipped,
        )
    return matching[-1]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # a name that is too long for any file


def _newest_active(versions: dict[Version, Path]) -> Path:
    """Return the newest active version, else the newest draft, else the newest retired one."""
    by_status = {str(read_yaml(path)[0].get("status")): path for path in versions.values()}
    newest = list(versions.values())[-1]
    return by_status.get("active") or by_status.get("draft") or newest
