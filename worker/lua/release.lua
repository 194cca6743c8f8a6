-- RELEASE: the token holds the shard -> token and lease gone, what was PUT gone; if the job is not final the shard
-- waits again, and fill. With a delay it goes to `sent` instead, where FEED finds it after that time: a worker that
-- has no room for it would be handed it again at once. This is not a lapse. False: the token does not hold it.

local id, shard, token, delay, reason = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7]

return for_job(id, false, function()
  local state = holding(id, shard, token)
  if not state then return false end
  if final(state) then
    let_go(id, shard, 0)
  else
    give_up(id, shard, token, "released", reason)
    if delay > 0 then
      call("ZADD", sent_key(fields(id, "lane")), NOW + delay, pair(id, shard))
    else
      wait_again(id, shard)
    end
  end
  fill(math.huge)
  return { handed, ended }
end)
