"""What do jobs, shards and workers cost and gain, beside Celery, Aer and plain processes? `make bench-scale`."""
