-- CANCEL: the job is not final -> CANCELLED, its payload gone. It takes the same time however many shards there
-- are: those in flight are dropped where they next turn up. The same caller, who may have lost the answer, is told
-- the same again. False: it was final, or is unknown.

local id, caller = ARGV[3], ARGV[4]

local state, total, canceller = fields(id, "state", "total", "canceller")
if canceller == caller then return { {}, { { id, state, tonumber(total), false, false } } } end
if final(state) then return false end
begin()
finish(id, "CANCELLED")
call("HSET", job_key(id), "canceller", caller)
return { handed, ended }
