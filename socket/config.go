package socket

import (
	"log/slog"
	"os"
)

// Config is what Listen and Dial take beside the event's name. The zero value
// is a good start: settings from files and environment, no log, events pulled.
type Config struct {
	// Settings to run with; nil: LoadSettings(transport, ""). They are not
	// changed and must not be changed while the server or client lives.
	Settings *Settings

	// Logger takes the log; nil: no log, or EventLog events where
	// Settings.LogLevel asks for them.
	Logger *slog.Logger

	// OnEvent takes every event, one at a time and in order, on a goroutine
	// of the server or client. It may call every method, Close included. A
	// panic in it is logged and changes nothing else. nil: events are pulled
	// with Events, Receive, Messages or ReceiveBatch.
	OnEvent func(Event)

	// KeepEvents keeps a server's events for Events and ReceiveBatch. A
	// server with neither KeepEvents nor OnEvent drops them, and what
	// clients send.
	KeepEvents bool

	// HoldClients gives a new client of a server its first message only
	// when its EventConnected has been handled. What is sent to that client
	// meanwhile comes first.
	HoldClients bool

	// Gather has a stream of small messages to one peer that does not answer
	// written a tenth of a millisecond at a time instead of one by one. It
	// spares processor time at both ends where a message takes its sender
	// some microseconds, as in Python; the messages arrive up to 0.15 ms
	// later. Meanwhile it keeps one of GOMAXPROCS places: it is for a process
	// that has more than it needs. It does nothing with spin_us.
	Gather bool

	// Environ is the environment to look into, a list of "NAME=value": for
	// the settings where Settings is nil, and for what a service manager
	// has passed to this process. nil: os.Environ(), which in a process
	// that is not a Go program is that of the moment it was loaded.
	Environ []string

	// Notify is told whenever events begin or cease to wait, so that a
	// descriptor can be kept readable. It may be called under a lock, and
	// by several goroutines at once: it must not block nor call back. That
	// events have begun to wait may be told when they have been taken;
	// that none wait is then told once more.
	Notify func(readable bool)

	// Pollset, with Notify, is where threads that are not Go's wait. It
	// belongs to this server or client alone. nil: there are none.
	Pollset *Pollset
}

// gathers reports whether streams are gathered.
func (cfg Config) gathers() bool { return cfg.Gather && cfg.Settings.Spin == 0 }

// prepare checks the event's name and resolves what was left unset.
func (cfg Config) prepare(t Transport, event string) (Config, error) {
	if err := ValidateEventName(event); err != nil {
		return cfg, err
	}
	return cfg.prepareSettings(t)
}

func (cfg Config) prepareSettings(t Transport) (Config, error) {
	if cfg.Environ == nil {
		cfg.Environ = os.Environ()
	}
	var err error
	if cfg.Settings != nil {
		err = cfg.Settings.Validate()
	} else {
		cfg.Settings, err = LoadSettingsEnviron(t, "", cfg.Environ)
	}
	if err == nil {
		cfg.Settings, err = cfg.Settings.rooted()
	}
	return cfg, err
}
