-- ANNOTATE: the job is known -> its manifest and its tags replaced. A script, so that an expired record is not
-- made anew.

local id, manifest, tags = ARGV[3], ARGV[4], ARGV[5]

local owner = fields(id, "owner")
if not owner then return 0 end
call("SET", about_key(id), manifest, "KEEPTTL")
tag(owner, id, tags)
return 1
