-- FAIL: the token holds the shard, and its run met an error that is not the circuit's -> token and lease gone, and
-- the shard waits again, for `delay` at least; the failure number `limit` makes the error part that came along.
-- False: the token does not hold it.

local id, shard, token, delay, limit = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local part, failure = ARGV[8], { ARGV[9], ARGV[10], ARGV[11] }

return for_job(id, false, function()
  local state = holding(id, shard, token)
  if not state then return false end
  if final(state) then
    let_go(id, shard, 0)
  elseif call("HINCRBY", lapses_key(id), "failed:" .. shard, 1) < limit then
    give_back(id, shard, token, delay, failure[1] .. ": " .. failure[2])
  else
    let_go(id, shard, 0)
    reveal(id, shard, token, part, 0, 0, failure)
  end
  fill(math.huge)
  return { handed_out, ended }
end)
