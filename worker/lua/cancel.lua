-- CANCEL: the job is not final -> CANCELLED, its payload gone. It takes the same time however many shards there
-- are: those in flight are dropped where they next turn up. False: it was final, or is unknown.

local id = ARGV[3]

if final(fields(id, "state")) then return false end
finish(id, "CANCELLED")
return { handed, ended }
