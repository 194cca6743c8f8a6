-- The prelude of every script: the clock, the names of keys, and the moves of shards and jobs.
--
-- A shard is in exactly one place: waiting -> sent -> held -> done, or held -> waiting. A job is QUEUED, then
-- RUNNING, then DONE, ERROR or CANCELLED for good. worker/keys.py lists the keys and what they hold.
--
-- KEYS[1] is the prefix of all keys, the rest of each is computed here: one Redis allows that, a Redis Cluster
-- would not. ARGV[1] is the lane, ARGV[2] the lease; a script's own arguments follow. Times are whole
-- milliseconds.

local call = redis.call
local PREFIX, LANE, LEASE = KEYS[1], ARGV[1], tonumber(ARGV[2])

local HELD, DEADLINE, KEPT = PREFIX .. "held", PREFIX .. "deadline", PREFIX .. "kept"
local CHARGED, USED, CLOCK = PREFIX .. "charged", PREFIX .. "used", PREFIX .. "clock"
local UNTOLD = PREFIX .. "untold"
-- Where Celery's result backend keeps what it was told.
local CELERY_RESULT = "celery-task-meta-"
local WINDOW, TURN = PREFIX .. "window:" .. LANE, PREFIX .. "turn:" .. LANE

local FINAL = { DONE = true, ERROR = true, CANCELLED = true }
local LEAST_WINDOW = 2
-- What a job takes in memory beside its payload and its parts: its fields, its description, its places in lists.
local RECORD_BYTES = 1536
-- Above any value of the counter `clock`, and exact in a double.
local FRONT = 2 ^ 52
-- A log keeps so many of its first lines, and of its last ones. Its longest text in bytes.
local LOG_END, LOG_TEXT = 300, 200

local now_parts = call("TIME")
local NOW = now_parts[1] * 1000 + math.floor(now_parts[2] / 1000)

-- What the caller is told: shards to publish, jobs that ended.
local handed, ended = {}, {}

local function job_key(id) return PREFIX .. "job:" .. id end
local function about_key(id) return PREFIX .. "about:" .. id end
local function payload_key(id) return PREFIX .. "payload:" .. id end
local function parts_key(id) return PREFIX .. "parts:" .. id end
local function again_key(id) return PREFIX .. "again:" .. id end
local function lapses_key(id) return PREFIX .. "lapses:" .. id end
local function log_key(id) return PREFIX .. "log:" .. id end
local function index_key(owner) return PREFIX .. "index:" .. owner end
local function tags_key(owner) return PREFIX .. "tags:" .. owner end
-- With the owner's length, as both may hold any letter.
local function tag_key(owner, tag) return PREFIX .. "tag:" .. #owner .. ":" .. owner .. ":" .. tag end
-- Of the final states but DONE, which most jobs end in.
local function ended_key(owner, state) return PREFIX .. "ended:" .. state .. ":" .. owner end
local function ready_key(lane, owner) return PREFIX .. "ready:" .. lane .. ":" .. owner end
local function sent_key(lane) return PREFIX .. "sent:" .. lane end

-- A shard in `sent` and `held`; a job in `kept` and `charged`. An id has no "/".
local function pair(id, rest) return id .. "/" .. rest end
local function split(joined) return joined:match("^([^/]*)/(.*)$") end

local function fields(id, ...) return unpack(call("HMGET", job_key(id), ...)) end

-- A full Redis refuses a script's first write if that may take memory, but no write of a script that has begun. So
-- what renews, recovers, ends or gives back, and takes next to nothing, begins with this; new work does not.
local function begin() call("DEL", PREFIX .. "nothing") end

-- An unknown job is as final as an ended one: nothing may happen to it.
local function final(state) return not state or FINAL[state] end

local function tell_handed(id, shard, total, timeout)
  handed[#handed + 1] = { id, tonumber(shard), tonumber(total), tonumber(timeout) }
end

-- Who watches the job is told that it changed. He reads the record then: a message may get lost.
local function announce(id, state, done, total)
  call("PUBLISH", PREFIX .. "events:" .. id, state .. " " .. done .. " " .. total)
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
local function note(id, word, shard, number, token, text)
  local log = log_key(id)
  local line = { NOW, word, shard, number, worker_of(token), text:sub(1, LOG_TEXT) }
  if call("RPUSH", log, table.concat(line, "\t")) > 3 * LOG_END then shorten(log) end
end

-- So many bytes more of the owner's budget are in use.
local function use(owner, bytes)
  if call("HINCRBY", USED, owner, bytes) == 0 then call("HDEL", USED, owner) end
end

-- The bytes that a job counts for from its end on, noted apart from its record, which may expire unseen; 0 gives
-- them back. Until its end it counts for what its record says: `before`.
local function charge(owner, id, bytes, before)
  local job = pair(id, owner)
  before = before or call("HGET", CHARGED, job) or 0
  if bytes == 0 then call("HDEL", CHARGED, job) else call("HSET", CHARGED, job, bytes) end
  use(owner, bytes - before)
end

-- The job has these tags, a JSON array, and no others: it is in the list of each.
local function tag(owner, id, tags)
  local before = call("HGET", tags_key(owner), id)
  for _, each in ipairs(before and cjson.decode(before) or {}) do
    call("ZREM", tag_key(owner, each), id)
  end
  if tags == "[]" then
    call("HDEL", tags_key(owner), id)
    return
  end
  local age = call("ZSCORE", index_key(owner), id)
  for _, each in ipairs(cjson.decode(tags)) do
    call("ZADD", tag_key(owner, each), age, id)
  end
  call("HSET", tags_key(owner), id, tags)
end

-- Nobody finds the job in a list any more.
local function unlist(owner, id)
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
    local left = call("PTTL", job_key(id))
    if left > 0 then
      charge(owner, id, RECORD_BYTES)
      call("ZADD", KEPT, NOW + left, job)
    else
      charge(owner, id, 0)
      call("ZREM", KEPT, job)
      unlist(owner, id)
    end
  end
end

-- The job has shards that wait: it stands in its owner's line, and the owner has a turn.
local function offer(id, owner, lane, rank)
  call("ZADD", ready_key(lane, owner), rank, id)
  local turn = PREFIX .. "turn:" .. lane
  if not call("ZSCORE", turn, owner) then
    -- An owner leaves the line only at its head, when all others were served later: so it enters in front of
    -- all that were served, behind those who came before it and have not been.
    call("ZADD", turn, call("INCR", CLOCK) - FRONT, owner)
  end
end

-- A shard goes back to waiting.
local function wait_again(id, shard)
  call("RPUSH", again_key(id), shard)
  offer(id, fields(id, "owner", "lane", "rank"))
end

-- The job's next waiting shard starts to be sent; after the last one the job leaves its owner's line.
local function send_next(id, ready)
  local shard = call("LPOP", again_key(id))
  local next, total, timeout = fields(id, "next", "total", "job_timeout")
  next = tonumber(next)
  if not shard then
    shard, next = next, next + 1
    call("HSET", job_key(id), "next", next)
  end
  if next == tonumber(total) and call("EXISTS", again_key(id)) == 0 then call("ZREM", ready, id) end
  call("ZADD", sent_key(LANE), NOW + LEASE, pair(id, shard))
  tell_handed(id, shard, total, timeout)
end

-- While the window has room, and for `limit` shards at most: the next owner's first job's next shard is sent.
-- The window is the slots that there are, and not less than `least`.
local function fill(limit, least)
  local window = math.max(least or LEAST_WINDOW, tonumber(call("GET", WINDOW) or 0))
  local room = math.min(limit, window - call("ZCARD", sent_key(LANE)))
  while room > 0 do
    local owner = call("ZRANGE", TURN, 0, 0)[1]
    if not owner then break end
    local ready = ready_key(LANE, owner)
    local id = call("ZRANGE", ready, 0, 0)[1]
    if id then
      send_next(id, ready)
      call("ZADD", TURN, call("INCR", CLOCK), owner)
      room = room - 1
    else
      call("ZREM", TURN, owner)
    end
  end
end

-- The state of the job whose shard this token holds; nil: it does not hold it.
local function holding(id, shard, token)
  local state, holder = fields(id, "state", "t:" .. shard)
  if holder == token then return state end
end

-- The shard leaves `held`; of the chunks that were PUT, the first `keep` stay.
local function let_go(id, shard, keep)
  local put = tonumber(fields(id, "c:" .. shard) or 0)
  for chunk = keep, put - 1 do
    call("HDEL", parts_key(id), shard .. "." .. chunk)
  end
  call("ZREM", HELD, pair(id, shard))
  call("HDEL", job_key(id), "t:" .. shard, "p:" .. shard, "c:" .. shard, "d:" .. shard)
end

-- The shard leaves `held` undone, and `word` says how: whoever holds it next makes another attempt.
local function give_up(id, shard, token, word, text)
  let_go(id, shard, 0)
  note(id, word, shard, call("HINCRBY", job_key(id), "a:" .. shard, 1), token, text)
end

-- The shard leaves `held` undone, and waits again. With a delay it goes to `sent` instead, where FEED finds it after
-- that time: it would be handed to the same worker again at once.
local function give_back(id, shard, token, delay, reason)
  give_up(id, shard, token, "released", reason)
  if delay > 0 then
    call("ZADD", sent_key(fields(id, "lane")), NOW + delay, pair(id, shard))
  else
    wait_again(id, shard)
  end
end

-- The job is final: what it keeps gets a time to live, the rest goes, and those who wait are told.
local function finish(id, state)
  local job = job_key(id)
  call("HSET", job, "state", state, "ended", NOW)
  local owner, lane, ttl, total, done, payload_bytes, result_bytes, part_bytes, error_type, error_text =
    fields(id, "owner", "lane", "result_ttl", "total", "done", "payload_bytes", "result_bytes", "part_bytes",
      "error_type", "error_text")
  -- Twice as long as the result: so "expired" is told from "unknown".
  call("PEXPIRE", job, 2 * ttl)
  call("PEXPIRE", about_key(id), 2 * ttl)
  call("PEXPIRE", parts_key(id), ttl)
  call("PEXPIRE", payload_key(id), ttl)
  call("PEXPIRE", log_key(id), ttl)
  call("UNLINK", again_key(id), lapses_key(id))
  local asked = RECORD_BYTES + payload_bytes + result_bytes
  if state == "CANCELLED" then
    call("UNLINK", payload_key(id))
    payload_bytes = 0
  end
  call("ZREM", DEADLINE, id)
  call("ZREM", ready_key(lane, owner), id)
  charge(owner, id, RECORD_BYTES + payload_bytes + part_bytes, asked)
  call("ZADD", KEPT, NOW + ttl, pair(id, owner))
  if state ~= "DONE" then call("ZADD", ended_key(owner, state), call("ZSCORE", index_key(owner), id), id) end
  announce(id, state, done, total)
  -- FEED will look whether the caller has told Celery.
  call("ZADD", UNTOLD, NOW + LEASE, id)
  ended[#ended + 1] = { id, state, tonumber(total), error_type, error_text }
end

-- The shard is done: its part can be read. `micros` is what it took; `failure` is {type, text, traceback} of a part
-- that is bad.
local function reveal(id, shard, token, part, chunk_bytes, micros, failure)
  local job = job_key(id)
  call("HSET", parts_key(id), shard, part)
  call("HINCRBY", job, "part_bytes", #part + chunk_bytes)
  if failure then
    call("HINCRBY", job, "bad", 1)
    -- The first failure speaks for the job.
    if call("HSETNX", job, "error_type", failure[1]) == 1 then
      call("HSET", job, "error_text", failure[2], "traceback", failure[3])
    end
    note(id, "error", shard, micros, token, failure[1] .. ": " .. failure[2])
  else
    note(id, "finished", shard, micros, token, "")
  end
  call("HINCRBY", job, "done", 1)
  local done, total, bad = fields(id, "done", "total", "bad")
  if done == total then
    finish(id, bad == "0" and "DONE" or "ERROR")
  else
    announce(id, "RUNNING", done, total)
  end
end
