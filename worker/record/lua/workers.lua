-- WORKERS: the workers that are up.
-- Before:  anything.
-- After:   nothing has changed.
-- Returns: {{what it said of itself, its busy slots, when it was last heard of in ms}, ...}.

local up = {}
local entries = call("ZRANGEBYSCORE", WORKERS, "(" .. NOW, "+inf", "WITHSCORES")
for i = 1, #entries, 2 do
  local name, ends = entries[i], tonumber(entries[i + 1])
  -- Of one whose entry was damaged the next tick brings another.
  if info_of(name) then
    local busy, lease = (call("HGET", LOAD, name) or ""):match("^(%d+)/(%d+)$")
    up[#up + 1] = { call("HGET", INFO, name), tonumber(busy) or 0, ends - (tonumber(lease) or LEASE) }
  end
end
return up
