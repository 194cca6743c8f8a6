-- BEAT: a run that goes on renews its lease.
-- Before:  the token leases the shard, and the job is not final.
-- After:   a new lease; the progress is kept.
-- Returns: 1; 0: the run shall stop.

local id, shard, token, progress = ARGV[3], ARGV[4], ARGV[5], ARGV[6]

return for_job(id, 0, function()
  if final(state_under(id, shard, token)) then return 0 end
  allow_when_full()
  call("ZADD", LEASED, NOW + LEASE, pair(id, shard))
  if progress ~= "" then call("HSET", job_key(id), "p:" .. shard, progress) end
  return 1
end)
