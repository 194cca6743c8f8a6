-- The fifth prelude: what waits is sent, owner by owner.

-- Whether a shard of this name can be.
local function is_shard(shard, total)
  local number = tonumber(shard)
  return number and number >= 0 and number < total and number % 1 == 0
end

-- The job's next waiting shard starts to be sent; after the last one the job leaves its owner's line. False: it has
-- none that waits, and should not have stood there.
local function send_next(id, ready)
  local next, total, timeout, state = fields(id, "next", "total", "job_timeout", "state")
  if final(state) then return false end
  next, total = tonumber(next), tonumber(total)
  local shard = call("LPOP", retry_key(id))
  while shard and not is_shard(shard, next) do shard = call("LPOP", retry_key(id)) end
  if not shard then
    if next >= total then return false end
    shard, next = next, next + 1
    call("HSET", job_key(id), "next", next)
  end
  if next == total and call("EXISTS", retry_key(id)) == 0 then call("ZREM", ready, id) end
  call("ZADD", sent_key(LANE), NOW + LEASE, pair(id, shard))
  hand_out(id, shard, total, timeout)
  return true
end

-- While the window has room, and for `limit` shards at most: the next owner's first job's next shard is sent.
-- The window is the slots that there are, and not less than `least`.
local function fill(limit, least)
  local window = math.max(least or LEAST_WINDOW, tonumber(call("GET", WINDOW)) or 0)
  local room = math.min(limit, window - call("ZCARD", sent_key(LANE)))
  while room > 0 do
    local owner = call("ZRANGE", TURN, 0, 0)[1]
    if not owner then break end
    local ready = ready_key(LANE, owner)
    local id = call("ZRANGE", ready, 0, 0)[1]
    if id then
      local done, sent = guarded(id, send_next, id, ready)
      if done and sent then
        call("ZADD", TURN, next_score(TURN), owner)
        room = room - 1
      else
        call("ZREM", ready, id)
        if call("EXISTS", job_key(id)) == 0 then remove_job(id, ready) end
      end
    else
      call("ZREM", TURN, owner)
    end
  end
end
