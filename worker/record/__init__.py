"""The record in Redis, which decides what becomes of a job; everything else here is a hint.

`store.Store` is the door: one method a script of ``lua/``, which takes and returns the frozen `values` (and what
`listing` finds, what `log` says). `blobs` moves payloads and parts, which are large, and `connection` makes the
client. `keys` says what lies in Redis under which name. Import from these modules: a command line that only names
a job shall not wait for redis-py.
"""
