package nats

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/nats/natstest"
)

// certificate returns a certificate for 127.0.0.1 that signs itself, and its key, in PEM.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &c, &c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kder})
}

// TestLogins holds that each way to log in works, and that its State says why another
// does not.
func TestLogins(t *testing.T) {
	cert, key := certificate(t)
	other, _ := certificate(t)
	accounts, creds := natstest.Credentials(t)
	_, otherCreds := natstest.Credentials(t)
	tlsConfig := fmt.Sprintf("tls { cert_file: %q, key_file: %q }", write(t, cert), write(t, key))
	for name, tt := range map[string]struct {
		config      string
		right, bad  func(o *Options)
		wantRefusal string
	}{
		"password": {
			`authorization { user: keeptrack, password: "pass word" }`,
			func(o *Options) { o.User, o.Password = "keeptrack", "pass word" },
			func(o *Options) { o.User, o.Password = "keeptrack", "guessed" },
			"authorization violation",
		},
		"credentials": {accounts, func(o *Options) { o.Credentials = creds }, func(o *Options) { o.Credentials = otherCreds }, "authorization violation"},
		"CA":          {tlsConfig, func(o *Options) { o.CA = cert }, func(o *Options) { o.CA = other }, "certificate"},
		"TLS wanted":  {"", func(*Options) {}, func(o *Options) { o.CA = cert }, "secure connection not available"},
		"TLS by URL":  {"", func(*Options) {}, func(o *Options) { o.URLs = []string{strings.Replace(o.URLs[0], "nats:", "tls:", 1)} }, "secure connection not available"},
		"subjects": {
			`authorization { users: [ { user: a, password: a }, { user: b, password: b, permissions: { publish: "other.>", subscribe: "other.>" } } ] }`,
			func(o *Options) { o.User, o.Password = "a", "a" },
			func(o *Options) { o.User, o.Password = "b", "b" },
			"permissions violation",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := at(serve(t, tt.config))
			good := o
			tt.right(&good)
			a, b := connected(t, good), connected(t, good)
			send(t, a, transport.All, "hello")
			expect(t, b, "hello")
			bad := o
			tt.bad(&bad)
			refused := begin(t, bad)
			eventually(t, "it is refused", func() bool { return refused.State().Down != errConnecting })
			if down := refused.State().Down; down == nil || !strings.Contains(strings.ToLower(down.Error()), tt.wantRefusal) {
				t.Errorf("%v, want %s", down, tt.wantRefusal)
			}
		})
	}
}
