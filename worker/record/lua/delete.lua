-- DELETE: the job is final -> all of it gone, but a tombstone for ARGV[4] ms that keeps the id from being used
-- again. The same caller, who may have lost the answer, is told the same again. 0: it is not final, or unknown.
-- Another owner's job: see refuse_foreign.

local id, tombstone_life, caller, caller_owner = ARGV[3], ARGV[4], ARGV[5], ARGV[6]

return for_job(id, 0, function()
  local tombstone = tombstone_key(id)
  if call("GET", tombstone) == caller then return 1 end
  local state, owner, lane = fields(id, "state", "owner", "lane")
  if not state then return 0 end
  local refusal = refuse_foreign(id, owner, caller_owner)
  if refusal or not FINAL[state] then return refusal or 0 end
  -- The id may come back one day; its old shards must not.
  for _, place in ipairs({ sent_key(lane), LEASED }) do
    for _, shard in ipairs(call("ZRANGE", place, 0, -1)) do
      if split(shard) == id then call("ZREM", place, shard) end
    end
  end
  charge(owner, id, 0)
  call("ZREM", KEPT, pair(id, owner))
  call("ZREM", UNREPORTED, id)
  unlist(owner, id)
  call("UNLINK", job_key(id), manifest_key(id), payload_key(id), parts_key(id), log_key(id))
  call("SET", tombstone, caller, "PX", tombstone_life)
  return 1
end)
