-- The journal's marks; it stands before the scripts that write them. Where a mark is: {place in KEYS, where in ARGV[4]
-- it begins, its length, how much of it is the run's}. They are no msgpack, because cmsgpack reads no binary.

-- A run that was taken over leaves an entry when it ends. No entry at all: the store has lost it, and the request is
-- the worker's as much as it was.
local function is_fenced(mark)
  mark.last = call('LINDEX', KEYS[mark[1]], -1)
  return mark.last and string.sub(mark.last, 1, mark[4]) ~= string.sub(ARGV[4], mark[2] + 1, mark[2] + mark[4])
end

-- after is_fenced
local function write(mark, remembered_ms)
  local value = string.sub(ARGV[4], mark[2] + 1, mark[2] + mark[3])
  if mark.last then
    call('LSET', KEYS[mark[1]], -1, value)
  else
    call('RPUSH', KEYS[mark[1]], value)
    call('PEXPIRE', KEYS[mark[1]], digits(remembered_ms))
  end
end
