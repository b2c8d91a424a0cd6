#!lua flags=allow-oom
-- Forgets the runs of requests that are not run after all, unless another worker has claimed them since.
-- KEYS[i]   the runs of request i
-- ARGV[1]   milliseconds that a request that was taken over from a dead worker is closed to that one
-- ARGV[1+i] what the entries of the run begin with
-- Returns how many requests were released. Safe to send again.
local released = 0
for i, key in ipairs(KEYS) do
  local beginning = ARGV[1 + i]
  local runs = redis.call('LRANGE', key, 0, -1)
  if #runs > 0 and string.sub(runs[#runs], 1, #beginning) == beginning then
    redis.call('DEL', key)
    if #runs > 1 then
      redis.call('RPUSH', key, '')
      redis.call('PEXPIRE', key, ARGV[1])
    end
    released = released + 1
  end
end
return released
