-- RELEASE: the token holds the shard -> token and lease gone, what was PUT gone; if the job is not final the shard
-- waits again, and fill. This is not a lapse. False: the token does not hold it.

local id, shard, token = ARGV[3], ARGV[4], ARGV[5]

local state = holding(id, shard, token)
if not state then return false end
let_go(id, shard, 0)
if not final(state) then wait_again(id, shard) end
fill(math.huge)
return { handed, ended }
