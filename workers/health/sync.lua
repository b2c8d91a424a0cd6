-- Takes what a worker says of circuits, and tells all that are not simply closed. What a circuit does, and why, is in
-- routing/health/breaker.py; this is the same for a fleet.
--
-- KEYS[1]    {tag}:health:circuits, a hash: name -> {level, until, probe, lease's end}; and the empty name -> what this
--            life of the store is called
-- KEYS[2..]  {tag}:health:window:<name> of each count, in their order, then of each probe's outcome
-- ARGV[1]    the time, unix microseconds; empty: the server's
-- ARGV[2]    msgpack {life, memories, outcomes, counts, leases}
--            memory {name, level, time that is left}
--            outcome {name, 1 well 2 ill 3 nothing, call, pause, chance, cooldown, most}
--            count {name, well, ill, pause, chance, cooldown, most, minimum, ratio, length of a bucket}
--            lease {name, call, time}
-- Returns msgpack {now, life, {name, level, until, probe, lease's end, ...}, {name of one that opened, ...}}

local BUCKETS, SPREAD, MOST_DOUBLINGS, FORGOTTEN = 10, 0.1, 60, 86400000000
local WELL, ILL = 1, 2
local call = redis.call
local life, memories, outcomes, counts, leases = unpack(cmsgpack.unpack(ARGV[2]))

local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- What there is, read once

local circuits, changed, opened = {}, {}, {}
local all, is_new = call('HGETALL', KEYS[1]), true
for i = 1, #all, 2 do
  if all[i] == '' then
    life, is_new = all[i + 1], false
  else
    circuits[all[i]] = cmsgpack.unpack(all[i + 1])
  end
end

local function is_idle(c)
  if c[1] == 0 then
    return c[2] <= now
  end
  return now - math.max(c[2], c[4]) > FORGOTTEN
end

-- those that nothing is lost with; the rest are told
for name, c in pairs(circuits) do
  if is_idle(c) then
    circuits[name], changed[name] = nil, true
  end
end

local function circuit(name)
  changed[name] = true
  local c = circuits[name] or {0, 0, '', 0}
  circuits[name] = c
  return c
end

local function pause(c, time)
  if time > 0 then
    c[2] = math.max(c[2], now + time)
  end
end

local function open(name, c, chance, cooldown, most)
  c[1] = c[1] + 1
  local doubled = cooldown * 2 ^ math.min(c[1] - 1, MOST_DOUBLINGS)
  local time = math.floor(math.min(doubled * (1 + SPREAD * chance), most))
  c[2], c[3], c[4] = math.max(c[2], now + time), '', 0
  opened[#opened + 1] = name
end

-- the window {number, well, ill, ...} with a new bucket, or more in the newest one
local function slid(window, number, well, ill)
  local newest = window[#window - 2] or number
  if newest - number >= BUCKETS then
    return {number, well, ill}
  end
  number = math.max(number, newest)
  local kept = {}
  for i = 1, #window, 3 do
    if window[i] > number - BUCKETS then
      kept[#kept + 1], kept[#kept + 2], kept[#kept + 3] = window[i], window[i + 1], window[i + 2]
    end
  end
  if #kept > 0 and kept[#kept - 2] == number then
    kept[#kept - 1], kept[#kept] = kept[#kept - 1] + well, kept[#kept] + ill
  else
    kept[#kept + 1], kept[#kept + 2], kept[#kept + 3] = number, well, ill
  end
  return kept
end

local function count(place, name, well, ill, chance, cooldown, most, minimum, ratio, bucket)
  local key = KEYS[place + 1]
  local raw = call('GET', key)
  local window = slid(raw and cmsgpack.unpack(raw) or {}, math.floor(now / bucket), well, ill)
  local answered, failures = 0, 0
  for i = 1, #window, 3 do
    answered, failures = answered + window[i + 1], failures + window[i + 2]
  end
  if failures > 0 and answered + failures >= minimum and failures / (answered + failures) >= ratio then
    open(name, circuit(name), chance, cooldown, most)
  else
    local ms = string.format('%.0f', math.ceil(bucket * (BUCKETS + 1) / 1000))
    call('SET', key, cmsgpack.pack(window), 'PX', ms)
  end
end

for _, memory in ipairs(memories) do
  local name = memory[1]
  if not circuits[name] then
    local c = circuit(name)
    c[1], c[2] = memory[2], now + memory[3]
  end
end

for place, outcome in ipairs(outcomes) do
  local name, sign, window = outcome[1], outcome[2], KEYS[#counts + place + 1]
  local c = circuit(name)
  if c[1] > 0 and outcome[3] ~= '' and c[3] == outcome[3] then
    c[3], c[4] = '', 0
    if sign == WELL then
      c[1] = 0
      call('DEL', window)  -- what opened it is there still
    elseif sign == ILL then
      open(name, c, outcome[5], outcome[6], outcome[7])
    end
  end
  pause(c, outcome[4])
end

for place, one in ipairs(counts) do
  local name, well, ill, time = one[1], one[2], one[3], one[4]
  if well + ill > 0 and not (circuits[name] and circuits[name][1] > 0) then
    count(place, name, well, ill, unpack(one, 5))
  end
  if time > 0 then
    pause(circuit(name), time)
  end
end

for _, lease in ipairs(leases) do
  local name, caller = lease[1], lease[2]
  local c = circuits[name]
  if c and c[1] > 0 then
    local is_probe = caller ~= '' and c[3] == caller
    if is_probe or now >= math.max(c[2], c[4]) then
      changed[name], c[3], c[4] = true, caller, now + lease[3]
    end
  end
end

-- What has changed, written once

if is_new then
  call('HSET', KEYS[1], '', life)
end
local told = {}
for name in pairs(changed) do
  local c = circuits[name]
  if c and is_idle(c) then
    circuits[name], c = nil, nil
  end
  if c then
    call('HSET', KEYS[1], name, cmsgpack.pack(c))
  else
    call('HDEL', KEYS[1], name)
  end
end
for name, c in pairs(circuits) do
  local at = #told
  told[at + 1], told[at + 2], told[at + 3], told[at + 4], told[at + 5] = name, c[1], c[2], c[3], c[4]
end
return cmsgpack.pack({now, life, told, opened})
