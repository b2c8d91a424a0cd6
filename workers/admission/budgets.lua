-- Tells all that there is of budgets, for people.
--
-- Returns {field, amount, ...}: s, h or m before the window -> settled, held, most that ever was settled.

return phase == 'empty' and {} or call('HGETALL', BUDGETS)
