package socket

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// listedAtOnce bounds the servers that List asks at the same time.
const listedAtOnce = 32

// List inspects every event that has a socket file in socket_dir, and returns
// them by name. A server that cannot be asked is listed with its state. A
// directory that is not there has no events.
//
// It waits for the slowest server, which is at most default_timeout for each
// 32 events. Errors: ErrSettings, ErrNotAllowed, ErrIO, that of ctx.
func List(ctx context.Context, cfg Config) ([]ServerInfo, error) {
	cfg, err := cfg.prepareSettings(Unix)
	if err != nil {
		return nil, err
	}
	dir := cfg.Settings.SocketDir
	events, err := eventsIn(dir)
	if err != nil {
		return nil, dirError(dir, err)
	}
	logger := cfg.logger(nil)
	found := make([]*ServerInfo, len(events))
	places := make(chan struct{}, listedAtOnce)
	var asked sync.WaitGroup
	for n, event := range events {
		places <- struct{}{}
		asked.Go(func() { // ends with the answer
			defer func() { <-places }()
			defer recovered(logger, "list")
			found[n] = listed(ctx, event, cfg.Settings)
		})
	}
	asked.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	infos := make([]ServerInfo, 0, len(found))
	for _, info := range found {
		if info != nil {
			infos = append(infos, *info)
		}
	}
	return infos, nil
}

// eventsIn returns the events that have a socket file in the directory, in
// order.
func eventsIn(dir string) (events []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, entry := range entries {
		event, isSocket := strings.CutSuffix(entry.Name(), socketName(""))
		if isSocket && entry.Type() == fs.ModeSocket && ValidateEventName(event) == nil {
			events = append(events, event)
		}
	}
	return events, err
}

// listed inspects one event; nil when its file has gone meanwhile.
func listed(ctx context.Context, event string, s *Settings) *ServerInfo {
	i := inspection{transport: Unix, event: event, settings: s}
	info, err := i.run(ctx)
	if err == nil {
		return &info
	}
	path := filepath.Join(s.SocketDir, socketName(event))
	file, gone := os.Lstat(path)
	if gone != nil {
		return nil
	}
	state := StateSilent
	switch {
	case errors.Is(err, ErrNoServer):
		state = StateStale
	case errors.Is(err, ErrNotAllowed):
		state = StateDenied
	}
	info = i.found(state, peer{Peer: Peer{UID: ownerOf(file).uid}, address: path})
	return &info
}
