-- Writes down that runs begin, and hands back the runs of the same requests that were there before.
-- KEYS[i]   the run of request i
-- ARGV[1]   milliseconds that a run is remembered
-- ARGV[1+i] the run that begins, MessagePack
-- Returns, in order, the former run or false.
local former = {}
for i, key in ipairs(KEYS) do
  former[i] = redis.call('GET', key)
  redis.call('SET', key, ARGV[1 + i], 'PX', ARGV[1])
end
return former
