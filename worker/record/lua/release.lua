-- RELEASE: a run gives its shard back undone. This is not a lapse.
-- Before:  the token leases the shard.
-- After:   token, lease and chunks are gone. If the job is not final, the shard waits again, for `delay` ms at
--          least. Waiting shards are handed out.
-- Returns: {shards that were handed out, jobs that ended}; false: the token does not lease the shard.

local id, shard, token, delay, reason = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7]

return for_job(id, false, function()
  local state = state_under(id, shard, token)
  if not state then return false end
  if final(state) then
    end_lease(id, shard, 0)
  else
    release(id, shard, token, delay, reason)
  end
  fill(math.huge)
  return { handed_out, ended }
end)
