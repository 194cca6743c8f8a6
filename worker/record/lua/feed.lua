-- FEED: the one recovery, which every worker calls at every tick.
-- Before:  anything. At most LIMIT items are dealt with, so that no call takes long; the next one goes on.
-- After:   the worker is registered; jobs past a deadline have ended; leases that ran out have lapsed; shards that
--          nobody claimed are sent again; waiting shards are handed out; what has expired is trimmed.
-- Returns: {shards that were handed out, jobs that ended, what any script has repaired: lines for the log}.

local name, info, busy = ARGV[3], ARGV[4], ARGV[5]
local lapse_limit = tonumber(ARGV[6])

local LIMIT = 100
-- A shard that nobody claims is sent again after one lease, then two, four, and so on up to 64.
local MOST_DOUBLINGS = 6
-- What Celery's result backend calls each final state.
local OUTCOME = { DONE = "SUCCESS", ERROR = "FAILURE", CANCELLED = "REVOKED" }
-- For so many leases after a job's end its outcome is stored with Celery again where Celery does not have it.
local REPORTING = 10
local FED, GRACE = PREFIX .. "fed", PREFIX .. "grace"
local left = LIMIT

-- Whether a lease that ran out is a lapse. After silence (the server was down) it may be that nobody could renew.
local function lapses_count()
  local last, grace = tonumber(call("GET", FED)) or NOW, tonumber(call("GET", GRACE)) or 0
  call("SET", FED, NOW)
  if NOW - last > LEASE / 2 then
    grace = NOW + LEASE
    call("SET", GRACE, grace)
  end
  return NOW >= grace
end

local function overdue(key) return call("ZRANGEBYSCORE", key, "-inf", NOW, "LIMIT", 0, left) end

local function end_late_job(id)
  local state, expires, job_timeout = fields(id, "state", "expires", "job_timeout")
  local text
  if final(state) then
    if not state then remove_job(id, DEADLINE) end
    call("ZREM", DEADLINE, id)
    return
  end
  if state == "QUEUED" then
    text = string.format("no worker began the job within the %.15g s that `expires` allows: start workers, or "
      .. "allow more", expires / 1000)
  else
    text = string.format("the job was not done within the %.15g s that `job_timeout` allows: allow more, or ask "
      .. "for less", job_timeout / 1000)
  end
  call("HSET", job_key(id), "error_type", "JobDeadlineError", "error_text", text, "traceback", "")
  finish_job(id, "ERROR")
end

local function end_late_jobs()
  for _, id in ipairs(overdue(DEADLINE)) do
    guarded(id, end_late_job, id)
    left = left - 1
  end
end

-- What became of the runs of a shard that was lost too often. Only some deaths are seen by anyone.
local function lapse_text(lapses, died)
  if died >= lapses then return "worker died " .. lapses .. " times while running it" end
  local lapsed = "the lease lapsed " .. lapses - died .. " times: the worker's node died or stopped, or could not "
    .. "reach Redis"
  if died == 0 then return lapsed end
  return "worker died " .. died .. " times while running it, and " .. lapsed
end

-- An entry of `sent` or LEASED that names no shard of a job that is recorded goes. Returns what it names otherwise:
-- job, shard, and the values of these fields of the job's record.
local function entry(list, member, ...)
  local id, shard = split(member)
  local total = id and tonumber(fields(id, "total"))
  if total and is_shard(shard, total) then return id, shard, fields(id, ...) end
  call("ZREM", list, member)
  left = left - 1
  log_repair("entry " .. member .. " of " .. list .. " is no shard of a job that is recorded: dropped")
end

local function lapse(id, shard, token)
  local seen_dead = fields(id, "d:" .. shard)
  end_attempt(id, shard, token, "lapsed", "")
  call("HINCRBY", job_key(id), "lapses", 1)
  tally("lapses", 1)
  local died = call("HINCRBY", lapses_key(id), "died:" .. shard, seen_dead and 1 or 0)
  local lapses = call("HINCRBY", lapses_key(id), shard, 1)
  if lapses < lapse_limit then
    retry(id, shard)
  else
    local text = lapse_text(lapses, died)
    -- `worker.record.chunks` reads it.
    store_part(id, shard, token, "\0!" .. text, 0, 0, { "WorkerLostError", text, "" })
  end
end

local function expire_leases(count_lapses)
  for _, leased in ipairs(overdue(LEASED)) do
    local id, shard, state = entry(LEASED, leased, "state")
    local holder = id and fields(id, "t:" .. shard)
    if id and (FINAL[state] or not holder) then
      guarded(id, end_lease, id, shard, 0)
      left = left - 1
    elseif id and count_lapses then
      guarded(id, lapse, id, shard, holder)
      left = left - 1
    end
  end
end

local function send_again()
  -- All, not only the overdue: what belongs to a final job must not keep the window from others.
  local sent = call("ZRANGE", sent_key(LANE), 0, left - 1, "WITHSCORES")
  for i = 1, #sent, 2 do
    local id, shard, state, total, job_timeout =
      entry(sent_key(LANE), sent[i], "state", "total", "job_timeout")
    if id and FINAL[state] then
      call("ZREM", sent_key(LANE), sent[i])
      left = left - 1
    elseif id and tonumber(sent[i + 1]) <= NOW then
      guarded(id, function()
        local times = call("HINCRBY", job_key(id), "r:" .. shard, 1)
        tally("resends", 1)
        call("ZADD", sent_key(LANE), NOW + LEASE * 2 ^ math.min(times, MOST_DOUBLINGS), sent[i])
        hand_out(id, shard, total, job_timeout)
      end)
      left = left - 1
    end
  end
end

allow_when_full()
-- A caller that died, or lost Redis, before it stored a job's outcome with Celery: another does.
local function report_again()
  for _, id in ipairs(call("ZRANGEBYSCORE", UNREPORTED, "-inf", NOW, "LIMIT", 0, LIMIT)) do
    local state, ended_at, total, error_type, error_text =
      fields(id, "state", "ended", "total", "error_type", "error_text")
    local meta = FINAL[state] and call("GET", CELERY_RESULT .. id)
    if not FINAL[state] or NOW - (tonumber(ended_at) or 0) > REPORTING * LEASE or not tonumber(total)
      or (meta and meta:find('"status": "' .. OUTCOME[state] .. '"', 1, true)) then
      call("ZREM", UNREPORTED, id)
    else
      call("ZADD", UNREPORTED, NOW + LEASE, id)
      ended[#ended + 1] = { id, state, tonumber(total), error_type, error_text }
    end
  end
end

if name ~= "" then register(name, info, busy) end
local slots = measure_window()
local count_lapses = lapses_count()
repair_some()
end_late_jobs()
expire_leases(count_lapses)
if left > 0 then send_again() end
-- A shard ahead of a single busy slot spares it a pause: COMPLETE sends it. One more that a tick sent beside it
-- would be a third shard for another owner to wait for.
fill(left, slots > 0 and 1 or LEAST_WINDOW)
report_again()
trim(LIMIT)
local repairs = call("LRANGE", DROPPED, 0, -1)
call("DEL", DROPPED)
return { handed_out, ended, repairs }
