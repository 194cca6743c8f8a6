-- POSITION: how many jobs are served before this one, as the record stands: owners in turn, each with the first of
-- its jobs by priority and age. A job counts once, whatever the number of its shards: as if an owner's turn were as
-- long as a job. What is in `sent` was served already and goes first.
-- Before:  anything. It takes O(log jobs) for each owner and for each shard in `sent`.
-- After:   nothing has changed.
-- Returns: the number; false: the job waits for nothing, being unknown, running or final.

local id = ARGV[3]

return for_job(id, false, function()
  local state, owner, lane = fields(id, "state", "owner", "lane")
  if state ~= "QUEUED" then return false end

  -- The jobs whose shards were sent before any of this one, once each: job -> its owner.
  local before, count = {}, 0
  for _, shard in ipairs(call("ZRANGE", sent_key(lane), 0, -1)) do
    local job = split(shard)
    if job == id then return count end
    if job and not before[job] then
      local job_state, job_owner = fields(job, "state", "owner")
      if job_owner and not final(job_state) then before[job], count = job_owner, count + 1 end
    end
  end

  -- Owner -> how many of its jobs have their turn before this one.
  local turns = {}
  local rank_here = call("ZRANK", ready_key(lane, owner), id) or 0
  local position, ahead = 0, 1
  for _, other in ipairs(call("ZRANGE", turn_key(lane), 0, -1)) do
    if other == owner then
      turns[other], ahead = rank_here, 0
    else
      turns[other] = math.min(call("ZCARD", ready_key(lane, other)), rank_here + ahead)
    end
    position = position + turns[other]
  end

  -- Of the jobs that were sent, those that have no turn to come, or a later one, come on top.
  for job, other in pairs(before) do
    local rank = call("ZRANK", ready_key(lane, other), job)
    if not rank or rank >= (turns[other] or 0) then position = position + 1 end
  end
  return position
end)
