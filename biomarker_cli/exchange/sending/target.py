"""Where files are sent to, whatever it speaks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, Self

from biomarker_cli.exchange.dimse.peers import peer_of
from biomarker_cli.exchange.fetching.choosing import ChosenSource, Credentials
from biomarker_cli.exchange.fetching.opening import made_by_kind
from biomarker_cli.exchange.fetching.remote import RemoteSeries
from biomarker_cli.exchange.fetching.sources import DicomwebSource, DimseSource
from biomarker_cli.exchange.sending.outgoing_files import CHANGED, OutgoingFile

Tell = Callable[[OutgoingFile, str, str], None]
"""Hears of each file: its code (empty: taken) and what the target says."""


def as_found(files: Sequence[OutgoingFile], tell: Tell) -> list[OutgoingFile]:
    """Return the files that still are what was read of them; of the others it is told."""
    found = []
    for file in files:
        if file.is_as_found():
            found.append(file)
        else:
            tell(file, CHANGED, "another file lies there now, or none")
    return found


class SendTarget(Protocol):
    """A target that is connected; a context manager.

    Its calls raise `RemoteError` and its subclasses.
    """

    def __enter__(self) -> Self:
        """Connect, where the protocol asks for it."""

    def __exit__(self, *_: object) -> None:
        """End the connection."""

    def has_study(self, study_uid: str) -> bool:
        """Tell whether it holds anything of a study."""

    def held(self, series: RemoteSeries) -> set[str]:
        """Return the SOP Instance UIDs that it holds of a series."""

    def store(self, files: Sequence[OutgoingFile], tell: Tell) -> None:
        """Send files of a series and tell what became of each, as soon as it is known."""


def target_of(chosen: ChosenSource) -> SendTarget:
    """Return the target that a name of the file of sources stands for.

    Raises
    ------
    SourceError
        As `made_by_kind` does.
    """
    return made_by_kind(chosen, _stow_target, _store_target)


def _stow_target(source: DicomwebSource, credentials: Credentials) -> SendTarget:
    from biomarker_cli.exchange.sending.stow import StowTarget

    return StowTarget(source, credentials)


def _store_target(source: DimseSource, credentials: Credentials) -> SendTarget:
    from biomarker_cli.exchange.sending.cstore import StoreTarget

    return StoreTarget(peer_of(source, credentials))
