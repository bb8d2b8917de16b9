"""The versioned YAML machinery that acquisition and analysis protocols share."""

from biomarker_cli.protocol.document import ProtocolDocument, ProtocolHeader
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind, list_protocols, locate
from biomarker_cli.protocol.lock import LOCK_NAME, require_locked, write_lock

__all__ = [
    "LOCK_NAME",
    "ProtocolDocument",
    "ProtocolError",
    "ProtocolHeader",
    "ProtocolKind",
    "list_protocols",
    "load_document",
    "locate",
    "require_locked",
    "validate_section",
    "write_lock",
]
