-- DELETE: the job is final -> all of it gone, but a tombstone for ARGV[4] ms that keeps the id from being used
-- again. 0: it is not final, or unknown.

local id, tombstone_life = ARGV[3], ARGV[4]

local state, owner, lane = fields(id, "state", "owner", "lane")
if not FINAL[state] then return 0 end
-- The id may come back one day; its old shards must not.
for _, place in ipairs({ sent_key(lane), HELD }) do
  for _, shard in ipairs(call("ZRANGE", place, 0, -1)) do
    if split(shard) == id then call("ZREM", place, shard) end
  end
end
charge(owner, id, 0)
call("ZREM", KEPT, pair(id, owner))
call("ZREM", index_key(owner), id)
call("UNLINK", job_key(id), payload_key(id), parts_key(id))
call("SET", PREFIX .. "tombstone:" .. id, 1, "PX", tombstone_life)
return 1
