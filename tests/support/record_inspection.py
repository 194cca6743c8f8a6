"""Look at the whole record from outside, and say what must always hold but does not."""

from __future__ import annotations

import json
import re
from collections import defaultdict

from worker.record.keys import PREFIX
from worker.record.values import FINAL_STATES, ShardId

#: What a job counts for beside its payload and its parts; `lua/states.lua` has it.
RECORD_BYTES = 1536
#: Every key that may exist, without the prefix.
KNOWN_KEYS = re.compile(
    r"(job|about|log|upload|payload|parts|again|lapses|tombstone):[A-Za-z0-9._-]+|ready:[^:]+:.+|(turn|sent|slots|window):[^:]+"
    r"|index:.+|tags:.+|tag:\d+:.+|ended:(ERROR|CANCELLED):.+|held|deadline|kept|untold|charged|used|counters|workers|workers:info|workers:load|fed|grace|mended|clock|quota|dropped"
)
_READERS = {
    b"string": lambda client, key: client.get(key),
    b"hash": lambda client, key: client.hgetall(key),
    b"list": lambda client, key: client.lrange(key, 0, -1),
    b"zset": lambda client, key: dict(client.zrange(key, 0, -1, withscores=True)),
}


PLACES = ("waiting", "sent", "held", "done")


class Snapshot:
    """All keys of the record at one moment: ``data`` maps a name to its value, ``ttl`` to milliseconds or -1."""

    def __init__(self, client):
        self.data, self.ttl = {}, {}
        for key in client.scan_iter(f"{PREFIX}*", count=1000):
            name = key.decode().removeprefix(PREFIX)
            kind = client.type(key)
            if kind == b"none":
                # It went since the scan: workers may be at work.
                continue
            self.data[name] = _READERS[kind](client, key)
            self.ttl[name] = client.pttl(key)

    def names(self, kind):
        """Return what follows ``<kind>:`` in the names of keys."""
        return [name.partition(":")[2] for name in self.data if name.startswith(f"{kind}:")]

    def jobs(self):
        return {job_id: self.data[f"job:{job_id}"] for job_id in self.names("job")}

    def entries(self):
        """Return how many fields, members and values there are in all."""
        return sum(1 if isinstance(value, bytes) else len(value) for value in self.data.values())

    def places(self, shard_id: ShardId):
        """Return the places where a shard is, as a sorted list: one, or something is wrong."""
        job_id, shard = shard_id
        job = self.data.get(f"job:{job_id}", {})
        member, found = f"{job_id}/{shard}".encode(), []
        if str(shard).encode() in self.data.get(f"parts:{job_id}", {}):
            found.append("done")
        if member in self.data.get("held", {}):
            found.append("held")
        if any(member in self.data[f"sent:{queue}"] for queue in self.names("sent")):
            found.append("sent")
        if job and _text(job, "state") not in FINAL_STATES:
            waiting = int(job[b"next"]) <= shard < int(job[b"total"])
            found += ["waiting"] * (waiting + self.data.get(f"again:{job_id}", []).count(str(shard).encode()))
        return found


def _text(job, field):
    return job[field.encode()].decode()


def violations(snapshot: Snapshot) -> list[str]:
    """Return a line for everything that must always hold and does not."""
    found = [f"unknown key {name}" for name in snapshot.data if not KNOWN_KEYS.fullmatch(name)]
    found += [f"{kind}:{name} has no life" for kind in ("upload", "tombstone") for name in snapshot.names(kind)
              if snapshot.ttl[f"{kind}:{name}"] < 0]  # fmt: skip
    for job_id, job in snapshot.jobs().items():
        check = _check_final if _text(job, "state") in FINAL_STATES else _check_unfinished
        found += [f"{job_id} ({_text(job, 'state')}): {line}" for line in check(snapshot, job_id, job)]
        if job_id.encode() not in snapshot.data.get(f"index:{_text(job, 'owner')}", {}):
            found.append(f"{job_id} is not in its owner's index")
    unfinished = {job_id for job_id, job in snapshot.jobs().items() if _text(job, "state") not in FINAL_STATES}
    if {job_id.decode() for job_id in snapshot.data.get("deadline", {})} != unfinished:
        found.append(f"deadline holds {snapshot.data.get('deadline')}, unfinished are {unfinished}")
    for kind in ("about", "log", "payload", "parts", "again", "lapses"):
        found += [
            f"{kind}:{name} has no job" for name in snapshot.names(kind) if f"job:{name}" not in snapshot.data
        ]
    return found + _check_lines(snapshot) + _check_lists(snapshot) + _check_budget(snapshot)


def _check_unfinished(snapshot, job_id, job):
    for name in ("job", "log", "payload", "parts", "again", "lapses"):
        if snapshot.ttl.get(f"{name}:{job_id}", -1) != -1:
            yield f"{name} has a TTL"
    if f"payload:{job_id}" not in snapshot.data:
        yield "has no payload"
    if (_text(job, "state") == "RUNNING") != (b"started" in job):
        yield "RUNNING and started do not agree"
    found = [snapshot.places(ShardId(job_id, shard)) for shard in range(int(job[b"total"]))]
    yield from (f"shard {shard} is in {places}" for shard, places in enumerate(found) if len(places) != 1)
    shards = {place: {n for n, places in enumerate(found) if place in places} for place in PLACES}
    if int(job[b"done"]) != len(shards["done"]) or int(job[b"bad"]) > len(shards["done"]):
        yield f"counts {job[b'done']} done and {job[b'bad']} bad of {shards['done']}"
    if _text(job, "state") == "QUEUED" and shards["held"] | shards["done"]:
        yield "has begun"
    ready = snapshot.data.get(f"ready:{_text(job, 'lane')}:{_text(job, 'owner')}", {})
    if (job_id.encode() in ready) != bool(shards["waiting"]):
        yield f"waiting are {shards['waiting']}, ready holds {ready}"
    yield from _check_marks(job, shards)
    yield from _check_log(snapshot, job_id, job)
    yield from _check_parts(snapshot, job_id, job)


def _check_marks(job, shards):
    """The record has tokens of what is held, all of it, and other notes on shards in flight only."""
    for prefix, place in (("t", "held"), ("p", "held"), ("c", "held"), ("d", "held"), ("r", "sent")):
        marked = {int(field[2:]) for field in job if field.startswith(f"{prefix}:".encode())}
        if marked - shards[place] or (prefix == "t" and marked != shards[place]):
            yield f"{prefix}: of shards {marked}, {place} are {shards[place]}"


def _check_log(snapshot, job_id, job):
    """A log that is whole has every attempt at every shard, in order, and every end of one."""
    words = defaultdict(list)
    for line in snapshot.data.get(f"log:{job_id}", []):
        _, word, shard, number, _, _ = line.decode(errors="replace").split("\t", 5)
        words[shard].append((word, number))
    if "" in words:
        # Lines are left out.
        return
    ends = 0
    for shard, found in words.items():
        claimed = [int(number) for word, number in found if word == "claimed"]
        given_up = [int(number) for word, number in found if word in {"released", "lapsed"}]
        ends += sum(word in {"finished", "error"} for word, _ in found)
        noted = int(job.get(f"a:{shard}".encode(), 0))
        if claimed != list(range(1, len(claimed) + 1)) or given_up != list(range(1, noted + 1)):
            yield f"the log of shard {shard} is {found}, given up {noted} times"
    if ends != int(job[b"done"]):
        yield f"the log has {ends} ends of {job[b'done']}"


def _check_final(snapshot, job_id, job):
    state = _text(job, "state")
    for name in ("job", "log", "payload", "parts"):
        if snapshot.ttl.get(f"{name}:{job_id}", 1) < 0:
            yield f"{name} has no TTL"
    for name in ("again", "lapses"):
        if f"{name}:{job_id}" in snapshot.data:
            yield f"{name} is still there"
    if state == "CANCELLED" and f"payload:{job_id}" in snapshot.data:
        yield "payload is still there"
    if (state == "DONE") != (job[b"done"] == job[b"total"] and job[b"bad"] == b"0"):
        yield f"has {job[b'done']} of {job[b'total']} done, {job[b'bad']} bad"
    if state == "ERROR" and b"error_text" not in job:
        yield "has no error"
    if f"log:{job_id}" in snapshot.data:
        yield from _check_log(snapshot, job_id, job)
    if f"{job_id}/{_text(job, 'owner')}".encode() not in snapshot.data.get("kept", {}):
        yield "is not in kept"
    yield from _check_parts(snapshot, job_id, job)


def _check_parts(snapshot, job_id, job):
    """Chunks belong to a header or to a hold, and the bytes of what is revealed are counted."""
    parts = snapshot.data.get(f"parts:{job_id}")
    if parts is None:
        return
    counted = 0
    for field, value in parts.items():
        shard, _, chunk = field.decode().partition(".")
        header = parts.get(shard.encode(), b"")
        put = int(job.get(f"c:{shard}".encode(), 0))
        if not chunk:
            counted += len(value)
        elif header:
            counted += len(value)
            if int(chunk) >= int(header[2:] if header.startswith(b"\0#") else 0):
                yield f"chunk {field} is an orphan of its header"
        elif int(chunk) >= put:
            yield f"chunk {field} is nobody's"
    if counted != int(job[b"part_bytes"]):
        yield f"parts have {counted} bytes, the record says {job[b'part_bytes']}"


def _check_lines(snapshot):
    """What stands in a line is a job that is not final, and its owner has a turn."""
    found = []
    for line in snapshot.names("ready"):
        queue, _, owner = line.partition(":")
        if owner.encode() not in snapshot.data.get(f"turn:{queue}", {}):
            found.append(f"owner {owner} has no turn in {queue}")
        final = set(snapshot.data[f"ready:{line}"]) - set(snapshot.data.get("deadline", {}))
        found += [f"{job_id} stands in line {line}" for job_id in final]
    return found


def _check_lists(snapshot):
    """A job is in the list of each of its tags, at its age, and in no other."""
    lists, expected = {}, {}
    for name in snapshot.names("tag"):
        lists[name] = snapshot.data[f"tag:{name}"]
    for owner in snapshot.names("tags"):
        for job_id, tags in snapshot.data[f"tags:{owner}"].items():
            for tag in json.loads(tags):
                name = f"{len(owner.encode())}:{owner}:{tag}"
                expected.setdefault(name, {})[job_id] = snapshot.data.get(f"index:{owner}", {}).get(job_id)
    found = [] if lists == expected else [f"the lists of tags are {lists}, not {expected}"]
    for job_id, job in snapshot.jobs().items():
        state, owner = _text(job, "state"), _text(job, "owner")
        found += [
            f"{job_id} is {state}, and the list of {each} says something else"
            for each in ("ERROR", "CANCELLED")
            if (job_id.encode() in snapshot.data.get(f"ended:{each}:{owner}", {})) != (state == each)
        ]
    return found


def _check_budget(snapshot):
    """Each owner is charged for what is stored, or will be."""
    found, sums = [], defaultdict(int)
    for entry, size in snapshot.data.get("charged", {}).items():
        job_id, _, owner = entry.decode().partition("/")
        sums[owner] += int(size)
        job = snapshot.data.get(f"job:{job_id}")
        if job and _text(job, "state") in FINAL_STATES:
            payload = 0 if _text(job, "state") == "CANCELLED" else int(job[b"payload_bytes"])
            # Once the result has expired, it is the record alone.
            if int(size) not in {RECORD_BYTES + payload + int(job[b"part_bytes"]), RECORD_BYTES}:
                found.append(f"{job_id} is charged {size} bytes")
    for job in snapshot.jobs().values():
        if _text(job, "state") not in FINAL_STATES:
            asked = RECORD_BYTES + int(job[b"payload_bytes"]) + int(job[b"result_bytes"])
            sums[_text(job, "owner")] += asked
    used = {owner.decode(): int(size) for owner, size in snapshot.data.get("used", {}).items()}
    if used != sums:
        found.append(f"used {used}, charged {dict(sums)}")
    return found
