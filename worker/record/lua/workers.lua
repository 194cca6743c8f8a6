-- WORKERS: the workers that are up.
-- Before:  anything.
-- After:   nothing has changed.
-- Returns: {{what it said of itself, its busy slots, when it was last heard of in ms, how many hundredths of its lease
--          have passed since}, ...}.

local up = {}
local entries = call("ZRANGEBYSCORE", WORKERS, "(" .. NOW, "+inf", "WITHSCORES")
for i = 1, #entries, 2 do
  local name, ends = entries[i], tonumber(entries[i + 1])
  -- Of one whose entry was damaged the next tick brings another.
  if info_of(name) then
    local busy, of_its_own = (call("HGET", LOAD, name) or ""):match("^(%d+)/(%d+)$")
    local lease = tonumber(of_its_own) or LEASE
    local heard = ends - lease
    up[#up + 1] = { call("HGET", INFO, name), tonumber(busy) or 0, heard, math.floor(100 * (NOW - heard) / lease) }
  end
end
return up
