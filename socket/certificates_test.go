package socket

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An authority signs the certificates of a test.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its own certificate
}

// A pair is the files of a certificate and its key.
type pair struct{ cert, key string }

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir(), key: newKey(t)}
	template := &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		SubjectKeyId: []byte{1},
	}
	a.cert = a.sign("authority", template, template, &a.key.PublicKey)
	a.file = filepath.Join(a.dir, "ca.pem")
	writePEM(t, a.file, "CERTIFICATE", a.cert.Raw, 0o644)
	return a
}

// issue makes a certificate for both ends of connections to loopback.
func (a *authority) issue(name string, changes ...func(*x509.Certificate)) pair {
	a.t.Helper()
	key := newKey(a.t)
	template := &x509.Certificate{
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		DNSNames:    []string{"localhost"},
	}
	for _, change := range changes {
		change(template)
	}
	cert := a.sign(name, template, a.cert, &key.PublicKey)
	files := pair{filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+"-key.pem")}
	writePEM(a.t, files.cert, "CERTIFICATE", cert.Raw, 0o644)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(a.t, err)
	writePEM(a.t, files.key, "PRIVATE KEY", der, 0o600)
	return files
}

func (a *authority) sign(name string, template, parent *x509.Certificate, key *ecdsa.PublicKey) *x509.Certificate {
	a.t.Helper()
	template.Subject = pkix.Name{CommonName: name}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	template.NotBefore = time.Now().Add(-2 * time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, a.key)
	require.NoError(a.t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	return cert
}

// expired makes a certificate one that was good until a moment ago.
func expired(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func writePEM(t testing.TB, path, kind string, der []byte, mode os.FileMode) {
	t.Helper()
	replaceFile(t, path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

// replaceFile puts a file in the place of another at once, as those who renew
// certificates do.
func replaceFile(t testing.TB, path string, content []byte, mode os.FileMode) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", content, mode))
	require.NoError(t, os.Chmod(path+".new", mode))
	require.NoError(t, os.Rename(path+".new", path))
}

// testToken is the token of tests. It is looked for where it must not be.
const testToken = "a-secret-that-must-not-show-up-anywhere"

// writeToken writes a token file and returns its path.
func writeToken(t testing.TB, token string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	replaceFile(t, path, []byte(token+"\n"), 0o600)
	return path
}

// secure makes the bed one of TLS, with certificates at both ends, and a
// token.
func (b *bed) secure() *authority {
	b.t.Helper()
	ca := newAuthority(b.t)
	files := ca.issue("both")
	s := &b.settings.TCP
	s.TLS, s.TLSCertFile, s.TLSKeyFile = true, files.cert, files.key
	s.TLSCAFile, s.TLSClientCAFile = ca.file, ca.file
	s.TokenFile = writeToken(b.t, testToken)
	return ca
}
