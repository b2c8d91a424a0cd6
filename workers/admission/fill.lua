-- Puts the ledger's sums into a new life of the store. Not safe to send again: whoever gets no answer opens anew.
--
-- ARGV[3]  {epoch, windows {name and start, end or -1}, spent {window, amount, ...}, limits {name, period},
--          taken {limit, time, amount, ...}}
-- Returns 1, or 0 if the epoch is another.

local windows, spent, limits, taken = args[2], args[3], args[4], args[5]
if args[1] ~= epoch or phase ~= 'rebuilding' then
  return 0
end
local ends, sums = {}, {}
for i = 1, #spent, 2 do
  local window = windows[spent[i]]
  for _, field in ipairs({'s', 'm'}) do
    sums[field .. window[1]] = (sums[field .. window[1]] or 0) + spent[i + 1]
  end
  ends[window[1]] = window[2]
end
add_sums(BUDGETS, sums)
note_ends(ends)
for i = 1, #taken, 3 do
  local limit = limits[taken[i]]
  local c = calendar(limit[1], limit[2])
  add(c, slot_of(c, taken[i + 1]), taken[i + 2])
end
save_calendars()
return 1
