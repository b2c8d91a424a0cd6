-- Hears that a worker lives.
--
-- ARGV[3]  {worker, the epoch it has joined, silence after which a worker is dead (microseconds)}
-- Returns 1, or 0 if it is not counted on (any more) and has to join.

local worker, dead_us = args[1], args[3]
local heard = sweep(worker, dead_us)
if not heard or args[2] ~= epoch then
  return 0
end
hear(worker, heard, dead_us)
return 1
