#!lua flags=allow-oom
-- Forget a worker that stops, so that what it leaves behind is adopted at once.
--
-- KEYS[1]  sorted set: worker -> when it was last heard of
-- KEYS[2]  hash: worker -> token of the process that has the name
-- KEYS[3]  the worker's last commit
-- ARGV[1]  the worker
-- ARGV[2]  the token of its process
-- Returns 1, or 0 when another process has the name by now.

local owner = redis.call('HGET', KEYS[2], ARGV[1])
if owner and string.find(owner, ARGV[2] .. ' ', 1, true) ~= 1 then
  return 0
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
return 1
