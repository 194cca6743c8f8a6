-- SUBMIT: the id is new, its payload is uploaded, the owner's budget holds it -> QUEUED, and fill.
-- The same id and digest again changes nothing. Whatever was uploaded and is not taken goes. A small payload comes
-- along, as fields and values behind the other arguments, and needs no upload.

local id, owner, digest = ARGV[3], ARGV[4], ARGV[5]
local total, manifest, priority = ARGV[6], ARGV[7], tonumber(ARGV[8])
local payload_bytes, result_bytes, quota = ARGV[9], ARGV[10], tonumber(ARGV[11])
local expires, job_timeout, result_ttl = ARGV[12], ARGV[13], ARGV[14]

local upload = PREFIX .. "upload:" .. id
-- A step of priority outweighs any age, and ten of them are still exact in a double.
local PRIORITY_STEP = 2 ^ 40

local known = fields(id, "digest")
if known then
  call("UNLINK", upload)
  return { known == digest and "KNOWN" or "TAKEN" }
end
if call("EXISTS", PREFIX .. "tombstone:" .. id) == 1 then
  call("UNLINK", upload)
  return { "DELETED" }
end
-- The first write is one that a full Redis refuses: see begin().
local age = call("INCR", CLOCK)
-- What an upload that broke off left under the id is not mixed with it.
if #ARGV > 14 then call("UNLINK", upload) end
for argument = 15, #ARGV, 2 do
  call("HSET", upload, ARGV[argument], ARGV[argument + 1])
end
if call("EXISTS", upload) == 0 then return { "NO PAYLOAD" } end

trim(100)
local asked, used = payload_bytes + result_bytes, tonumber(call("HGET", USED, owner) or 0)
if quota > 0 and used + asked > quota then
  call("UNLINK", upload)
  return { "NO ROOM", asked, used }
end

local rank = age - priority * PRIORITY_STEP
call("RENAME", upload, payload_key(id))
call("PERSIST", payload_key(id))
call("HSET", job_key(id), "state", "QUEUED", "owner", owner, "lane", LANE, "rank", rank, "digest", digest,
  "total", total, "next", 0, "done", 0, "bad", 0, "lapses", 0, "manifest", manifest, "created", NOW,
  "payload_bytes", payload_bytes, "part_bytes", 0, "expires", expires, "job_timeout", job_timeout,
  "result_ttl", result_ttl)
charge(owner, id, asked)
call("ZREM", KEPT, pair(id, owner))
call("ZADD", index_key(owner), age, id)
call("ZADD", DEADLINE, NOW + expires, id)
offer(id, owner, LANE, rank)
fill(math.huge)
return { "SUBMITTED", handed, ended }
