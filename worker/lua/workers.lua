-- WORKERS: what the workers that are up said of themselves.

local names = call("ZRANGEBYSCORE", WORKERS, "(" .. NOW, "+inf")
if #names == 0 then return {} end
return call("HMGET", INFO, unpack(names))
