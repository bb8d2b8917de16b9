"""Slurm on this machine alone: its own key, ports and folders, gone with the test."""

from __future__ import annotations

import os
import re
import secrets
import socket
import subprocess
import time
from pathlib import Path

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
SlurmctldPort={controller}
SlurmdPort={node}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MaxArraySize=1001
SlurmdParameters=config_overrides
ReturnToService=2
SwitchType=switch/none
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=16000 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class SlurmMachine:
    """Controller and node of Slurm, and what signs their messages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        # An absolute path: with a relative one jobs are launched and never come back.
        self._conf = folder.resolve() / "slurm.conf"
        self.env = {**os.environ, "SLURM_CONF": str(self._conf)}

    def start(self) -> None:
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        host = socket.gethostname().partition(".")[0]
        self._conf.write_text(
            CONF.format(
                folder=self.folder.resolve(),
                host=host,
                controller=_free_port(),
                node=_free_port(),
            )
        )
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        self._run(
            "munged", "--force", "--foreground", f"--key-file={key}",
            f"--socket={self.folder}/munge.socket", f"--pid-file={self.folder}/munge.pid",
            f"--log-file={self.folder}/munge.log", f"--seed-file={self.folder}/munge.seed",
        )  # fmt: skip
        self._until((self.folder / "munge.socket").exists, 20)
        self._run("slurmctld", "-D", "-c", "-f", str(self._conf))
        self._run("slurmd", "-D", "-c", "-f", str(self._conf), "-N", host)
        self._until(lambda: "idle" in self.ask("sinfo", "--noheader", "--format=%T"), 60)

    def _run(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    command, stdout=log, stderr=log, env=self.env, start_new_session=True
                )
            )

    def _until(self, condition, within_s: float) -> None:
        until = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < until, self.logs()
            time.sleep(0.1)

    def ask(self, *command: str) -> str:
        """Return what a command of Slurm prints."""
        done = subprocess.run(
            command, capture_output=True, text=True, env=self.env, timeout=30, check=False
        )
        return done.stdout

    def submit(self, *arguments: object, cwd: Path, **env: str) -> str:
        """Submit a batch script; return the number of its job."""
        done = subprocess.run(
            ["sbatch", "--parsable", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**self.env, **env},
            timeout=30,
            check=False,
        )
        assert re.fullmatch(r"\d+", done.stdout.strip()), done.stderr
        return done.stdout.strip()

    def wait_until_done(self, within_s: float) -> None:
        """Wait until no job is left; never by ``sbatch --wait``, which may wait for ever."""
        self._until(lambda: not self.ask("squeue", "--noheader").strip(), within_s)

    def logs(self) -> str:
        parts = [self.ask("squeue", "--long")]
        for name in ("slurmctld.log", "slurmd.log", "munge.log"):
            path = self.folder / name
            parts.append(path.read_text(errors="replace")[-3000:] if path.exists() else name)
        return "\n".join(parts)

    def stop(self) -> None:
        if self._conf.exists():
            self.ask("scancel", "--me")
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
