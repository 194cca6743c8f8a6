-- DIED: the process of a run was seen to be dead.
-- Before:  the token leases the shard, and the job is not final.
-- After:   this is noted. The lease runs out as any other, so that a machine that is short of memory is not given
--          the same shard at once; FEED then counts a death.
-- Returns: how many leases of the shard will have run out then; 0: nothing was noted.

local id, shard, token, text = ARGV[3], ARGV[4], ARGV[5], ARGV[6]

return for_job(id, 0, function()
  if final(state_under(id, shard, token)) then return 0 end
  allow_when_full()
  if call("HSETNX", job_key(id), "d:" .. shard, 1) == 1 then
    log_event(id, "died", shard, (fields(id, "a:" .. shard) or 0) + 1, token, text)
  end
  return (tonumber(call("HGET", lapses_key(id), shard)) or 0) + 1
end)
