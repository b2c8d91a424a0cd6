#!lua flags=allow-oom
-- Stores answers: of each request the first one, and only from the worker whose claim is the last.
-- KEYS[1]   hash: request id -> answer, after its stamp
-- KEYS[2]   hash: request id -> what is not committed of its answer: 1 if the request was taken over from a dead worker
--           else 0, the stamp (13 digits), the size that is accounted for (10), the place, the usage
-- KEYS[3]   hash: the sum of all sizes
-- KEYS[3+i] the runs of request i
-- ARGV[1]   milliseconds that runs are remembered
-- ARGV[2]   milliseconds that committed answers are kept
-- ARGV[3]   where in a list's key the request's id begins
-- ARGV[4]   the size of what lies around an answer, bytes
-- ARGV[2+3i], ARGV[3+3i], ARGV[4+3i]  what the run's entries begin with, the answer, the place and the usage
-- Returns for each answer 1 if it is the one that is stored, 0 if another worker has taken the request over.
-- Safe to send again. Memory may be full: what was paid for must get out.
local remembered, keep, first, around = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local stamp = string.format('%013.0f', now)

-- what the allocator gives for so many bytes: four sizes between a power of two and the next
local function taken(bytes)
  local _, power = math.frexp(bytes)
  local step = 2 ^ (power - 3)
  return math.ceil(bytes / step) * step
end

local ids = {}
for i = 4, #KEYS do
  ids[i - 3] = string.sub(KEYS[i], first)
end
local former = redis.call('HMGET', KEYS[1], unpack(ids))
local stored, answers, open, sum, written = {}, {}, {}, 0, {}
for i, id in ipairs(ids) do
  local beginning, answer, rest = ARGV[2 + 3 * i], ARGV[3 + 3 * i], ARGV[4 + 3 * i]
  local before = former[i]
  if before and now - tonumber(string.sub(before, 1, 13)) > keep and redis.call('HEXISTS', KEYS[2], id) == 0 then
    before = nil -- its time is over, it only has not been swept away yet
  end
  if before then
    stored[i] = string.sub(before, 14, 13 + #beginning) == beginning and 1 or 0
  elseif written[id] then
    stored[i] = written[id] == beginning and 1 or 0
  else
    local runs = redis.call('LRANGE', KEYS[3 + i], 0, -1)
    local last = runs[#runs]
    -- no run at all: the store has lost its memory, and the answer is as good as ever
    if not last or string.sub(last, 1, #beginning) == beginning then
      local size = taken(#answer + 24) + 2 * #id + around
      answers[#answers + 1] = id
      answers[#answers + 1] = stamp .. answer
      open[#open + 1] = id
      open[#open + 1] = (#runs > 1 and '1' or '0') .. stamp .. string.format('%010.0f', size) .. rest
      sum = sum + size + #rest -- committed.lua takes the rest off again
      written[id] = beginning
      stored[i] = 1
    else
      stored[i] = 0
    end
  end
end
if #answers > 0 then
  redis.call('HSET', KEYS[1], unpack(answers))
  redis.call('HSET', KEYS[2], unpack(open))
  redis.call('HINCRBY', KEYS[3], 'bytes', string.format('%.0f', sum))
  local idle = string.format('%.0f', remembered + keep)
  redis.call('PEXPIRE', KEYS[1], idle)
  redis.call('PEXPIRE', KEYS[2], idle)
  redis.call('PEXPIRE', KEYS[3], idle)
end
return stored
