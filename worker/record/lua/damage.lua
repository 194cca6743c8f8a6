-- The fourth prelude: what becomes of a job whose record is missing or damaged, and who may touch another's.

-- What stands in for a field of a record that has to be a number, and is none.
local NUMBERS = {
  total = 1, next = 0, done = 0, bad = 0, rank = 0, created = NOW, lapses = 0, payload_bytes = 0, result_bytes = 0,
  part_bytes = 0, job_timeout = 1, expires = 1, result_ttl = 3600000,
}
-- What else of a record has to be one: counts and times of its shards and workers.
local COUNTED = "^[acru]:"

-- What is wrong with a job's record; nil: nothing.
local function defect(id)
  local record, entries = {}, call("HGETALL", job_key(id))
  if #entries == 0 then return "there is none" end
  for i = 1, #entries, 2 do
    local name, value = entries[i], entries[i + 1]
    record[name] = value
    if name:find(COUNTED) and not tonumber(value) then return name .. " is no number" end
  end
  for name in pairs(NUMBERS) do
    if not tonumber(record[name]) then return name .. " is no number" end
  end
  local state = record.state
  if not (state == "QUEUED" or state == "RUNNING" or FINAL[state]) then return "state is none" end
  if state ~= "QUEUED" and not FINAL[state] and not tonumber(record.started) then return "started is no number" end
  if not (record.owner and record.lane) then return "owner or lane is missing" end
end

-- Nothing is recorded under this id: what lies beside the record goes too.
local function remove_job(id, where)
  call("UNLINK", manifest_key(id), payload_key(id), parts_key(id), log_key(id), retry_key(id), lapses_key(id))
  call("ZREM", DEADLINE, id)
  call("ZREM", UNREPORTED, id)
  log_repair("job " .. id .. ", met in " .. where .. ", has no record: dropped")
end

-- The job's record makes no sense: the job ends in ERROR, and says why; what cannot even end goes.
local function fail_damaged_job(id, why)
  local job = job_key(id)
  if call("EXISTS", job) == 0 then return remove_job(id, "a script") end
  for name, plain in pairs(NUMBERS) do
    if not tonumber(fields(id, name)) then call("HSET", job, name, plain) end
  end
  call("HSETNX", job, "owner", "")
  call("HSETNX", job, "lane", LANE)
  local text = "its record in Redis was damaged (" .. why .. "): submit it again"
  call("HSET", job, "error_type", "RecordDamagedError", "error_text", text, "traceback", "")
  log_repair("job " .. id .. " ended in ERROR: " .. text)
  if not pcall(finish_job, id, "ERROR") then
    call("UNLINK", job)
    remove_job(id, "a script")
  end
end

-- What Redis or Lua say where a value makes no sense, and not for other reasons.
local VALUE_ERRORS = { "attempt to", "bad argument", "not an integer", "not a valid float", "not a float" }

-- Do what concerns one job of several, and return whether that went well, and the result. What is damaged ends the
-- job; a value beside it that makes no sense is logged. Neither holds the others up.
local function guarded(id, work, ...)
  local done, result = pcall(work, ...)
  if done then return true, result end
  local why = defect(id)
  if why then
    fail_damaged_job(id, why)
    return false
  end
  for _, sign in ipairs(VALUE_ERRORS) do
    if reason(result):find(sign, 1, true) then
      log_repair("job " .. id .. ": " .. reason(result))
      return false
    end
  end
  raise(result)
end

-- What a script does about the job that it was called for; `refusal` is its answer where that has no sound record.
local function for_job(id, refusal, work)
  local done, reply = pcall(work)
  if done then return reply end
  local why = defect(id)
  if not why then raise(reply) end
  fail_damaged_job(id, why)
  return refusal
end

-- The caller is neither the job's owner, nor an operator, nor one who carries a revoke of Celery's to the record:
-- then this is the answer.
local function refuse_foreign(id, owner, caller)
  if owner == caller or KEYS[2] == OPERATOR then return nil end
  local meta = call("GET", CELERY_RESULT .. id)
  for _, status in ipairs({ "REVOKED", "IGNORED" }) do
    if meta and meta:find('"status": "' .. status .. '"', 1, true) then return nil end
  end
  return { "FOREIGN", owner }
end
