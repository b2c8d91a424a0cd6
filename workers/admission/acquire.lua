-- Answers demands, in order; what is granted to one is seen by the next.
--
-- KEYS[3..]  where the journal keeps the runs of requests
-- ARGV[3]    {worker, the epoch it has joined, the call's name, silence after which a worker is dead (microseconds),
--            how long runs are remembered (milliseconds),
--            limits {name, limit, period, burst, ahead, watched}, parallel limits {name, limit},
--            windows {name and start, start, end or -1, limit, budget's name}, demands}
--            demand {attempt, {limit, amount, ...}, {parallel limit, ...}, {window, amount, ...},
--            earliest, latest, ticket or -1, mark, calls}: so many places of each parallel limit
--            mark 0 or {place in KEYS, where in ARGV[4] it begins, its length, how much of it is the run's}
-- ARGV[4]    the marks, one after the other: cmsgpack reads no binary
-- Returns msgpack {0, now, answers, {place of a watched limit, what is taken of it, since when that is so, ...}}, or {1}
--            if the worker has to join first.

local GO, WAIT, LATE, BUSY, EXHAUSTED, NEVER, STALE, FENCED, NOT_READY = 0, 1, 2, 3, 4, 5, 6, 7, 8
local worker, dead_us, limits, parallels, windows, demands = args[1], args[4], args[6], args[7], args[8], args[9]

local said = said_before(worker, args[3])
if said then
  return said
end
local heard = sweep(worker, dead_us)
if not heard or args[2] ~= epoch then
  return cmsgpack.pack({1})
end

-- What there is, read once

local CALLS = prefix .. 'calls:' .. worker
local known_calls, known_holds = {}, {}
local in_parallel, settled, held = {}, {}, {}

if phase == 'ready' then
  local attempts = {}
  for i, demand in ipairs(demands) do
    attempts[i] = demand[1]
  end
  known_calls, known_holds = many('HMGET', CALLS, attempts), many('HMGET', HOLDS, attempts)
  if #parallels > 0 then
    local names = {}
    for i, parallel in ipairs(parallels) do
      names[i] = parallel[1]
    end
    for i, count in ipairs(many('HMGET', PARALLEL, names)) do
      in_parallel[names[i]] = tonumber(count) or 0
    end
  end
  if #windows > 0 then
    local fields = {}
    for i, window in ipairs(windows) do
      fields[2 * i - 1], fields[2 * i] = 's' .. window[1], 'h' .. window[1]
    end
    local sums = many('HMGET', BUDGETS, fields)
    for i, window in ipairs(windows) do
      settled[window[1]], held[window[1]] = tonumber(sums[2 * i - 1]) or 0, tonumber(sums[2 * i]) or 0
    end
  end
end

-- What is taken, written once

local granted, new_calls, new_holds = {}, {}, {}
local parallel_sums, held_sums, ends = {}, {}, {}

local function plus(sums, name, amount)
  sums[name] = (sums[name] or 0) + amount
end

-- Rate limits

local function of(limit)
  local c = limit.calendar
  if not c then
    c = calendar(limit[1], limit[3])
    limit.calendar = c
  end
  return c
end

-- the earliest time, from `start` on, at which a charge fits alone
local function alone(limit, amount, start)
  local c = of(limit)
  local slot = slot_of(c, start)
  local fit = next_fit(c, limit[2], limit[4], amount, slot)
  if fit == slot then
    return start
  end
  local begin = (fit + c.origin) * c.length
  return begin + (life - begin) % 1000
end

-- the earliest time at which all charges fit that `patient` does not leave out, and the limit that has the longest wait
local function earliest(charges, start, wait)
  local at, name = start, nil
  repeat
    local before, begin = at, at
    for i = 1, #charges, 2 do
      local limit = limits[charges[i]]
      if charges[i + 1] > 0 and limit[5] >= wait then
        local later = alone(limit, charges[i + 1], begin)
        if later > at or (before == start and not name) then
          at = later
          name = before == start and limit[1] or name
        end
      end
    end
  until at == before
  return at, name
end

local function out_of_reach(charges, at, start)
  local wait, needed = at - start, nil
  for i = 1, #charges, 2 do
    local limit = limits[charges[i]]
    if charges[i + 1] > 0 and limit[5] < wait then
      needed = needed or earliest(charges, start, wait)
      if limit[5] < at - needed then
        return limit[1]
      end
    end
  end
end

local function count(charges, at, sign)
  for i = 1, #charges, 2 do
    if charges[i + 1] > 0 then
      local c = of(limits[charges[i]])
      add(c, slot_of(c, at), sign * charges[i + 1])
    end
  end
end

local function is_charged(charges)
  for i = 2, #charges, 2 do
    if charges[i] > 0 then
      return true
    end
  end
end

-- how late the ticket may be, and the first limit
local function grace_of(charges)
  local grace, first
  for i = 1, #charges, 2 do
    if charges[i + 1] > 0 then
      local period = limits[charges[i]][3]
      local one = math.max(math.ceil(period / 32), math.min(math.max(math.floor(period / 4), 100000), 5000000))
      grace, first = math.min(grace or one, one), first or limits[charges[i]][1]
    end
  end
  return grace, first
end

-- whether a late ticket's charges, which were taken out of its slot, have room now
local function fit_now(charges)
  for i = 1, #charges, 2 do
    local limit, amount = limits[charges[i]], charges[i + 1]
    if amount > 0 then
      local c = of(limit)
      if blocked(c, limit[2], limit[4], amount, c.today) then
        return false
      end
    end
  end
  return true
end

-- What a demand is told. Sums are compared by taking away: beyond 2^53 adding is not exact.

local function never(demand)
  for i = 1, #demand[2], 2 do
    local limit = limits[demand[2][i]]
    if demand[2][i + 1] > limit[2] then
      return {NEVER, limit[1], demand[2][i + 1], limit[2]}
    end
  end
  for _, place in ipairs(demand[3]) do
    local parallel = parallels[place]
    if parallel[2] < demand[9] then
      return {NEVER, parallel[1], demand[9], parallel[2]}
    end
  end
  for i = 1, #demand[4], 2 do
    local window = windows[demand[4][i]]
    if demand[4][i + 1] > window[4] then
      return {NEVER, window[5], demand[4][i + 1], window[4]}
    end
  end
end

local function spent(holds)
  for i = 1, #holds, 2 do
    local window = windows[holds[i]]
    if now < window[2] or (window[3] >= 0 and now >= window[3]) then
      return {STALE, now}
    end
  end
  for i = 1, #holds, 2 do
    local window = windows[holds[i]]
    if settled[window[1]] > window[4] - holds[i + 1] then
      return {EXHAUSTED, window[5], window[3]}
    end
  end
end

local function busy(demand)
  for _, place in ipairs(demand[3]) do
    local name = parallels[place][1]
    if in_parallel[name] > parallels[place][2] - demand[9] then
      return {BUSY, name}
    end
  end
  for i = 1, #demand[4], 2 do
    local window = windows[demand[4][i]]
    if held[window[1]] > window[4] - demand[4][i + 1] - settled[window[1]] then
      return {BUSY, window[5]}
    end
  end
end

local function opening(demand)
  local charges, start = demand[2], now
  if demand[5] > now then
    start = demand[5] + (life - demand[5]) % 1000
  end
  local at, name = earliest(charges, start, 0)
  if at > demand[6] then
    return {LATE, at, name}
  elseif at > now then
    local unreachable = out_of_reach(charges, at, start)
    if unreachable then
      return {BUSY, unreachable}
    end
    count(charges, at, 1)
    return {WAIT, at, name}
  end
end

local function take(demand, counted)
  local attempt, call_of, hold_of = demand[1], {now, counted}, {now}
  for _, parallel in ipairs(demand[3]) do
    local name = parallels[parallel][1]
    for _ = 1, demand[9] do
      call_of[#call_of + 1] = name
    end
    in_parallel[name] = in_parallel[name] + demand[9]
    plus(parallel_sums, name, demand[9])
  end
  for i = 1, #demand[4], 2 do
    local id, amount = windows[demand[4][i]][1], demand[4][i + 1]
    hold_of[#hold_of + 1], hold_of[#hold_of + 2] = id, amount
    held[id] = held[id] + amount
    plus(held_sums, 'h' .. id, amount)
    ends[id] = windows[demand[4][i]][3]
  end
  if #demand[2] + #demand[3] + #demand[4] > 0 then
    new_calls[attempt] = cmsgpack.pack(call_of)
    granted[attempt] = call_of
  end
  if #demand[4] > 0 then
    new_holds[attempt] = cmsgpack.pack(hold_of)
  end
end

local function known(place, demand)
  local attempt = demand[1]
  if granted[attempt] then
    return granted[attempt]
  elseif known_calls[place] then
    return cmsgpack.unpack(known_calls[place])
  elseif known_holds[place] then
    local at = cmsgpack.unpack(known_holds[place])[1]
    return {at, at}
  end
end

-- gives back the parallel slots of a call that must not be made, if it was granted before
local function give_back(place, demand)
  local raw = new_calls[demand[1]] or known_calls[place] or call('HGET', CALLS, demand[1])
  if raw and granted[demand[1]] ~= false then
    local lasting = cmsgpack.unpack(raw)
    for i = 3, #lasting do
      in_parallel[lasting[i]] = (in_parallel[lasting[i]] or 0) - 1
      plus(parallel_sums, lasting[i], -1)
    end
    granted[demand[1]], new_calls[demand[1]], known_calls[place] = false, nil, false
    call('HDEL', CALLS, demand[1])
  end
end

local function grant(place, demand, counted)
  take(demand, counted)
  if demand[8] ~= 0 then
    write(demand[8], args[5])
  end
  return {GO, now, counted}
end

local function in_its_slots(charges, ticket)
  for i = 1, #charges, 2 do
    if charges[i + 1] > 0 then
      local c = of(limits[charges[i]])
      if slot_of(c, ticket) ~= c.today then
        return false
      end
    end
  end
  return true
end

-- The charges are counted already, at the ticket's time. Nil if that is over and there is no room now: what is let in
-- later than it is counted is more than the limit somewhere.
local function redeem(place, demand, ticket)
  local charges = demand[2]
  count(charges, ticket, -1)
  local counted = fit_now(charges) and now or in_its_slots(charges, ticket) and ticket
  local refused = counted and busy(demand)
  if counted and not refused then
    count(charges, counted, 1)
    return grant(place, demand, counted)
  end
  count(charges, ticket, 1)
  return refused or nil
end

local function decide(place, demand)
  local charges, ticket = demand[2], demand[7]
  if ticket >= 0 and ticket % 1000 == life and is_charged(charges) then
    local grace, first = grace_of(charges)
    if now < ticket then
      return {WAIT, ticket, first}
    elseif now <= ticket + grace then
      local redeemed = redeem(place, demand, ticket)
      if redeemed then
        return redeemed
      end
    end
  end
  local refused = is_charged(charges) and opening(demand) or busy(demand)
  if refused then
    return refused
  end
  count(charges, now, 1)
  return grant(place, demand, now)
end

local function answer(place, demand)
  if demand[8] ~= 0 and is_fenced(demand[8]) then
    give_back(place, demand)
    return {FENCED}
  elseif phase ~= 'ready' and #demand[2] + #demand[3] + #demand[4] > 0 then
    return {NOT_READY}
  end
  local before = known(place, demand)
  if before then
    if demand[8] ~= 0 then
      write(demand[8], args[5])
    end
    return {GO, before[1], before[2]}
  end
  return never(demand) or spent(demand[4]) or decide(place, demand)
end

local answers = {}
for place, demand in ipairs(demands) do
  answers[place] = answer(place, demand)
end

-- how full the watched limits are: what is in the fullest window that now lies in, and the last slot with anything in it
local levels = {}
for place, limit in ipairs(phase == 'ready' and limits or {}) do
  if limit[6] then
    local c = of(limit)
    local count = #levels
    levels[count + 1], levels[count + 2] = place, fullest(c, c.today)
    levels[count + 3] = math.max(now, (c.last + c.origin) * c.length)
  end
end

local function pairs_of(map)
  local flat = {}
  for field, value in pairs(map) do
    flat[#flat + 1] = field
    flat[#flat + 1] = value
  end
  return flat
end

save_calendars()
many('HSET', CALLS, pairs_of(new_calls))
many('HSET', HOLDS, pairs_of(new_holds))
add_sums(PARALLEL, parallel_sums, true)
add_sums(BUDGETS, held_sums)
note_ends(ends)

return say(worker, args[3], cmsgpack.pack({0, now, answers, levels}))
