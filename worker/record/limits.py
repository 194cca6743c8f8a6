"""The numbers that the record goes by, for Python and, the last three, also for the scripts."""

from __future__ import annotations

#: Leases of one shard that may run out; the last makes an error part.
LAPSE_LIMIT = 3
#: Runs of one shard that may fail by an error that is not the circuit's; the last makes an error part.
FAILURE_LIMIT = 3
#: FEED is called this many times in a lease.
TICKS_PER_LEASE = 10
#: Ticks that a worker may miss before it is said to be silent; after a lease it is not up any more.
MISSED_TICKS = 3
#: Jobs that one call lists at most.
PAGE_SIZE = 1000
#: Seconds that a deleted id stays taken: longer than Celery's workers remember a revoke.
TOMBSTONE_LIFE = 4 * 3600

#: Shards that may be in ``sent`` at least: there is something to claim when the first worker comes.
LEAST_WINDOW = 2
#: Bytes that one owner's jobs may weigh where no worker has said so.
USUAL_QUOTA = 4 << 30
#: Bytes that a job takes in Redis beside its payload and its parts: its fields, its manifest, its places in lists.
RECORD_BYTES = 1536
