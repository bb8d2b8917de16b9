"""A DICOM node in a thread, which holds files in memory and may misbehave."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from biomarker_cli.exchange.dimse.association import ended
from tests.servers.orthanc import free_port

SERVICES = (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
Answers = Iterator[tuple[int, Dataset | None]]


class Socket(AssociationSocket):
    """Closes what its peer has ended before."""

    def _shutdown_socket(self) -> None:
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()


class Messages(DIMSEServiceProvider):
    """Leaves the answers to who waits for them: pynetdicom's own may be taken away."""

    def get_msg(self, block: bool = False) -> Any:
        return super().get_msg(block) if block else (None, None)


class Entity(AE):
    """Calls with such a socket."""

    def _create_socket(self, *arguments: Any) -> AssociationSocket:
        made = super()._create_socket(*arguments)
        made.__class__ = Socket
        made.assoc.dimse = Messages(made.assoc)
        return made


class Request(RequestHandler):
    """Takes an association with such a socket."""

    def _create_association(self) -> Any:
        made = super()._create_association()
        made.dul.socket.__class__ = Socket
        return made


@dataclass
class Node:
    """A node on loopback.

    ``behave`` of a service (``find``, ``get``, ``move``, ``store``) takes its place.
    """

    contents: dict[str, bytes] = field(default_factory=dict)
    title: str = "NODE"
    knows: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    move_to: tuple[str, int] = ("127.0.0.1", 0)
    behave: dict[str, Callable[..., Any]] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    store_status: int = 0x0000

    def __enter__(self) -> Node:
        self.port = free_port()
        entity = Entity(self.title)
        entity.require_called_aet = True
        entity.require_calling_aet = list(self.knows)
        for service in SERVICES:
            entity.add_supported_context(service)
        for context in AllStoragePresentationContexts:
            if not self.classes or context.abstract_syntax in self.classes:
                entity.add_supported_context(
                    context.abstract_syntax, pydicom.uid.AllTransferSyntaxes, True, True
                )
        self._read = [pydicom.dcmread(io.BytesIO(one)) for one in self.contents.values()]
        self._server = ThreadedAssociationServer(
            entity,
            ("127.0.0.1", self.port),
            self.title,
            entity.supported_contexts,
            request_handler=Request,
            evt_handlers=[
                (evt.EVT_C_FIND, self.behave.get("find", self.find)),
                (evt.EVT_C_GET, self.behave.get("get", self.get)),
                (evt.EVT_C_MOVE, self.behave.get("move", self.move)),
                (evt.EVT_C_STORE, self.behave.get("store", self.store)),
            ],
        )
        entity._servers.append(self._server)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        active = self._server.active_associations
        self._server.shutdown()
        for association in active:
            ended(association)

    def matching(self, asked: Dataset) -> list[Dataset]:
        """Return what it holds of the UIDs and the modality that are asked for."""
        keys = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality", "PatientID")
        wanted = {key: asked[key].value for key in keys if asked.get(key)}
        lists = {key: [one] if isinstance(one, str) else list(one) for key, one in wanted.items()}
        return [
            one
            for one in self._read
            if all(one.get(key) in values for key, values in lists.items())
        ]

    def find(self, event: evt.Event) -> Answers:
        asked = event.identifier
        told = set()
        for one in self.matching(asked):
            answer = Dataset()
            for element in asked:
                answer[element.tag] = one.get(element.tag, element)
            answer.QueryRetrieveLevel = asked.QueryRetrieveLevel
            if str(answer) not in told:
                told.add(str(answer))
                yield 0xFF00, answer

    def get(self, event: evt.Event) -> Iterator[Any]:
        found = self.matching(event.identifier)
        yield len(found)
        for one in found:
            yield 0xFF00, one

    def move(self, event: evt.Event) -> Iterator[Any]:
        found = self.matching(event.identifier)
        yield (
            *self.move_to,
            {"contexts": AllStoragePresentationContexts[:100], "ext_neg": []},
        )
        yield from [len(found), *((0xFF00, one) for one in found)]

    def store(self, event: evt.Event) -> int:
        self.stored[str(event.request.AffectedSOPInstanceUID)] = event.encoded_dataset()
        return self.store_status
