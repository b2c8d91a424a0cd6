#!lua flags=allow-oom
-- Forgets the runs and the usage of requests whose reply is durable, keeps their answers for duplicates, and lets go of
-- the oldest answers for which there is no time or no room left.
-- KEYS[1]   hash: request id -> answer, after its stamp
-- KEYS[2]   hash: request id -> what is not committed of its answer, see answer.lua
-- KEYS[3]   list of committed answers, oldest first: stamp (13 digits), size (10), request id
-- KEYS[4]   hash: the sum of all sizes; how far the search for old uncommitted answers is, and when it went on
-- KEYS[4+i] the runs of request i
-- ARGV[1]   milliseconds that runs, and answers that nobody commits, are remembered
-- ARGV[2]   milliseconds that committed answers are kept
-- ARGV[3]   where in a list's key the request's id begins
-- ARGV[4]   the most that the sum may be
-- ARGV[3+2i], ARGV[4+2i]  what the run's entries begin with, and the place
-- Returns how many answers were let go. Safe to send again.
local remembered, keep, first, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- How many answers one call lets go of, more or less (5 µs each): a call must stay short, the next one goes on.
local patience = 512
-- How often the search for old uncommitted answers goes a step on, milliseconds.
local pace = 10000

-- nobody who had the request before may mark or answer it any more
local function seal(key)
  redis.call('DEL', key)
  redis.call('RPUSH', key, '')
  redis.call('PEXPIRE', key, ARGV[1])
end

local ids = {}
for i = 5, #KEYS do
  ids[i - 4] = string.sub(KEYS[i], first)
end
local open = redis.call('HMGET', KEYS[2], unpack(ids))
local closed, kept, gone, freed, seen = {}, {}, {}, 0, {}
for i, id in ipairs(ids) do
  local key, entry = KEYS[4 + i], open[i]
  if entry then
    local place = ARGV[4 + 2 * i]
    if not seen[id] and string.sub(entry, 25, 24 + #place) == place then
      seen[id] = true
      closed[#closed + 1] = id
      kept[#kept + 1] = string.sub(entry, 2, 24) .. id
      freed = freed + #entry - 24
      if string.byte(entry) == 49 then
        seal(key)
      else
        gone[#gone + 1] = key
      end
    end
  else
    local beginning = ARGV[3 + 2 * i]
    local runs = redis.call('LRANGE', key, 0, -1)
    if #runs > 0 and string.sub(runs[#runs], 1, #beginning) == beginning then
      if #runs > 1 then
        seal(key)
      else
        gone[#gone + 1] = key
      end
    end
  end
end
if #gone > 0 then
  redis.call('DEL', unpack(gone))
end
if #closed > 0 then
  redis.call('HDEL', KEYS[2], unpack(closed))
  redis.call('RPUSH', KEYS[3], unpack(kept))
  redis.call('PEXPIRE', KEYS[3], string.format('%.0f', remembered + keep))
end

local sums = redis.call('HMGET', KEYS[4], 'bytes', 'swept', 'cursor')
local sum, let_go = (tonumber(sums[1]) or 0) - freed, 0

local function too_old_or_too_much(entry)
  return entry and (sum > most or now - tonumber(string.sub(entry, 1, 13)) > keep)
end

while let_go < patience and too_old_or_too_much(redis.call('LINDEX', KEYS[3], 0)) do
  local stamps, leaving = {}, {}
  for _, entry in ipairs(redis.call('LRANGE', KEYS[3], 0, 63)) do
    if not too_old_or_too_much(entry) then
      break
    end
    sum = sum - tonumber(string.sub(entry, 14, 23))
    stamps[#stamps + 1] = string.sub(entry, 1, 13)
    leaving[#leaving + 1] = string.sub(entry, 24)
  end
  redis.call('LTRIM', KEYS[3], #leaving, -1)
  -- the id may have been answered anew since
  local same = {}
  for i, answer in ipairs(redis.call('HMGET', KEYS[1], unpack(leaving))) do
    if answer and string.sub(answer, 1, 13) == stamps[i] then
      same[#same + 1] = leaving[i]
    end
  end
  if #same > 0 then
    redis.call('HDEL', KEYS[1], unpack(same))
  end
  let_go = let_go + #leaving
end

-- answers whose commit nobody told of: their worker died in that moment
if now - (tonumber(sums[2]) or 0) >= pace then
  local step = redis.call('HSCAN', KEYS[2], sums[3] or '0', 'COUNT', 64)
  for i = 1, #step[2], 2 do
    local id, entry = step[2][i], step[2][i + 1]
    if now - tonumber(string.sub(entry, 2, 14)) > remembered then
      redis.call('HDEL', KEYS[2], id)
      redis.call('HDEL', KEYS[1], id)
      sum = sum - tonumber(string.sub(entry, 15, 24)) - (#entry - 24)
      let_go = let_go + 1
    end
  end
  redis.call('HSET', KEYS[4], 'swept', string.format('%.0f', now), 'cursor', step[1])
end

if sums[1] then
  redis.call('HSET', KEYS[4], 'bytes', string.format('%.0f', sum))
end
return let_go
