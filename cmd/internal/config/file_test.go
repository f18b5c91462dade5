package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// secretFile writes a file of a mode and returns its path.
func secretFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

const hexSecret = "00112233445566778899aabbccddeeff"

func TestSecretsInFiles(t *testing.T) {
	for _, around := range [][2]string{{"", ""}, {"", "\n"}, {"", "\r\n"}, {"\ufeff", "\r\n"}} {
		begin, end := around[0], around[1]
		token, secret := secretFile(t, begin+"sesame"+end, 0o600), secretFile(t, begin+hexSecret+end, 0o600)
		c := parse(t, "[admin]\nlisten = \"[::]:1\"\ntoken_file = \""+token+"\"\n[udp]\nconnection_secret_file = \""+secret+"\"\n")
		if err := c.ReadSecrets(); err != nil {
			t.Fatal(err)
		}
		want, _ := decodeSecret(hexSecret)
		if c.Admin.Token != "sesame" || !bytes.Equal(c.UDP.ConnectionSecret, want) {
			t.Errorf("around %q: token %q, secret %x", around, c.Admin.Token, c.UDP.ConnectionSecret)
		}
		for _, s := range []string{"sesame", hexSecret, hidden} {
			if strings.Contains(c.String(), s) {
				t.Errorf("%s is printed:\n%s", s, c)
			}
		}
		if _, err := Parse("copy", []byte(c.String())); err != nil {
			t.Errorf("what is printed is refused: %v", err)
		}
	}
}

func decodeSecret(s string) ([]byte, error) { return hexBytes(16, 1024).decode(s) }

func TestSecretFilesThatAreRefused(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, path, want string }{
		{"missing", filepath.Join(t.TempDir(), "none"), "no such file"},
		{"empty", secretFile(t, "", 0o600), "is empty"},
		{"a line's end alone", secretFile(t, "\n", 0o600), "is empty"},
		{"two lines' ends", secretFile(t, "sesame\n\n", 0o600), "must be a string of letters"},
		{"spaces", secretFile(t, "open sesame", 0o600), "must be a string of letters"},
		{"longer than any", secretFile(t, strings.Repeat("sesame", 2000), 0o600), "is longer than"},
		{"a folder", t.TempDir(), "is a directory"},
		{"a pipe", pipe, "or a pipe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := parse(t, "[admin]\ntoken_file = \""+c.path+"\"")
			err := config.ReadSecrets()
			if err == nil || !strings.HasPrefix(err.Error(), "test: admin.token_file: ") || !strings.Contains(err.Error(), c.path) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "sesame") {
				t.Errorf("the secret is in %v", err)
			}
		})
	}
}

// TestReadAdminToken: the other secrets' files need not be there.
func TestReadAdminToken(t *testing.T) {
	const others = "[admin]\nread_token_file = \"/nowhere\"\ntoken_file = \""
	config := parse(t, others+secretFile(t, "sesame\n", 0o600)+"\"")
	if err := config.ReadAdminToken(); err != nil || config.Admin.Token != "sesame" {
		t.Errorf("got %v, %q", err, config.Admin.Token)
	}
	config = parse(t, others+"/none\"")
	if err := config.ReadAdminToken(); err == nil || !strings.HasPrefix(err.Error(), "test: admin.token_file: ") {
		t.Errorf("without the file: %v", err)
	}
}

func TestFileWarnings(t *testing.T) {
	closed, open, writable := secretFile(t, "a", 0o640), secretFile(t, "a", 0o644), secretFile(t, "a", 0o602)
	secret := "[udp]\nconnection_secret = \"" + hexSecret + "\"\n"
	for _, c := range []struct {
		name, config, text string
		want               []string // beginnings
	}{
		{"nothing secret", open, "", nil},
		{"token", open, "[admin]\ntoken = \"a\"", []string{"admin.token: the mode 0644 of this file"}},
		{"secret", open, secret, []string{"udp.connection_secret: the mode 0644 of this file"}},
		{"both, said once", open, secret + "[admin]\ntoken = \"a\"", []string{"udp.connection_secret: the mode"}},
		{"others may write it", writable, secret, []string{"udp.connection_secret: the mode 0602"}},
		{"for owner and group", closed, secret, nil},
		{"in a file of its own", open, "[admin]\ntoken_file = \"" + closed + "\"", nil},
		{"in a file of its own, for all", closed, "[admin]\ntoken_file = \"" + open + "\"", []string{"admin.token_file: " + open + ": its mode 0644"}},
		{"key of a certificate", open, "[https]\ncertificate = \"c\"\nkey = \"" + open + "\"", []string{"https.key: " + open + ": its mode 0644"}},
		{"key for the daemon alone", open, "[https]\ncertificate = \"c\"\nkey = \"" + closed + "\"", nil},
		{"one here, one there", open, secret + "[admin]\ntoken_file = \"" + writable + "\"", []string{"udp.connection_secret: ", "admin.token_file: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := parse(t, c.text)
			config.source.file = c.config
			got := config.FileWarnings()
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], c.want[i]) || strings.Contains(got[i], hexSecret) {
					t.Errorf("got %q, want %q", got[i], c.want[i])
				}
			}
		})
	}
}
