-- LIST: an owner's jobs by age, of some states, one backend, all of some tags, within a time.
-- Before:  anything. It looks at LIMIT jobs at most, so that no call takes long.
-- After:   jobs whose record is gone are off the lists.
-- Returns: {the cursor where the next call goes on, false: no more; how many are left to skip; {{id, backend}, ...}}.

local owner, newest_first = ARGV[3], ARGV[4] == "1"
-- Milliseconds; nil: any time. The first and the last that count.
local after, before = tonumber(ARGV[5]), tonumber(ARGV[6])
-- "" is any state, any backend.
local states, backend, tags = ARGV[7], ARGV[8], cjson.decode(ARGV[9])
-- The age of the last job that was looked at; nil: none was.
local cursor, skip, most = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])

local LIMIT = 1000
local index = index_key(owner)
local filtered = states ~= "" or backend ~= "" or #tags > 0

-- When the first job from this rank on that still has a record was created; nil: none before the rank `stop` has.
local function created_from(rank, stop)
  while rank < stop do
    local id = call("ZRANGE", index, rank, rank)[1]
    local created = id and fields(id, "created")
    if created then return tonumber(created), rank end
    rank = rank + 1
  end
end

-- The age of the oldest job that was created at this time or later. Ages and times of creation have one order.
local function age_at(time)
  local low, high = 0, call("ZCARD", index)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local created, rank = created_from(middle, high)
    if not created or created >= time then high = middle else low = rank + 1 end
  end
  return tonumber(call("ZRANGE", index, low, low, "WITHSCORES")[2] or math.huge)
end

-- The ages that count: from `least` up to, not including, `bound`.
local least, bound = after and age_at(after) or 0, before and age_at(before + 1) or math.huge
if cursor and newest_first then bound = math.min(bound, cursor) end
if cursor and not newest_first then least = math.max(least, cursor + 1) end

-- The shortest list that all of these jobs are in.
local source, size = index, call("ZCARD", index)
local function prefer(list)
  local length = call("ZCARD", list)
  if length < size then source, size = list, length end
end
for _, each in ipairs(tags) do prefer(tag_key(owner, each)) end
if states == "ERROR" or states == "CANCELLED" then prefer(ended_key(owner, states)) end

local function has_tags(id)
  for _, each in ipairs(tags) do
    if not call("ZSCORE", tag_key(owner, each), id) then return false end
  end
  return true
end

-- Where few jobs of all owners are unfinished, these are looked at instead of all of this owner's.
local function unfinished()
  local found = {}
  for _, id in ipairs(call("ZRANGE", DEADLINE, 0, -1)) do
    local age = tonumber(call("ZSCORE", source, id) or -1)
    if age >= least and age < bound then found[#found + 1] = { id, age } end
  end
  table.sort(found, function(one, other) return (one[2] > other[2]) == newest_first and one[2] ~= other[2] end)
  return found, false
end

local function text(age) return age == math.huge and "+inf" or string.format("%.0f", age) end

local function by_age()
  local from, to = text(least), "(" .. text(bound)
  local offset, size_of_page = 0, LIMIT
  if not filtered then
    -- All of them count: those to be skipped need no look, nor more than are asked for.
    size_of_page = math.min(LIMIT, most)
    if not cursor then offset, skip = skip, 0 end
  end
  local entries
  if newest_first then
    entries = call("ZRANGE", source, to, from, "BYSCORE", "REV", "LIMIT", offset, size_of_page, "WITHSCORES")
  else
    entries = call("ZRANGE", source, from, to, "BYSCORE", "LIMIT", offset, size_of_page, "WITHSCORES")
  end
  local found = {}
  for i = 1, #entries, 2 do found[#found + 1] = { entries[i], tonumber(entries[i + 1]) } end
  return found, #found == size_of_page
end

if least >= bound then return { false, skip, {} } end
local some_final = states == "" or states:find("DONE", 1, true) or states:find("ERROR", 1, true)
  or states:find("CANCELLED", 1, true)
local few = not some_final and call("ZCARD", DEADLINE) < math.min(size, LIMIT)
local jobs, more = (few and unfinished or by_age)()
local found, last = {}, false
for _, job in ipairs(jobs) do
  local id = job[1]
  last = text(job[2])
  local state, of = fields(id, "state", "backend")
  if not state then
    -- Its record has expired, or was lost.
    remove_from_lists(owner, id)
    charge(owner, id, 0)
    call("ZREM", source, id)
  elseif (states == "" or states:find(state, 1, true)) and of and (backend == "" or of == backend)
    and has_tags(id) then
    if skip > 0 then skip = skip - 1 else found[#found + 1] = { id, of } end
    if #found == most then break end
  end
end
return { (more or #found == most) and last, skip, found }
