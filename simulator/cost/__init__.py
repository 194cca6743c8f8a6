"""What a program will take, before it runs: bytes of memory, seconds, and what its result weighs.

Client and worker ask the same functions, so that neither admits what the other refuses.
"""

from simulator.cost.memory import (
    BYTES_PER_REAL,
    ROW_QUBITS,
    bytes_required,
    caption_bytes,
    max_qubits,
    observing_bytes,
    readout_bytes,
    refuse_beyond_memory,
    result_bytes,
    rows_together,
    saved_bytes,
    shots_bytes,
    sweep_bytes,
)
from simulator.cost.result_weight import part_weight, weight
from simulator.cost.seconds import Work, observing_seconds, row_seconds, work
from simulator.cost.timelines import timeline_of, timeline_under

__all__ = [
    "BYTES_PER_REAL",
    "ROW_QUBITS",
    "Work",
    "bytes_required",
    "caption_bytes",
    "max_qubits",
    "observing_bytes",
    "observing_seconds",
    "part_weight",
    "readout_bytes",
    "refuse_beyond_memory",
    "result_bytes",
    "row_seconds",
    "rows_together",
    "saved_bytes",
    "shots_bytes",
    "sweep_bytes",
    "timeline_of",
    "timeline_under",
    "weight",
    "work",
]
