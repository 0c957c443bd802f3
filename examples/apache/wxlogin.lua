-- Asks wxlogin who is there, for wxlogin.conf beside this file. Needs lua-socket.
local socket = require "socket"

local address, port = "127.0.0.1", 8007
local timeout = 3 -- seconds, for connecting and for the answer
local identity = { "Remote-User", "Remote-Name", "X-Wechat-Openid", "X-Wechat-Unionid", "X-Wechat-Scope" }
local asked = {
	"Cookie", "Accept", "Accept-Language", "User-Agent", "X-Requested-With", "Content-Type", "Origin", "Referer",
	"Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-Dest", "Upgrade-Insecure-Requests",
}
-- Of the answer these are Apache's own business.
local own = { ["connection"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["keep-alive"] = true, ["date"] = true }

-- ask puts the question and returns status, headers by small name, and body; nil when
-- there is no whole answer in time.
local function ask(r)
	-- A request may name its target in full; what counts is the path.
	local path = r.unparsed_uri:gsub("^%a[%w+.-]*://[^/?#]*", "")
	local lines = {
		"GET /verify?login=redirect HTTP/1.0", -- in 1.0 an answer ends with its connection
		"Host: " .. r.hostname,
		"X-Forwarded-For: " .. r.useragent_ip,
		"X-Forwarded-Proto: https",
		"X-Forwarded-Host: " .. r.hostname,
		"X-Forwarded-Uri: " .. path,
		"X-Forwarded-Method: " .. r.method,
	}
	for _, name in ipairs(asked) do
		local value = r.headers_in[name]
		if value then
			lines[#lines + 1] = name .. ": " .. value
		end
	end
	for i, line in ipairs(lines) do
		lines[i] = line:gsub("%c", " ")
	end
	local connection = socket.tcp()
	connection:settimeout(timeout, "t")
	local text
	if connection:connect(address, port) and connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n") then
		text = connection:receive("*a")
	end
	connection:close()
	local head, body = (text or ""):match("^(HTTP/1%.%d %d%d%d.-\r\n)\r\n(.*)$")
	if not head then
		return nil
	end
	local headers = {}
	for name, value in head:gmatch("\n([^:\r\n]+): *([^\r\n]*)") do
		headers[name:lower()] = headers[name:lower()] or value
	end
	if #body < tonumber(headers["content-length"] or 0) then
		return nil
	end
	return tonumber(head:match("%d%d%d", 10)), headers, body
end

-- opens says whether a cookie opens one of wxlogin's sessions: with and without a
-- prefix and the hash of the public URL, of visitors and of the admin pages.
local function opens(cookie)
	local name = (cookie:match("^%s*([^=]*)=") or ""):gsub("wxlogin_desk", "wxlogin")
	return name:find("wxlogin%s*$") ~= nil or name:find("wxlogin_%x+%s*$") ~= nil
end

-- without is the cookies less those. Apache makes one line of several, with commas.
local function without(cookies)
	local kept = {}
	for part in cookies:gmatch("[^;]+") do
		local pieces = {}
		for piece in part:gmatch("[^,]+") do
			if not opens(piece) then
				pieces[#pieces + 1] = piece
			end
		end
		part = table.concat(pieces, ","):match("^%s*(.-)%s*$")
		if part ~= "" then
			kept[#kept + 1] = part
		end
	end
	return #kept > 0 and table.concat(kept, "; ") or nil
end

function wxlogin(r)
	local status, headers, body = ask(r)
	if not status or status >= 500 then
		return 503
	end
	if status ~= 200 then
		r.status = status
		for name, value in pairs(headers) do
			if name == "content-type" then
				r.content_type = value
			elseif not own[name] then
				r.headers_out[name] = value
			end
		end
		r:puts(body)
		return apache2.DONE
	end

	-- What looks like one of wxlogin's headers is thrown away, however it is spelt.
	for name in pairs(r:headers_in_table()) do
		local plain = name:lower():gsub("[^a-z0-9]", "-")
		if plain:find("^remote%-") or plain:find("^x%-wechat") or name:find("_", 1, true) then
			r.headers_in[name] = nil
		end
	end
	for _, name in ipairs(identity) do
		local value = headers[name:lower()]
		if not value then
			return 503 -- somebody else's 200
		end
		r.headers_in[name] = value
	end
	-- "Connection: Remote-User" would have Apache take the header away again.
	local connection = (r.headers_in["Connection"] or ""):lower()
	local upgrade = (r.headers_in["Upgrade"] or ""):lower() == "websocket"
	r.headers_in["Connection"] = upgrade and "Upgrade" or connection:find("close") and "close" or nil
	-- The session's cookie opens every site behind the login, so an application does
	-- not get it.
	r.headers_in["Cookie"] = without(r.headers_in["Cookie"] or "")
	return apache2.OK
end
