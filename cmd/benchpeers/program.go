//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"keeptrack/cmd/internal/bench"
)

// program is a tracker that is measured.
type program struct {
	name string
	// http says that it speaks that, and udp that; some programs speak one.
	udp, http bool
	// arguments writes what the program needs into a folder and returns the arguments
	// to start it with. It is to listen at both addresses if there are two.
	arguments func(folder string, at []netip.AddrPort, l *load) ([]string, error)
}

// server is a program that runs.
type server struct {
	program
	cmd   *exec.Cmd
	at    []netip.AddrPort
	out   *os.File
	ended chan struct{} // closed once the process has ended
}

// start starts a program on the first processor. Its output goes to a file in its folder.
func (p program) start(ctx context.Context, s *settings, l *load) (_ *server, err error) {
	folder, err := os.MkdirTemp(s.folder, p.name)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		return nil, err
	}
	at, err := freeAddresses(l.families)
	if err != nil {
		return nil, err
	}
	args, err := p.arguments(folder, at, l)
	if err != nil {
		return nil, err
	}
	out, err := os.Create(filepath.Join(folder, "output"))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", "0", s.paths[p.name]}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, out, out
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ends is no matter: it is killed, or does not answer
		close(ended)
	}()
	return &server{p, cmd, at, out, ended}, nil
}

// stop ends the process.
func (s *server) stop() error {
	err := s.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-s.ended
	return errors.Join(err, s.out.Close())
}

// said returns what the program has printed.
func (s *server) said() []byte {
	text, err := os.ReadFile(s.out.Name())
	if err != nil {
		return []byte(err.Error() + "\n")
	}
	return text
}

// urls returns where to announce, one for each address.
func (s *server) urls(http bool) (urls []string) {
	for _, at := range s.at {
		if http {
			urls = append(urls, fmt.Sprintf("http://%s/announce", at))
		} else {
			urls = append(urls, fmt.Sprintf("udp://%s", at))
		}
	}
	return urls
}

// startWait bounds how long a program may take until it answers.
const startWait = 10 * time.Second

// answers waits until the program answers a small load, or returns why it does not.
func (s *server) answers(ctx context.Context, l *load) (err error) {
	for _, url := range s.urls(l.http) {
		o := l.options(url, s.cmd.Process.Pid)
		o.Requests, o.Rate, o.Duration = 20, 100, time.Second
		waiting, cancel := context.WithTimeout(ctx, startWait)
		go func() {
			<-s.ended
			cancel()
		}()
		for err = runOnce(waiting, o); err != nil && waiting.Err() == nil; err = runOnce(waiting, o) {
			time.Sleep(100 * time.Millisecond)
		}
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", url, err)
		}
	}
	return nil
}

func runOnce(ctx context.Context, o bench.Options) error {
	b, err := bench.New(o)
	if err != nil {
		return err
	}
	report, err := b.Run(ctx)
	if err == nil && report.Good == 0 {
		err = fmt.Errorf("refused: %s", report.LastError)
	}
	return err
}

// freeAddresses returns loopback addresses with one port that is free for UDP and TCP.
func freeAddresses(families []string) ([]netip.AddrPort, error) {
	const tries = 50
	for range tries {
		port := uint16(20_000 + time.Now().UnixNano()/1000%20_000)
		var at []netip.AddrPort
		for _, f := range families {
			a := netip.AddrPortFrom(loopbacks[f], port)
			if !isFree(a) {
				break
			}
			at = append(at, a)
		}
		if len(at) == len(families) {
			return at, nil
		}
	}
	return nil, errors.New("no free port found")
}

var loopbacks = map[string]netip.Addr{"IPv4": netip.AddrFrom4([4]byte{127, 0, 0, 1}), "IPv6": netip.IPv6Loopback()}

func isFree(at netip.AddrPort) bool {
	udp, err := net.ListenPacket("udp", at.String())
	if err != nil {
		return false
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", at.String())
	if err != nil {
		return false
	}
	return tcp.Close() == nil
}

// pinSelf has all threads of this process, and those that they start, run on one processor.
func pinSelf(cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	threads, err := os.ReadDir("/proc/self/task")
	for _, t := range threads {
		id, convErr := strconv.Atoi(t.Name())
		err = errors.Join(err, convErr, unix.SchedSetaffinity(id, &set))
	}
	return err
}
