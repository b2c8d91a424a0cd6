#!lua flags=allow-oom
-- Read what is due on deferral streams. An entry's id begins with the server's time of its append, so that what is due
-- is what lies at or before one id, and no clock but the server's is asked.
-- allow-oom: a full server is emptied by those who read.
--
-- KEYS     deferral streams
-- ARGV[1]  the consumer group
-- ARGV[2]  the worker
-- ARGV[3]  how many entries may be read of each stream
-- ARGV[4..]  how long an entry lies on each stream, milliseconds
-- Returns {milliseconds until the next entry is due or -1 without one, {place among KEYS, entries}, ...}.

local group, worker, most = ARGV[1], ARGV[2], tonumber(ARGV[3])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function newest_delivered(stream)
  if redis.call('EXISTS', stream) == 1 then
    for _, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
      local facts = {}
      for i = 1, #flat, 2 do
        facts[flat[i]] = flat[i + 1]
      end
      if facts['name'] == group then
        return facts['last-delivered-id']
      end
    end
  end
  return nil
end

-- a script is not rolled back: what could fail is looked at before anything is read
local after = {}
for i, stream in ipairs(KEYS) do
  after[i] = newest_delivered(stream)
  if not after[i] then
    return redis.error_reply('NOGROUP no group at ' .. stream)
  end
end

local answer = {-1}
for i, stream in ipairs(KEYS) do
  local length = tonumber(ARGV[3 + i])
  local newest_due = string.format('%.0f', now - length)
  local due = #redis.call('XRANGE', stream, '(' .. after[i], newest_due, 'COUNT', most)
  if due > 0 then
    local read = redis.call('XREADGROUP', 'GROUP', group, worker, 'COUNT', due, 'STREAMS', stream, '>')
    local entries = read[1][2]
    answer[#answer + 1] = {i, entries}
    after[i] = entries[#entries][1]
  end
  local head = redis.call('XRANGE', stream, '(' .. after[i], '+', 'COUNT', 1)
  if #head > 0 then
    local wait = math.max(0, tonumber(string.match(head[1][1], '^%d+')) + length - now)
    if answer[1] < 0 or wait < answer[1] then
      answer[1] = wait
    end
  end
end
return answer
