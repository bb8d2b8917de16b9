"""A target that speaks DIMSE: C-STORE, the bytes of the data set as they lie in the file."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.uid import UID
from pynetdicom.association import Association

from biomarker_cli.exchange.dimse.association import (
    activity_with,
    associated,
    is_success,
    standing,
    status_of,
    status_words,
)
from biomarker_cli.exchange.dimse.contexts import CONTEXTS_AT_MOST, class_words, of_pairs
from biomarker_cli.exchange.dimse.peers import Peer
from biomarker_cli.exchange.dimse.watching import Activity
from biomarker_cli.exchange.fetching.dimse import DimseRemote
from biomarker_cli.exchange.fetching.errors import RemoteError, SeriesRefusedError
from biomarker_cli.exchange.sending.asked_target import AskedTarget
from biomarker_cli.exchange.sending.outgoing_files import UNREADABLE, OutgoingFile
from biomarker_cli.exchange.sending.target import Tell, as_found

_WARNING_FAMILY = 0xB


class StoreTarget(AskedTarget):
    """A DICOM node that takes files by C-STORE and is asked by C-FIND what it holds.

    Parameters
    ----------
    peer : Peer
    """

    def __init__(self, peer: Peer) -> None:
        super().__init__(DimseRemote(peer))
        self._peer = peer

    def store(self, files: Sequence[OutgoingFile], tell: Tell) -> None:
        """Send files over one association for each 128 pairs of class and encoding."""
        of_pair: dict[tuple[str, str], list[OutgoingFile]] = {}
        for file in files:
            of_pair.setdefault((file.sop_class_uid, file.encoding), []).append(file)
        pairs = list(of_pair)
        for start in range(0, len(pairs), CONTEXTS_AT_MOST):
            some = pairs[start : start + CONTEXTS_AT_MOST]
            self._store({pair: of_pair[pair] for pair in some}, tell)

    def _store(self, of_pair: dict[tuple[str, str], list[OutgoingFile]], tell: Tell) -> None:
        activity = activity_with(self._peer)
        try:
            with associated(self._peer, of_pairs(of_pair), activity) as association:
                accepted = {
                    (str(one.abstract_syntax), str(one.transfer_syntax[0]))
                    for one in association.accepted_contexts
                }
                for pair, files in of_pair.items():
                    for file in files:
                        if pair not in accepted:
                            tell(file, "DIMSE-CLASS", _not_accepted(*pair))
                        elif as_found([file], tell):
                            self._store_one(association, file, activity, tell)
        except SeriesRefusedError as error:
            # Of these classes none is taken; the association is not opened for less.
            if error.code != "DIMSE-CLASS":
                raise
            for pair, files in of_pair.items():
                for file in files:
                    tell(file, error.code, _not_accepted(*pair))

    def _store_one(
        self, association: Association, file: OutgoingFile, activity: Activity, tell: Tell
    ) -> None:
        activity.touch()
        with standing(self._peer, association, activity):
            try:
                answer = association.send_c_store(file.path)
            except OSError as error:
                words = error.strerror or "it cannot be read"
                tell(file, UNREADABLE, words)
                # Half a message may be on its way: the others go by another association.
                raise RemoteError(UNREADABLE, words, where=file.name) from error
        status = status_of(self._peer, answer, activity)
        if is_success(status) or status >> 12 == _WARNING_FAMILY:
            words = "" if is_success(status) else f"stored; the target says {status_words(status)}"
            tell(file, "", words)
            return
        tell(file, "DIMSE-STATUS", f"the target answers {status_words(status)}")


def _not_accepted(sop_class: str, encoding: str) -> str:
    return f"the target takes no {class_words(sop_class)} in {UID(encoding).name}"
