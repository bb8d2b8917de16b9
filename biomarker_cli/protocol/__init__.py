"""The versioned YAML machinery that acquisition and analysis protocols share."""

from typing import TYPE_CHECKING

from biomarker_cli.on_demand import names_on_demand

if TYPE_CHECKING:
    from biomarker_cli.protocol.document import ProtocolDocument, ProtocolHeader
    from biomarker_cli.protocol.errors import ProtocolError
    from biomarker_cli.protocol.loading import load_document, validate_section
    from biomarker_cli.protocol.locator import ProtocolKind, list_protocols, locate
    from biomarker_cli.protocol.lock import LOCK_NAME, require_locked, write_lock
else:
    __getattr__ = names_on_demand(
        __name__,
        document="ProtocolDocument ProtocolHeader",
        errors="ProtocolError",
        loading="load_document validate_section",
        locator="ProtocolKind list_protocols locate",
        lock="LOCK_NAME require_locked write_lock",
    )

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
