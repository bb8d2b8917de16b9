"""Errors of fetching, by what is left to do: ask again, ask for another series, or stop."""

from biomarker_cli.model.errors import CaseError, ConfigurationError


class SourceError(ConfigurationError):
    """A source, a query or a folder that cannot be used as it is written."""


class RemoteError(CaseError):
    """A transfer that failed; the same may work when it is asked for again."""


class SeriesRefusedError(RemoteError):
    """A series that will not come, however often it is asked for; others may."""


class SourceRefusedError(SeriesRefusedError):
    """A source that says no to everything: its answer would be the same for each series."""
