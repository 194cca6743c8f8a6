"""Jobs of Bell circuits that are cut into one shard a circuit, whatever the cutting by cost would do."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import msgspec

from benchmarks.common.families import bell
from jobs import BasicAerProvider
from jobs.lowering import lower
from jobs.manifest import Manifest
from simulator.options import Options
from simulator.rng import experiment_seed
from simulator.shards import wire
from simulator.shards.shard import Experiment, Shard
from worker.record.blobs import Upload
from worker.record.store import Store
from worker.record.values import Effects, NewJob
from worker.settings import Settings

_SEED = 1


@dataclass(frozen=True)
class OneShardEach:
    """Shards of one Bell circuit each, for jobs of any number of them up to all."""

    manifest: Manifest
    shards: tuple[bytearray, ...]

    @classmethod
    def of(cls, provider: BasicAerProvider, most: int, *, shots: int) -> OneShardEach:
        """Make shards for jobs of up to ``most``; no worker needs to be up."""
        submission = provider.get_backend().create_job(bell(), shots=shots, seed_simulator=_SEED)
        submission.submit()
        with provider.connection.reaching() as connection:
            record = connection.store.read(submission.job_id())
        submission.cancel()
        if record is None:
            raise RuntimeError(f"job {submission.job_id()} has no record")
        program, options = lower(bell()), Options(output="counts", shots=shots)
        shards = tuple(
            wire.encode(Shard(options, (Experiment(index, experiment_seed(_SEED, index), program),)))
            for index in range(most)
        )
        return cls(Manifest.decode(record.manifest), shards)

    def submit(
        self, store: Store, size: int, settings: Settings, *, tags: tuple[str, ...] = ()
    ) -> tuple[str, Effects]:
        """SUBMIT a job of so many shards; return its id, and what is left to carry out."""
        job_id, shards = str(uuid.uuid4()), self.shards[:size]
        new = NewJob(
            id=job_id,
            owner=settings.owner,
            total=size,
            digest=job_id,
            backend=self.manifest.backend,
            manifest=msgspec.structs.replace(self.manifest, num_circuits=size).encode(),
            payload_bytes=sum(map(len, shards)),
            result_bytes=0,
            expires=settings.expires,
            job_timeout=settings.job_timeout,
            tags=tags,
        )
        upload = Upload()
        for shard in shards:
            upload.add(shard)
        return job_id, upload.submit(store, new)
