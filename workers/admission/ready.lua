-- Lets workers spend, once they had time to post what they hold.
--
-- ARGV[3]  {epoch, microseconds since the beginning of this life that they have}
-- Returns 0, how many microseconds are left, or -1 if the epoch is another.

if args[1] ~= epoch or phase == 'empty' then
  return -1
end
local left = tonumber(call('HGET', KEYS[1], 'opened')) + args[2] - now
if left > 0 then
  return left
end
call('HSET', KEYS[1], 'phase', 'ready')
return 0
