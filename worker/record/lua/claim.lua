-- CLAIM: a worker takes a shard, for as long as its lease lasts.
-- Before:  the shard is in `sent` and its job is not final; or this token leases it already.
-- After:   this token leases the shard, and the job is RUNNING.
-- Returns: {1, "RUNNING", the shard's field of the payload, the job's owner, which attempt it is}; else {0, the job's
--          state; false: there is no such job}, the one answer to a message that is doubled or late, or is about a
--          shard that is leased or done.

local id, shard, token = ARGV[3], ARGV[4], ARGV[5]

return for_job(id, { 0, false }, function()
  local state, lane, holder, job_timeout, total, given_up, owner =
    fields(id, "state", "lane", "t:" .. shard, "job_timeout", "total", "a:" .. shard, "owner")
  local mine = holder == token or call("ZREM", sent_key(lane or LANE), pair(id, shard)) == 1
  if final(state) or not mine then return { 0, state } end

  local job = job_key(id)
  call("ZADD", LEASED, NOW + LEASE, pair(id, shard))
  call("HSET", job, "t:" .. shard, token)
  call("HDEL", job, "r:" .. shard)
  if holder ~= token then log_event(id, "claimed", shard, (given_up or 0) + 1, token, "") end
  if state == "QUEUED" then
    call("HSET", job, "state", "RUNNING", "started", NOW)
    -- It began in time; from now on it has its own time to end in.
    call("ZADD", DEADLINE, NOW + job_timeout, id)
    announce(id, "RUNNING", 0, total)
  end
  -- With it the shard itself, or its header: one round trip for what every run needs next.
  return { 1, "RUNNING", call("HGET", payload_key(id), shard), owner, (given_up or 0) + 1 }
end)
