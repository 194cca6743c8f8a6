-- CANCEL: the job is not final -> CANCELLED, its payload gone. It takes the same time however many shards there
-- are: those in flight are dropped where they next turn up. The same caller, who may have lost the answer, is told
-- the same again. False: it was final, or is unknown. Another owner's job: see refuse_foreign.

local id, caller, caller_owner = ARGV[3], ARGV[4], ARGV[5]

return for_job(id, false, function()
  local state, total, canceller, owner = fields(id, "state", "total", "canceller", "owner")
  if not state then return false end
  if canceller == caller then return { {}, { { id, state, tonumber(total), false, false } } } end
  local refusal = refuse_foreign(id, owner, caller_owner)
  if refusal or FINAL[state] then return refusal or false end
  begin()
  finish(id, "CANCELLED")
  call("HSET", job_key(id), "canceller", caller)
  return { handed_out, ended }
end)
