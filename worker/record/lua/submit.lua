-- SUBMIT: a job is recorded. A small payload comes along, as fields and values behind the other arguments; any other
-- was uploaded.
-- Before:  the id is new, the payload is there, and the owner's budget holds it.
-- After:   the job is QUEUED, and waiting shards are handed out. Refused, it leaves nothing of its payload.
-- Returns: {"SUBMITTED", shards that were handed out, jobs that ended}; {"KNOWN"}: the same job is there, and was not changed;
--          {"TAKEN"}, {"DELETED"}, {"NO PAYLOAD"}, {"NO ROOM", bytes asked, used, allowed}.

local id, owner, digest = ARGV[3], ARGV[4], ARGV[5]
local total, manifest, priority = ARGV[6], ARGV[7], tonumber(ARGV[8])
local payload_bytes, result_bytes = ARGV[9], ARGV[10]
local expires, job_timeout, result_ttl = ARGV[11], ARGV[12], ARGV[13]
local backend, tags = ARGV[14], ARGV[15]
local num_qubits, upload = ARGV[16], upload_key(ARGV[17])
-- Where the payload begins that comes along.
local ALONG = 18

local known = fields(id, "digest")
if known then
  call("UNLINK", upload)
  return { known == digest and "KNOWN" or "TAKEN" }
end
if call("EXISTS", tombstone_key(id)) == 1 then
  call("UNLINK", upload)
  return { "DELETED" }
end
-- The first write is one that a full Redis refuses: see allow_when_full().
local age = next_score(index_key(owner))
-- What an upload that broke off left under the id is not mixed with it.
if #ARGV >= ALONG then call("UNLINK", upload) end
for argument = ALONG, #ARGV, 2 do
  call("HSET", upload, ARGV[argument], ARGV[argument + 1])
end
if call("EXISTS", upload) == 0 then return { "NO PAYLOAD" } end

trim(100)
local asked, quota = RECORD_BYTES + payload_bytes + result_bytes, tonumber(call("GET", QUOTA)) or USUAL_QUOTA
if quota > 0 and in_use(owner) + asked > quota then
  -- Of what was lost, bytes may still count.
  local used = recount(owner)
  if used + asked > quota then
    call("UNLINK", upload)
    return { "NO ROOM", asked, used, quota }
  end
end

local rank = age - priority * PRIORITY_STEP
call("RENAME", upload, payload_key(id))
call("PERSIST", payload_key(id))
-- Short values only, and what is read most in front: Redis keeps such a hash in a fifth of the memory.
call("HSET", job_key(id), "state", "QUEUED", "owner", owner, "lane", LANE, "total", total, "next", 0, "done", 0,
  "bad", 0, "rank", rank, "created", NOW, "backend", backend, "job_timeout", job_timeout, "expires", expires,
  "result_ttl", result_ttl, "payload_bytes", payload_bytes, "result_bytes", result_bytes, "part_bytes", 0,
  "lapses", 0, "digest", digest)
call("SET", manifest_key(id), manifest)
-- An expired job of this name and owner may have left its places in lists, and what it counted for.
if call("ZREM", KEPT, pair(id, owner)) == 1 then
  remove_from_lists(owner, id)
  charge(owner, id, 0)
end
set_used(owner, in_use(owner) + asked)
call("ZADD", index_key(owner), age, id)
if tags ~= "[]" then tag(owner, id, tags) end
call("ZADD", DEADLINE, NOW + expires, id)
if num_qubits ~= "0" then tally("qubits:" .. num_qubits, 1) end
enqueue(id, owner, LANE, rank)
fill(math.huge)
return { "SUBMITTED", handed_out, ended }
