-- Asks wxlogin who is there, for haproxy.cfg beside this file. HAProxy's own HTTP
-- client is all it needs; it asks a service that does not answer four times, so a
-- request ends after four times the timeout below.
local verify = "http://127.0.0.1:8007/verify?login=redirect"
local identity = { "remote-user", "remote-name", "x-wechat-openid", "x-wechat-unionid", "x-wechat-scope" }
local asked = {
	"cookie", "accept", "accept-language", "user-agent", "x-requested-with", "content-type", "origin", "referer",
	"sec-fetch-mode", "sec-fetch-site", "sec-fetch-dest", "upgrade-insecure-requests",
}
-- Of the answer these are HAProxy's own business.
local own = { ["connection"] = true, ["content-length"] = true, ["transfer-encoding"] = true, ["keep-alive"] = true, ["date"] = true }

-- The cookies that open wxlogin's sessions, with and without a prefix and the hash of
-- the public URL, of visitors and of the admin pages.
local function opens(cookie)
	local name = (cookie:match("^([^=]*)=") or ""):gsub("wxlogin_desk", "wxlogin")
	return name:find("wxlogin$") ~= nil or name:find("wxlogin_%x+$") ~= nil
end

local function deny(txn, status, headers, body)
	local reply = txn:reply({ status = status })
	for name, values in pairs(headers) do
		for _, value in pairs(values) do
			reply:add_header(name, value)
		end
	end
	if body then
		reply:set_body(body)
	end
	txn:done(reply)
end

core.register_action("wxlogin", { "http-req" }, function(txn)
	local sent = txn.http:req_get_headers()
	local headers = {
		["host"] = { txn.sf:req_hdr("host") },
		["x-forwarded-for"] = { txn.sf:src() },
		["x-forwarded-proto"] = { "https" },
		["x-forwarded-host"] = { txn.sf:req_hdr("host") },
		["x-forwarded-uri"] = { txn.f:pathq() },
		["x-forwarded-method"] = { txn.sf:method() },
	}
	for _, name in ipairs(asked) do
		if sent[name] then
			local values, i = {}, 0
			while sent[name][i] do
				values[#values + 1] = sent[name][i]
				i = i + 1
			end
			headers[name] = values
		end
	end
	local answer = core.httpclient():get({ url = verify, headers = headers, timeout = 3000 })
	-- What looks like one of wxlogin's headers is thrown away, however it is spelt.
	for name in pairs(sent) do
		local plain = name:lower():gsub("[^a-z0-9]", "-")
		if plain:find("^remote%-") or plain:find("^x%-wechat") or name:find("_") then
			txn.http:req_del_header(name)
		end
	end
	if not answer or answer.status == 0 or answer.status >= 500 then
		return deny(txn, 503, { ["cache-control"] = { "no-store" } })
	end
	if answer.status ~= 200 then
		local out = {}
		for name, values in pairs(answer.headers) do
			if not own[name] then
				out[name] = values
			end
		end
		return deny(txn, answer.status, out, answer.body)
	end
	for _, name in ipairs(identity) do
		txn.http:req_set_header(name, answer.headers[name] and answer.headers[name][0] or "")
	end
	-- The session's cookie opens every site behind the login, so an application does
	-- not get it.
	if sent["cookie"] then
		local all, i = {}, 0
		while sent["cookie"][i] do
			for part in sent["cookie"][i]:gmatch("[^;]+") do
				part = part:match("^%s*(.-)%s*$")
				if part ~= "" and not opens(part) then
					all[#all + 1] = part
				end
			end
			i = i + 1
		end
		txn.http:req_del_header("cookie")
		if #all > 0 then
			txn.http:req_set_header("cookie", table.concat(all, "; "))
		end
	end
end)
