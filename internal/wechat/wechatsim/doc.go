// Package wechatsim plays WeChat: one http.Handler that is both open.weixin.qq.com
// (the authorize page with its consent popup, and the QR code of a website's login) and
// api.weixin.qq.com (the /sns and some /cgi-bin endpoints), on one address. It is for
// developing and testing logins by WeChat without an account, a domain or a phone.
//
// It is strict where WeChat is strict or may be: the order of parameters, the exact
// callback host, the single use of a code, the state's length and alphabet. Facts are
// marked with their source: "official" (Tencent's documentation), "field reports" (issues,
// forum threads, samples) or "inferred" (undocumented; we chose the stricter reading).
// Nothing was compared with the live servers. Switches accept what libraries send against
// the rules (Lenient).
//
// It knows nothing of the service that signs people in, imports nothing of it, and keeps
// everything in memory, within limits. It does not play third-party platforms or the rest
// of the cgi-bin interfaces, and does not translate regions by lang.
//
// # Accounts
//
// There is one official account, and [Config.Apps] adds others: official accounts, website
// applications and mini programs. A person has a different openid with each, and one
// unionid with all that belong to one Open Platform account (official). Codes and tokens of
// one account are invalid with another.
//
// # Signing in
//
// The cookie wechatsim_person (a Person's Key) on the simulator's host says who holds the
// phone; a browser without it is asked once. Then snsapi_base redirects at once and
// snsapi_userinfo shows the popup, whose two buttons POST to /connect/oauth2/allow or
// /connect/oauth2/deny with the query of the authorize link. A program does the same:
//
//	srv := httptest.NewServer(sim)
//	// jar holds wechatsim_person=lin for srv.URL; redirects are not followed
//	client.Get(srv.URL + "/connect/oauth2/authorize?" + query)       // base: 302 to the callback
//	client.Post(srv.URL + "/connect/oauth2/allow?" + query, "", nil) // userinfo: 302 to the callback
//
// The popup can also be answered without being shown: by Switches.AutoConsent, or for one
// browser by the cookie wechatsim_consent=allow (or deny). [Simulator.IssueCode] makes a
// code without a browser. A page that refuses a link has WeChat's number in the header
// X-Wechatsim-Error and the wrong parameter in X-Wechatsim-Parameter, which refusals of the
// /sns endpoints have too.
//
// # Snapshot pages
//
// With a person that has Snapshot set, a planned [Fault] with Snapshot, or
// forceSnapShot=true in the link, a code is given without the popup, and the answer to its
// exchange is a virtual account's, marked is_snapshotuser. The cookie wechatsim_full=1 (a
// button on the control page) stands for a visitor who has pressed 使用完整服务.
//
// # Going wrong
//
// [Simulator.Plan] makes the next calls of an endpoint fail in a chosen way; [Presets] are
// the usual ways. Everything can also be done on the control page (GET /) and, from any
// language, over JSON:
//
//	GET    /_sim/people           POST /_sim/people    {"nickname":"小明","sex":1}
//	GET    /_sim/faults           POST /_sim/faults    {"preset":"busy","times":2} or {"endpoint":"token","errcode":40029}
//	DELETE /_sim/faults           POST /_sim/codes     {"person":"lin","scope":"snsapi_userinfo"}
//	GET    /_sim/calls?after=N    POST /_sim/switches  {"deny_style":"authdeny"}
//	POST   /_sim/wx.login         POST /_sim/scan      {"uuid":"…","person":"lin","answer":"allow"}
//	POST   /_sim/followers        POST /_sim/addresses {"addresses":["127.0.0.1"]}
//	GET    /_sim/config           GET  /_sim/switches  GET /_sim/wx.config?appId=…
package wechatsim
