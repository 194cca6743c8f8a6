"""How long does a small circuit take from `run` to counts, beside a bare Celery task? Run by `make bench`."""
