-- ANNOTATE: the job is known -> its manifest replaced. A script, so that an expired record is not made anew.

local id, manifest = ARGV[3], ARGV[4]

if not fields(id, "state") then return 0 end
call("HSET", job_key(id), "manifest", manifest)
return 1
