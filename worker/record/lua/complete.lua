-- COMPLETE: a run has made its part.
-- Before:  the token leases the shard, and every chunk that the part's header counts was PUT.
-- After:   token and lease are gone. If the job is not final, the part can be read, the last part ends the job,
--          Celery's result backend has this task's result, and waiting shards are handed out.
-- Returns: {shards that were handed out, jobs that ended}; false: nothing was written.

local id, shard, token, part = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local chunks, bad = tonumber(ARGV[7]), ARGV[8] == "1"
local failure = bad and { ARGV[9], ARGV[10], ARGV[11] }
local micros = ARGV[12]
local task_id, life, meta = ARGV[13], ARGV[14], ARGV[15]

return for_job(id, false, function()
  local state = state_under(id, shard, token)
  if final(state) then
    if state then end_lease(id, shard, 0) end
    return false
  end

  local chunk_bytes = 0
  for chunk = 0, chunks - 1 do
    local bytes = call("HSTRLEN", parts_key(id), shard .. "." .. chunk)
    if bytes == 0 then return redis.error_reply("ERR chunk " .. chunk .. " of " .. chunks .. " was never PUT") end
    chunk_bytes = chunk_bytes + bytes
  end
  end_lease(id, shard, chunks)
  local worker = worker_of(token)
  if worker ~= "" then call("HINCRBY", job_key(id), "u:" .. worker, micros) end
  store_part(id, shard, token, part, chunk_bytes, micros, failure)
  if task_id ~= "" then
    call("SETEX", CELERY_RESULT .. task_id, life, meta)
    call("PUBLISH", CELERY_RESULT .. task_id, meta)
    -- It is the whole job's task: FEED need not look.
    if task_id == id then call("ZREM", UNREPORTED, id) end
  end
  fill(math.huge)
  return { handed_out, ended }
end)
