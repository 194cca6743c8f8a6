"""The record in Redis, which decides what becomes of a job; everything else here is a hint.

Three names, from large to small: the record is all that Redis holds of all jobs; `store.Store` is the Python
object that reads and changes it, with one method for each script of ``lua/``; a `values.Record` is what was read
of one job.

A `Store` takes and returns the frozen `values` (and what `listing` finds, what `log` says). `blobs` moves payloads
and parts, which are large, and `connection` makes the client. `keys` says what lies in Redis under which name.
Import from these modules: a command line that only names a job shall not wait for redis-py.
"""
