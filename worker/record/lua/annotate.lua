-- ANNOTATE: the job is known -> its manifest and its tags replaced. A script, so that an expired record is not
-- made anew. Another owner's job: see refuse_foreign.

local id, manifest, tags, caller_owner = ARGV[3], ARGV[4], ARGV[5], ARGV[6]

return for_job(id, 0, function()
  local owner = fields(id, "owner")
  if not owner then return 0 end
  local refusal = refuse_foreign(id, owner, caller_owner)
  if refusal then return refusal end
  call("SET", manifest_key(id), manifest, "KEEPTTL")
  tag(owner, id, tags)
  return 1
end)
