package socket

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
)

// logger is where a server or client logs: the one that was given, else its
// own inbox when the settings ask for log lines, else nowhere.
func (cfg Config) logger(q *inbox) *slog.Logger {
	switch {
	case cfg.Logger != nil:
		return cfg.Logger
	case q != nil && cfg.Settings.LogLevel < LogOff:
		return slog.New(&eventHandler{inbox: q, level: cfg.Settings.LogLevel})
	}
	return slog.New(slog.DiscardHandler)
}

// maxLogEvents bounds the log lines that wait in an inbox. A host that does
// not take them loses further ones, and nothing else.
const maxLogEvents = 256

// eventHandler turns log records into EventLog events.
type eventHandler struct {
	inbox *inbox
	level slog.Level
	attrs string
}

func (h *eventHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h *eventHandler) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(r.Message)
	text.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&text, " %s=%v", a.Key, a.Value)
		return true
	})
	h.inbox.addLog(Event{Kind: EventLog, Level: r.Level, Text: text.String(), TimestampMs: r.Time.UnixMilli()})
	return nil
}

func (h *eventHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	for _, a := range attrs {
		with.attrs += fmt.Sprintf(" %s=%v", a.Key, a.Value)
	}
	return &with
}

func (h *eventHandler) WithGroup(string) slog.Handler { return h }

// recovered keeps a bug in one goroutine from ending the host's process. It
// is deferred.
func recovered(logger *slog.Logger, where string) {
	if p := recover(); p != nil {
		logger.Error("bug: panic in "+where, "panic", p, "stack", string(debug.Stack()))
	}
}
