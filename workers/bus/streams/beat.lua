#!lua flags=allow-oom
-- Say that a worker lives, and give it what dead workers left behind.
--
-- KEYS[1]    sorted set: worker -> when it was last heard of, server's milliseconds
-- KEYS[2]    hash: worker -> token of the process that has the name, a space, since when it is heard of without a gap
-- KEYS[3..]  the streams of requests: the lanes, then the deferral topics
-- ARGV[1]    the consumer group
-- ARGV[2]    the worker
-- ARGV[3]    the token of its process
-- ARGV[4]    1 when the process takes the name, 0 when it has it
-- ARGV[5]    a gap longer than this, milliseconds, is a gap; one half as long again is a death
-- ARGV[6]    how many entries may be adopted
-- ARGV[7]    how many of the streams are lanes
-- Returns {entries of lanes that nobody has read, entries adopted, entries of deferral topics that nobody has read}.

local group, worker, token = ARGV[1], ARGV[2], ARGV[3]
local gap = tonumber(ARGV[5])

for i = 3, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 0 then
    return redis.error_reply('NOGROUP no stream at ' .. KEYS[i])
  end
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local owner = redis.call('HGET', KEYS[2], worker)
local since = now
if owner and ARGV[4] == '0' then
  local space = string.find(owner, ' ', 1, true)
  if string.sub(owner, 1, space - 1) ~= token then
    return redis.error_reply('FENCED another process has taken the name ' .. worker)
  end
  since = tonumber(string.sub(owner, space + 1))
end
local heard = redis.call('ZSCORE', KEYS[1], worker)
if not heard or now - heard > gap then
  since = now
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now), worker)
redis.call('HSET', KEYS[2], worker, token .. ' ' .. string.format('%.0f', since))

local function named(flat)
  local map = {}
  for i = 1, #flat, 2 do
    map[flat[i]] = flat[i + 1]
  end
  return map
end

-- whoever was away itself knows nothing of others, who may have been away with it: it waits before it judges;
-- who has no score has taken leave
local may_judge = now - since >= gap
local function is_gone(consumer)
  local at = redis.call('ZSCORE', KEYS[1], consumer)
  return not at or (may_judge and now - at > gap * 1.5)
end

local room, adopted = tonumber(ARGV[6]), 0
local last_lane, lag, parked = 2 + tonumber(ARGV[7]), 0, 0

for i = 3, #KEYS do
  local stream = KEYS[i]
  local found = false
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local facts = named(flat)
    if facts['name'] == group then
      found = true
      local unread = math.max(0, redis.call('XLEN', stream) - facts['pending'])
      if i <= last_lane then
        lag = lag + unread
      else
        parked = parked + unread
      end
    end
  end
  if not found then
    return redis.error_reply('NOGROUP no group at ' .. stream)
  end
  for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local consumer = named(flat)
    local name, pending = consumer['name'], consumer['pending']
    if name ~= worker and is_gone(name) then
      local left = pending
      if pending > 0 and adopted < room then
        for _, entry in ipairs(redis.call('XPENDING', stream, group, '-', '+', room - adopted, name)) do
          -- an entry that somebody deleted is not claimed, and is pending no longer
          adopted = adopted + #redis.call('XCLAIM', stream, group, worker, 0, entry[1], 'JUSTID')
          left = left - 1
        end
      end
      if left == 0 then
        redis.call('XGROUP', 'DELCONSUMER', stream, group, name)
      end
    end
  end
end

for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - 7 * 86400000))) do
  redis.call('ZREM', KEYS[1], name)
  redis.call('HDEL', KEYS[2], name)
end

return {lag, adopted, parked}
