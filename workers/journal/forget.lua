-- Forgets runs whose end is committed; a run that another worker has claimed since is left alone.
-- KEYS[i]  the run of request i
-- ARGV[i]  what its MessagePack starts with: enough to hold its id
-- Returns how many were forgotten.
local forgotten = 0
for i, key in ipairs(KEYS) do
  local held = redis.call('GET', key)
  if held and string.sub(held, 1, #ARGV[i]) == ARGV[i] then
    redis.call('UNLINK', key)
    forgotten = forgotten + 1
  end
end
return forgotten
