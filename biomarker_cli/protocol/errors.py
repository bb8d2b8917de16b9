"""Errors of protocol files: they stop the command, exit code 2."""

from biomarker_cli.model.errors import ConfigurationError


class ProtocolError(ConfigurationError):
    """A protocol that is absent, malformed or contradicts itself."""
