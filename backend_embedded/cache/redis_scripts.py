"""What has to happen at once in Redis, in Lua; numbers that may pass 2^53 go as text."""

from __future__ import annotations

INCR = """
local there = redis.call('EXISTS', KEYS[1])
redis.call('INCRBY', KEYS[1], ARGV[1])
if there == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])
"""
"""KEYS: value. ARGV: what to add, time to live in ms when it is made. The sum."""

ACQUIRE = """
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return false end
local time = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or '0') or 0
local fence = math.max(time[1] * 1000000 + time[2], last + 1, ARGV[3] + 1)
local text = string.format('%.0f', fence)
redis.call('SET', KEYS[2], text)
return text
"""
"""KEYS: lock, last fencing number. ARGV: token, time to live in ms, what the number must pass.

The number, or nothing when somebody else holds the lock. Microseconds since 1970 are its lower bound, so that
it grows on when Redis has lost what it knew.
"""

EXTEND = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
"""KEYS: lock. ARGV: token, time to live in ms. 1 when it was held."""

RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
"""KEYS: lock. ARGV: token. 1 when it was held."""

HIT_FIXED = """
local limit = tonumber(ARGV[1])
local count = tonumber(redis.call('GET', KEYS[1]) or '0')
if count >= limit then return {0, 0} end
count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {1, limit - count}
"""
"""KEYS: window. ARGV: limit, ms to the window's end. Whether it was allowed, and how many more would be."""

HIT_SLIDING = """
local limit, window_us = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now_us - window_us))
local count = redis.call('ZCARD', KEYS[1])
if count >= limit then
  local last = redis.call('ZRANGE', KEYS[1], count - limit, count - limit, 'WITHSCORES')
  local wait_us = last[2] and (last[2] + window_us - now_us) or window_us
  return {0, 0, string.format('%.0f', wait_us)}
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now_us), ARGV[3])
redis.call('PEXPIRE', KEYS[1], math.ceil(window_us / 1000))
return {1, limit - count - 1, '0'}
"""
"""KEYS: log. ARGV: limit, window in µs, a name for this one.

Whether it was allowed, how many more would be, and in how many µs one more may be: when so many have left the
window that fewer than the limit are in it, which may have been lowered.
"""
