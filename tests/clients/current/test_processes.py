"""joblib's and dask's processes take backends and jobs, and count what this process counts."""

import joblib
import pytest
from dask.distributed import Client
from dask.distributed import LocalCluster as DaskCluster
from joblib.externals.loky import get_reusable_executor
from support.circuits import bell

SEEDS = range(4)


def counted(backend, seed):
    return backend.run(bell(), seed_simulator=seed).result(timeout=60).get_counts()


def fetched(job):
    return job.result(timeout=60).get_counts()


@pytest.mark.rule(15)
@pytest.mark.parametrize("kind", ["loky", "multiprocessing", "threading"])
def test_joblib(backend, kind):
    """Each of joblib's ways to run in parallel gives the counts of the same loop without it."""
    calls = [joblib.delayed(counted)(backend, seed) for seed in SEEDS]
    with joblib.parallel_config(kind, n_jobs=2):
        assert joblib.Parallel()(calls) == [counted(backend, seed) for seed in SEEDS]
    get_reusable_executor().shutdown(wait=True)


@pytest.mark.rule(13, 15)
def test_dask(backend):
    """Dask's workers run circuits, and fetch a job that was submitted here."""
    job = backend.run(bell())
    with (
        DaskCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as workers,
        Client(workers) as client,
    ):
        submitted = client.map(counted, [backend] * len(SEEDS), SEEDS)
        assert client.gather(submitted) == [counted(backend, seed) for seed in SEEDS]
        assert client.submit(fetched, job).result(timeout=60) == fetched(job)
