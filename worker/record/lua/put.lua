-- PUT: as BEAT, and one chunk of the shard's part is written. COMPLETE reveals it.

local id, shard, token, index, chunk = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7]

return for_job(id, 0, function()
  if final(holding(id, shard, token)) then return 0 end
  call("ZADD", LEASED, NOW + LEASE, pair(id, shard))
  call("HSET", parts_key(id), shard .. "." .. index, chunk)
  -- How many there may be: whoever ends this hold must find all of them.
  local put = tonumber(fields(id, "c:" .. shard) or 0)
  call("HSET", job_key(id), "c:" .. shard, math.max(put, index + 1))
  return 1
end)
