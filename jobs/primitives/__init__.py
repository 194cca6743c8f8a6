"""Qiskit's sampler and estimator over the queue: PUBs -> circuits of one job, and their outcomes -> results."""

from jobs.primitives.estimator import BasicAerEstimator
from jobs.primitives.job import BasicAerPrimitiveJob
from jobs.primitives.sampler import BasicAerSampler

__all__ = ["BasicAerEstimator", "BasicAerPrimitiveJob", "BasicAerSampler"]
