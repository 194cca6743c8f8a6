"""The processes of an embedded cluster: a supervisor, its Redis and its workers, and the locks between them.

``python -m worker.cluster.supervisor`` is the process; clients find it by the files of `folder.ClusterFolder` and
by the kernel `locks` there. `demand` says who needs it, `child` keeps a process up, `guard` cleans up behind it,
and `redis_server` finds and starts the server. It knows no Celery.
"""
