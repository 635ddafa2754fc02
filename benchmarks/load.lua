-- Evidence-only questions for wrk, one after the other from a file with one a line:
--   wrk -t1 -c32 -d30s --latency -s benchmarks/load.lua http://127.0.0.1:8000 -- questions.txt
-- Set COLLECTION for another collection than "default". Replies other than 200 are counted by wrk.

local questions, place = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    questions[#questions + 1] = line:gsub('[\\"]', '\\%0')
  end
end

function request()
  place = place % #questions + 1
  local body = string.format(
    '{"question": "%s", "evidence_only": true, "collection": "%s"}',
    questions[place],
    os.getenv("COLLECTION") or "default"
  )
  return wrk.format("POST", "/v1/ask", {["Content-Type"] = "application/json"}, body)
end
