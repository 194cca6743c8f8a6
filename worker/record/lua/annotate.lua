-- ANNOTATE: a job's manifest and its tags are replaced. A script, so that a record that has expired is not made anew.
-- Before:  the job is known, and the caller may change it (refuse_foreign).
-- After:   it has this manifest, and these tags alone.
-- Returns: 1; {"FOREIGN", owner}; 0: the job is unknown.

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
