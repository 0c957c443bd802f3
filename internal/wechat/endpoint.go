package wechat

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"wxlogin/internal/auth"
)

// How many calls may wait for a WeChat that hangs, and when calls to it stop for a while.
const (
	maxCalls      = 64              // at once, to one endpoint
	maxWait       = time.Second     // for one of the maxCalls places; then the call fails as busy
	breakAfter    = 10              // calls in a row without an answer
	breakFor      = 5 * time.Second // then one call is let through as a trial
	dialTimeout   = 3 * time.Second
	maxHeaderSize = 64 << 10
)

// endpoint is one of WeChat's addresses. It has connections and limits of its own, so that a
// profile server that hangs does not block exchanges.
type endpoint struct {
	name    string
	timeout time.Duration
	client  *http.Client
	do      func(*http.Client, *http.Request) (*http.Response, error)
	guard   failsafe.Executor[answer]
}

// newEndpoint makes an endpoint. adjust may change its transport.
func newEndpoint(name string, timeout time.Duration, adjust ...func(*http.Transport)) *endpoint {
	transport := &http.Transport{
		// A proxy is the operator's choice (HTTPS_PROXY). It sees a CONNECT to WeChat's host
		// and not what is sent.
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout:    dialTimeout,
		MaxConnsPerHost:        maxCalls,
		MaxIdleConnsPerHost:    maxCalls / 2,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxHeaderSize,
	}
	for _, adjust := range adjust {
		adjust(transport)
	}
	breaker := circuitbreaker.NewBuilder[answer]().
		HandleIf(func(_ answer, err error) bool { return unanswered(err) }).
		WithFailureThreshold(breakAfter).
		WithSuccessThreshold(1). // one trial call, not breakAfter of them
		WithDelay(breakFor).
		Build()
	return &endpoint{
		name:    name,
		timeout: timeout,
		do:      (*http.Client).Do,
		client: &http.Client{
			Transport: transport,
			// A redirect would send the address, secret included, to another host in the
			// Referer header.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		// The breaker is inside the bulkhead: it would count a caller that the bulkhead
		// refuses as a call that succeeded.
		guard: failsafe.With(bulkhead.NewBuilder[answer](maxCalls).WithMaxWaitTime(maxWait).Build(), breaker),
	}
}

// guarded makes the call unless too many are under way or WeChat has stopped answering. A
// crowd that comes at one moment waits up to maxWait, which is enough while WeChat answers:
// failing at once would cost people their login.
func (e *endpoint) guarded(call func() (answer, error)) (answer, error) {
	a, err := e.guard.Get(call)
	switch {
	case errors.Is(err, circuitbreaker.ErrOpen):
		return nil, auth.Failf(auth.WeChatBusy, "%s: not called, WeChat has stopped answering", e.name)
	case errors.Is(err, bulkhead.ErrFull):
		return nil, auth.Failf(auth.WeChatBusy, "%s: not called, %d calls are waiting for WeChat", e.name, maxCalls)
	}
	return a, err
}

// unanswered reports whether WeChat itself is in trouble. An errcode is an answer, even an
// unknown one, and must not open the breaker.
func unanswered(err error) bool {
	if auth.ErrcodeOf(err) != 0 {
		return false
	}
	reason := auth.ReasonOf(err)
	return reason == auth.WeChatFailed || reason == auth.WeChatTimeout
}
