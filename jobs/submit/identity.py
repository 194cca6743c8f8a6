"""A job whose id its user chose: what makes two submissions of it the same job.

They are if circuits, options that change the result, and the seed are the same. Names that Qiskit counts up do not
matter, as a circuit that is built or bound once more has another; nor do tags, priority and times.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

import msgspec

from jobs.errors import BasicAerError
from jobs.manifest import PrimitiveNote
from simulator.circuit.program import Program, Register
from simulator.options import Options
from simulator.shards import wire
from simulator.shards.shard import Experiment, Shard, Sweep
from worker.errors import InvalidJobIdError
from worker.record.keys import check_job_id

#: What Qiskit calls circuits and registers without a name, in a forked process with its id behind.
_COUNTED_CIRCUIT = re.compile(r"circuit-\d+(-\d+)?")
_COUNTED_REGISTER = re.compile(r"[qca]\d+")


def check(job_id: str) -> str:
    """Return the id; `BasicAerError` if it cannot name a job."""
    try:
        return check_job_id(job_id)
    except InvalidJobIdError as error:
        raise BasicAerError(f"job_id={error}") from None


def seed_of(job_id: str) -> int:
    """Return the seed, of 31 bits, of a job that was given none: submitted again, it is the same job."""
    return int.from_bytes(hashlib.sha256(f"seed of job {job_id}".encode()).digest()[:4], "big") >> 1


class Digest:
    """The hash of a job's content, item by item: the same however the job is cut into shards."""

    def __init__(self, run: Options, primitive: PrimitiveNote | None = None) -> None:
        self._run = run
        self._hash = hashlib.sha256(wire.encode(Shard(run, ())))
        if primitive is not None:
            self._hash.update(msgspec.msgpack.encode(primitive))

    def hashing(self, items: Iterable[Experiment | Sweep]) -> Iterator[Experiment | Sweep]:
        """Yield the items as they are, and add each to the hash."""
        for item in items:
            self._hash.update(wire.encode(Shard(self._run, (_nameless_item(item),))))
            yield item

    def hexdigest(self) -> str:
        """Return the hash of all items so far."""
        return self._hash.hexdigest()


def _nameless_item(item: Experiment | Sweep) -> Experiment | Sweep:
    if isinstance(item, Sweep):
        names = tuple([_COUNTED_CIRCUIT.sub("circuit", name) for name in item.names])
        if len(set(names)) == 1:
            names = ()
        return msgspec.structs.replace(item, template=_nameless(item.template), names=names)
    return msgspec.structs.replace(item, program=_nameless(item.program))


def _nameless(program: Program) -> Program:
    """Return the program with one name for all circuits without one, and one for all such registers."""
    header = program.header
    return msgspec.structs.replace(
        program,
        header=msgspec.structs.replace(
            header,
            name=_COUNTED_CIRCUIT.sub("circuit", header.name),
            qregs=tuple(map(_nameless_register, header.qregs)),
            cregs=tuple(map(_nameless_register, header.cregs)),
        ),
    )


def _nameless_register(register: Register) -> Register:
    if not _COUNTED_REGISTER.fullmatch(register.name):
        return register
    return msgspec.structs.replace(register, name=register.name[0])
