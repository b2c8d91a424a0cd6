-- Begins a new life of the store: nothing of the former counts any more, and nobody may spend yet.
--
-- ARGV[3]  {epoch, number of the life, cursors {partition, value, ...}}
-- Returns 1. Safe to send again.

if args[1] == epoch and phase ~= 'empty' then
  return 1
end
for _, worker in ipairs(call('SMEMBERS', prefix .. 'joined')) do
  call('DEL', prefix .. 'calls:' .. worker)
end
-- the calendars expire by themselves
call('DEL', PARALLEL, HOLDS, BUDGETS, prefix .. 'joined', prefix .. 'ends', prefix .. 'ended', prefix .. 'last', KEYS[1])
call('HSET', KEYS[1], 'epoch', args[1], 'phase', 'rebuilding', 'server', ARGV[1], 'life', digits(args[2]),
  'opened', digits(now))
for i = 1, #args[3], 2 do
  call('HSET', KEYS[1], 'cursor:' .. args[3][i], args[3][i + 1])
end
return 1
