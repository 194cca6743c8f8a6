-- PUT: one chunk of a shard's part is written, which COMPLETE makes readable; the lease is renewed.
-- Before:  the token leases the shard, and the job is not final.
-- After:   the chunk is stored; a new lease.
-- Returns: 1; 0: nothing was written, the run shall stop.

local id, shard, token, index, chunk = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7]

return for_job(id, 0, function()
  if final(state_under(id, shard, token)) then return 0 end
  call("ZADD", LEASED, NOW + LEASE, pair(id, shard))
  call("HSET", parts_key(id), shard .. "." .. index, chunk)
  -- How many there may be: whoever ends this lease must find all of them.
  local put = tonumber(fields(id, "c:" .. shard) or 0)
  call("HSET", job_key(id), "c:" .. shard, math.max(put, index + 1))
  return 1
end)
