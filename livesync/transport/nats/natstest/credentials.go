package natstest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
)

// party is one who signs JWTs or is named by one.
type party struct {
	t    testing.TB
	pair nkeys.KeyPair
	name string // the public key
}

func newParty(t testing.TB, create func() (nkeys.KeyPair, error)) party {
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

// Credentials returns the config of a server with an account, and the credentials file of
// a user of it.
func Credentials(t testing.TB) (config string, file []byte) {
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
