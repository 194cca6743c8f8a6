-- DIED: the process that held the shard is seen to be dead -> this is noted. Its lease runs out as any other: a
-- machine that is short of memory is not given the same shard again at once. FEED then counts a death.

local id, shard, token, text = ARGV[3], ARGV[4], ARGV[5], ARGV[6]

return for_job(id, 0, function()
  if final(holding(id, shard, token)) then return 0 end
  begin()
  if call("HSETNX", job_key(id), "d:" .. shard, 1) == 0 then return 1 end
  note(id, "died", shard, (fields(id, "a:" .. shard) or 0) + 1, token, text)
  return 1
end)
