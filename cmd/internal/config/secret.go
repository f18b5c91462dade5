package config

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
)

// bearerToken is what can stand in an Authorization header (RFC 6750, section
// 2.1), or nothing. The error does not repeat what was given.
var bearerToken = kind[string]{decode: decodeBearerToken, encode: text.encode}

var bearerSyntax = regexp.MustCompile(`^([A-Za-z0-9._~+/-]+=*)?$`)

func decodeBearerToken(value any) (string, error) {
	s, ok := value.(string)
	if !ok || !bearerSyntax.MatchString(s) {
		return "", errors.New("must be a string of letters, digits and - . _ ~ + /")
	}
	return s, nil
}

// hexBytes is a string of low to high bytes in hexadecimal digits; the empty
// one stands for nil. The error does not repeat what was given.
func hexBytes(low, high int) kind[[]byte] {
	fault := fmt.Errorf("must be a string of %d to %d hexadecimal digits, an even number, or empty", 2*low, 2*high)
	if low == high {
		fault = fmt.Errorf("must be a string of %d hexadecimal digits, or empty", 2*low)
	}
	return kind[[]byte]{
		decode: func(value any) ([]byte, error) {
			s, ok := value.(string)
			if ok && s == "" {
				return nil, nil
			}
			b, err := hex.DecodeString(s)
			if !ok || err != nil || len(b) < low || len(b) > high {
				return nil, fault
			}
			return b, nil
		},
		encode: func(b []byte) any { return hex.EncodeToString(b) },
	}
}

// nonZero is k without the value whose bytes are all 0.
func nonZero(k kind[[]byte]) kind[[]byte] {
	return kind[[]byte]{
		decode: func(value any) ([]byte, error) {
			b, err := k.decode(value)
			if err == nil && b != nil && bytes.Count(b, []byte{0}) == len(b) {
				return nil, errZero
			}
			return b, err
		},
		encode: k.encode,
	}
}

var errZero = errors.New("must not be all 0")
