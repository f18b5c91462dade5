package nats

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"keeptrack/livesync/transport"
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

// party is one who signs JWTs or is named by one.
type party struct {
	t    *testing.T
	pair nkeys.KeyPair
	name string // the public key
}

func newParty(t *testing.T, create func() (nkeys.KeyPair, error)) party {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	name, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return party{t, pair, name}
}

// vouch returns the JWT in which p says of another what it may do.
func (p party) vouch(of party, kind string, claims map[string]any) string {
	claims["type"], claims["version"] = kind, 2
	body, err := json.Marshal(map[string]any{
		"jti": kind, "iat": time.Now().Unix(), "iss": p.name, "name": kind, "sub": of.name, "nats": claims,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"typ":"JWT","alg":"ed25519-nkey"}`)) + "." + encode(body)
	signature, err := p.pair.Sign([]byte(text))
	if err != nil {
		p.t.Fatal(err)
	}
	return text + "." + encode(signature)
}

// credentials returns the config of a server with an account, and the credentials file of
// a user of it.
func credentials(t *testing.T) (config string, file []byte) {
	operator, account, user := newParty(t, nkeys.CreateOperator), newParty(t, nkeys.CreateAccount), newParty(t, nkeys.CreateUser)
	limits := map[string]any{"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1}
	config = fmt.Sprintf("operator: %s\nresolver: MEMORY\nresolver_preload: { %s: %s }", operator.vouch(operator, "operator", map[string]any{}),
		account.name, operator.vouch(account, "account", map[string]any{"limits": limits}))
	seed, err := user.pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	jwt := account.vouch(user, "user", map[string]any{"pub": map[string]any{}, "sub": map[string]any{}, "subs": -1, "data": -1, "payload": -1})
	return config, fmt.Appendf(nil, "-----BEGIN NATS USER JWT-----\n%s\n------END NATS USER JWT------\n\n"+
		"-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n", jwt, seed)
}

// TestLogins holds that each way to log in works, and that its State says why another
// does not.
func TestLogins(t *testing.T) {
	cert, key := certificate(t)
	other, _ := certificate(t)
	accounts, creds := credentials(t)
	_, otherCreds := credentials(t)
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
