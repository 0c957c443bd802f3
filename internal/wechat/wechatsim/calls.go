package wechatsim

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"time"
)

// Endpoint is one of WeChat's addresses, as faults and calls name it.
type Endpoint string

const (
	Authorize Endpoint = "authorize" // GET /connect/oauth2/authorize or /connect/qrconnect; POST: the two buttons of the popup
	Token     Endpoint = "token"     // GET /sns/oauth2/access_token
	Refresh   Endpoint = "refresh"   // GET /sns/oauth2/refresh_token
	Auth      Endpoint = "auth"      // GET /sns/auth
	Userinfo  Endpoint = "userinfo"  // GET /sns/userinfo
	Picture   Endpoint = "picture"   // GET /mmopen/vi_32/KEY/SIZE

	CodeToSession Endpoint = "jscode2session" // GET /sns/jscode2session
	CentralToken  Endpoint = "cgi_token"      // GET /cgi-bin/token
	StableToken   Endpoint = "stable_token"   // POST /cgi-bin/stable_token
	Ticket        Endpoint = "getticket"      // GET /cgi-bin/ticket/getticket
	Follower      Endpoint = "user_info"      // GET /cgi-bin/user/info
	ChangeOpenID  Endpoint = "changeopenid"   // POST /cgi-bin/changeopenid
)

// Endpoints returns all endpoints.
func Endpoints() []Endpoint {
	return []Endpoint{Authorize, Token, Refresh, Auth, Userinfo, Picture, CodeToSession, CentralToken, StableToken, Ticket, Follower, ChangeOpenID}
}

// method returns the only method that an endpoint of the API accepts (official).
func (e Endpoint) method() string {
	if e == StableToken || e == ChangeOpenID {
		return http.MethodPost
	}
	return http.MethodGet
}

// isSNS reports whether the switch AllowPost applies to the endpoint.
func (e Endpoint) isSNS() bool {
	return e == Token || e == Refresh || e == Auth || e == Userinfo || e == CodeToSession
}

// Call is a request that WeChat received.
type Call struct {
	N        int       `json:"n"` // 1 for the first
	Endpoint Endpoint  `json:"endpoint"`
	Time     time.Time `json:"time"`
	Method   string    `json:"method"`
	// Status is the HTTP status, 0 when the connection was cut or left hanging
	// without an answer.
	Status int `json:"status"`
	// Errcode is the number in the answer (for authorize, on the page), 0 for success.
	Errcode int `json:"errcode"`
	// Parameter is the parameter that WeChat's refusal is about, if there is one.
	Parameter string `json:"parameter,omitempty"`
	// Outcome is the result of the authorize page in words.
	Outcome string `json:"outcome,omitempty"`
	// Forced says that stable_token was asked with force_refresh.
	Forced bool `json:"forced,omitempty"`
	// Fault is the planned fault of the call in words.
	Fault string `json:"fault,omitempty"`
	// AppID is the account of the call, if known.
	AppID string `json:"appid,omitempty"`
	// Person is the Key of the person of the call, if known.
	Person string `json:"person,omitempty"`
	// Label is a digest of the code or token of the call, or of the code that authorize
	// gave: equal labels mean the same code or token, and a label is good for nothing else.
	Label string `json:"label,omitempty"`
	// Code is the code that was sent to the token endpoint or to jscode2session. It never
	// leaves the process: no page, no JSON, no log.
	Code string `json:"-"`
}

// Calls returns the calls of these endpoints so far, oldest first (from the last
// Config.Remember calls of all endpoints). Without an argument it returns those of the four
// /sns endpoints of web authorization.
func (s *Simulator) Calls(of ...Endpoint) []Call {
	if len(of) == 0 {
		of = []Endpoint{Token, Refresh, Auth, Userinfo}
	}
	return slices.DeleteFunc(s.callsAfter(0), func(c Call) bool {
		return !slices.Contains(of, c.Endpoint)
	})
}

// Exchanges counts the calls of the token endpoint, whatever the answer.
func (s *Simulator) Exchanges() int { return len(s.Calls(Token)) }

// callsAfter returns the calls with a number above n, oldest first.
func (s *Simulator) callsAfter(n int) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = max(n, s.callCount-len(s.calls))
	list := []Call{}
	for i := n; i < s.callCount; i++ {
		list = append(list, s.calls[i%s.cfg.Remember])
	}
	return list
}

// record adds a call to the log of calls.
func (s *Simulator) record(r *http.Request, e Endpoint, rep reply, f *Fault) {
	c := Call{
		Endpoint: e, Time: s.cfg.Now(), Method: r.Method,
		Status: rep.status, Errcode: rep.errcode, Parameter: rep.parameter, Outcome: rep.outcome, AppID: rep.appID, Person: rep.person, Forced: rep.forced,
		Label: label(rep.secret), Code: rep.code,
	}
	if f != nil {
		c.Fault = f.String()
		if f.CutBefore || f.Hang {
			c.Status = 0
		}
	}
	s.mu.Lock()
	s.callCount++
	c.N = s.callCount
	if len(s.calls) < s.cfg.Remember {
		s.calls = append(s.calls, c)
	} else {
		s.calls[(c.N-1)%s.cfg.Remember] = c
	}
	s.mu.Unlock()

	s.cfg.Logger.LogAttrs(r.Context(), levelOf(c), "wechatsim call", attrs(c)...)
	if s.cfg.OnCall != nil {
		s.cfg.OnCall(c)
	}
}

func label(secret string) string {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:4])
}
