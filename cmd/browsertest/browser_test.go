// Package browsertest opens the daemon's pages in a real browser. It is a module of its
// own, so that what it needs for that is in no go.mod of the program.
package browsertest

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"keeptrack/cmd/internal/harness"
	"keeptrack/cmd/testenv"
)

// built is the program, browser the context of a browser that the tests share.
var (
	built   string
	browser context.Context
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "keeptrack-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built = filepath.Join(dir, "keeptrack")
	build := exec.Command("go", "build", "-o", built, "./cmd/keeptrack")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	var stop func()
	browser, stop = chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // tests run as root
		chromedp.Flag("host-resolver-rules", "MAP *.example 127.0.0.1"))...)
	defer stop()
	browser, stop = chromedp.NewContext(browser)
	defer stop()
	return m.Run()
}

// program is a running daemon.
type program struct {
	*harness.Daemon
	t     *testing.T
	admin string // address with port
	http  string
	token string // what the tests' own requests come with

	mu    sync.Mutex // guards lines
	lines []string   // of the log
}

// note keeps a line of the log.
func (p *program) note(text string, _ harness.Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, text)
}

// logged returns how many lines of the log have a text.
func (p *program) logged(text string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// start runs the program with a config on loopback until the test ends.
func start(t *testing.T, more harness.Settings) *program {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "keeptrack.toml")
	text := harness.Loopback(filepath.Join(dir, "keeptrack.db")).With(more).Text()
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return serve(t, config)
}

// serve runs the program with a config file.
func serve(t *testing.T, config string) *program {
	t.Helper()
	p := &program{t: t}
	var err error
	p.Daemon, err = harness.Start(exec.Command(built, "serve", "--config", config), nil, p.note)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Cmd.Process.Kill() // it may have ended
		<-p.Ended
		if t.Failed() {
			t.Logf("log of the daemon:\n%s", strings.Join(p.lines, "\n"))
		}
	})
	line, err := p.Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.admin = line.Admin
	if len(line.HTTP) > 0 {
		p.http = line.HTTP[0]
	}
	return p
}

// stop ends the daemon as a service manager does.
func (p *program) stop() {
	p.t.Helper()
	if err := p.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

// api reads what the JSON interface answers into reply.
func (p *program) api(method, path string, reply any) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, "http://"+p.admin+"/api/v1/"+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, body, err)
	}
	if err := json.Unmarshal(body, reply); err != nil {
		p.t.Fatal(err)
	}
}

// refused reports whether the access list refuses an info hash.
func (p *program) refused(hash string) bool {
	p.t.Helper()
	var listed struct{ Refused bool }
	p.api(http.MethodGet, "access/"+hash, &listed)
	return listed.Refused
}

// announce sends an announce over HTTP.
func (p *program) announce(hash [20]byte, port int, query string) {
	p.t.Helper()
	var escaped strings.Builder
	for _, b := range hash {
		fmt.Fprintf(&escaped, "%%%02x", b)
	}
	res, err := http.Get(fmt.Sprintf("http://%s/announce?info_hash=%s&port=%d&%s", p.http, &escaped, port, query))
	if err != nil {
		p.t.Fatal(err)
	}
	res.Body.Close()
}

// begin starts the browser.
var begin = sync.OnceValue(func() error {
	if _, err := exec.LookPath("chromium"); err != nil {
		return err
	}
	return chromedp.Do(browser)
})

// page is a tab of the browser.
type page struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex // guards what follows
	faults   []string   // exceptions of its scripts, and what its policy has refused
	faultsOK bool
}

// look notes faults. Refused requests are none.
func (p *page) look(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.faults = append(p.faults, fmt.Sprintf("%s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			p.faults = append(p.faults, e.Entry.Text)
		}
	}
}

// allowFaults is for pages that are to have some.
func (p *page) allowFaults() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faultsOK = true
}

// check fails the test if there were faults.
func (p *page) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.faults) > 0 && !p.faultsOK {
		p.t.Errorf("the page has faults: %q", p.faults)
	}
}

// open opens a URL in a tab of its own, whose storage no other test sees.
func open(t *testing.T, url string) *page {
	t.Helper()
	testenv.Need(t, "run chromium", begin())
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*harness.Patience)
	t.Cleanup(cancel)
	p := &page{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.look); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.check)
	p.do(chromedp.Navigate(url))
	return p
}

// do runs actions.
func (p *page) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// eval returns the value of an expression in the page.
func eval[T any](p *page, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// text returns the text of an element that may be hidden.
func (p *page) text(selector string) string {
	p.t.Helper()
	return eval[string](p, fmt.Sprintf("document.querySelector(%q)?.textContent ?? ''", selector))
}

// visible reports whether an element is seen.
func (p *page) visible(selector string) bool {
	p.t.Helper()
	return eval[bool](p, fmt.Sprintf("document.querySelector(%q)?.checkVisibility() ?? false", selector))
}

// until waits until something is so.
func (p *page) until(what string, so func() bool) {
	p.t.Helper()
	for end := time.Now().Add(harness.Patience); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("waited in vain: %s\n%s", what, p.text("body"))
		}
	}
}

// waitText waits until an element has a text.
func (p *page) waitText(selector, want string) {
	p.t.Helper()
	p.until(fmt.Sprintf("%q in %s", want, selector), func() bool { return strings.Contains(p.text(selector), want) })
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

var shots = flag.String("shots", "", "a folder to write pictures of the pages to")

// shot takes a picture of the whole page, if that is asked for.
func (p *page) shot(name string) {
	p.t.Helper()
	if *shots == "" {
		return
	}
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(*shots, name), picture, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// emulate has the page in a colour scheme.
func emulate(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}
