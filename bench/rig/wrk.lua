-- Sends the requests of a file in turn. Checks the status of every answer, and a text that its body must contain.

local expected = tonumber(os.getenv("STATUS"))
local text = os.getenv("TEXT")
local refusal = tonumber(os.getenv("REFUSAL"))
local limit = tonumber(os.getenv("LIMIT"))
local interval = tonumber(os.getenv("INTERVAL_MS"))
local connections = tonumber(os.getenv("CONNECTIONS"))

local requests, sent, delays = {}, 0, 0
local file = assert(io.open(os.getenv("REQUESTS")))
for one in file:read("*a"):gmatch("[^%z]+") do
  requests[#requests + 1] = one
end
file:close()

-- Not local, because `done` reads them from the threads.
wrong, refused, example = 0, 0, ""
local threads = {}

function setup(thread)
  threads[#threads + 1] = thread
end

function request()
  -- wrk keeps sleeping until it is interrupted. `wrk.ts` reads this line and interrupts it.
  if sent == limit then
    io.write("SPENT\n")
    io.flush()
    wrk.thread:stop()
  end
  sent = sent + 1
  return requests[(sent - 1) % #requests + 1]
end

function response(status, _, body)
  if status == expected and body:find(text, 1, true) then
    return
  end
  if status == refusal then
    refused = refused + 1
    return
  end
  wrong = wrong + 1
  example = status .. " " .. body:sub(1, 160)
end

-- The first wait is random, so that the connections do not send all their requests at the same moment.
if interval then
  function delay()
    delays = delays + 1
    return delays <= connections and math.random(0, interval) or interval
  end
end

function done(summary, latency)
  local bad, full, sample = 0, 0, ""
  for _, thread in ipairs(threads) do
    bad = bad + thread:get("wrong")
    full = full + thread:get("refused")
    sample = thread:get("example")
  end
  local e = summary.errors
  io.write(string.format(
    '\nRESULT {"answers":%d,"seconds":%f,"wrong":%d,"refused":%d,"lost":%d,"p50":%f,"p95":%f,"p99":%f,"example":"%s"}\n',
    summary.requests, summary.duration / 1e6, bad, full, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000,
    (sample:gsub('[%c"\\]', " "))
  ))
end
