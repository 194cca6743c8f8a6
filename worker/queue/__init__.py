"""All that touches Celery's and kombu's insides; nothing else in the project does, but the task and its node.

`app.make_app` is the Celery app with all its settings, and `results` writes what `AsyncResult` and Flower read.
Tasks are put into the queue by the scripts of the record. The others mend Celery where it would end a worker or a
job: `transport`, `consumer`, `request`, `revocation`, and, for a process that forks, `fork_safe`.
"""
