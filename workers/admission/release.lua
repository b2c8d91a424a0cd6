-- Hears what became of attempts: calls that are over, costs that are known, slots that will not be used.
--
-- ARGV[3]  {worker, the call's name, silence after which a worker is dead (microseconds), limits {name, period},
--          over {attempt, limit, correction, ...}, known {attempt, amount, ...}, unused {ticket, limit, amount, ...}}
-- Returns an empty string. What is not known here any more is no matter.

local worker, limits, over, costs, unused = args[1], args[4], args[5], args[6], args[7]

local said = said_before(worker, args[2])
if said then
  return said
end
sweep(worker, args[3])

local function correct(from, changes, at, sign)
  for i = from, #changes, 2 do
    local limit = limits[changes[i]]
    local c = limit.calendar or calendar(limit[1], limit[2])
    limit.calendar = c
    add(c, slot_of(c, at), sign * changes[i + 1])
  end
end

-- the attempts that lists begin with
local function firsts(lists)
  local attempts = {}
  for i, list in ipairs(lists) do
    attempts[i] = list[1]
  end
  return attempts
end

local CALLS = prefix .. 'calls:' .. worker
local ended, sums, seen = {}, {}, {}
for place, raw in ipairs(many('HMGET', CALLS, firsts(over))) do
  local attempt = over[place][1]
  if raw and not seen[attempt] then
    seen[attempt] = true
    ended[#ended + 1] = attempt
    local lasting = cmsgpack.unpack(raw)
    for i = 3, #lasting do
      sums[lasting[i]] = (sums[lasting[i]] or 0) - 1
    end
    correct(2, over[place], lasting[2], 1)
  end
end
many('HDEL', CALLS, ended)
add_sums(PARALLEL, sums, true)

local held_sums, new_holds = {}, {}
for place, raw in ipairs(many('HMGET', HOLDS, firsts(costs))) do
  local hold = raw and cmsgpack.unpack(raw)
  if hold and #hold == 2 * #costs[place] - 1 then
    for i = 2, #costs[place] do
      local id, amount = hold[2 * i - 2], costs[place][i]
      held_sums['h' .. id] = (held_sums['h' .. id] or 0) + amount - hold[2 * i - 1]
      hold[2 * i - 1] = amount
    end
    new_holds[#new_holds + 1] = costs[place][1]
    new_holds[#new_holds + 1] = cmsgpack.pack(hold)
  end
end
many('HSET', HOLDS, new_holds)
add_sums(BUDGETS, held_sums)

for _, slot in ipairs(unused) do
  if slot[1] % 1000 == life then
    correct(2, slot, slot[1], -1)
  end
end

save_calendars()
return say(worker, args[2], '')
