-- The third prelude: the moves of shards and jobs.

-- Tell those who watch the job that it has changed. They read the record: a message may get lost.
local function announce(id, state, done, total)
  call("PUBLISH", events_key(id), state .. " " .. done .. " " .. total)
end

-- The worker behind a token, which is random and, where a worker made it, says whose it is.
local function worker_of(token) return token:match("/(.*)$") or "" end

-- What lies between a log's first and last lines goes; one line says how many they were.
local function shorten(log)
  local omitted = call("LLEN", log) - 2 * LOG_END
  local before = call("LINDEX", log, LOG_END):match("^%d+\tomitted\t\t(%d+)")
  -- That line was none of them.
  if before then omitted = omitted + before - 1 end
  local last = call("LRANGE", log, -LOG_END, -1)
  call("LTRIM", log, 0, LOG_END - 1)
  call("RPUSH", log, last[1]:match("^%d+") .. "\tomitted\t\t" .. omitted .. "\t\t", unpack(last))
end

-- Add a line to the log of a job that is not final. `number` is what the word counts: attempts, microseconds.
local function log_event(id, word, shard, number, token, text)
  local log = log_key(id)
  local line = { NOW, word, shard, number, worker_of(token), text:sub(1, LOG_TEXT) }
  if call("RPUSH", log, table.concat(line, "\t")) > 3 * LOG_END then shorten(log) end
end

-- The next value of the counter, above all that stand in this list, whose scores it gave: it may have been lost.
local function next_score(list)
  local last = math.max(0, tonumber(call("ZRANGE", list, -1, -1, "WITHSCORES")[2] or 0))
  local counted, value = pcall(call, "INCR", CLOCK)
  if counted and value > last then return value end
  call("SET", CLOCK, string.format("%.0f", last + 1))
  return last + 1
end

-- The bytes of the owner's budget that are in use, and what sets them.
local function in_use(owner) return tonumber(call("HGET", USED, owner)) or 0 end
local function set_used(owner, bytes)
  if bytes > 0 then call("HSET", USED, owner, string.format("%.0f", bytes)) else call("HDEL", USED, owner) end
end

-- The bytes that a job counts for from its end on, noted apart from its record, which may expire unseen; 0 gives
-- them back. Until its end it counts for what its record says: `before`.
local function charge(owner, id, bytes, before)
  local job = pair(id, owner)
  before = before or tonumber(call("HGET", CHARGED, job)) or 0
  if bytes == 0 then call("HDEL", CHARGED, job) else call("HSET", CHARGED, job, bytes) end
  set_used(owner, in_use(owner) + bytes - before)
end

-- The bytes in use as the records of the owner's jobs have them. Of one who has many jobs it is what was counted:
-- it would take too long.
local function recount(owner)
  local ids, bytes = call("ZRANGE", index_key(owner), 0, MOST_RECOUNTED), 0
  if #ids > MOST_RECOUNTED then return in_use(owner) end
  for _, id in ipairs(ids) do
    local state, payload_bytes, result_bytes = fields(id, "state", "payload_bytes", "result_bytes")
    if final(state) then
      bytes = bytes + (tonumber(call("HGET", CHARGED, pair(id, owner))) or 0)
    else
      bytes = bytes + RECORD_BYTES + (tonumber(payload_bytes) or 0) + (tonumber(result_bytes) or 0)
    end
  end
  set_used(owner, bytes)
  return bytes
end

-- The score of a job in its owner's lists; its rank gives it where the index has lost the job.
local function age_of(owner, id)
  return call("ZSCORE", index_key(owner), id) or (tonumber(fields(id, "rank")) or 0) % PRIORITY_STEP
end

-- The job has these tags, a JSON array, and no others: it is in the list of each.
local function tag(owner, id, tags)
  local before = call("HGET", tags_key(owner), id)
  local readable, listed = pcall(cjson.decode, before or "[]")
  for _, each in ipairs(readable and listed or {}) do
    call("ZREM", tag_key(owner, each), id)
  end
  if tags == "[]" then
    call("HDEL", tags_key(owner), id)
    return
  end
  local age = age_of(owner, id)
  for _, each in ipairs(cjson.decode(tags)) do
    call("ZADD", tag_key(owner, each), age, id)
  end
  call("HSET", tags_key(owner), id, tags)
end

-- Nobody finds the job in a list any more.
local function remove_from_lists(owner, id)
  tag(owner, id, "[]")
  call("ZREM", ended_key(owner, "ERROR"), id)
  call("ZREM", ended_key(owner, "CANCELLED"), id)
  call("ZREM", index_key(owner), id)
end

-- Of `limit` jobs at most whose results have expired: give back the bytes; later, when the record itself has
-- expired, take it off the lists.
local function trim(limit)
  for _, job in ipairs(call("ZRANGEBYSCORE", KEPT, "-inf", NOW, "LIMIT", 0, limit)) do
    local id, owner = split(job)
    local left = id and call("PTTL", job_key(id))
    if not id then
      call("ZREM", KEPT, job)
    elseif left > 0 then
      charge(owner, id, RECORD_BYTES)
      call("ZADD", KEPT, NOW + left, job)
    else
      charge(owner, id, 0)
      call("ZREM", KEPT, job)
      remove_from_lists(owner, id)
    end
  end
end

-- The job has shards that wait: it stands in its owner's line, and the owner has a turn.
local function enqueue(id, owner, lane, rank)
  call("ZADD", ready_key(lane, owner), rank, id)
  local turn = turn_key(lane)
  if not call("ZSCORE", turn, owner) then
    -- An owner leaves the line only at its head, when all others were served later: so it enters in front of
    -- all that were served, behind those who came before it and have not been.
    call("ZADD", turn, next_score(turn) - FRONT, owner)
  end
end

-- A shard goes back to waiting.
local function retry(id, shard)
  call("RPUSH", retry_key(id), shard)
  enqueue(id, fields(id, "owner", "lane", "rank"))
end

-- The state of the job, where this token leases the shard; nil: it does not.
local function state_under(id, shard, token)
  local state, holder = fields(id, "state", "t:" .. shard)
  if holder == token then return state end
end

-- The shard is leased no more; of the chunks that were PUT, the first `keep` stay.
local function end_lease(id, shard, keep)
  local put = tonumber(fields(id, "c:" .. shard)) or 0
  for chunk = keep, put - 1 do
    call("HDEL", parts_key(id), shard .. "." .. chunk)
  end
  call("ZREM", LEASED, pair(id, shard))
  call("HDEL", job_key(id), "t:" .. shard, "p:" .. shard, "c:" .. shard, "d:" .. shard)
end

-- The lease ends and the shard is not done; `word` says how. Whoever leases it next makes another attempt.
local function end_attempt(id, shard, token, word, text)
  end_lease(id, shard, 0)
  log_event(id, word, shard, call("HINCRBY", job_key(id), "a:" .. shard, 1), token, text)
end

-- The lease ends, the shard is not done, and waits again. With a delay it goes to `sent` instead, where FEED finds it
-- after that time: it would be handed to the same worker again at once.
local function release(id, shard, token, delay, reason)
  end_attempt(id, shard, token, "released", reason)
  if delay > 0 then
    call("ZADD", sent_key(fields(id, "lane")), NOW + delay, pair(id, shard))
  else
    retry(id, shard)
  end
end

-- The job is final: what it keeps gets a time to live, the rest goes, and those who wait hear of it.
local function finish_job(id, state)
  local job = job_key(id)
  call("HSET", job, "state", state, "ended", NOW)
  local owner, lane, ttl, total, done, payload_bytes, result_bytes, part_bytes, error_type, error_text =
    fields(id, "owner", "lane", "result_ttl", "total", "done", "payload_bytes", "result_bytes", "part_bytes",
      "error_type", "error_text")
  -- Twice as long as the result: so "expired" is told from "unknown".
  call("PEXPIRE", job, 2 * ttl)
  call("PEXPIRE", manifest_key(id), 2 * ttl)
  call("PEXPIRE", parts_key(id), ttl)
  call("PEXPIRE", payload_key(id), ttl)
  call("PEXPIRE", log_key(id), ttl)
  call("UNLINK", retry_key(id), lapses_key(id))
  local asked = RECORD_BYTES + payload_bytes + result_bytes
  if state == "CANCELLED" then
    call("UNLINK", payload_key(id))
    payload_bytes = 0
  end
  call("ZREM", DEADLINE, id)
  call("ZREM", ready_key(lane, owner), id)
  charge(owner, id, RECORD_BYTES + payload_bytes + part_bytes, asked)
  call("ZADD", KEPT, NOW + ttl, pair(id, owner))
  if state ~= "DONE" then call("ZADD", ended_key(owner, state), age_of(owner, id), id) end
  tally("ended:" .. state, 1)
  -- `jobs.results.archive` completes a job in a queue under this name, which no worker serves.
  if state ~= "CANCELLED" and lane and lane:find(upload_key(""), 1, true) == 1 then tally("imported", 1) end
  if state == "ERROR" then tally("error:" .. (error_type or ""), 1) end
  announce(id, state, done, total)
  -- FEED will look whether Celery has the outcome.
  call("ZADD", UNREPORTED, NOW + LEASE, id)
  ended[#ended + 1] = { id, state, tonumber(total), error_type, error_text }
end

-- The shard is done: its part can be read. `micros` is what it took; `failure` is {type, text, traceback} of a part
-- that is bad.
local function store_part(id, shard, token, part, chunk_bytes, micros, failure)
  local job = job_key(id)
  call("HSET", parts_key(id), shard, part)
  call("HINCRBY", job, "part_bytes", #part + chunk_bytes)
  if failure then
    call("HINCRBY", job, "bad", 1)
    -- The first failure speaks for the job.
    if call("HSETNX", job, "error_type", failure[1]) == 1 then
      call("HSET", job, "error_text", failure[2], "traceback", failure[3])
    end
    log_event(id, "error", shard, micros, token, failure[1] .. ": " .. failure[2])
  else
    log_event(id, "finished", shard, micros, token, "")
  end
  call("HINCRBY", job, "done", 1)
  local owner = fields(id, "owner")
  tally("shards:" .. owner, 1)
  if micros ~= 0 then tally("micros:" .. owner, micros) end
  local done, total, bad = fields(id, "done", "total", "bad")
  if tonumber(done) >= tonumber(total) then
    finish_job(id, bad == "0" and "DONE" or "ERROR")
  else
    announce(id, "RUNNING", done, total)
  end
end
