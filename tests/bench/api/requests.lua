-- Sends the requests of a file, one a line: method, path, one more header or '-', body or '-', with tabs between them.
local file = io.open(os.getenv("BENCH_REQUESTS"), "r")
local usual = {
  ["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN"),
  ["Content-Type"] = "application/fhir+json",
}
local statuses = {}
local threads = {}

function setup(thread) table.insert(threads, thread) end

function request()
  local line = file:read("*l")
  if not line then
    file:seek("set")
    line = file:read("*l")
  end
  local method, path, header, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
  local headers = usual
  if header ~= "-" then
    headers = {}
    for name, value in pairs(usual) do headers[name] = value end
    local name, value = header:match("^([^:]*): (.*)$")
    headers[name] = value
  end
  return wrk.format(method, path, headers, body ~= "-" and body or nil)
end

good, bad = 0, 0
function response(status, headers, body)
  if status < 300 then good = good + 1 else
    if bad == 0 then io.stderr:write("first refusal: ", status, " ", body:sub(1, 300), "\n") end
    bad = bad + 1
  end
end

function done(summary, latency, requests)
  local taken, refused = 0, 0
  for _, thread in ipairs(threads) do
    taken = taken + thread:get("good")
    refused = refused + thread:get("bad")
  end
  io.write(string.format("RESULT %d %d %f %f %f\n", taken, refused, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
