-- FAIL: a run met an error that is not its circuit's.
-- Before:  the token leases the shard.
-- After:   token, lease and chunks are gone. If the job is not final, the shard waits again, for `delay` ms at
--          least; at failure number `limit` it is done, with the error part that came along. Waiting shards are
--          handed out.
-- Returns: {shards that were handed out, jobs that ended}; false: the token does not lease the shard.

local id, shard, token, delay, limit = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local part, failure = ARGV[8], { ARGV[9], ARGV[10], ARGV[11] }

return for_job(id, false, function()
  local state = state_under(id, shard, token)
  if not state then return false end
  if final(state) then
    end_lease(id, shard, 0)
  elseif call("HINCRBY", lapses_key(id), "failed:" .. shard, 1) < limit then
    release(id, shard, token, delay, failure[1] .. ": " .. failure[2])
  else
    end_lease(id, shard, 0)
    store_part(id, shard, token, part, 0, 0, failure)
  end
  fill(math.huge)
  return { handed_out, ended }
end)
