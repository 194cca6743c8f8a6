"""What a shard is, in a few words for Flower and for the log: no content of a circuit's but its name."""

from __future__ import annotations

from typing import NamedTuple

from simulator.shards.shard import Shard, Sweep

#: Characters of a circuit's name that are shown.
_LONGEST_NAME = 64


class ShardSummary(NamedTuple):
    """The circuits of a shard, and how much of them it runs."""

    #: The first circuit's name, and how many others there are.
    circuit: str
    #: Of the widest.
    qubits: int
    #: Of each circuit, here; at most.
    shots: int


def summarize(shard: Shard) -> ShardSummary:
    """Return the summary of a shard, which has one circuit or more."""
    first, num_circuits, qubits, shots = "", 0, 0, 0
    for item in shard.items:
        if isinstance(item, Sweep):
            program, name, rows, mine = item.template, item.names[0] if item.names else None, item.num_rows, None
        else:
            program, name, rows, mine = item.program, None, 1, item.shots
        if not num_circuits:
            first = shown(name or program.header.name)
        num_circuits += rows
        qubits = max(qubits, program.num_qubits)
        shots = max(shots, shard.options.shots if mine is None else mine)
    more = f" and {num_circuits - 1} more" if num_circuits > 1 else ""
    return ShardSummary(first + more, qubits, shots)


def shown(name: str) -> str:
    """Return a circuit's name as it is shown: its beginning, on one line."""
    name = name[:_LONGEST_NAME]
    return name if name.isprintable() else "".join(each if each.isprintable() else "?" for each in name)
