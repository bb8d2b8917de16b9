"""AcquisitionProtocol: a protocol document with its typed rules."""

from __future__ import annotations

from dataclasses import dataclass

from biomarker_cli.acquisition.rules import AcquisitionRules
from biomarker_cli.protocol.document import ProtocolDocument
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.pickling import PickledOnce


@dataclass(frozen=True)
class AcquisitionProtocol(PickledOnce):
    """What a scan must be.

    Attributes
    ----------
    document : ProtocolDocument
        The merged file: id, version, sha256.
    content : AcquisitionRules
        Its typed form.
    """

    document: ProtocolDocument
    content: AcquisitionRules

    @property
    def ident(self) -> str:
        """``id@version``."""
        return self.document.ident


def load_acquisition(wanted: str) -> AcquisitionProtocol:
    """Load an acquisition protocol by id, ``id@version`` or path.

    Raises
    ------
    ProtocolError
        ``PROTOCOL-NOT-FOUND``, ``PROTOCOL-SYNTAX``, ``PROTOCOL-INVALID``,
        ``PROTOCOL-EXTENDS``.
    """
    return typed(load_document(ProtocolKind.ACQUISITION, wanted))


def typed(document: ProtocolDocument) -> AcquisitionProtocol:
    """Return a document with its typed rules.

    Raises
    ------
    ProtocolError
        ``PROTOCOL-INVALID``.
    """
    return AcquisitionProtocol(document, validate_section(AcquisitionRules, document))
