-- The calendars of rate limits, as routing/admission/calendar.py has them; it stands before the scripts that use them.
--
-- {tag}:<epoch>:rate:<period>:<name> is a hash: the number of a chunk -> the amounts of its 32 slots, msgpack, and
--   h -> {last, first, doubt, limit, burst, pen, amount, peak, amount, slot, ...}, msgpack:
--   last    the last slot that anything was ever put into
--   first   the first chunk that may be there
--   pen     the slot that was written to last. Its amount is here and not yet in its chunk, so that call after call in
--           the same slot reads and writes nothing but h; peak is the fullest window with it, -1 if unknown
--   hints   pairs: for so large an amount, and any larger, there is no room before that slot, under that limit and
--           burst. But nothing is known of slots before `doubt`, because something was given back near them
-- Slots are counted from the beginning of the chunk before now's, which is 1.

local CHUNK, WINDOW, HINTS = 32, 33, 16

local calendars = {}

local function calendar(name, period)
  local key = prefix .. 'rate:' .. digits(period) .. ':' .. name
  local c = calendars[key]
  if c then
    return c
  end
  local length = math.ceil(period / 32)
  local slot = math.floor(now / length)
  local chunk = math.floor(slot / CHUNK) - 1
  local origin = chunk * CHUNK - 1
  c = {key = key, length = length, origin = origin, chunk = chunk, today = slot - origin, amounts = {}, loaded = {},
    changed = {}, hints = {}, doubt = 0, last = 0, dirty = false}
  calendars[key] = c
  local raw = call('HGET', key, 'h')
  if raw then
    local head = cmsgpack.unpack(raw)
    c.last, c.first, c.doubt = head[1] - origin, head[2], head[3] - origin
    c.expiring = c.last
    c.limit, c.burst = head[4], head[5]
    local pen = head[6] - origin
    if pen >= 1 then
      c.pen, c.amounts[pen] = pen, head[7]
      if head[8] >= 0 then
        c.at, c.peak = pen, head[8]
      end
    end
    for i = 9, #head, 2 do
      local before = head[i + 1] - origin
      if before > c.today then
        c.hints[#c.hints + 1] = {head[i], before}
      end
    end
  end
  return c
end

-- chunks are counted as slots are: the one before now's is 0
local function chunk_of(slot)
  return math.floor((slot - 1) / CHUNK)
end

local function load(c, from, to)
  local missing
  for chunk = math.max(0, chunk_of(from)), math.min(chunk_of(to), chunk_of(c.last)) do
    if not c.loaded[chunk] then
      missing = missing or {}
      missing[#missing + 1] = digits(c.chunk + chunk)
      c.loaded[chunk] = true
    end
  end
  if missing then
    local amounts, pen = c.amounts, c.pen
    for i, raw in ipairs(many('HMGET', c.key, missing)) do
      if raw then
        local before = (missing[i] - c.chunk) * CHUNK
        for j, amount in ipairs(cmsgpack.unpack(raw)) do
          if before + j ~= pen and amount > 0 then
            amounts[before + j] = amount
          end
        end
      end
    end
  end
end

-- the largest sum of 33 slots in a row that contain this one
local function fullest(c, slot)
  if c.at ~= slot then
    load(c, slot - 32, slot + 32)
    local amounts, held, last = c.amounts, 0, math.min(c.last, slot + 32)
    for i = slot - 32, math.min(last, slot) do
      held = held + (amounts[i] or 0)
    end
    local peak = held
    for i = slot + 1, last do
      held = held + (amounts[i] or 0) - (amounts[i - WINDOW] or 0)
      if held > peak then
        peak = held
      end
    end
    c.at, c.peak = slot, peak
  end
  return c.peak
end

-- the next slot that is worth a look if there is no room in this one; else nil
local function blocked(c, limit, burst, amount, slot)
  if fullest(c, slot) > limit - amount then
    load(c, slot - 32, slot + 32)
    local amounts, held = c.amounts, 0
    for i = slot, slot + 32 do
      held = held + (amounts[i] or 0)
    end
    for begin = slot, slot - 32, -1 do
      if held > limit - amount then
        return begin + WINDOW
      end
      held = held + (amounts[begin - 1] or 0) - (amounts[begin + 32] or 0)
    end
  end
  local there = c.amounts[slot] or 0
  if there > 0 and there > burst - amount then
    return slot + 1
  end
end

-- Hints rise in both: the larger the amount, the further away is its first room.
local function remember(c, limit, burst, amount, slot)
  if c.limit ~= limit or c.burst ~= burst then
    c.limit, c.burst, c.hints = limit, burst, {}
  end
  local kept, done = {}, false
  for _, hint in ipairs(c.hints) do
    if hint[1] <= amount and hint[2] >= slot then
      return
    end
    if not done and hint[1] >= amount then
      kept[#kept + 1] = {amount, slot}
      done = true
    end
    if hint[1] < amount or hint[2] > slot then
      kept[#kept + 1] = hint
    end
  end
  if not done then
    kept[#kept + 1] = {amount, slot}
  end
  if #kept > HINTS then
    local least = 2
    for i = 3, #kept do
      if kept[i][2] - kept[i - 1][2] < kept[least][2] - kept[least - 1][2] then
        least = i
      end
    end
    table.remove(kept, least)
  end
  c.hints, c.dirty = kept, true
end

local function next_fit(c, limit, burst, amount, slot)
  local from, sure = slot, 0
  if c.limit == limit and c.burst == burst then
    for _, hint in ipairs(c.hints) do
      if hint[1] <= amount then
        sure = hint[2]
      end
    end
  end
  repeat
    if slot >= c.doubt and slot < sure then
      slot = sure
    end
    local later = blocked(c, limit, burst, amount, slot)
    slot = later or slot
  until not later
  if from == c.today and slot - from > WINDOW then
    remember(c, limit, burst, amount, slot)
  end
  return slot
end

local function slot_of(c, at)
  return math.floor(at / c.length) - c.origin
end

-- adds to a slot, or takes away; none is less than empty, and those of the past that no window reaches do not matter
local function add(c, slot, amount)
  if slot < c.today - 32 then
    return
  end
  if c.pen ~= slot then
    if c.pen then
      load(c, c.pen, c.pen)
      c.changed[chunk_of(c.pen)] = true
    end
    load(c, slot, slot)
    c.loaded[chunk_of(slot)] = true
    c.pen = slot
  end
  local there = c.amounts[slot] or 0
  local after = math.max(0, there + amount)
  c.amounts[slot], c.dirty = after, true
  if c.at == slot then
    c.peak = c.peak + after - there
  elseif c.at and math.abs(c.at - slot) <= 32 then
    c.at = nil
  end
  if slot > c.last then
    c.last = slot
  end
  if after >= there then
    return
  elseif slot <= c.today + 2 * CHUNK then
    c.doubt = math.max(c.doubt, slot + WINDOW)
  else
    for _, hint in ipairs(c.hints) do
      hint[2] = math.min(hint[2], slot - 32)
    end
  end
end

local function save(c)
  local head = {c.last + c.origin, c.first or c.chunk, c.doubt + c.origin, c.limit or 0, c.burst or 0}
  local pen = c.pen or 0
  head[6], head[7] = pen + c.origin, c.amounts[pen] or 0
  head[8] = c.at == pen and c.peak or -1
  for _, hint in ipairs(c.hints) do
    head[#head + 1] = hint[1]
    head[#head + 1] = hint[2] + c.origin
  end
  local stale = {}
  for chunk = head[2], math.min(head[2] + 256, c.chunk) - 1 do
    stale[#stale + 1] = digits(chunk)
  end
  head[2] = head[2] + #stale
  local fields = {'h', cmsgpack.pack(head)}
  for chunk in pairs(c.changed) do
    local amounts = {}
    for i = 1, CHUNK do
      amounts[i] = c.amounts[chunk * CHUNK + i] or 0
    end
    fields[#fields + 1] = digits(c.chunk + chunk)
    fields[#fields + 1] = cmsgpack.pack(amounts)
  end
  many('HSET', c.key, fields)
  many('HDEL', c.key, stale)
  -- longer than any window with its last slot; a clock that is given does not go with the server's
  if ARGV[2] == '' and c.last ~= c.expiring then
    call('PEXPIRE', c.key, digits(math.ceil(((c.last + c.origin + WINDOW + 1) * c.length - now) / 1000)))
  end
end

local function save_calendars()
  for _, c in pairs(calendars) do
    if c.dirty then
      save(c)
    end
  end
end
