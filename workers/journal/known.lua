-- Says which requests the journal knows: somebody has begun them, or they were answered.
-- KEYS[1]   hash: request id -> answer, after its stamp
-- KEYS[1+i] the runs of request i
-- ARGV[1]   where in a list's key the request's id begins
-- Returns the places of those that are known, from 0. Writes nothing.
local first, known = tonumber(ARGV[1]), {}
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 or redis.call('HEXISTS', KEYS[1], string.sub(KEYS[i], first)) == 1 then
    known[#known + 1] = i - 2
  end
end
return known
