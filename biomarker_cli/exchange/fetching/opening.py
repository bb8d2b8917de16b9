"""Connect to a source, whatever it speaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from biomarker_cli.exchange.dimse.peers import require_pynetdicom
from biomarker_cli.exchange.fetching.choosing import ChosenSource, Credentials, credentials_of
from biomarker_cli.exchange.fetching.remote import Remote
from biomarker_cli.exchange.fetching.sources import DicomwebSource, DimseSource

_Made = TypeVar("_Made")


def remote_of(chosen: ChosenSource) -> Remote:
    """Return the remote of a source, not yet connected.

    Raises
    ------
    SourceError
        As `made_by_kind` does.
    """
    return made_by_kind(chosen, _dicomweb_remote, _dimse_remote)


def made_by_kind(
    chosen: ChosenSource,
    over_dicomweb: Callable[[DicomwebSource, Credentials], _Made],
    over_dimse: Callable[[DimseSource, Credentials], _Made],
) -> _Made:
    """Return what is made of a source by the one of two functions that speaks its protocol.

    Parameters
    ----------
    chosen : ChosenSource
    over_dicomweb, over_dimse : callable
        Each imports what it needs: the packages of the other one may be absent.

    Raises
    ------
    SourceError
        Where credentials or certificates cannot be used, or a package is not installed.
    """
    credentials = credentials_of(chosen)
    if isinstance(chosen.source, DicomwebSource):
        return over_dicomweb(chosen.source, credentials)
    require_pynetdicom()
    return over_dimse(chosen.source, credentials)


def _dicomweb_remote(source: DicomwebSource, credentials: Credentials) -> Remote:
    from biomarker_cli.exchange.fetching.dicomweb import DicomwebRemote

    return DicomwebRemote(source, credentials)


def _dimse_remote(source: DimseSource, credentials: Credentials) -> Remote:
    from biomarker_cli.exchange.fetching.dimse import dimse_remote

    return dimse_remote(source, credentials)
