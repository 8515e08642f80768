-- Sends the requests of a file, one a line: method, path, one more header or '-', body or '-', with tabs between them.
-- What is sent is put together beforehand, so that the client takes as little of the machine as it can.
local usual = {
  ["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN"),
  ["Content-Type"] = "application/fhir+json",
}
local requests = {}
local at = 0

function init()
  for line in io.lines(os.getenv("BENCH_REQUESTS")) do
    local method, path, header, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = usual
    if header ~= "-" then
      headers = {}
      for name, value in pairs(usual) do headers[name] = value end
      local name, value = header:match("^([^:]*): (.*)$")
      headers[name] = value
    end
    requests[#requests + 1] = wrk.format(method, path, headers, body ~= "-" and body or nil)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

-- Asked for only where refusals are to be seen: every answer is put together for it once more.
if os.getenv("BENCH_REFUSALS") then
  local seen = false
  function response(status, headers, body)
    if status >= 300 and not seen then
      seen = true
      io.stderr:write("first refusal: ", status, " ", body:sub(1, 300), "\n")
    end
  end
end

function done(summary, latency, requests)
  local bad = summary.errors.status
  io.write(string.format("RESULT %d %d %f %f %f\n", summary.requests - bad, bad, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
