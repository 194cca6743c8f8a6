-- The first prelude of every script: the clock, the calls to Redis, and the names of keys that Python does not use.
-- Those that it does, such as job_key(id), and LEAST_WINDOW, RECORD_BYTES and USUAL_QUOTA stand in front of this:
-- worker/record/scripts.py writes them.
--
-- A shard is in exactly one place: waiting -> sent -> leased -> done, or leased -> waiting. A job is QUEUED, then
-- RUNNING, then DONE, ERROR or CANCELLED for good. worker/record/keys.py lists the keys and what they hold.
--
-- KEYS[1] is the prefix of all keys, the rest of each is computed: one Redis allows that, a Redis Cluster would not.
-- ARGV[1] is the Celery queue, here called lane; ARGV[2] is the lease; a script's own arguments follow. Times
-- are whole milliseconds.
--
-- What is missing or damaged harms the jobs that it belonged to and nobody else: a key of another type than it has
-- to be is removed (`call`), a job whose record makes no sense ends in ERROR (`guarded`), an entry whose job has no
-- record is dropped, and FEED puts back what is recorded but stands nowhere (repair.lua). `log_repair` says so.

local PREFIX, LANE, LEASE = KEYS[1], ARGV[1], tonumber(ARGV[2])

-- What was dropped or repaired: FEED takes it to a worker's log, where no more than so many lines wait for it.
local DROPPED, MOST_DROPPED = PREFIX .. "dropped", 1000
local function log_repair(text)
  local counted, lines = pcall(redis.call, "LLEN", DROPPED)
  if counted and lines < MOST_DROPPED then pcall(redis.call, "RPUSH", DROPPED, text) end
end

-- What pcall caught, as Redis or Lua said it.
local function reason(failure) return tostring(type(failure) == "table" and failure.err or failure) end

-- Fail as if nothing had been caught: before Redis 7 an error is a string, and its code follows a hyphen.
local function raise(failure)
  if type(failure) == "string" then
    failure = redis.REDIS_VERSION_NUM and { err = failure } or "-" .. failure
  end
  error(failure, 0)
end

-- Call Redis. A key of another type than the command is for holds nothing of ours: it goes, as if it had not been.
local function call(...)
  local done, reply = pcall(redis.call, ...)
  if done then return reply end
  local key = select(2, ...)
  if not reason(reply):find("WRONGTYPE", 1, true) or not pcall(redis.call, "UNLINK", key) then raise(reply) end
  log_repair("key " .. key .. " had another type than it has to have: removed")
  return redis.call(...)
end

local KEPT, CHARGED, CLOCK = PREFIX .. "kept", PREFIX .. "charged", PREFIX .. "clock"
-- Where Celery's result backend keeps the result of a task.
local CELERY_RESULT = "celery-task-meta-"
local function turn_key(lane) return PREFIX .. "turn:" .. lane end
local WINDOW, TURN = PREFIX .. "window:" .. LANE, turn_key(LANE)

local FINAL = { DONE = true, ERROR = true, CANCELLED = true }
-- Jobs of one owner that are looked at once more before a job is refused.
local MOST_RECOUNTED = 1000
-- Above any value of the counter `clock`, and exact in a double.
local FRONT = 2 ^ 52
-- A step of priority outweighs any age, and ten of them are still exact in a double.
local PRIORITY_STEP = 2 ^ 40
-- A log keeps so many of its first lines, and of its last ones. Its longest text in bytes.
local LOG_END, LOG_TEXT = 300, 200

local now_parts = call("TIME")
local NOW = now_parts[1] * 1000 + math.floor(now_parts[2] / 1000)

-- What the caller has to do: store with Celery how these jobs ended.
local ended = {}

local function index_key(owner) return PREFIX .. "index:" .. owner end
local function tags_key(owner) return PREFIX .. "tags:" .. owner end
-- With the owner's length, as both may hold any letter.
local function tag_key(owner, tag) return PREFIX .. "tag:" .. #owner .. ":" .. owner .. ":" .. tag end
-- Of the final states but DONE, which most jobs end in.
local function ended_key(owner, state) return PREFIX .. "ended:" .. state .. ":" .. owner end
local function ready_key(lane, owner) return PREFIX .. "ready:" .. lane .. ":" .. owner end
local function sent_key(lane) return PREFIX .. "sent:" .. lane end

-- A shard in `sent` and LEASED; a job in `kept` and `charged`. An id has no "/".
local function pair(id, rest) return id .. "/" .. rest end
local function split(joined) return joined:match("^([^/]*)/(.*)$") end

local function fields(id, ...) return unpack(call("HMGET", job_key(id), ...)) end

-- Count what an operator measures. A count that is damaged begins anew.
local function tally(what, number)
  if not pcall(redis.call, "HINCRBY", COUNTERS, what, number) then call("HSET", COUNTERS, what, number) end
end

-- A full Redis refuses a script's first write if that may take memory, but no write of a script that has begun. So
-- what renews, recovers, ends or gives back, and takes next to nothing, begins with this; new work does not.
local function allow_when_full() call("DEL", PREFIX .. "nothing") end

-- An unknown job is as final as an ended one: nothing may happen to it.
local function final(state) return not state or FINAL[state] end
