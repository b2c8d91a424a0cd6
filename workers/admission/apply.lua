-- Posts what one append changed in the ledger, once: holds end, sums grow.
--
-- ARGV[3]  {epoch, cursors {partition, before or false, after, ...},
--          windows {name and start, end or -1, threshold, ...}, postings {attempt, window, amount, ...}}
-- Returns msgpack {window, threshold, settled, ...}: thresholds passed for the first time, counted from 1; or an empty
-- string if the epoch or the cursors before are others. Safe to send again.

local cursors, windows, postings = args[2], args[3], args[4]
if args[1] ~= epoch or phase == 'empty' then
  return ''
end

local fits, known = true, true
for i = 1, #cursors, 3 do
  local at = call('HGET', KEYS[1], 'cursor:' .. cursors[i])
  fits = fits and at == cursors[i + 1]
  known = known and at == cursors[i + 2]
end
if known then
  return call('HGET', KEYS[1], 'alerts') or cmsgpack.pack({})
elseif not fits then
  return ''
end

local attempts = {}
for i, posting in ipairs(postings) do
  attempts[i] = posting[1]
end
local sums, gone, late = {}, {}, {}
for place, raw in ipairs(many('HMGET', HOLDS, attempts)) do
  local posting = postings[place]
  if raw and not gone[posting[1]] then
    gone[posting[1]] = true
    gone[#gone + 1] = posting[1]
    local hold = cmsgpack.unpack(raw)
    for i = 2, #hold, 2 do
      sums['h' .. hold[i]] = (sums['h' .. hold[i]] or 0) - hold[i + 1]
    end
  elseif #posting > 1 then
    late[#late + 1] = digits(now / 1000)
    late[#late + 1] = posting[1]
  end
  for i = 2, #posting, 2 do
    local field = 's' .. windows[posting[i]][1]
    sums[field] = (sums[field] or 0) + posting[i + 1]
  end
end
many('HDEL', HOLDS, gone)
add_sums(BUDGETS, sums)

-- Holds that were not here must not come later, from a worker that knows less than the ledger.
if #late > 0 then
  many('ZADD', prefix .. 'ended', late)
  call('ZREMRANGEBYSCORE', prefix .. 'ended', '-inf', digits(now / 1000 - 7 * 86400000))
end

local ends, alerts = {}, {}
for place, window in ipairs(windows) do
  local s, m = unpack(call('HMGET', BUDGETS, 's' .. window[1], 'm' .. window[1]))
  local settled, most = tonumber(s) or 0, tonumber(m) or 0
  for i = 3, #window do
    if most < window[i] and window[i] <= settled then
      for _, number in ipairs({place, i - 2, settled}) do
        alerts[#alerts + 1] = number
      end
    end
  end
  if settled > most then
    call('HSET', BUDGETS, 'm' .. window[1], digits(settled))
  end
  ends[window[1]] = window[2]
end
note_ends(ends)

-- Windows that have long been over and hold nothing: nobody asks for them, and the ledger has them.
for _, id in ipairs(call('ZRANGEBYSCORE', prefix .. 'ends', '-inf', digits(now / 1000 - 8 * 86400000), 'LIMIT', 0, 64)) do
  if (tonumber((call('HGET', BUDGETS, 'h' .. id))) or 0) == 0 then
    call('HDEL', BUDGETS, 's' .. id, 'h' .. id, 'm' .. id)
    call('ZREM', prefix .. 'ends', id)
  end
end

for i = 1, #cursors, 3 do
  call('HSET', KEYS[1], 'cursor:' .. cursors[i], cursors[i + 2])
end
local answer = cmsgpack.pack(alerts)
call('HSET', KEYS[1], 'alerts', answer)
return answer
