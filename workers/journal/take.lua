#!lua flags=allow-oom
-- Grants claims: to nobody if the request was answered, or a worker that lives has it; else to the worker that asks.
-- A claim is the last run in the list of its request. A run is MessagePack: {id, owner, fingerprint, began, attempts}.
-- KEYS[1]   sorted set: worker -> when it was last heard of, server's milliseconds
-- KEYS[2]   hash: request id -> answer, after its stamp of 13 digits
-- KEYS[3]   hash: request id -> what is not committed of its answer
-- KEYS[3+i] the runs of request i, a list, oldest first
-- ARGV[1]   milliseconds that runs are remembered
-- ARGV[2]   milliseconds that committed answers are kept
-- ARGV[3]   milliseconds of silence after which a worker is dead
-- ARGV[4]   the worker that asks
-- ARGV[5]   where in a list's key the request's id begins
-- ARGV[5+i] the run that begins
-- Returns 0 if the worker itself counts as dead: nothing is done. Else 1 if every claim is granted and no other run was
-- found. Else for each claim: 0 granted; {1, former runs ...} granted; {2, answer, open} answered; {3, by us} taken;
-- {4} the id belongs to another request.
-- Safe to send again: a run is not its own predecessor.
-- Memory may be full: what has been delivered must be completed, or nothing ever gets out.
local remembered, keep, dead_after = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local us, first = ARGV[4], tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local known = {}
local function lives(worker)
  if known[worker] == nil then
    local heard = redis.call('ZSCORE', KEYS[1], worker)
    known[worker] = heard and now - heard <= dead_after or false
  end
  return known[worker]
end

if not lives(us) then
  return 0
end

-- the run has been pushed onto a list that was not empty
local function contested(key, run)
  local runs = redis.call('LRANGE', key, 0, -2)
  local last = runs[#runs]
  if last == run then -- we are asked again
    redis.call('RPOP', key)
    runs[#runs] = nil
    return {1, unpack(runs)}
  end
  local fine, former = pcall(cmsgpack.unpack, last)
  if fine and type(former) == 'table' and #former == 5 then
    local mine = cmsgpack.unpack(run)
    if former[3] ~= mine[3] then
      redis.call('RPOP', key)
      return {4}
    elseif lives(former[2]) then
      redis.call('RPOP', key)
      return {3, former[2] == us and 1 or 0}
    end
  end
  redis.call('PEXPIRE', key, remembered)
  return {1, unpack(runs)}
end

local ids = {}
for i = 4, #KEYS do
  ids[i - 3] = string.sub(KEYS[i], first)
end
local answers = redis.call('HMGET', KEYS[2], unpack(ids))
local said, plain = {}, true
for i, id in ipairs(ids) do
  local answer, open = answers[i], nil
  if answer then
    open = redis.call('HGET', KEYS[3], id)
    if not open and now - tonumber(string.sub(answer, 1, 13)) > keep then
      answer = nil
    end
  end
  said[i] = 0
  if answer then
    said[i] = {2, answer, open or ''}
  elseif redis.call('RPUSH', KEYS[3 + i], ARGV[5 + i]) == 1 then
    redis.call('PEXPIRE', KEYS[3 + i], remembered)
  else
    said[i] = contested(KEYS[3 + i], ARGV[5 + i])
  end
  plain = plain and said[i] == 0
end
return plain and 1 or said
