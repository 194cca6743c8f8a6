-- CANCEL: a job ends. It takes the same time however many shards there are: those in flight are dropped where they
-- next turn up.
-- Before:  the job is not final, and the caller may end it (refuse_foreign).
-- After:   it is CANCELLED, and its payload is gone.
-- Returns: {shards that were handed out, jobs that ended}, to the same caller again where it lost the answer; {"FOREIGN",
--          owner}; false: the job was final, or is unknown.

local id, caller, caller_owner = ARGV[3], ARGV[4], ARGV[5]

return for_job(id, false, function()
  local state, total, canceller, owner = fields(id, "state", "total", "canceller", "owner")
  if not state then return false end
  if canceller == caller then return { {}, { { id, state, tonumber(total), false, false } } } end
  local refusal = refuse_foreign(id, owner, caller_owner)
  if refusal or FINAL[state] then return refusal or false end
  allow_when_full()
  finish_job(id, "CANCELLED")
  call("HSET", job_key(id), "canceller", caller)
  return { handed_out, ended }
end)
