-- RELEASE: the token holds the shard -> token and lease gone, what was PUT gone; if the job is not final the shard
-- waits again, for `delay` at least, and fill. This is not a lapse. False: the token does not hold the shard.

local id, shard, token, delay, reason = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7]

return for_job(id, false, function()
  local state = holding(id, shard, token)
  if not state then return false end
  if final(state) then
    let_go(id, shard, 0)
  else
    give_back(id, shard, token, delay, reason)
  end
  fill(math.huge)
  return { handed_out, ended }
end)
