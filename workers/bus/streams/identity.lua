#!lua flags=allow-oom
-- Say which bus this is, and how far a stream goes.
--
-- KEYS[1]  the bus's identity, made when it is first asked for
-- KEYS[2]  a stream
-- ARGV[1]  the identity if there is none
-- Returns {identity, the newest id the stream ever gave}.

local identity = redis.call('GET', KEYS[1])
if not identity then
  identity = ARGV[1]
  redis.call('SET', KEYS[1], identity)
end
local newest = '0-0'
if redis.call('EXISTS', KEYS[2]) == 1 then
  local facts = redis.call('XINFO', 'STREAM', KEYS[2])
  for i = 1, #facts, 2 do
    if facts[i] == 'last-generated-id' then
      newest = facts[i + 1]
    end
  end
end
return {identity, newest}
