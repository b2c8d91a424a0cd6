-- Writes down that a further attempt of a run begins, unless another worker has claimed the request since.
-- KEYS[1]  the run of the request
-- ARGV[1]  milliseconds that a run is remembered
-- ARGV[2]  the run with the attempt, MessagePack; it starts with the run's id
-- ARGV[3]  what the run's MessagePack starts with: enough to hold its id
-- Returns 1 if it was written down.
local held = redis.call('GET', KEYS[1])
if held and string.sub(held, 1, #ARGV[3]) ~= ARGV[3] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[1])
return 1
