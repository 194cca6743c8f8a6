-- The prelude of the scripts that know the workers: which are up, and how wide the window is for them.

local WORKERS, INFO, LOAD = PREFIX .. "workers", PREFIX .. "workers:info", PREFIX .. "workers:load"

local function slots_key(lane) return PREFIX .. "slots:" .. lane end

-- What a worker said of itself; nil: nothing that can be read.
local function info_of(name)
  local readable, worker = pcall(cjson.decode, call("HGET", INFO, name) or "")
  if readable and type(worker) == "table" and type(worker.lanes) == "table" then return worker end
end

local function remove_worker(name)
  local worker = info_of(name)
  for _, lane in ipairs(worker and worker.lanes or { LANE }) do
    call("HDEL", slots_key(lane), name)
  end
  call("HDEL", INFO, name)
  call("HDEL", LOAD, name)
  call("ZREM", WORKERS, name)
end

-- The worker is up, and counts for a lease: a node that is so busy that it misses ticks has not gone. One that
-- stops says so (UNREGISTER).
local function register(name, info, busy)
  local worker = cjson.decode(info)
  if call("HGET", INFO, name) ~= info then
    remove_worker(name)
    call("HSET", INFO, name, info)
    if worker.quota then call("SET", QUOTA, string.format("%.0f", worker.quota)) end
  end
  for _, lane in ipairs(worker.lanes) do
    call("HSET", slots_key(lane), name, worker.slots)
  end
  -- With the lease, which need not be that of who asks when the worker was last heard of.
  call("HSET", LOAD, name, busy .. "/" .. LEASE)
  call("ZADD", WORKERS, NOW + LEASE, name)
end

-- The window is as wide as the slots of the workers that are up and serve the lane; returns these.
local function measure_window()
  for _, name in ipairs(call("ZRANGEBYSCORE", WORKERS, "-inf", NOW)) do
    remove_worker(name)
  end
  local slots, entries = 0, call("HGETALL", slots_key(LANE))
  for i = 1, #entries, 2 do
    local count = call("ZSCORE", WORKERS, entries[i]) and tonumber(entries[i + 1])
    if count then slots = slots + count else call("HDEL", slots_key(LANE), entries[i]) end
  end
  call("SET", WINDOW, slots)
  return slots
end
