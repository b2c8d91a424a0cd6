-- What all scripts of admission share; it stands before each of them.
--
-- KEYS[1]  {tag}:book, a hash: epoch, phase, life, server, and the recorder's cursors
-- KEYS[2]  {tag}:workers, a sorted set: worker -> when it was last heard of, milliseconds
-- ARGV[1]  the server's run id as the peer knows it: the book was opened for one run of the server. After a restart the
--          data may be those of an earlier time, and are not trusted until the book is opened anew
-- ARGV[2]  the time, unix microseconds; empty: the server's
-- ARGV[3]  the script's own arguments, msgpack
--
-- Other keys have the same hash tag and are derived here. One life of the store has its own:
--   {tag}:<epoch>:joined     set of workers that have taken part
--   {tag}:<epoch>:calls:<w>  hash: attempt -> {begun, time whose slots count, parallel limits ...} of a worker's calls,
--                           with the name of a limit once for each place in it
--   {tag}:<epoch>:parallel   hash: parallel limit -> calls
--   {tag}:<epoch>:holds      hash: attempt -> {begun, window, amount, ...}
--   {tag}:<epoch>:budgets    hash: s, h or m before the window -> settled, held, most that ever was settled
--   {tag}:<epoch>:ends       sorted set: window -> its end, milliseconds
--   {tag}:<epoch>:ended      sorted set: attempt -> when its event was applied without its hold being here
--   {tag}:<epoch>:last       hash: worker -> its last call's name, and the answer
--   {tag}:<epoch>:rate:...   calendars, see calendar.lua
-- and beside these {tag}:since, a hash: worker -> heard of without a gap since, milliseconds.

local call = redis.call
local args = cmsgpack.unpack(ARGV[3])

-- never tostring, which rounds
local function digits(number)
  return string.format('%.0f', number)
end

local now = tonumber(ARGV[2])
if not now then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

local book = call('HMGET', KEYS[1], 'epoch', 'phase', 'server', 'life')
local epoch, life = book[1] or '', tonumber(book[4]) or 0
local phase = book[3] == ARGV[1] and book[2] or 'empty'

local base = string.sub(KEYS[1], 1, -5)
local prefix = base .. epoch .. ':'
local PARALLEL, HOLDS, BUDGETS = prefix .. 'parallel', prefix .. 'holds', prefix .. 'budgets'

-- a command with many arguments after its key: Lua's stack is limited
local function many(command, key, list)
  local results = {}
  for i = 1, #list, 4000 do
    local part = call(command, key, unpack(list, i, math.min(i + 3999, #list)))
    if type(part) == 'table' then
      for j = 1, #part do
        results[i + j - 1] = part[j]
      end
    end
  end
  return results
end

-- adds each sum to its field; a field that nothing is left in goes, if `lean`
local function add_sums(key, sums, lean)
  for field, sum in pairs(sums) do
    if sum ~= 0 and call('HINCRBY', key, field, digits(sum)) <= 0 and lean then
      call('HDEL', key, field)
    end
  end
end

-- windows that are over are forgotten some time, see apply.lua
local function note_ends(ends)
  for window, over in pairs(ends) do
    if over >= 0 then
      call('ZADD', prefix .. 'ends', 'NX', digits(math.ceil(over / 1000)), window)
    end
  end
end

local function forget_worker(worker)
  local sums = {}
  for _, raw in ipairs(call('HVALS', prefix .. 'calls:' .. worker)) do
    local lasting = cmsgpack.unpack(raw)
    for i = 3, #lasting do
      sums[lasting[i]] = (sums[lasting[i]] or 0) - 1
    end
  end
  add_sums(PARALLEL, sums, true)
  call('DEL', prefix .. 'calls:' .. worker)
  call('HDEL', prefix .. 'last', worker)
  call('ZREM', KEYS[2], worker)
  call('HDEL', base .. 'since', worker)
end

-- Voids what dead workers hold of parallel slots, and returns when the worker itself was last heard of. Who was away
-- itself, or is new, does not judge others yet: they may have been cut off with it.
local function sweep(worker, dead_us)
  local heard = tonumber((call('ZSCORE', KEYS[2], worker)))
  local since = heard and now - heard * 1000 <= dead_us and call('HGET', base .. 'since', worker)
  if since and now - since * 1000 >= dead_us then
    local silent = string.format('(%.3f', (now - dead_us) / 1000)
    for _, name in ipairs(call('ZRANGEBYSCORE', KEYS[2], '-inf', silent, 'LIMIT', 0, 64)) do
      forget_worker(name)
    end
  end
  return heard
end

local function hear(worker, heard, dead_us)
  local ms = digits(math.floor(now / 1000))
  if not heard or now - heard * 1000 > dead_us then
    call('HSET', base .. 'since', worker, ms)
  end
  call('ZADD', KEYS[2], ms, worker)
end

-- The answer to a call that is sent again because it got lost; else nil. A worker makes one call at a time. What was
-- said in the belief that the server was another run of itself does not count.
local function said_before(worker, name)
  local last, head = call('HGET', prefix .. 'last', worker), ARGV[1] .. ' ' .. name .. ' '
  if last and string.sub(last, 1, #head) == head then
    return string.sub(last, #head + 1)
  end
end

local function say(worker, name, answer)
  call('HSET', prefix .. 'last', worker, ARGV[1] .. ' ' .. name .. ' ' .. answer)
  return answer
end
