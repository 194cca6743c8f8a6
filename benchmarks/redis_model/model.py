"""What one Redis holds: arithmetic on constants, which `scale_constants` measures and `model` prints."""

from __future__ import annotations

from dataclasses import dataclass

#: The part of Redis's one thread that may be used: beyond it answers begin to queue.
FULL = 0.7
_LEASE = 10.0
#: How often a node ticks, and a run beats and looks whether it is still wanted, a second.
TICKS, _BEATS, _LOOKS = 10 / _LEASE, 5 / _LEASE, 20.0
#: Shards in flight that FEED looks at, at most.
_SEEN_BY_TICK = 100
#: A run that lasts longer tells Celery that it has started.
_LASTING = 0.05
#: What Celery keeps, it keeps so long.
_DAY = 86400


@dataclass(frozen=True)
class Cost:
    """What something takes of Redis."""

    #: Of its one thread.
    seconds: float = 0.0
    #: Bytes that it gets, and that it sends.
    received: float = 0.0
    sent: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, self.received + other.received, self.sent + other.sent)

    def __sub__(self, other: Cost) -> Cost:
        return self + -1.0 * other

    def __rmul__(self, times: float) -> Cost:
        return Cost(times * self.seconds, times * self.received, times * self.sent)


@dataclass(frozen=True, kw_only=True)
class Constants:
    """What was measured, each on a Redis that does nothing else."""

    #: The part of its thread that Redis takes for itself.
    idle: float
    #: SUBMIT of a job of one shard, with its payload; and what each further shard adds.
    submit: Cost
    submit_shard: Cost
    claim: Cost
    #: COMPLETE, with the next shard handed out; and where it is a job's last, and the job ends.
    complete: Cost
    complete_last: Cost
    look: Cost
    beat: Cost
    #: A message: published, taken off the queue, acknowledged.
    message: Cost
    #: What Celery is told when a run that lasts has begun.
    announce: Cost
    #: The result of a job of one shard, read by its client.
    read: Cost
    #: FEED of one node; and what each further node, and each shard in ``sent`` (up to 100), adds.
    tick: Cost
    tick_node: Cost
    tick_sent: Cost
    #: What else a node without work costs a second: empty pops and heartbeats.
    node: Cost
    #: Bytes of Redis's memory: a queued job of one shard, and each further shard of it, beside its payload.
    queued_job: float
    queued_shard: float
    #: And once it is final, with its part, as long as its result is kept; what Celery keeps of it, for a day.
    final_job: float
    final_shard: float
    told: float
    #: Seconds of a worker process that a shard takes beside its run.
    worker: float


@dataclass(frozen=True)
class Fleet:
    """Workers, and what they run: every slot has a shard at any time."""

    nodes: int
    slots: int
    #: Seconds of a shard's run.
    shard: float
    shards_per_job: int = 1


def rate(constants: Constants, fleet: Fleet) -> float:
    """Return shards a second."""
    return fleet.slots / (fleet.shard + constants.worker)


def shard_costs(constants: Constants, fleet: Fleet) -> dict[str, Cost]:
    """Return what one shard costs from its message to its part, with its share of what its job costs."""
    first = 1 / fleet.shards_per_job
    job = constants.submit + constants.read + constants.complete_last - constants.complete
    shard = constants.claim + constants.complete + (1 - first) * constants.submit_shard
    message = constants.message
    if fleet.shard > _LASTING:
        message += constants.announce
    return {
        "shards and jobs": shard + first * job,
        "messages": message,
        "looks and beats": fleet.shard * (_LOOKS * constants.look + _BEATS * constants.beat),
    }


def upkeep(constants: Constants, fleet: Fleet) -> Cost:
    """Return what the nodes, and Redis itself, cost a second, whatever they run."""
    in_sent = min(_SEEN_BY_TICK, fleet.slots)
    tick = constants.tick + (fleet.nodes - 1) * constants.tick_node + in_sent * constants.tick_sent
    # At each tick the watchdog looks at every run.
    watched = fleet.slots * TICKS * constants.look
    return Cost(constants.idle) + fleet.nodes * (TICKS * tick + constants.node) + watched


def traffic(constants: Constants, fleet: Fleet) -> dict[str, Cost]:
    """Return what a fleet at work takes of Redis in a second, by what for; "all" is their sum."""
    shards = rate(constants, fleet)
    costs = {name: shards * cost for name, cost in shard_costs(constants, fleet).items()}
    costs["nodes"] = upkeep(constants, fleet)
    return {**costs, "all": sum(costs.values(), Cost())}


def most_slots(constants: Constants, shard: float, *, slots_per_node: int, shards_per_job: int = 1) -> Fleet:
    """Return the largest fleet, of whole nodes, that one Redis serves; at least one node."""

    def fleet(nodes: int) -> Fleet:
        return Fleet(nodes, nodes * slots_per_node, shard, shards_per_job)

    # The cost grows with the nodes: so the largest is found by halving.
    few, many = 1, 2
    while traffic(constants, fleet(many))["all"].seconds < FULL:
        few, many = many, 2 * many
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if traffic(constants, fleet(middle))["all"].seconds < FULL else (few, middle)
    return fleet(few)


def kept_rate(constants: Constants, memory: float, seconds: float) -> float:
    """Return the jobs of one tiny circuit a second whose results fit, if each is kept for so long."""
    return memory / (constants.final_job * seconds + constants.told * min(seconds, _DAY))
