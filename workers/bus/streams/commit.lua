#!lua flags=allow-oom
-- Commit what a worker has finished: all of it or nothing, and once however often it is called.
-- allow-oom: a full server must accept what was paid for, and the end of a request makes room.
--
-- KEYS[1]    this worker's last commit: its name, a space, the outcome
-- KEYS[2..]  streams, which the payload names by their place in KEYS
-- ARGV[1]    the consumer group
-- ARGV[2]    the name of this commit
-- ARGV[3]    how long its outcome is remembered, milliseconds
-- ARGV[4]    msgpack: {completions, records}
--            completion {stream, entry id, replies, usage}, record {stream, length, length, ...}
-- ARGV[5]    the fields and values whose lengths the records give, one after the other: cmsgpack reads no binary
-- ARGV[6]    the place in KEYS of a stream that nobody may be reading, 0 for none
-- ARGV[7]    how many entries of it are kept, roughly
-- Returns the places (from 0, separated by spaces) of the completions whose entries were no longer ours to end.

local group, name = ARGV[1], ARGV[2]

local last = redis.call('GET', KEYS[1])
if last and string.sub(last, 1, #name + 1) == name .. ' ' then
  return string.sub(last, #name + 2)
end

-- a script is not rolled back: what could fail on the way is looked at before anything is written
for i = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'stream' and kind ~= 'none' then
    return redis.error_reply('WRONGTYPE expected a stream at ' .. KEYS[i] .. ', found a ' .. kind)
  end
end

local blob, at = ARGV[5], 1
local function take(records, append)
  for _, record in ipairs(records) do
    local fields = {}
    for i = 2, #record do
      fields[i - 1] = string.sub(blob, at, at + record[i] - 1)
      at = at + record[i]
    end
    if append then
      redis.call('XADD', KEYS[record[1]], '*', unpack(fields))
    end
  end
end

local payload = cmsgpack.unpack(ARGV[4])
local lost = {}
for place, completion in ipairs(payload[1]) do
  local stream, id = KEYS[completion[1]], completion[2]
  local ours = redis.call('XACK', stream, group, id) == 1
  if ours then
    redis.call('XDEL', stream, id)
  else
    lost[#lost + 1] = place - 1
  end
  take(completion[3], ours)
  take(completion[4], true)
end
take(payload[2], true)
if ARGV[6] ~= '0' then
  redis.call('XTRIM', KEYS[tonumber(ARGV[6])], 'MAXLEN', '~', ARGV[7])
end

local outcome = table.concat(lost, ' ')
redis.call('SET', KEYS[1], name .. ' ' .. outcome, 'PX', ARGV[3])
return outcome
