#!lua flags=allow-oom
-- Forgets the runs of requests whose end is committed, unless another worker has claimed the request since.
-- KEYS[i]  the runs of request i
-- ARGV[i]  what the ended run's MessagePack starts with: enough to hold its id
-- Returns how many requests were forgotten.
local forgotten = 0
for i, key in ipairs(KEYS) do
  local last = redis.call('LINDEX', key, -1)
  if last and string.sub(last, 1, #ARGV[i]) == ARGV[i] then
    redis.call('UNLINK', key)
    forgotten = forgotten + 1
  end
end
return forgotten
