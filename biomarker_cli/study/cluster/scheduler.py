"""Find and reach the scheduler of a cluster, and refuse one that would measure otherwise."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.inputs import read_whole
from biomarker_cli.model.wording import counted, quoted
from biomarker_cli.study.cluster.client import ClusterClient
from biomarker_cli.study.cluster.environment import ABSENT, differences, versions
from biomarker_cli.study.cluster.errors import ClusterError

_ADDRESS = re.compile(r"(?:(?:tcp|tls)://)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")

_LARGEST_FILE = 1 << 20
"""Bytes; a scheduler with hundreds of workers writes less."""

_ANSWER_WITHIN_S = 5.0
_WRITTEN_WITHIN_S = 2.0
_LOOK_EVERY_S = 0.1
_NAMED_AT_MOST = 5


def address_of(named: str) -> str:
    """Return the address of a scheduler that is named by its address or its file.

    Parameters
    ----------
    named : str
        ``tcp://host:8786``, ``host:8786``, or the file that ``dask scheduler
        --scheduler-file FILE`` writes.

    Raises
    ------
    ClusterError
        ``CLUSTER-SCHEDULER``.
    """
    if _ADDRESS.fullmatch(named):
        return named
    if "://" in named:
        raise ClusterError(
            "CLUSTER-SCHEDULER",
            f"{quoted(named)} is no address of a scheduler",
            hint="Expected tcp://host:port or tls://host:port.",
        )
    until = time.monotonic() + _WRITTEN_WITHIN_S
    while True:
        try:
            return _address_in(Path(named))
        except _CutError as error:
            # Dask does not write it at once: a scheduler may just be starting.
            if time.monotonic() > until:
                raise _unusable(Path(named), str(error)) from error
            time.sleep(_LOOK_EVERY_S)


class _CutError(Exception):
    """What stands in the file is no JSON."""


def _address_in(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise _unusable(path, f"it has more than {_LARGEST_FILE} bytes")
        content, _ = read_whole(path)
    except (OSError, ValueError) as error:
        raise ClusterError(
            "CLUSTER-SCHEDULER",
            f"there is no scheduler file that can be read: {type(error).__name__}",
            where=str(path),
            hint="Start it with `dask scheduler --scheduler-file FILE`, in a folder that the "
            "machines share, or name its address host:port.",
        ) from error
    except ClusterError:
        raise
    except BiomarkerError as error:
        raise _unusable(path, error.message) from error
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _CutError("it is no JSON") from error
    address = found.get("address") if isinstance(found, dict) else None
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
        raise _unusable(path, f"it names no address tcp://host:port, but {quoted(address)}")
    return address


def _unusable(path: Path, what: str) -> ClusterError:
    return ClusterError(
        "CLUSTER-SCHEDULER",
        f"the scheduler file cannot be used: {what}",
        where=str(path),
        hint="Let `dask scheduler --scheduler-file FILE` write it anew.",
    )


@contextmanager
def connected(named: str) -> Iterator[ClusterClient]:
    """Hold a connection to a scheduler whose workers measure as this process would.

    Parameters
    ----------
    named : str
        See `address_of`.

    Raises
    ------
    ClusterError
        ``CLUSTER-NO-DASK``, ``CLUSTER-SCHEDULER``, ``CLUSTER-NOT-REACHED``,
        ``CLUSTER-VERSIONS``.
    """
    address = address_of(named)
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError(
            "CLUSTER-NO-DASK",
            f"Dask is not installed: {error}",
            hint="pip install 'biomarker-cli[cluster]', here and for the workers.",
        ) from error
    _silence()
    _require_scheduler(address)
    try:
        with warnings.catch_warnings():
            # Of other versions: they are refused by name.
            warnings.simplefilter("ignore")
            client = cast("Callable[..., ClusterClient]", Client)(
                address, timeout=_ANSWER_WITHIN_S, set_as_default=False, name="biomarker"
            )
    except (OSError, TimeoutError) as error:
        raise _not_reached(address, error) from error
    try:
        try:
            require_same_versions(client)
        except (OSError, TimeoutError) as error:
            raise _not_reached(address, error) from error
        yield client
    finally:
        client.close(timeout=1)


def _require_scheduler(address: str) -> None:
    """Refuse an address at which no scheduler answers; a client of Dask would go on trying."""
    try:
        kind = asyncio.run(asyncio.wait_for(_kind_of(address), _ANSWER_WITHIN_S))
    except Exception as error:
        # Whatever listens there may say anything.
        raise _not_reached(address, error) from error
    if kind != "Scheduler":
        raise ClusterError(
            "CLUSTER-SCHEDULER",
            f"what answers at {quoted(address)} is no scheduler, but {quoted(kind)}",
            hint="Name the scheduler itself: its log says `Scheduler at: tcp://host:port`.",
        )


def _not_reached(address: str, error: Exception) -> ClusterError:
    return ClusterError(
        "CLUSTER-NOT-REACHED",
        f"no scheduler answers at {quoted(address)} within {_ANSWER_WITHIN_S:g} s: "
        f"{type(error).__name__}",
        hint="Is it running, and does a firewall let this machine reach it?",
    )


async def _kind_of(address: str) -> object:
    from distributed.comm.core import connect
    from distributed.security import Security

    secured = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
    comm = await connect(address, timeout=_ANSWER_WITHIN_S, **secured)  # type: ignore[no-untyped-call]
    try:
        await comm.write({"op": "identity", "reply": True})
        answer = await comm.read()
    finally:
        comm.abort()
    return answer.get("type") if isinstance(answer, dict) else answer


def _silence() -> None:
    """Let Dask log nothing: what ends is said by our own errors."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def require_same_versions(client: ClusterClient) -> None:
    """Refuse a cluster of which a worker, or the scheduler, has other versions than we.

    Raises
    ------
    ClusterError
        ``CLUSTER-VERSIONS``, which names who and what.
    OSError, TimeoutError
        Where the scheduler does not answer.
    """
    cluster = client.get_versions()
    here = versions()
    common = {name: here[name] for name in ("python", "dask", "distributed")}
    told = {"the scheduler": cluster["scheduler"]}
    told |= {f"worker {address}": worker for address, worker in cluster["workers"].items()}
    found = {who: differences(common, _common(process)) for who, process in told.items()}
    if not found["the scheduler"]:
        # Those of the same Dask and Python can be asked for the rest.
        found |= {
            who: _of_all(answer)
            for who, answer in _asked(client, cluster["workers"]).items()
            if not found[who]
        }
    bad = {who: what for who, what in found.items() if what}
    if bad:
        raise other_versions(bad)


def _asked(client: ClusterClient, workers: Iterable[str]) -> dict[str, object]:
    """Return the versions that scheduler and workers tell, or what came of it when asked."""
    try:
        answer = client.run_on_scheduler(versions)
    except Exception as error:  # noqa: BLE001 - Dask raises what it finds there
        answer = error
    answers = client.run(versions, workers=list(workers), on_error="return") if workers else {}
    return {"the scheduler": answer} | {f"worker {a}": told for a, told in answers.items()}


def _of_all(answer: object) -> list[str]:
    """Return what differs by an answer; one that has gone meanwhile measures nothing."""
    here = versions()
    if isinstance(answer, Mapping):
        return differences(here, answer)
    if isinstance(answer, OSError):
        return []
    # There is nothing by the name of what it was asked to call.
    return [f"biomarker {here['biomarker']} here, {ABSENT} there"]


def _common(told: Mapping[str, Any] | None) -> dict[str, str]:
    """Return what Dask itself says of a process: its Python and its own versions."""
    packages = dict((told or {}).get("packages", {}))
    # 3.11.7.final.0
    packages["python"] = ".".join(str(packages.get("python", "")).split(".")[:3])
    return packages


def other_versions(bad: Mapping[str, list[str]]) -> ClusterError:
    """Return the refusal of those that have other versions.

    Parameters
    ----------
    bad : mapping
        Who -> what differs.
    """
    named = [f"{who}: {', '.join(what)}" for who, what in list(bad.items())[:_NAMED_AT_MOST]]
    if len(bad) > _NAMED_AT_MOST:
        named.append(counted(len(bad) - _NAMED_AT_MOST, "more process", "more processes"))
    return ClusterError(
        "CLUSTER-VERSIONS",
        f"the cluster would measure with other versions: {'; '.join(named)}",
        hint="Give all machines one environment, such as one container image, and start "
        "scheduler and workers again.",
    )
