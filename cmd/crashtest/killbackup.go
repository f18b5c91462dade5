package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// killInBackup kills a daemon that is sending a copy of its database.
func (h *session) killInBackup(ctx context.Context, rng *rand.Rand) (outcome, error) {
	l, err := h.serve(ctx)
	if err != nil {
		return outcome{}, err
	}
	l.load(loadTime(rng))
	body, err := l.beginBackup(ctx, rng.Float64()*maxCopied)
	time.Sleep(share(rng, 2*checkpointInterval)) // the daemon has to wait, its checkpoints do not
	if err := errors.Join(err, l.kill()); err != nil {
		return outcome{}, err
	}
	defer body.Close()
	_, err = io.Copy(io.Discard, body)
	return outcome{inside: err != nil, loaded: true}, nil
}

// maxCopied is the greatest part of a copy that is taken before the kill. The
// daemon is further than that, by what fits into the buffers in between.
const maxCopied = 0.4

// slowClient takes hardly more of a copy than it is asked for. Its window and
// segments are small before it connects, which keeps the daemon's buffer small
// too: that one would hold all of the copy otherwise.
var slowClient = &http.Client{Transport: &http.Transport{
	DialContext: (&net.Dialer{Control: func(_, _ string, conn syscall.RawConn) error {
		var err error
		controlErr := conn.Control(func(fd uintptr) {
			err = errors.Join(
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10),
				syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 1400))
		})
		return errors.Join(controlErr, err)
	}}).DialContext,
}}

// beginBackup takes a part of a copy of the database and returns what follows.
func (l *life) beginBackup(ctx context.Context, part float64) (io.ReadCloser, error) {
	info, err := os.Stat(l.h.file)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.admin+"/api/v1/backup", nil)
	if err != nil {
		return nil, err
	}
	res, err := slowClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("the daemon refused a backup: %s", res.Status), res.Body.Close())
	}
	_, err = io.CopyN(io.Discard, res.Body, int64(part*float64(info.Size())))
	if err != nil && err != io.EOF {
		return nil, errors.Join(err, res.Body.Close())
	}
	return res.Body, nil
}
