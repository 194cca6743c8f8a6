-- The last prelude of FEED: what is recorded but stands in no list, as a shared key was lost, is put back.
--
-- Once a lease some of the unfinished jobs are looked at, others each time, and all that are in flight.

local LAST_REPAIR, MOST_REPAIRED = PREFIX .. "mended", 200

-- Members of a list, another stretch of it each time.
local function stretch(list, most)
  local start = math.floor(NOW / LEASE) * most % math.max(1, call("ZCARD", list))
  return call("ZRANGE", list, start, start + most - 1)
end

-- Each shard of the job that was sent once and is neither done nor anywhere waits again, or is leased again.
local function restore_lost(id, next, in_flight)
  local waiting = {}
  for _, shard in ipairs(call("LRANGE", retry_key(id), 0, -1)) do waiting[shard] = true end
  for number = 0, next - 1 do
    local shard = string.format("%.0f", number)
    if not (waiting[shard] or in_flight[pair(id, shard)] or call("HGET", parts_key(id), shard)) then
      if fields(id, "t:" .. shard) then
        -- Whoever leases it beats, or it lapses.
        call("ZADD", LEASED, NOW + LEASE, pair(id, shard))
      else
        retry(id, shard)
      end
      log_repair("shard " .. shard .. " of job " .. id .. " stood nowhere: put back")
    end
  end
end

local function repair(id, in_flight)
  local state, owner, lane, rank, next, total, done, created, started =
    fields(id, "state", "owner", "lane", "rank", "next", "total", "done", "created", "started")
  if final(state) then
    if call("ZREM", DEADLINE, id) == 1 and not state then remove_job(id, DEADLINE) end
    return
  end
  local why = defect(id)
  if why then return fail_damaged_job(id, why) end
  next, total, done = tonumber(next), tonumber(total), tonumber(done)
  if not call("ZSCORE", DEADLINE, id) then
    local began = state == "QUEUED" and created or started
    call("ZADD", DEADLINE, began + fields(id, state == "QUEUED" and "expires" or "job_timeout"), id)
    log_repair("job " .. id .. " had no deadline: put back")
  end
  if not call("ZSCORE", index_key(owner), id) then call("ZADD", index_key(owner), age_of(owner, id), id) end
  local again = call("LLEN", retry_key(id))
  if next < total or again > 0 then
    local ready = ready_key(lane, owner)
    if not (call("ZSCORE", ready, id) and call("ZSCORE", turn_key(lane), owner)) then
      enqueue(id, owner, lane, rank)
      log_repair("job " .. id .. " waited in no line: put back")
    end
  end
  if lane == LANE and next - again - done > (in_flight[id] or 0) then restore_lost(id, next, in_flight) end
end

local function repair_some()
  local last = tonumber(call("GET", LAST_REPAIR)) or 0
  if last <= NOW and NOW - last < LEASE then return end
  call("SET", LAST_REPAIR, NOW)
  -- What is in flight: each entry, and how many of each job there are.
  local in_flight, jobs = {}, {}
  for _, list in ipairs({ sent_key(LANE), LEASED }) do
    for _, member in ipairs(call("ZRANGE", list, 0, -1)) do
      local id = split(member)
      if id then
        if not in_flight[id] then jobs[#jobs + 1] = id end
        in_flight[id], in_flight[member] = (in_flight[id] or 0) + 1, true
      end
    end
  end
  -- A waiting job has a deadline and stands in a line: if one of the two was lost, the other shows it.
  local lists = { stretch(DEADLINE, MOST_REPAIRED) }
  for _, owner in ipairs(stretch(TURN, 10)) do
    lists[#lists + 1] = stretch(ready_key(LANE, owner), MOST_REPAIRED / 10)
  end
  lists[#lists + 1] = jobs
  local seen = {}
  for _, list in ipairs(lists) do
    for _, id in ipairs(list) do
      if not seen[id] then guarded(id, repair, id, in_flight) end
      seen[id] = true
    end
  end
end
