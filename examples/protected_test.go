package examples

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
	"testing"
	"time"
)

// TestProtected runs a scenario between every two languages with TLS,
// certificates at both ends and a token: nothing in the programs is different,
// only the settings.
func TestProtected(t *testing.T) {
	for _, server := range languages {
		for _, client := range languages {
			t.Run(fmt.Sprintf("%s-server/%s-client", server, client), func(t *testing.T) {
				t.Parallel()
				c := newCell(t, "broadcast", "tcp", server, client)
				c.protect()
				broadcast(c)
				c.report()
			})
		}
	}
}

// TestUnprotected: a client of each language without the token is told so.
func TestUnprotected(t *testing.T) {
	for _, client := range languages {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			c := newCell(t, "broadcast", "tcp", "go", client)
			c.protect()
			server := c.startServer(c.transport, "1")
			server.waitFor("serving broadcast over %s, clients expected: 1", c.transport)
			c.environment = append(c.environment, "SOCKET__TCP__TOKEN_FILE=")
			c.startClient(c.transport).fails(69, "the server asks for a token")
			c.must(server.cmd.Process.Kill())
			c.report()
		})
	}
}

// protect gives the cell's processes a certificate, its key and a token.
func (c *cell) protect() {
	c.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IsCA:        true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	c.must(err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	c.must(err)
	write := func(name string, content []byte) string {
		path := filepath.Join(c.directory, name)
		c.must(os.WriteFile(path, content, 0o600))
		return path
	}
	cert := write("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	c.environment = append(c.environment,
		"SOCKET__TCP__TLS=true",
		"SOCKET__TCP__TLS_CERT_FILE="+cert,
		"SOCKET__TCP__TLS_KEY_FILE="+write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})),
		"SOCKET__TCP__TLS_CLIENT_CA_FILE="+cert,
		"SOCKET__TCP__TLS_CA_FILE="+cert,
		"SOCKET__TCP__TOKEN_FILE="+write("token", []byte("only the processes of this cell know it\n")),
	)
}
