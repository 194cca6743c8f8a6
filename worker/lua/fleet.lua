-- The second prelude, of the scripts that know the workers: who is up, and how wide the window is for them.

local WORKERS, INFO, LOAD = PREFIX .. "workers", PREFIX .. "workers:info", PREFIX .. "workers:load"

local function slots_key(lane) return PREFIX .. "slots:" .. lane end

local function forget(name)
  local info = call("HGET", INFO, name)
  if not info then return end
  for _, lane in ipairs(cjson.decode(info).lanes) do
    call("HDEL", slots_key(lane), name)
  end
  call("HDEL", INFO, name)
  call("HDEL", LOAD, name)
  call("ZREM", WORKERS, name)
end

-- The worker is up, and counts for a lease: a node that is so busy that it misses ticks has not gone. One that is
-- told to stop says so.
local function register(name, info, busy)
  if call("HGET", INFO, name) ~= info then
    forget(name)
    call("HSET", INFO, name, info)
    local worker = cjson.decode(info)
    for _, lane in ipairs(worker.lanes) do
      call("HSET", slots_key(lane), name, worker.slots)
    end
  end
  call("HSET", LOAD, name, busy)
  call("ZADD", WORKERS, NOW + LEASE, name)
end

-- The window is as wide as the slots of the workers that are up and serve the lane; returns these.
local function measure_window()
  for _, name in ipairs(call("ZRANGEBYSCORE", WORKERS, "-inf", NOW)) do
    forget(name)
  end
  local slots = 0
  for _, count in ipairs(call("HVALS", slots_key(LANE))) do
    slots = slots + count
  end
  call("SET", WINDOW, slots)
  return slots
end
