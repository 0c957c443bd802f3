package doctor

import (
	"bytes"
	"crypto/x509"
	"strings"
	"time"
)

func printed(findings ...finding) string {
	var out bytes.Buffer
	d := doctor{secrets: strings.NewReplacer()}
	for _, f := range findings {
		d.print(&out, f)
	}
	return out.String()
}

// DiskLine is what doctor says of a file system.
func DiskLine(free uint64, network string) string {
	return printed(judgeDisk("/data", disk{free: free, network: network})...)
}

// CertificateLine is what doctor says of a certificate.
func CertificateLine(ends, now time.Time) string {
	return printed(judgeCertificate(&x509.Certificate{NotAfter: ends}, now))
}

// Diagnosis is what doctor says of a failed request.
func Diagnosis(err error) string { return diagnose(err).text }
