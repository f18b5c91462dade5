package wire

import (
	"bufio"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeySize is the size of a key in bytes.
const KeySize = chacha20poly1305.KeySize

// maxKeys is the number of keys that a file can hold: the one in use and, while
// they are changed, the one that comes or goes.
const maxKeys = 2

// Keys are the keys of a group. The first seals packets, each of them opens
// them. They do not change and can be used from several goroutines.
type Keys struct {
	ciphers []cipher.AEAD
	keys    [][]byte // in the same order
}

// Errors of ParseKeys. No error repeats what the file holds.
var (
	errKey      = fmt.Errorf("a key is %d hexadecimal digits", 2*KeySize)
	errSameKey  = errors.New("the same key again")
	errManyKeys = fmt.Errorf("more than %d keys", maxKeys)
	errNoKey    = errors.New("has no key")
)

// byteOrderMark is what some editors begin a file of UTF-8 with.
const byteOrderMark = "\ufeff"

// ParseKeys reads one or two keys: 64 hexadecimal digits a line, in either
// case. Empty lines and what follows a # are left out, and so are a byte order
// mark and white space around a key. An error names the line and nothing that it holds.
func ParseKeys(r io.Reader) (*Keys, error) {
	k := &Keys{}
	lines := bufio.NewScanner(r)
	n := 1
	for ; lines.Scan(); n++ {
		text, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), byteOrderMark), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		key, err := parseKey(text, k.keys)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		aead, err := chacha20poly1305.NewX(key)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		k.keys = append(k.keys, key)
		k.ciphers = append(k.ciphers, aead)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n, err)
	}
	if len(k.keys) == 0 {
		return nil, errNoKey
	}
	return k, nil
}

// parseKey reads a key that comes after those known.
func parseKey(text string, known [][]byte) ([]byte, error) {
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != KeySize {
		return nil, errKey
	}
	if slices.ContainsFunc(known, func(k []byte) bool { return string(k) == string(key) }) {
		return nil, errSameKey
	}
	if len(known) == maxKeys {
		return nil, errManyKeys
	}
	return key, nil
}

// Len returns the number of keys.
func (k *Keys) Len() int { return len(k.ciphers) }

// derivedSize is the size in bytes of what is derived from a key.
const derivedSize = 32

// Derive derives a secret of 32 bytes from each key, by HKDF with SHA-256 and no salt
// (RFC 5869), in the order of the keys. purpose tells what the secrets are for: those of
// one purpose say nothing about the keys nor about those of another.
func (k *Keys) Derive(purpose string) ([][]byte, error) {
	secrets := make([][]byte, len(k.keys))
	for i, key := range k.keys {
		secret, err := hkdf.Key(sha256.New, key, nil, purpose, derivedSize)
		if err != nil {
			return nil, fmt.Errorf("deriving a secret from a key: %w", err)
		}
		secrets[i] = secret
	}
	return secrets, nil
}
