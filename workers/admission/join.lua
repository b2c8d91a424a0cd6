-- Counts on a worker, and takes up what it was granted, as far as it was lost here.
--
-- KEYS[3..]  where the journal keeps the runs of requests
-- ARGV[3]    {worker, silence after which a worker is dead (microseconds), how long runs are remembered (milliseconds),
--            limits {name, period}, windows {name and start, end or -1}, grants}
--            grant {attempt, begun, time whose slots count, whether the call lasts, {limit, amount, ...},
--            {parallel limit's name, once for each place, ...}, {window, amount, ...}, mark or 0}
-- ARGV[4]    the marks, see marks.lua
-- Returns the epoch. Safe to send again.

local worker, dead_us, limits, windows, grants = args[1], args[2], args[4], args[5], args[6]

local heard = sweep(worker, dead_us)
hear(worker, heard, dead_us)
-- Holds, charges and marks only the first time in this life. Later they are here, or the attempt is over for others.
local fresh = call('SADD', prefix .. 'joined', worker) == 1
if epoch == '' then
  return epoch
end

local CALLS = prefix .. 'calls:' .. worker
local parallel_sums, held_sums, ends = {}, {}, {}

local function restore_hold(grant)
  local attempt, hold = grant[1], {grant[2]}
  if call('HEXISTS', HOLDS, attempt) == 1 or call('ZSCORE', prefix .. 'ended', attempt) then
    return
  end
  for i = 1, #grant[7], 2 do
    local window, amount = windows[grant[7][i]], grant[7][i + 1]
    hold[i + 1], hold[i + 2] = window[1], amount
    held_sums['h' .. window[1]] = (held_sums['h' .. window[1]] or 0) + amount
    ends[window[1]] = window[2]
  end
  call('HSET', HOLDS, attempt, cmsgpack.pack(hold))
end

local function restore_call(grant)
  local lasting = {grant[2], grant[3], unpack(grant[6])}
  if call('HSETNX', CALLS, grant[1], cmsgpack.pack(lasting)) == 0 then
    return
  end
  for _, name in ipairs(grant[6]) do
    parallel_sums[name] = (parallel_sums[name] or 0) + 1
  end
  for i = 1, fresh and #grant[5] or 0, 2 do
    local limit = limits[grant[5][i]]
    local c = calendar(limit[1], limit[2])
    add(c, slot_of(c, grant[3]), grant[5][i + 1])
  end
end

for _, grant in ipairs(grants) do
  if fresh and #grant[7] > 0 then
    restore_hold(grant)
  end
  if grant[4] then
    restore_call(grant)
  end
  if fresh and grant[8] ~= 0 and not is_fenced(grant[8]) then
    write(grant[8], args[3])
  end
end
add_sums(PARALLEL, parallel_sums, true)
add_sums(BUDGETS, held_sums)
note_ends(ends)
save_calendars()
return epoch
