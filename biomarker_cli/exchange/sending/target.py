"""Where files are sent to, whatever it speaks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, Self

from biomarker_cli.exchange.dimse.peers import peer_of, require_pynetdicom
from biomarker_cli.exchange.fetching.choosing import ChosenSource, credentials_of
from biomarker_cli.exchange.fetching.remote import RemoteSeries
from biomarker_cli.exchange.fetching.sources import DicomwebSource
from biomarker_cli.exchange.sending.outgoing_files import OutgoingFile

Tell = Callable[[OutgoingFile, str, str], None]
"""Hears of each file: its code (empty: taken) and what the target says."""


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
        Where credentials or certificates cannot be used, or a package is not installed.
    """
    credentials = credentials_of(chosen)
    source = chosen.source
    if isinstance(source, DicomwebSource):
        from biomarker_cli.exchange.sending.stow import StowTarget

        return StowTarget(source, credentials)
    require_pynetdicom()
    from biomarker_cli.exchange.sending.cstore import StoreTarget

    return StoreTarget(peer_of(source, credentials))
