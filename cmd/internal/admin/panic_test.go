package admin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// TestPanicsAreLogged has handlers panic: the client sees its connection end, and
// the log has one error that says where.
func TestPanicsAreLogged(t *testing.T) {
	for _, c := range []struct {
		name   string
		panics func(http.ResponseWriter)
		want   string // of the log, empty: nothing
	}{
		{"an error", func(http.ResponseWriter) { panic(errors.New("out of order")) }, "out of order"},
		{"a fault", func(http.ResponseWriter) { panicByIndex() }, "index out of range [1] with length 0"},
		{"nil", func(http.ResponseWriter) { panic(nil) }, "panic called with nil argument"},
		{"in a reply", func(w http.ResponseWriter) { w.Write(make([]byte, 100_000)); panic("late") }, "late"},
		{"a reply cut off on purpose", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			client := onPipe(t, Options{
				Log:   zerolog.New(&log),
				Stats: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.panics(w) }),
			})
			client.SetDeadline(time.Now().Add(time.Minute))
			fmt.Fprint(client, "GET /stats HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
			answer, err := io.ReadAll(bufio.NewReader(client))
			if err != nil || bytes.HasSuffix(answer, []byte("0\r\n\r\n")) {
				t.Errorf("got %q, %v", answer, err)
			}
			checkPanicLog(t, log.String(), c.want)
		})
	}
}

func panicByIndex() byte { return []byte{}[len(fmt.Sprint(1))] }

// checkPanicLog expects one line on a panic, or none if want is empty.
func checkPanicLog(t *testing.T, log, want string) {
	t.Helper()
	if want == "" {
		if log != "" {
			t.Errorf("logged %s", log)
		}
		return
	}
	var line struct{ Level, Client, Request, Panic, Stack, Message string }
	if err := json.Unmarshal([]byte(log), &line); err != nil {
		t.Fatalf("logged %q: %v", log, err)
	}
	if line.Level != "error" || line.Client != "192.0.2.1:1" || line.Request != "GET /stats" || !strings.Contains(line.Panic, want) ||
		!strings.Contains(line.Stack, "TestPanicsAreLogged") || line.Message == "" {
		t.Errorf("logged %s", log)
	}
}
