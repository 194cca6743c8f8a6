"""What happens to a shard on a node: it is admitted, run, watched and delivered.

`shard_run.ShardRunner` runs it and `delivery.Delivery` gets its end into the record. A run asks its `admission`
for memory and its `checkpoint` whether it is still wanted, which also looks at the node's `drain`. The node's
parent process sees all of them in the table of `runs`, and renews their leases (`heartbeat`). `capabilities` says
what the node is. It knows no Celery.
"""
