"""Connect to a source, whatever it speaks."""

from __future__ import annotations

from biomarker_cli.exchange.dimse.peers import require_pynetdicom
from biomarker_cli.exchange.fetching.choosing import ChosenSource, credentials_of
from biomarker_cli.exchange.fetching.remote import Remote
from biomarker_cli.exchange.fetching.sources import DicomwebSource


def remote_of(chosen: ChosenSource) -> Remote:
    """Return the remote of a source, not yet connected.

    Raises
    ------
    SourceError
        Where credentials or certificates cannot be used, or a package is not installed.
    """
    credentials = credentials_of(chosen)
    source = chosen.source
    if isinstance(source, DicomwebSource):
        from biomarker_cli.exchange.fetching.dicomweb import DicomwebRemote

        return DicomwebRemote(source, credentials)
    require_pynetdicom()
    from biomarker_cli.exchange.fetching.dimse import dimse_remote

    return dimse_remote(source, credentials)
