"""The hits of some patterns, by step: which rows have a block's matrix of their own there, and what it is."""

from __future__ import annotations

import numpy as np

from simulator.trajectories.blocks import BlockPlan
from simulator.trajectories.patterns import Patterns
from simulator.typing import Amplitudes, Indices


class GroupHits:
    """The hits of a group of patterns, by step."""

    def __init__(self, plan: BlockPlan, patterns: Patterns, group: list[int]) -> None:
        begins, ends = patterns.begins[group], patterns.begins[np.array(group) + 1]
        sizes = ends - begins
        offsets = np.append(0, sizes.cumsum())
        inside = np.arange(offsets[-1]) + np.repeat(begins - offsets[:-1], sizes)
        insertions = patterns.insertions[inside]
        members, steps = np.repeat(np.arange(len(group)), sizes), plan.step_of[insertions]
        #: Of each pattern the step of its first hit; they ascend.
        self.first_steps = steps[offsets[:-1]]
        starts = np.flatnonzero(np.append(True, (members[1:] != members[:-1]) | (steps[1:] != steps[:-1])))
        ends = np.append(starts[1:], insertions.size)
        chooses = np.maximum.reduceat(plan.num_operators[insertions], starts) > 1
        #: Step -> the indices of patterns in the group in which states choose there, and their insertions.
        self.choosing: dict[int, list[tuple[int, Indices]]] = {}
        for index in np.flatnonzero(chooses).tolist():
            start = int(starts[index])
            some = insertions[start : ends[index]]
            self.choosing.setdefault(int(steps[start]), []).append((int(members[start]), some))
        starts, ends = starts[~chooses], ends[~chooses]
        #: Step -> the indices of patterns that have matrices of their own there, ascending, and these.
        self.variants: dict[int, tuple[Indices, Amplitudes]] = {}
        if not starts.size:
            return
        forms = plan.form(_variants(plan, insertions, steps[starts], starts, ends))
        by_step = np.argsort(steps[starts], kind="stable")
        own_steps = steps[starts][by_step]
        for some in np.split(by_step, np.flatnonzero(np.diff(own_steps)) + 1):
            self.variants[int(steps[starts[some[0]]])] = members[starts[some]], forms[some]


def _variants(plan: BlockPlan, insertions: Indices, steps: Indices, starts: Indices, ends: Indices) -> Amplitudes:
    """Return the matrices of blocks with the insertions from each start to its end."""
    blocks = np.array([step.block for step in plan.steps], np.intp)[steps]
    unique, number = np.unique(insertions, return_inverse=True)
    moved = plan.moved(unique)
    # The last insertion acts last, and so is the leftmost factor behind the block's own matrix.
    product = plan.matrices[blocks]
    length = ends - starts
    for back in range(1, int(length.max()) + 1):
        some = np.flatnonzero(length >= back)
        product[some] = product[some] @ moved[number[ends[some] - back]]
    return product
