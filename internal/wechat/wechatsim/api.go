package wechatsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const maxJSON = 2 << 20

func (s *Simulator) apiRoutes(mux *http.ServeMux) {
	mux.Handle("GET /_sim/config", api(s.getConfig))
	mux.Handle("GET /_sim/phones", api(s.getPhones))
	mux.Handle("GET /_sim/people", api(s.getPeople))
	mux.Handle("POST /_sim/people", api(s.postPerson))
	mux.Handle("GET /_sim/faults", api(s.getFaults))
	mux.Handle("POST /_sim/faults", api(s.postFault))
	mux.Handle("DELETE /_sim/faults", api(s.deleteFaults))
	mux.Handle("POST /_sim/codes", api(s.postCode))
	mux.Handle("POST /_sim/wx.login", api(s.postWXLogin))
	mux.Handle("GET /_sim/wx.config", api(s.getWXConfig))
	mux.Handle("POST /_sim/scan", api(s.postScan))
	mux.Handle("POST /_sim/followers", api(s.postFollower))
	mux.Handle("POST /_sim/addresses", api(s.postAddresses))
	mux.Handle("GET /_sim/calls", api(s.getCalls))
	mux.Handle("GET /_sim/switches", api(s.getSwitches))
	mux.Handle("POST /_sim/switches", api(s.postSwitches))
}

// api serves an address of the control API: the result of do as JSON, 204 if there is none,
// 400 for an error.
func api(do func(*http.Request) (any, error)) http.Handler {
	return plain(func(r *http.Request) reply {
		v, err := do(r)
		status, contentType := http.StatusOK, "application/json"
		switch {
		case err != nil:
			status, contentType = http.StatusBadRequest, "application/problem+json"
			v = map[string]any{"title": "Bad Request", "status": status, "detail": err.Error()}
		case v == nil:
			return reply{status: http.StatusNoContent, header: http.Header{}}
		}
		body, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return badForm(err)
		}
		return reply{status: status, body: append(body, '\n'), header: http.Header{"Content-Type": {contentType}}}
	})
}

// read decodes the body of a POST; an unknown key is an error.
func read(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxJSON))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

func (s *Simulator) getConfig(r *http.Request) (any, error) {
	var apps []map[string]any
	for _, a := range s.Apps() {
		apps = append(apps, map[string]any{
			"appid": a.AppID, "secret": a.Secret, "kind": a.Kind, "name": a.Name, "group": a.Group, "former_appid": a.FormerAppID, "addresses": a.Addresses,
		})
	}
	return map[string]any{
		"appid": s.cfg.AppID, "secret": s.cfg.Secret, "apps": apps,
		"open_url": s.baseURL(r), "api_url": s.baseURL(r),
		"callback_hosts": append([]string{}, s.cfg.CallbackHosts...), "any_browser": s.cfg.AnyBrowser,
		"presets": Presets(),
	}, nil
}

func (s *Simulator) getPeople(*http.Request) (any, error) {
	return map[string]any{"people": s.People()}, nil
}

func (s *Simulator) postPerson(r *http.Request) (any, error) {
	var p Person
	if err := read(r, &p); err != nil {
		return nil, err
	}
	if p.Key != "" && !goodKey.MatchString(p.Key) {
		return nil, errors.New("key may have letters, digits, - and _, at most 40")
	}
	return s.AddPerson(p), nil
}

// plan is a fault in JSON.
type plan struct {
	Preset      string            `json:"preset"`
	Endpoint    Endpoint          `json:"endpoint"`
	Times       int               `json:"times"`
	Errcode     int               `json:"errcode"`
	ConsumeCode bool              `json:"consume_code"`
	Status      int               `json:"status"`
	Body        *string           `json:"body"`
	BodyBase64  []byte            `json:"body_base64"`
	Header      map[string]string `json:"header"`
	RedirectTo  string            `json:"redirect_to"`
	Delay       duration          `json:"delay"`
	Hang        bool              `json:"hang"`
	CutBefore   bool              `json:"cut_before"`
	CutMidBody  bool              `json:"cut_mid_body"`
	Drip        duration          `json:"drip"`
	Endless     bool              `json:"endless"`
	Snapshot    bool              `json:"snapshot"`
	Double      string            `json:"double"`
	StaleCode   bool              `json:"stale_code"`
}

// duration is a text like 3s or 250ms.
type duration time.Duration

// UnmarshalText reads time.ParseDuration's texts.
func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = duration(v)
	return err
}

func (s *Simulator) postFault(r *http.Request) (any, error) {
	var in plan
	if err := read(r, &in); err != nil {
		return nil, err
	}
	endpoint := in.Endpoint
	f := Fault{
		Errcode: in.Errcode, ConsumeCode: in.ConsumeCode, Status: in.Status, Body: in.BodyBase64,
		RedirectTo: in.RedirectTo, Delay: time.Duration(in.Delay), Hang: in.Hang, CutBefore: in.CutBefore,
		CutMidBody: in.CutMidBody, Drip: time.Duration(in.Drip), Endless: in.Endless,
		Snapshot: in.Snapshot, Double: in.Double, StaleCode: in.StaleCode,
	}
	if in.Body != nil {
		f.Body = []byte(*in.Body)
	}
	if len(in.Header) > 0 {
		f.Header = make(http.Header)
		for k, v := range in.Header {
			f.Header.Set(k, v)
		}
	}
	if in.Preset != "" {
		p, ok := presetNamed(in.Preset)
		if !ok {
			return nil, errNoPreset(in.Preset)
		}
		f = p.Fault
		if endpoint == "" {
			endpoint = p.Endpoint
		}
	}
	f.Times = in.Times
	if err := checkFault(endpoint, f); err != nil {
		return nil, err
	}
	s.Plan(endpoint, f)
	return s.getFaults(r)
}

func (s *Simulator) getFaults(*http.Request) (any, error) {
	list := []map[string]string{}
	for _, f := range s.plannedFaults() {
		list = append(list, map[string]string{"endpoint": string(f.Endpoint), "what": f.What, "left": f.Left})
	}
	return map[string]any{"faults": list}, nil
}

func (s *Simulator) deleteFaults(*http.Request) (any, error) {
	s.ClearFaults()
	return nil, nil
}

func (s *Simulator) postCode(r *http.Request) (any, error) {
	var in struct {
		AppID  string `json:"appid"`
		Person string `json:"person"`
		Scope  string `json:"scope"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if _, ok := s.person(in.Person); !ok {
		return nil, fmt.Errorf("nobody has the key %q", in.Person)
	}
	if !isScope(in.Scope) {
		return nil, fmt.Errorf("scope must be %s, %s or %s", ScopeBase, ScopeUserinfo, ScopeLogin)
	}
	a := s.apps[0]
	if in.Scope == ScopeLogin {
		a = s.siteApp()
	}
	if in.AppID != "" {
		var ok bool
		if a, ok = s.app(in.AppID); !ok || a.Kind == MiniProgram {
			return nil, fmt.Errorf("%q has no such codes", in.AppID)
		}
	}
	return map[string]string{"code": s.IssueCodeFor(a.AppID, in.Person, in.Scope)}, nil
}

// postWXLogin plays wx.login on a person's phone.
func (s *Simulator) postWXLogin(r *http.Request) (any, error) {
	var in struct {
		AppID  string `json:"appid"`
		Person string `json:"person"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	p, ok := s.person(in.Person)
	if !ok {
		return nil, fmt.Errorf("nobody has the key %q", in.Person)
	}
	a, known := s.firstOf(MiniProgram)
	if in.AppID != "" {
		a, known = s.app(in.AppID)
	}
	if !known || a.Kind != MiniProgram {
		return nil, fmt.Errorf("%q is no mini program's AppID", in.AppID)
	}
	return map[string]string{"code": s.wxLogin(a, p), "errMsg": "login:ok"}, nil
}

// postAddresses sets the IP whitelist of an app; without a list every address is allowed.
func (s *Simulator) postAddresses(r *http.Request) (any, error) {
	in := struct {
		AppID     string   `json:"appid"`
		Addresses []string `json:"addresses"`
	}{AppID: s.cfg.AppID}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if _, ok := s.app(in.AppID); !ok {
		return nil, fmt.Errorf("no app has the AppID %q", in.AppID)
	}
	s.SetAddresses(in.AppID, in.Addresses)
	return nil, nil
}

func (s *Simulator) getCalls(r *http.Request) (any, error) {
	after := 0
	if text := r.URL.Query().Get("after"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, errors.New("after must be a number")
		}
		after = n
	}
	return map[string]any{"calls": s.callsAfter(after)}, nil
}

func (s *Simulator) getSwitches(*http.Request) (any, error) { return s.Switches(), nil }

// postSwitches changes the switches that the body names.
func (s *Simulator) postSwitches(r *http.Request) (any, error) {
	sw := s.Switches()
	if err := read(r, &sw); err != nil {
		return nil, err
	}
	if err := sw.check(); err != nil {
		return nil, err
	}
	s.SetSwitches(sw)
	return s.Switches(), nil
}
