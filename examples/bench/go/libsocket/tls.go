package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/RandomGenericUsername/libsocket/examples/bench/go/worker"
)

// encrypted is the kind of a sender and a receiver that speak TLS.
const encrypted = "tls"

// tlsSettings are those of a server, whose certificate is made for the run, or
// of a client that knows it.
func tlsSettings(o *worker.Options) string {
	cert, key := filepath.Join(o.Address, "cert.pem"), filepath.Join(o.Address, "key.pem")
	if o.Role != "send" {
		return fmt.Sprintf("tls = true\ntls_ca_file = '%s'\n", cert)
	}
	makeCertificate(cert, key)
	return fmt.Sprintf("tls = true\ntls_cert_file = '%s'\ntls_key_file = '%s'\n", cert, key)
}

func makeCertificate(certFile, keyFile string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	worker.Check(err)
	template := x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	worker.Check(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	worker.Check(err)
	write(certFile, "CERTIFICATE", cert)
	write(keyFile, "PRIVATE KEY", secret)
}

func write(file, kind string, data []byte) {
	worker.Check(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}), 0o600))
}
