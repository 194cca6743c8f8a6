-- The second prelude: a shard that is handed out is a message in Celery's queue, in the same step.
--
-- As Celery's own client writes it: protocol 2 of its tasks, in kombu's envelope for Redis. A test compares the two.

-- Seconds that a message's hard time limit lies behind the job's deadline: the last resort.
local TIME_LIMIT_MARGIN = 30
local BODY = '[[%s, %d], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
-- The name of the task, its id, its time limit, its id, its arguments as text, the body, its id, the queue, its tag.
local MESSAGE = '{"content-type": "application/json", "content-encoding": "utf-8", "headers": {"lang": "py", '
  .. '"task": "%s", "id": %s, "shadow": null, "eta": null, "expires": null, "group": null, "group_index": null, '
  .. '"retries": 0, "timelimit": [%.15g, null], "root_id": %s, "parent_id": null, "argsrepr": %s, '
  .. '"kwargsrepr": "{}", "origin": "record", "ignore_result": false, "replaced_task_nesting": 0, '
  .. '"stamped_headers": null, "stamps": {}}, "body": %s, "properties": {"correlation_id": %s, "reply_to": "", '
  .. '"delivery_mode": 2, "delivery_info": {"exchange": "", "routing_key": "%s"}, "priority": 0, '
  .. '"delivery_tag": %s}}'

-- Shards that this call has handed out.
local handed_out = {}

-- Put a shard into the queue. A job of one shard is one task, whose id is the job's.
local function hand_out(id, shard, total, timeout)
  -- All numbers, or this is an error: nil would cut the answer short.
  shard, total, timeout = shard + 0, total + 0, timeout + 0
  local task = cjson.encode(total == 1 and id or pair(id, shard))
  local arguments = cjson.encode(string.format("('%s', %d)", id, shard))
  -- It is sent again a lease later at the soonest.
  local tag = cjson.encode(pair(id, shard) .. "/" .. NOW)
  call("LPUSH", LANE, string.format(MESSAGE, TASK, task, timeout / 1000 + TIME_LIMIT_MARGIN, task, arguments,
    cjson.encode(string.format(BODY, cjson.encode(id), shard)), task, LANE, tag))
  handed_out[#handed_out + 1] = { id, shard, total }
end
