#!lua flags=allow-oom
-- Make streams and their consumer group where they are missing; the group begins with the oldest entry.
-- allow-oom: a full server is emptied by those who read.
--
-- KEYS     the streams of requests
-- ARGV[1]  the consumer group
-- Returns how many were missing.

local made = 0
for _, stream in ipairs(KEYS) do
  local answer = redis.pcall('XGROUP', 'CREATE', stream, ARGV[1], '0', 'MKSTREAM')
  if not answer.err then
    made = made + 1
  elseif string.sub(answer.err, 1, 9) ~= 'BUSYGROUP' and string.sub(answer.err, 1, 10) ~= '-BUSYGROUP' then
    return answer
  end
end
return made
