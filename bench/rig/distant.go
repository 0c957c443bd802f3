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

// Distant puts a simulated WeChat behind TLS 1.3 and a round trip away, as the real one is.
// Data arrives half a round trip later in either direction, and opening a connection takes
// one round trip.
type Distant struct {
	Address string // https://…
	CA      string // file of its certificate
	serve   net.Listener
	conns   sync.WaitGroup
}

// NewDistant listens in front of an address.
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

// Close stops listening and waits for all connections to end.
func (d *Distant) Close() error {
	err := d.serve.Close()
	d.conns.Wait()
	return err
}

// carry forwards the data of one connection. The delay is between near and the end of TLS.
func carry(near net.Conn, config *tls.Config, address string, roundTrip time.Duration) {
	inside, outside := net.Pipe()
	wechat, err := net.Dial("tcp", address)
	if err != nil {
		near.Close()
		return
	}
	arrived := time.Now().Add(roundTrip) // when the connection is open
	var both sync.WaitGroup
	both.Go(func() { late(outside, near, arrived, roundTrip/2) })
	both.Go(func() { late(near, outside, time.Time{}, roundTrip/2) })
	server := tls.Server(inside, config)
	both.Go(func() { io.Copy(wechat, server); wechat.Close() })
	both.Go(func() { io.Copy(server, wechat); server.Close() })
	both.Wait()
}

// piece is data in transit.
type piece struct {
	bytes []byte
	at    time.Time // when it arrives
}

// late forwards data with a delay. Several pieces can be in transit.
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
	for range way { // drain, so that the reader ends
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
	// SSL_CERT_DIR names a folder that does not exist: otherwise all files in it are read
	// for certificates, and with a database of a million people there that takes longer than
	// a call to WeChat may.
	return w.start(ctx, database, d.Address, "SSL_CERT_FILE="+d.CA, "SSL_CERT_DIR="+d.CA+".d")
}
