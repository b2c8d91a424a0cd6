#!lua
-- Append a window of requests and move the batch's mark: both or neither, and once however often it is called.
-- Without allow-oom: a server whose memory is full refuses the whole call, and that is the answer "full".
--
-- KEYS[1]    the batch's mark
-- KEYS[2..]  streams of requests, which the records name by their place in KEYS
-- ARGV[1]    the new mark
-- ARGV[2]    how many entries one stream may hold
-- ARGV[3]    how long the mark is remembered, milliseconds
-- ARGV[4]    msgpack: the records, each {stream, length, length, ...}
-- ARGV[5]    the fields and values whose lengths the records give, one after the other
-- Returns 1 when it is done, or was done before; 0 when a stream has no room.

local mark = redis.call('GET', KEYS[1])
if mark and tonumber(mark) >= tonumber(ARGV[1]) then
  return 1
end

local records = cmsgpack.unpack(ARGV[4])
local more = {}
for _, record in ipairs(records) do
  more[record[1]] = (more[record[1]] or 0) + 1
end
for stream, count in pairs(more) do
  local kind = redis.call('TYPE', KEYS[stream]).ok
  if kind ~= 'stream' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE expected a stream at ' .. KEYS[stream] .. ', found a ' .. kind)
  end
  -- a window larger than the bound goes into an empty stream: it would never go anywhere else
  local length = redis.call('XLEN', KEYS[stream])
  if length > 0 and length + count > tonumber(ARGV[2]) then
    return 0
  end
end

local blob, at = ARGV[5], 1
for _, record in ipairs(records) do
  local fields = {}
  for i = 2, #record do
    fields[i - 1] = string.sub(blob, at, at + record[i] - 1)
    at = at + record[i]
  end
  redis.call('XADD', KEYS[record[1]], '*', unpack(fields))
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
