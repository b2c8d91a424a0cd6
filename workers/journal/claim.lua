#!lua flags=allow-oom
-- Writes down that runs begin, and hands back the runs of the same requests that began before and are not known to
-- have ended. All of them: a run that finds others publishes their attempts, but may die before that is committed.
-- KEYS[i]   the runs of request i, a list, oldest first
-- ARGV[1]   milliseconds that they are remembered
-- ARGV[1+i] the run that begins, MessagePack
-- Returns, in order, a list of former runs each. Safe to send again: a run is not its own predecessor.
-- Memory may be full: what has been delivered must be completed, or nothing ever gets out.
local former = {}
for i, key in ipairs(KEYS) do
  local runs = redis.call('LRANGE', key, 0, -1)
  if runs[#runs] == ARGV[1 + i] then
    runs[#runs] = nil
  else
    redis.call('RPUSH', key, ARGV[1 + i])
    redis.call('PEXPIRE', key, ARGV[1])
  end
  former[i] = runs
end
return former
