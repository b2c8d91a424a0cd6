-- Says where the book stands.
--
-- Returns {phase, epoch, cursor, value, ...}.

local answer = {phase, epoch}
local flat = call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do
  if string.sub(flat[i], 1, 7) == 'cursor:' then
    answer[#answer + 1] = string.sub(flat[i], 8)
    answer[#answer + 1] = flat[i + 1]
  end
end
return answer
