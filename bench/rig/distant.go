package rig

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Distant stands before a simulated WeChat as the real one stands in the world: behind
// TLS 1.3 and a round trip away. What it hands on arrives half a round trip later in
// either direction, and a connection takes one round trip to be made.
type Distant struct {
	Address string // https://…
	CA      string // file of the certificate that it shows
	serve   net.Listener
	conns   sync.WaitGroup
}

// NewDistant listens before an address.
func NewDistant(folder, address string, roundTrip time.Duration) (*Distant, error) {
	d := &Distant{CA: filepath.Join(folder, "distant.pem")}
	certificate, err := selfSigned(d.CA)
	if err != nil {
		return nil, err
	}
	if d.serve, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	d.Address = "https://" + d.serve.Addr().String()
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13}
	go func() {
		for {
			near, err := d.serve.Accept()
			if err != nil {
				return
			}
			d.conns.Go(func() { carry(near, config, address, roundTrip) })
		}
	}()
	return d, nil
}

// Close ends it, once all connections have ended.
func (d *Distant) Close() error {
	err := d.serve.Close()
	d.conns.Wait()
	return err
}

// carry hands on what goes over one connection. The distance is between near and the
// end of TLS.
func carry(near net.Conn, config *tls.Config, address string, roundTrip time.Duration) {
	inside, outside := net.Pipe()
	wechat, err := net.Dial("tcp", address)
	if err != nil {
		near.Close()
		return
	}
	arrived := time.Now().Add(roundTrip) // of the connection
	var both sync.WaitGroup
	both.Go(func() { late(outside, near, arrived, roundTrip/2) })
	both.Go(func() { late(near, outside, time.Time{}, roundTrip/2) })
	server := tls.Server(inside, config)
	both.Go(func() { io.Copy(wechat, server); wechat.Close() })
	both.Go(func() { io.Copy(server, wechat); server.Close() })
	both.Wait()
}

// piece is something on its way.
type piece struct {
	bytes []byte
	at    time.Time // it arrives
}

// late hands on what comes, later. Pieces are on their way at once.
func late(to, from net.Conn, earliest time.Time, delay time.Duration) {
	way := make(chan piece, 1024)
	go func() {
		defer close(way)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				at := time.Now()
				if at.Before(earliest) {
					at = earliest
				}
				way <- piece{buffer[:n], at.Add(delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range way {
		time.Sleep(time.Until(p.at))
		if _, err := to.Write(p.bytes); err != nil {
			break
		}
	}
	to.Close()
	from.Close()
	for range way { // the reader ends
	}
}

// selfSigned makes a certificate for 127.0.0.1 and writes it to a file.
func selfSigned(file string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, os.WriteFile(file, text, 0o600)
}

// StartServiceAt is StartService with WeChat's API at a distance.
func (w *World) StartServiceAt(ctx context.Context, database string, d *Distant) (*Service, error) {
	// No folder: of one that is there, all files are read for certificates, and where a
	// million people lie in it that takes longer than a call to WeChat may.
	return w.start(ctx, database, d.Address, "SSL_CERT_FILE="+d.CA, "SSL_CERT_DIR="+d.CA+".d")
}
