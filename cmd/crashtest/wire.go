package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"keeptrack/tracker/bep15"
)

// window is the most requests that are under way at a time: few enough that
// none is dropped for want of buffers.
const window = 64

// resendAfter is how long an answer is waited for before the request is sent
// again.
const resendAfter = 250 * time.Millisecond

// wire is a socket connected to the daemon's UDP address.
type wire struct {
	conn *net.UDPConn
	id   uint64 // of the connection
	next uint32 // transaction
	buf  [2048]byte
}

// dial gets a connection id from the daemon.
func dial(ctx context.Context, address string) (*wire, error) {
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialUDP("udp", nil, to)
	if err != nil {
		return nil, err
	}
	w := &wire{conn: conn}
	err = w.exchange(ctx, 1, func(_ int, transaction uint32) []byte {
		return bep15.ConnectRequest{TransactionID: transaction}.Append(nil)
	}, func(_ int, reply []byte) error {
		r, err := bep15.ParseConnectReply(reply)
		w.id = r.ConnectionID
		return err
	})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return w, nil
}

// exchange sends n requests, at most window, and hands over the reply to each,
// once. What is not answered is sent again. The reply is good during the call.
func (w *wire) exchange(ctx context.Context, n int, request func(i int, transaction uint32) []byte, got func(i int, reply []byte) error) error {
	first := w.next
	w.next += uint32(n)
	answered := make([]bool, n)
	for left, began := n, time.Now(); left > 0; {
		if time.Since(began) > patience {
			return fmt.Errorf("%d requests are not answered: %w", left, errPatience)
		}
		for i := range n {
			if answered[i] {
				continue
			}
			if _, err := w.conn.Write(request(i, first+uint32(i))); err != nil {
				return err
			}
		}
		arrived, err := w.receive(ctx, first, answered, got)
		if err != nil {
			return err
		}
		left -= arrived
	}
	return nil
}

// receive hands over replies until all are there or it is time to send again.
// It returns how many have arrived.
func (w *wire) receive(ctx context.Context, first uint32, answered []bool, got func(i int, reply []byte) error) (arrived int, err error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(resendAfter)); err != nil {
		return 0, err
	}
	missing := 0
	for _, a := range answered {
		if !a {
			missing++
		}
	}
	for arrived < missing {
		n, err := w.conn.Read(w.buf[:])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return arrived, ctx.Err()
		}
		if err != nil {
			return arrived, err
		}
		h, err := bep15.ParseReplyHeader(w.buf[:n])
		i := int(h.TransactionID - first)
		if err != nil || i >= len(answered) || answered[i] {
			continue // late
		}
		answered[i] = true
		arrived++
		if err := got(i, w.buf[:n]); err != nil {
			return arrived, err
		}
	}
	return arrived, nil
}
