"""Noise models: Aer's, or made of rates, and which operations have their errors. Aer itself is never imported."""

from jobs.noise.aer_errors import channels_of
from jobs.noise.attach import Attacher, waits_unbound
from jobs.noise.instructions import ChannelInstruction, ReadoutInstruction
from jobs.noise.kept import kept
from jobs.noise.model import NoiseModel, Placed
from jobs.noise.reading import WrittenNoise, read_model, written
from jobs.noise.spec import NoiseSpec

__all__ = [
    "Attacher",
    "ChannelInstruction",
    "NoiseModel",
    "NoiseSpec",
    "Placed",
    "ReadoutInstruction",
    "WrittenNoise",
    "channels_of",
    "kept",
    "read_model",
    "waits_unbound",
    "written",
]
