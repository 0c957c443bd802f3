package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"wxlogin/internal/wechat"
)

// checkService asks the service at its listen address.
func (d *doctor) checkService(ctx context.Context) []finding {
	const subject = "service"
	public := d.config.PublicURL
	door, err := localAddress(d.settings.Addr)
	switch {
	case d.offline:
		return skip(subject, isOffline)
	case err != nil || public == nil:
		return skip(subject, "it needs WXLOGIN_ADDR and WXLOGIN_PUBLIC_URL")
	}
	r, err := d.get(ctx, door+strings.TrimRight(public.Path, "/")+"/healthz")
	d.running = err == nil && r.ours()
	switch {
	case err != nil:
		return one(warning, subject, "not running at "+d.settings.Addr+" of this machine: "+diagnose(err).text,
			"start it with `server serve` and look again: what follows needs it")
	case !d.running:
		return one(failure, subject, "something else answers at "+d.settings.Addr+": "+r.who(),
			"a wxlogin that was started with another WXLOGIN_PUBLIC_URL has to be restarted; for any other program, stop it or choose another WXLOGIN_ADDR")
	}
	return one(good, subject, "running at "+d.settings.Addr, "")
}

// checkPublicURL asks the service at the public URL, as visitors do.
func (d *doctor) checkPublicURL(ctx context.Context) []finding {
	const subject = "public URL"
	public := d.config.PublicURL
	switch {
	case public == nil:
		return skip(subject, "WXLOGIN_PUBLIC_URL is not valid")
	case d.offline:
		return skip(subject, isOffline)
	}
	base := strings.TrimRight(public.String(), "/")
	began := d.now()
	r, err := d.get(ctx, base+"/healthz")
	took := d.now().Sub(began)
	if err != nil {
		what := diagnose(err)
		text := via(base, base) + " is not reachable: " + what.text
		if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); !d.running && !untrusted { // expected before the first start: a proxy has nothing to pass visitors to
			return one(warning, subject, text+"; the service does not answer at its own address either",
				"start it with `server serve` and look again\n"+what.public)
		}
		return one(failure, subject, text, what.public)
	}
	d.reached = true
	var findings []finding
	switch {
	case r.ours():
		findings = one(good, subject, base+" leads to a wxlogin, "+milliseconds(took), "")
	case r.location != nil:
		findings = d.judgeRedirect(r)
	case r.status == http.StatusBadGateway || r.status == http.StatusServiceUnavailable || r.status == http.StatusGatewayTimeout:
		findings = one(d.unlessStopped(), subject, base+": a proxy answers with "+r.who()+" and does not reach the service", d.proxyAdvice())
	case r.status == http.StatusNotFound:
		findings = one(failure, subject, base+"/healthz: "+r.who()+"; another site answers, or the proxy cuts off the path", d.proxyAdvice())
	default:
		findings = one(failure, subject, base+"/healthz: "+r.who()+", and that is not this service", d.proxyAdvice()+"\na page of the host or CDN? "+filing)
	}
	if r.tls != nil && len(r.tls.PeerCertificates) > 0 {
		findings = append(findings, judgeCertificate(r.tls.PeerCertificates[0], d.now()))
	}
	return findings
}

// unlessStopped is the verdict on a proxy that does not reach the service: a warning only
// if the service is not running.
func (d *doctor) unlessStopped() verdict {
	if d.running {
		return failure
	}
	return warning
}

// door is the address at which a proxy on this machine reaches the service.
func (d *doctor) door() string {
	address, err := localAddress(d.settings.Addr)
	if err != nil {
		return "http://127.0.0.1:8007"
	}
	return address
}

func (d *doctor) proxyAdvice() string {
	prefix := strings.TrimRight(d.config.PublicURL.Path, "/") + "/"
	advice := "have the proxy pass " + prefix + " on, with the path as it is and the Host header; nginx: location " + prefix +
		" { proxy_pass " + d.door() + "; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }"
	if !d.running {
		advice = "start the service with `server serve`; it does not answer at " + d.settings.Addr + "\n" + advice
	}
	return advice
}

// judgeRedirect explains why the public URL must not redirect: WeChat compares its host,
// and cookies belong to the host where the browser ends up.
func (d *doctor) judgeRedirect(r reply) []finding {
	public, to := d.config.PublicURL, r.location
	text := fmt.Sprintf("redirects to %s://%s%s", to.Scheme, to.Host, to.Path)
	target := to.Scheme + "://" + to.Host + strings.TrimRight(public.Path, "/")
	switch {
	case !strings.EqualFold(to.Hostname(), public.Hostname()):
		return one(failure, "public URL", text+", another host; WeChat compares the whole host (10003), and cookies do not follow",
			"set WXLOGIN_PUBLIC_URL="+target+" and register "+to.Hostname()+" ("+wechat.WayToDomain+"), or end the redirect")
	case to.Scheme != public.Scheme:
		return one(failure, "public URL", text+", another scheme; cookies of the one do not reach the other", "set WXLOGIN_PUBLIC_URL="+target)
	}
	return one(failure, "public URL", text+" instead of answering", d.proxyAdvice())
}

// certificateEnds is how long before its end a certificate should be renewed.
const certificateEnds = 14 * 24 * time.Hour

func judgeCertificate(certificate *x509.Certificate, now time.Time) finding {
	left := certificate.NotAfter.Sub(now)
	text := fmt.Sprintf("valid until %s, %d days", certificate.NotAfter.Format(time.DateOnly), int(left.Hours()/24))
	if left < certificateEnds {
		return finding{warning, "certificate", text, "renew it and have the proxy load it; see why that does not happen by itself"}
	}
	return finding{good, "certificate", text, ""}
}

// checkVerifyFile checks the files that WeChat reads when a domain is registered.
func (d *doctor) checkVerifyFile(ctx context.Context) (findings []finding) {
	const subject = "MP_verify"
	if d.settings.VerifyFile == "" {
		return one(warning, subject, "WXLOGIN_VERIFY_FILE is not set; WeChat reads that file when the domain is registered",
			"download it ("+wechat.WayToDomain+" → 设置) and set WXLOGIN_VERIFY_FILE to its path, unless the proxy serves it or the domain is registered already")
	}
	files, err := d.settings.ReadVerifyFiles()
	if err != nil {
		return one(failure, subject, err.Error(), "download it again ("+wechat.WayToDomain+" → 设置), keep its name and let the user that runs the service read it")
	}
	public := d.config.PublicURL
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch {
		case public == nil || !d.offline && !d.reached:
			findings = append(findings, skip(subject, "%s can be read; whether visitors get it needs the public URL", name)...)
		case d.offline:
			findings = append(findings, finding{good, subject, name + " can be read; --offline leaves out whether visitors get it", ""})
		default:
			findings = append(findings, one(d.compareVerifyFile(ctx, public.Scheme+"://"+public.Host+"/"+name, name, files[name]))...)
		}
	}
	return findings
}

func (d *doctor) compareVerifyFile(ctx context.Context, address, name string, content []byte) (verdict, string, string, string) {
	const subject = "MP_verify"
	advice := "have the proxy pass it on, from the root of the host whatever the path of the public URL; nginx: location = /" + name +
		" { proxy_pass " + d.door() + "; }\nrestart the service if WXLOGIN_VERIFY_FILE was set after its start"
	r, err := d.get(ctx, address)
	switch {
	case err != nil:
		return d.unlessStopped(), subject, address + ": " + diagnose(err).text, advice
	case r.location != nil:
		return failure, subject, fmt.Sprintf("%s redirects to %s://%s%s; WeChat wants it there itself", address, r.location.Scheme, r.location.Host, r.location.Path), advice
	case r.status != http.StatusOK:
		return d.unlessStopped(), subject, address + ": " + r.who(), advice
	case !bytes.Equal(r.body, content):
		return failure, subject, fmt.Sprintf("%s answers with other content than the file (%d bytes instead of %d)", address, len(r.body), len(content)), advice
	}
	return good, subject, address + " is what WeChat wants", ""
}
