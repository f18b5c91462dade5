package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestBackup(t *testing.T) {
	want := strings.Repeat("some bytes of a database ", 100_000)
	url := start(t, Options{Token: "sesame", Backup: func(w io.Writer) error {
		_, err := io.WriteString(w, want)
		return err
	}})
	var got strings.Builder
	if err := NewClient(url+"/", "sesame").Backup(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("%d bytes, want %d", got.Len(), len(want))
	}
	for _, token := range []string{"", "open"} {
		if err := NewClient(url, token).Backup(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("token %q: %v", token, err)
		}
	}
}

// TestBackupFails: the client learns of it, before the first byte and after.
func TestBackupFails(t *testing.T) {
	for _, c := range []struct {
		name, first, want string
	}{
		{"at once", "", "503 Service Unavailable: loading the database"},
		{"on the way", strings.Repeat("x", 1<<20), "is incomplete"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := start(t, Options{Backup: func(w io.Writer) error {
				if c.first != "" {
					if _, err := io.WriteString(w, c.first); err != nil {
						return err
					}
				}
				return errors.New("loading the database")
			}})
			if err := NewClient(url, "").Backup(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestOneBackupAtATime(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	url := start(t, Options{Backup: func(io.Writer) error {
		close(began)
		<-end
		return nil
	}})
	first := make(chan error, 1)
	go func() { first <- NewClient(url, "").Backup(context.WithoutCancel(t.Context()), io.Discard) }()
	<-began
	if status, body := get(t, url+"/api/v1/backup", ""); status != http.StatusConflict {
		t.Errorf("the second: %d %q", status, body)
	}
	if res, err := http.Head(url + "/api/v1/backup"); err != nil || res.StatusCode != http.StatusConflict {
		t.Errorf("asked for its headers: %v, %v", res, err)
	}
	close(end)
	if err := <-first; err != nil {
		t.Errorf("the first: %v", err)
	}
}

// TestHeadCopiesNothing and says what GET would.
func TestHeadCopiesNothing(t *testing.T) {
	notYet := errors.New("loading the database")
	url := start(t, Options{
		API:    func() (API, error) { return nil, notYet },
		Backup: func(io.Writer) error { t.Error("a copy was made"); return nil },
	})
	head := func() *http.Response {
		res, err := http.Head(url + "/api/v1/backup")
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	if res := head(); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("loading: status %d", res.StatusCode)
	}
	notYet = nil
	if res := head(); res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != backupType {
		t.Errorf("serving: status %d, %v", res.StatusCode, res.Header)
	}
	if res, err := http.Head(url + "/debug/pprof/profile?seconds=60"); err != nil || res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET" {
		t.Errorf("a profile: %v, %v", res, err)
	}
}

func TestBackupUnreachable(t *testing.T) {
	const url = "http://127.0.0.1:1"
	if err := NewClient(url, "").Backup(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), url) {
		t.Errorf("error %v, want one that names %s", err, url)
	}
}

// TestHeadHoldsUpNoBackup that is asked for meanwhile.
func TestHeadHoldsUpNoBackup(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	url := start(t, Options{
		API:    func() (API, error) { close(began); <-end; return nil, nil },
		Backup: func(io.Writer) error { return nil },
	})
	head := make(chan error, 1)
	go func() {
		_, err := http.Head(url + "/api/v1/backup")
		head <- err
	}()
	select {
	case <-began:
	case err := <-head:
		t.Fatalf("HEAD was answered at once: %v", err)
	}
	if err := NewClient(url, "").Backup(t.Context(), io.Discard); err != nil {
		t.Error(err)
	}
	close(end)
	if err := <-head; err != nil {
		t.Error(err)
	}
}
