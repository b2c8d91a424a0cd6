#!lua flags=allow-oom
-- Writes down that a further attempt of a run begins, unless another worker has claimed the request since.
-- KEYS[1]  the runs of the request
-- ARGV[1]  milliseconds that they are remembered
-- ARGV[2]  the run with the attempt, MessagePack; it starts with the run's id
-- ARGV[3]  what the run's MessagePack starts with: enough to hold its id
-- Returns 1 if it was written down.
local last = redis.call('LINDEX', KEYS[1], -1)
if not last then
  redis.call('RPUSH', KEYS[1], ARGV[2])
elseif string.sub(last, 1, #ARGV[3]) == ARGV[3] then
  redis.call('LSET', KEYS[1], -1, ARGV[2])
else
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
