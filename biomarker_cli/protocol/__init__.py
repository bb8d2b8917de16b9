"""The versioned YAML machinery that acquisition and analysis protocols share."""

from biomarker_cli.protocol.document import ProtocolDocument, ProtocolHeader
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind, list_protocols, locate

__all__ = [
    "ProtocolDocument",
    "ProtocolError",
    "ProtocolHeader",
    "ProtocolKind",
    "list_protocols",
    "load_document",
    "locate",
    "validate_section",
]
