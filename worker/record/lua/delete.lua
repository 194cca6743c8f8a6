-- DELETE: a final job is removed.
-- Before:  the job is final, and the caller may delete it (refuse_foreign).
-- After:   all of it is gone, but a tombstone, which keeps the id from being used again for `tombstone_life` ms.
-- Returns: 1, to the same caller again where it lost the answer; {"FOREIGN", owner}; 0: the job is not final, or is
--          unknown.

local id, tombstone_life, caller, caller_owner = ARGV[3], ARGV[4], ARGV[5], ARGV[6]

return for_job(id, 0, function()
  local tombstone = tombstone_key(id)
  if call("GET", tombstone) == caller then return 1 end
  local state, owner, lane = fields(id, "state", "owner", "lane")
  if not state then return 0 end
  local refusal = refuse_foreign(id, owner, caller_owner)
  if refusal or not FINAL[state] then return refusal or 0 end
  -- The id may come back one day; its old shards must not.
  for _, list in ipairs({ sent_key(lane), LEASED }) do
    for _, shard in ipairs(call("ZRANGE", list, 0, -1)) do
      if split(shard) == id then call("ZREM", list, shard) end
    end
  end
  charge(owner, id, 0)
  call("ZREM", KEPT, pair(id, owner))
  call("ZREM", UNREPORTED, id)
  remove_from_lists(owner, id)
  call("UNLINK", job_key(id), manifest_key(id), payload_key(id), parts_key(id), log_key(id))
  call("SET", tombstone, caller, "PX", tombstone_life)
  return 1
end)
