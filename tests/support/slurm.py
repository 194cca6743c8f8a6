"""Slurm on this machine alone: its controller and one node, on ports and in a folder of their own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

from support.patience import deadline
from support.processes import end, eventually, missing
from support.secured import free_port

_CONF = """
ClusterName=basicaer-test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=1024 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")


class Slurm:
    """The daemons of a cluster of one node, as this user; where they are not installed, skip, but fail in CI."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        path = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin"
        self._programs = {
            name: shutil.which(name, path=path)
            or missing("no Slurm: install slurmctld, slurmd, slurm-client, munge")
            for name in _PROGRAMS
        }
        self.folder = folder
        self._stack = stack
        self._conf = folder / "slurm.conf"
        self._conf.write_text(
            _CONF.format(
                user=os.environ.get("USER") or "root",
                folder=folder,
                controller=free_port(),
                node=free_port(),
                cpus=os.cpu_count(),
            )
        )
        for name in ("state", "spool"):
            (folder / name).mkdir()

    def start(self) -> Slurm:
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(128))
        names = {"key-file": key, "socket": "munge.sock", "pid-file": "munge.pid", "log-file": "munge.log"}
        options = [f"--{name}={self.folder / where}" for name, where in (names | {"seed-file": "seed"}).items()]
        self._daemon("munged", "--foreground", "--force", *options)
        eventually((self.folder / "munge.sock").exists, what="munged's socket")
        self._daemon("slurmctld", "-D", "-i", "-f", str(self._conf))
        self._daemon("slurmd", "-D", "-N", "localhost", "-f", str(self._conf))
        eventually(self._idle, within=30, what="an idle node of Slurm's")
        return self

    def run(self, program: str, *arguments: str, **environment: str) -> str:
        """Run one of Slurm's commands, and return what it says."""
        done = subprocess.run(
            [self._programs[program], *arguments],
            cwd=self.folder,
            env=os.environ | {"SLURM_CONF": str(self._conf)} | environment,
            capture_output=True,
            text=True,
            timeout=deadline(30),
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def submit(self, script: Path, *options: str, **environment: str) -> str:
        """Submit a batch job; returns its id. It is cancelled when all ends, before the daemons that end it."""
        job_id = self.run("sbatch", "--parsable", *options, str(script), **environment).strip()
        self._stack.callback(self._cancel, job_id)
        return job_id

    def task(self, job_id: str, index: int) -> dict[str, str]:
        """What Slurm knows of a task of an array: JobState, ExitCode, RunTime, and more."""
        shown = self.run("scontrol", "show", "job", f"{job_id}_{index}")
        return dict(re.findall(r"(\w+)=(\S+)", shown))

    def _cancel(self, job_id: str) -> None:
        self.run("scancel", "--quiet", job_id)
        states = "--states=PENDING,RUNNING,COMPLETING"
        eventually(
            lambda: not self.run("squeue", "--noheader", states).strip(), within=60, what="no job of Slurm's"
        )

    def _idle(self) -> bool:
        return self.run("sinfo", "--noheader", "--format=%T").strip() == "idle"

    def _daemon(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.log").open("ab") as log:
            process = subprocess.Popen(
                [self._programs[program], *arguments],
                env=os.environ | {"SLURM_CONF": str(self._conf)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._stack.callback(end, process, signal.SIGTERM)
