package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"keeptrack/cmd/internal/config"
	"keeptrack/cmd/internal/daemon"
	"keeptrack/cmd/internal/logging"
	"keeptrack/cmd/internal/printable"
	"keeptrack/livesync"
	"keeptrack/livesync/transport"
	"keeptrack/livesync/transport/multicast"
	"keeptrack/livesync/transport/nats"
	"keeptrack/livesync/transport/unicast"
	syncwire "keeptrack/livesync/wire"
)

func newLiveSyncCommand() *cobra.Command {
	return newGroup("livesync", "Watch live sync between instances", newLiveSyncWatchCommand())
}

func newLiveSyncWatchCommand() *cobra.Command {
	var w watch
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Join the group and print every packet, or the packets a second",
		Long: `Join the live sync group and print every packet, one line each: time, source,
instance id, type and contents. On a terminal it prints a line a second instead: how many
packets of which types came from which instances; --packets prints each of them. It sends
nothing. Packets that are not live sync packets are printed with the reason.
Sealed packets are opened with the key file; without one they are printed as sealed.

The transport is that of the config. Interface, group, port and key file come from the
config unless flags give them. Over multicast, instances on this host are heard if their
livesync.loopback is on.

Over unicast there is no group to join. With --listen this command prints what is sent to
that address: add it to livesync.peers of the instances to watch, and restart them. It
must not be the address of a daemon that runs. The command ends on SIGINT or SIGTERM.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return w.run(cmd)
		},
	}
	f := cmd.Flags()
	filledVar(f, &w.config, "config", "the config `FILE`")
	f.StringVar(&w.iface, "interface", "", "address or `NAME` of the network interface")
	f.StringVar(&w.group, "group", "", "multicast `ADDRESS` of the group")
	f.Uint16Var(&w.port, "port", 0, "UDP `PORT` of the group")
	f.StringVar(&w.listen, "listen", "", "for unicast: UDP `ADDRESS` and port to listen on")
	filledVar(f, &w.keyFile, "key-file", "`FILE` with the group's key")
	f.BoolVar(&w.packets, "packets", false, "print every packet on a terminal too")
	f.BoolVar(&w.json, "json", false, "print one JSON object a line")
	return cmd
}

// watch is the command with its flags.
type watch struct {
	config, iface, group, listen, keyFile string
	port                                  uint16
	json, packets                         bool

	sum  *watchSum      // nil: each packet is printed
	keys *syncwire.Keys // nil: sealed packets stay closed
}

// watched is a packet as it is printed. Packet is missing if it is none.
type watched struct {
	Time    time.Time          `json:"time"`
	Source  transport.Endpoint `json:"source"`
	Packet  *syncwire.Packet   `json:"packet,omitempty"`
	Sealed  *time.Time         `json:"sealed,omitempty"` // when the sender sealed it
	Dropped string             `json:"dropped,omitempty"`
	Bytes   int                `json:"bytes"`
}

func (w *watch) run(cmd *cobra.Command) error {
	log := logging.New(cmd.ErrOrStderr())
	defer log.Close(time.Second)
	group, err := w.join(zerolog.New(logging.Console(log, false)).Level(zerolog.WarnLevel).With().Timestamp().Logger())
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	out := cmd.OutOrStdout()
	if isTerminal(out) && !w.json && !w.packets {
		w.sum = new(watchSum)
	}
	return w.watch(ctx, out, group)
}

// join reads the keys and joins the group: the one that the flags say, and the config for
// the rest. What is wrong with the connection to a NATS server goes to log.
func (w *watch) join(log zerolog.Logger) (transport.Transport, error) {
	c, err := loadConfig(w.config)
	if err != nil {
		return nil, err
	}
	if w.keyFile == "" {
		w.keyFile = c.LiveSync.KeyFile
	}
	if w.keys, err = daemon.ReadKeys(w.keyFile); err != nil {
		return nil, usageError{err}
	}
	byMulticast := w.iface != "" || w.group != "" || w.port != 0
	switch over := c.LiveSync.Transport; {
	case w.listen != "" && byMulticast:
		return nil, usageError{errors.New("--listen is for unicast: not with --interface, --group or --port")}
	case w.listen != "":
		return w.listenUnicast()
	case over == config.OverUnicast && !byMulticast:
		return nil, usageError{errors.New("live sync runs over unicast: give --listen, an address that is in the others' livesync.peers")}
	case over == config.OverNATS && !byMulticast:
		return w.joinNATS(c, log)
	}
	o, err := w.multicast(&c.LiveSync)
	if err != nil {
		return nil, usageError{err}
	}
	return multicast.New(o)
}

// listenUnicast listens where others send, and sends nothing.
func (w *watch) listenUnicast() (transport.Transport, error) {
	at, err := config.ParseListen(w.listen)
	if err != nil {
		return nil, usageError{fmt.Errorf("--listen %w", err)}
	}
	return unicast.New(unicast.Options{
		Listen: at, Open: true, MaxPacket: unicast.SafePacket, Silence: time.Hour, Log: zerolog.Nop(),
	})
}

// joinNATS joins the group of the config through its NATS servers.
func (w *watch) joinNATS(c *config.Config, log zerolog.Logger) (transport.Transport, error) {
	if err := c.ReadSecrets(); err != nil {
		return nil, usageError{err}
	}
	o, err := daemon.NATSOptions(&c.LiveSync)
	if err != nil {
		return nil, usageError{errors.New(c.Blame(err.Error()))}
	}
	o.Watch, o.Log = true, log
	return nats.New(o)
}

// multicast returns the group to join over multicast.
func (w *watch) multicast(c *config.LiveSync) (multicast.Options, error) {
	o := multicast.Options{
		Interface: cmp.Or(w.iface, c.Interface),
		Group:     c.Group,
		Port:      cmp.Or(w.port, c.Port),
		Nodes:     []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0)}, // everybody
		MaxPacket: multicast.MaxPacket,
		Log:       zerolog.Nop(),
	}
	if w.group != "" {
		var err error
		if o.Group, err = netip.ParseAddr(w.group); err != nil || !o.Group.Is4() || !o.Group.IsMulticast() {
			return o, fmt.Errorf("--group %s is not an IPv4 multicast address", w.group)
		}
	}
	if o.Interface == "" {
		return o, errors.New("which interface? Give --interface, or --config with livesync.interface")
	}
	return o, nil
}

// watch prints what arrives until ctx is done or nothing can be printed. Then it
// closes the group.
func (w *watch) watch(ctx context.Context, out io.Writer, group transport.Transport) error {
	ran := make(chan error, 1)
	go func() { ran <- group.Run(ctx) }()
	err := w.print(out, group)
	return errors.Join(err, group.Close(), <-ran)
}

// print prints what arrives until the group is closed.
func (w *watch) print(out io.Writer, group transport.Transport) error {
	if w.sum != nil {
		over := make(chan struct{})
		var printing sync.WaitGroup
		printing.Go(func() { w.sum.printEverySecond(out, over) })
		defer printing.Wait()
		defer close(over)
	}
	buf := make([]byte, 64<<10)
	for {
		n, from, err := group.Receive(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case errors.Is(err, transport.ErrForeign):
			continue // what the transport passes over, such as probes
		case err != nil:
			return err
		}
		line := watched{Time: time.Now(), Source: from, Bytes: n}
		w.decode(&line, buf[:n])
		if w.sum != nil {
			w.sum.add(&line)
		} else if err := w.printLine(out, &line); err != nil {
			return err
		}
	}
}

// decode opens and parses a packet. Whether it is new is not looked at.
func (w *watch) decode(line *watched, b []byte) {
	var err error
	if syncwire.Sealed(b) {
		if w.keys == nil {
			line.Dropped = livesync.DropNoKey.String()
			return
		}
		var sequence uint64
		if b, sequence, err = w.keys.Open(nil, b); err == nil {
			at := time.Unix(0, int64(sequence))
			line.Sealed = &at
		}
	}
	var p syncwire.Packet
	if err == nil {
		p, err = syncwire.Parse(b)
	}
	if err != nil {
		line.Dropped = livesync.DropOf(err).String()
		return
	}
	line.Packet = &p
}

func (w *watch) printLine(out io.Writer, line *watched) error {
	if w.json {
		return printable.JSON(out, line)
	}
	what := "dropped: " + line.Dropped
	if line.Packet != nil {
		what = line.Packet.From.String() + " " + line.Packet.String()
	}
	if line.Sealed != nil {
		what += " (sealed)"
	}
	text := fmt.Sprintf("%s %s %s", line.Time.Format("15:04:05.000"), line.Source, what)
	_, err := fmt.Fprintln(out, printable.Text(text))
	return err
}
