"""The outcomes of a primitive's experiments -> a `PrimitiveResult`, in any process.

What a client adds is added here: an estimator's noise, as `StatevectorEstimator` draws it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import DataBin, PrimitiveResult, PubResult, SamplerPubResult

from jobs.manifest import EstimatorNote, EstimatorPubNote, Manifest, SamplerNote, SamplerPubNote
from jobs.primitives.bits import bit_arrays, empty_bit_arrays, memories
from jobs.primitives.broadcasting import broadcast
from jobs.results.assembly import run_metadata
from simulator.shards.metadata import RunMetadata
from simulator.shards.result import Item, Outcome, SweepOutcome
from worker.record.values import Record

#: Experiment -> how it was run.
_Runs: TypeAlias = Mapping[int, RunMetadata]


def assemble_pubs(
    _: Record, manifest: Manifest, outcomes: Sequence[Item], metadata: Mapping[int, Any]
) -> PrimitiveResult[PubResult]:
    """Return the result of a primitive's job, or of those PUBs of it whose values are all there.

    ``metadata`` maps an experiment's index to its circuit's metadata where this client has it as an object. Where
    PUBs are missing, the result's metadata has the indices of those that are there, as ``pubs``.
    """
    note = manifest.primitive
    runs = _runs(outcomes)
    if isinstance(note, EstimatorNote):
        found = dict(_estimated(note.pubs, outcomes, metadata, runs))
    elif isinstance(note, SamplerNote):
        found = dict(_sampled(note.pubs, outcomes, metadata, runs))
    else:
        raise TypeError(note)
    missing = {} if len(found) == len(note.pubs) else {"pubs": list(found)}
    return PrimitiveResult(list(found.values()), metadata={"version": 2, **missing})


def _estimated(
    pubs: Sequence[EstimatorPubNote], outcomes: Sequence[Item], metadata: Mapping[int, Any], runs: _Runs
) -> Iterator[tuple[int, PubResult]]:
    """Yield the index and the result of each PUB of an estimator that is there."""
    values = dict(_expectations(outcomes))
    errors = {
        outcome.index: outcome.standard_errors.ndarray()
        for outcome in outcomes
        if isinstance(outcome, Outcome) and outcome.standard_errors is not None
    }
    layouts = [broadcast(pub) for pub in pubs]
    spans = _spans(layout.num_points for layout in layouts)
    for index, (pub, layout, span) in enumerate(zip(pubs, layouts, spans, strict=True)):
        if not all(experiment in values for experiment in span):
            continue
        rows = [values[experiment] for experiment in span]
        starts = np.array([0, *accumulate(map(len, rows))], np.intp)
        places = starts[layout.rows] + layout.columns
        evs = np.concatenate([np.zeros(0), *rows])[places]
        of_rows = (errors.get(experiment, np.full(len(values[experiment]), np.nan)) for experiment in span)
        stds = np.concatenate([np.zeros(0), *of_rows])[places]
        exact = np.isnan(stds)
        if pub.precision:
            # Means over shots have errors of their own.
            evs += pub.precision * np.where(exact, _noise(pub, evs.size), 0)
        stds[exact] = 0
        data = DataBin(evs=evs.reshape(layout.shape), stds=stds.reshape(layout.shape), shape=layout.shape)
        about = {"target_precision": pub.precision, **_about(pub, span, metadata, runs)}
        yield index, PubResult(data, metadata=about)


def _noise(pub: EstimatorPubNote, count: int) -> NDArray[np.float64]:
    """Return normal numbers, one after the other as `StatevectorEstimator` draws them."""
    if pub.noise is not None:
        return np.array(pub.noise)
    return np.random.default_rng(pub.seed).standard_normal(count)


def _expectations(outcomes: Iterable[Item]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield the index of each experiment that has expectation values, and these."""
    for outcome in outcomes:
        if outcome.expectations is not None:
            found = outcome.expectations.ndarray()
            yield from zip(outcome.indices(), found if isinstance(outcome, SweepOutcome) else [found], strict=True)


def _sampled(
    pubs: Sequence[SamplerPubNote], outcomes: Iterable[Item], metadata: Mapping[int, Any], runs: _Runs
) -> Iterator[tuple[int, SamplerPubResult]]:
    """Yield the index and the result of each PUB of a sampler that is there."""
    found = dict(memories(outcomes))
    for index, (pub, span) in enumerate(zip(pubs, _spans(math.prod(pub.shape) for pub in pubs), strict=True)):
        if not all(experiment in found for experiment in span):
            continue
        points = [found[experiment] for experiment in span]
        bits = bit_arrays(points, pub.shape) if points else empty_bit_arrays(pub)
        data = DataBin(**bits, shape=pub.shape)
        about = {"shots": pub.shots, **_about(pub, span, metadata, runs)}
        yield index, SamplerPubResult(data, metadata=about)


def _spans(counts: Iterable[int]) -> Iterator[range]:
    """Yield the indices of each PUB's experiments."""
    return (range(*ends) for ends in pairwise(accumulate(counts, initial=0)))


def _runs(outcomes: Iterable[Item]) -> _Runs:
    """Return how each experiment was run."""
    return {index: outcome.run for outcome in outcomes if outcome.run is not None for index in outcome.indices()}


def _about(
    pub: EstimatorPubNote | SamplerPubNote, span: range, metadata: Mapping[int, Any], runs: _Runs
) -> dict[str, Any]:
    """Return what any PUB's metadata says: its circuit's own, and how its points were run, by each method."""
    if span and span[0] in metadata:
        own = metadata[span[0]]
    else:
        own = None if pub.metadata is None else json.loads(pub.metadata)
    of_methods: dict[str, RunMetadata] = {}
    # All rows of a sweep have one object, which says of them together what adds up.
    for run in {id(runs[index]): runs[index] for index in span if index in runs}.values():
        of_methods[run.method] = of_methods[run.method] + run if run.method in of_methods else run
    return {"circuit_metadata": own, "simulator_metadata": [run_metadata(run) for run in of_methods.values()]}
