package socket

import (
	"math"
	"slices"
	"time"
)

// ServerState says what is known of the server of an event.
type ServerState string

// The states. All but StateStale stand for something that listens.
const (
	// StateLive: it answered, and all fields of ServerInfo are set.
	StateLive ServerState = "live"
	// StateOld: an old server, a process with the original module. It cannot
	// be asked.
	StateOld ServerState = "old"
	// StateSilent: a server that did not answer in time. It is stopped, or
	// very busy.
	StateSilent ServerState = "silent"
	// StateDenied: a server of another user, or one that tells us nothing.
	StateDenied ServerState = "denied"
	// StateStale: the socket file of a server that is gone.
	StateStale ServerState = "stale"
)

// ServerInfo is what Inspect and List find out about the server of an event.
type ServerInfo struct {
	State     ServerState
	Event     string
	Transport Transport
	Address   string // the path of the socket, or host:port
	PID       int    // 0 where it is not known
	UID       int    // whose process it is, or whose file; -1 where it is not known

	// Of a live server alone.

	Library string        // the version of the library it runs on, like "0.1.0"
	Uptime  time.Duration // since it was opened, in whole milliseconds
	Stats   ServerStats
	// Clients in the order they joined. Those that did not go into an answer
	// of 1 MiB are missing; Stats.Clients counts them too.
	Clients []ClientInfo
}

// maxInfo is the most bytes of an info frame's body. Some 8000 clients go into
// it.
const maxInfo = 1 << 20

// fields are the keys of the document in every state.
func (i *ServerInfo) fields() []docField {
	return []docField{
		{"state", (*string)(&i.State)},
		{"event", &i.Event},
		{"transport", (*string)(&i.Transport)},
		{"address", &i.Address},
		{"pid", &i.PID},
		{"uid", &i.UID},
	}
}

// liveFields are those of a live server, besides its stats and clients.
func (i *ServerInfo) liveFields(uptimeMs *int64) []docField {
	return []docField{{"library", &i.Library}, {"uptime_ms", uptimeMs}}
}

// Map returns what is known by the names it has in every other language.
// What is known of live servers alone is missing for others.
func (i ServerInfo) Map() map[string]any {
	m := docMap(i.fields())
	if i.State != StateLive {
		return m
	}
	uptime := i.Uptime.Milliseconds()
	for key, value := range docMap(i.liveFields(&uptime)) {
		m[key] = value
	}
	m["stats"] = i.Stats.Map()
	clients := make([]map[string]any, len(i.Clients))
	for n := range i.Clients {
		clients[n] = docMap(i.Clients[n].fields())
	}
	m["clients"] = clients
	return m
}

func (c *ClientInfo) fields() []docField {
	return []docField{
		{"client", (*uint64)(&c.ID)},
		{"connected_at_ms", &c.ConnectedAt},
		{"pid", &c.PID},
		{"uid", &c.UID},
		{"gid", &c.GID},
		{"address", &c.Address},
		{"name", &c.Name},
		{"delivered", &c.Delivered},
		{"missed", &c.Missed},
		{"backlog", &c.Backlog},
	}
}

// told are the keys of an info frame besides stats and clients. What the asker
// knows better than the server is not among them.
func (i *ServerInfo) told(uptimeMs *int64) []docField {
	return append(i.liveFields(uptimeMs), docField{"event", &i.Event},
		docField{"transport", (*string)(&i.Transport)}, docField{"address", &i.Address}, docField{"pid", &i.PID})
}

// write appends the keys of an info frame whose body begins at start. Clients
// are left out where the body would become longer than maxInfo.
func (i *ServerInfo) write(w *controlWriter, start int) {
	uptime := i.Uptime.Milliseconds()
	w.fields(i.told(&uptime))
	stats := i.Stats.fields()
	w.key("stats")
	w.dst = appendMapHeader(w.dst, len(stats))
	w.dst = appendDocFields(w.dst, stats)
	w.key("clients")
	const longestHeader = 5
	room := maxInfo - (len(w.dst) - start) - longestHeader
	var clients []byte
	n := 0
	for ; n < len(i.Clients); n++ {
		whole := len(clients)
		if clients = i.appendClient(clients, i.Clients[n]); len(clients) > room {
			clients = clients[:whole]
			break
		}
	}
	w.dst = append(appendArrayHeader(w.dst, n), clients...)
}

// appendClient appends the document of a client. Over Unix the address of each
// is that of the server, and is left out.
func (i *ServerInfo) appendClient(dst []byte, c ClientInfo) []byte {
	fields := c.fields()
	if c.Address == i.Address {
		fields = slices.DeleteFunc(fields, func(f docField) bool { return f.at == &c.Address })
	}
	return appendDocFields(appendMapHeader(dst, len(fields)), fields)
}

// setKey is control.setKey for an info frame.
func (i *ServerInfo) setKey(key, value []byte) (known, ok bool) {
	switch string(key) {
	case "stats":
		return true, readDoc(i.Stats.fields(), value)
	case "clients":
		return true, i.readClients(value)
	}
	uptime := i.Uptime.Milliseconds()
	known, ok = readDocField(i.told(&uptime), key, value)
	i.Uptime = time.Duration(uptime) * time.Millisecond
	return known, ok && uptime >= 0 && uptime <= math.MaxInt64/int64(time.Millisecond)
}

// readClients reads an array of documents. There is memory for those that are
// there, not for those that the header claims.
func (i *ServerInfo) readClients(array []byte) bool {
	n, isMap, rest, ok := splitContainer(array)
	if !ok || isMap {
		return false
	}
	i.Clients = nil
	for range n {
		var doc []byte
		doc, rest = splitValue(rest)
		c := ClientInfo{UID: -1, GID: -1}
		if !readDoc(c.fields(), doc) || c.ID == 0 {
			return false
		}
		i.Clients = append(i.Clients, c)
	}
	return true
}

// complete fills in what an info frame does not say twice.
func (i *ServerInfo) complete() {
	for n := range i.Clients {
		if c := &i.Clients[n]; c.Address == "" {
			c.Address = i.Address
		}
	}
}
