-- BEAT: the token holds the shard and the job is not final -> a new lease, and the progress kept. Else 0: stop.

local id, shard, token, progress = ARGV[3], ARGV[4], ARGV[5], ARGV[6]

return for_job(id, 0, function()
  if final(holding(id, shard, token)) then return 0 end
  begin()
  call("ZADD", LEASED, NOW + LEASE, pair(id, shard))
  if progress ~= "" then call("HSET", job_key(id), "p:" .. shard, progress) end
  return 1
end)
