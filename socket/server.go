package socket

import (
	"context"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A Server owns an event: it sends to the clients that have joined, and takes
// what they send. All methods may be called by several goroutines at once,
// and from OnEvent.
//
// Send appends to a log and returns; each client is written to at its own
// pace by a goroutine that exists only while there is something to write.
type Server struct {
	transport Transport
	event     string
	cfg       Config
	settings  *Settings
	logger    *slog.Logger
	encoder   *encoder
	log       *log
	inbox     *inbox // nil: nobody wants the events
	epoch     uint64 // tells this server from one before or after it
	started   time.Time
	lobby     *lobby
	token     *reloading[secret] // nil: none is asked for

	listener net.Listener
	manager  string          // NOTIFY_SOCKET of the service manager; "": nobody is told
	ctx      context.Context // ends when Close begins
	cancel   context.CancelFunc
	closing  sync.Once
	done     chan struct{}
	wg       sync.WaitGroup // the accept loop and every connection

	mu        sync.Mutex // taken before log.mu and inbox.mu
	conns     map[ClientID]*conn
	askers    int                   // of conns: those that are no clients, see answerLate
	raws      map[*rawConn]struct{} // accepted and not closed
	lastID    ClientID
	queueFrom uint64        // since when there is no client; valid while there is none
	taken     uint64        // the host took what waited before it: no newcomer's queue
	audience  chan struct{} // closed when a client joins; nil: nobody waits for one
	gone      bool          // Close waits no longer

	restarting  atomic.Bool
	refused     atomic.Uint64
	received    atomic.Uint64
	inspections atomic.Int64 // being answered
}

// Listen opens a server of the event. Clients can connect when it returns.
// ctx bounds the opening alone; Close ends the server.
//
// A listening socket that a service manager has passed to the process for this
// event is taken instead of a new one, unless socket_activation is off.
//
// Errors: ErrInvalid for the name, the transport or what a service manager
// passed, ErrSettings, ErrInUse when a
// living process serves the event or the port is taken, ErrNoPort,
// ErrNotAllowed, ErrIO.
func Listen(ctx context.Context, t Transport, event string, cfg Config) (*Server, error) {
	cfg, err := cfg.prepare(t, event)
	if err != nil {
		return nil, err
	}
	set := cfg.Settings
	var token *reloading[secret]
	if t == TCP && set.TCP.TokenFile != "" {
		read := func() (secret, error) { return set.token(t) }
		if token, err = newReloading(read, set.TCP.TokenFile); err != nil {
			return nil, err
		}
	}
	env := newEnvironment(cfg.Environ)
	listener, unmatched, err := listenService(ctx, t, event, set, env)
	if err != nil {
		return nil, err
	}
	s := &Server{
		transport: t,
		event:     event,
		cfg:       cfg,
		settings:  set,
		encoder:   newEncoder(event, set.Location, set.MaxMessageSize),
		log: newLog(logLimits{
			messages: uint64(max(set.LogMessages, set.MessageQueueSize, set.HistorySize)),
			bytes:    set.LogBytes,
			policy:   set.SlowClient.policy(),
			timeout:  set.SendTimeout,
			keys:     set.RetainKeys,
			gather:   cfg.gathers(),
		}),
		epoch:     rand.Uint64() | 1,
		started:   time.Now(),
		lobby:     newLobby(),
		token:     token,
		listener:  listener,
		done:      make(chan struct{}),
		conns:     make(map[ClientID]*conn),
		raws:      make(map[*rawConn]struct{}),
		queueFrom: 1,
	}
	if cfg.KeepEvents || cfg.OnEvent != nil {
		s.inbox = newInbox(set, cfg.Notify)
		s.inbox.polls = cfg.Pollset
	}
	s.logger = cfg.logger(s.inbox).With("event", event)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for _, w := range set.Warnings {
		s.logger.Warn(w)
	}
	if unmatched > 0 {
		s.logger.Info("the service manager passed sockets, none of them for this event", "sockets", unmatched)
	}
	s.logger.Info("server started", "address", s.Address())
	if w := set.TCP.openToAll(s.Addr()); w != "" {
		s.logger.Warn(w, "address", s.Address())
	}
	if own, ok := listener.(*ownListener); ok {
		own.upkeep(upkeepInterval, s.logger)
	}
	s.wg.Add(1)
	go s.accept()
	if t == TCP && set.TCP.Heartbeat > 0 {
		s.wg.Add(1)
		go s.beat()
	}
	if cfg.OnEvent != nil {
		go func() { // ends after EventClosed
			s.inbox.dispatch(cfg.OnEvent, s.logger)
			close(s.done)
		}()
	}
	if set.SdNotify {
		s.manager = env["NOTIFY_SOCKET"]
		s.tellManager(stateReady)
	}
	return s, nil
}

// Serve is Listen that blocks: the server runs until ctx ends, then closes.
// It returns nil after that.
func Serve(ctx context.Context, t Transport, event string, cfg Config) error {
	s, err := Listen(ctx, t, event, cfg)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-s.done:
	}
	return s.Close()
}

// Send sends to all clients, or queues the message while there is none. It
// returns when the message is in the log, and waits for a client only under
// slow_client = "block". What is unset in the message is filled in: the event,
// the time.
//
// Errors: ErrBadMessage, ErrTooLarge, ErrClosed; ErrTimeout under "block", when
// send_timeout has passed and the message was not sent.
func (s *Server) Send(m Message) error {
	var d draft
	if err := s.encoder.draft(&d, &m, extraNone); err != nil {
		return err
	}
	err := s.log.append(&d, m.Type, m.RetainKey)
	d.release()
	return s.named(err)
}

// SendMany sends messages in order and returns how many were sent. It stops
// at the first error.
func (s *Server) SendMany(messages []Message) (int, error) {
	return sendMany(messages, s.Send)
}

// SendTo sends to one client, in order with the broadcasts around it. It
// never waits: ErrSlow says that too much waits for this client already.
// What is for one client is not kept for others: a RetainKey is ErrBadMessage.
// Other errors: ErrUnknownClient, and those of Send.
func (s *Server) SendTo(id ClientID, m Message) error {
	if m.RetainKey != "" {
		return fail(ErrBadMessage, "retain_key %.40q: what is sent to one client is not kept for newcomers: send it to all, or leave it unset", m.RetainKey)
	}
	var d draft
	if err := s.encoder.draft(&d, &m, extraUnicast); err != nil {
		return err
	}
	frame := d.appendFrame(make([]byte, 0, d.size()))
	d.release()
	s.mu.Lock()
	c := s.conns[id]
	s.mu.Unlock()
	err := ErrClosed
	if c != nil {
		err = c.cursor.pushInOrder(frame)
	}
	if err == ErrClosed && s.ctx.Err() == nil {
		return fail(ErrUnknownClient, "Client not connected: %s", id)
	}
	return s.named(err)
}

// named puts the server's name into a bare error.
func (s *Server) named(err error) error {
	switch err {
	case ErrClosed:
		return fail(ErrClosed, "server of event %q is closed", s.event)
	case ErrTimeout:
		return fail(ErrTimeout, "a client of event %q has not read for %v (send_timeout)", s.event, s.settings.SendTimeout)
	}
	return err
}

// Event returns the event's name.
func (s *Server) Event() string { return s.event }

// Addr returns the address the server listens on, with the real port.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Address returns Addr as text: the path of the socket, or host:port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Port returns the TCP port, 0 for a Unix server.
func (s *Server) Port() int {
	if a, ok := s.listener.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}

// WaitClients waits until at least n clients are connected. It returns
// ErrClosed when the server is closed, or the error of ctx.
func (s *Server) WaitClients(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		if s.present() >= n {
			s.mu.Unlock()
			return nil
		}
		if s.audience == nil {
			s.audience = make(chan struct{})
		}
		changed := s.audience
		s.mu.Unlock()
		select {
		case <-changed:
		case <-s.ctx.Done():
			return s.named(ErrClosed)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Events yields everything that happens, in order. An event is valid until
// the next one is asked for. It ends when the server is closed; the error is
// that of ctx. The server must have been opened with KeepEvents.
func (s *Server) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := s.pulled(); err != nil {
			yield(Event{}, err)
			return
		}
		s.inbox.iterate(ctx)(yield)
	}
}

// ReceiveBatch waits for at least one event and takes more that wait: as many
// as are taken in one step, which is 128 at most, but no more than limit if
// that is not 0. ErrClosed is the end.
func (s *Server) ReceiveBatch(ctx context.Context, b *Batch, limit int) error {
	if err := s.pulled(); err != nil {
		return err
	}
	return s.inbox.fill(ctx, b, limit)
}

// TryReceiveBatch is ReceiveBatch that does not wait: ErrTimeout says that
// nothing is there.
func (s *Server) TryReceiveBatch(b *Batch, limit int) error {
	if err := s.pulled(); err != nil {
		return err
	}
	return s.inbox.tryFill(b, limit)
}

func (s *Server) pulled() error {
	if s.inbox == nil || s.cfg.OnEvent != nil {
		return fail(ErrInvalid, "server of event %q was not opened to have its events pulled", s.event)
	}
	return nil
}

// Done is closed when the server is closed and its last OnEvent has returned.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close ends the server. What was sent is written to the clients first, for at
// most the setting linger; then they are told, and the name or port is free.
// It does not wait for a running OnEvent: Done does. Further calls wait for
// the first one and return nil.
func (s *Server) Close() error {
	var err error
	s.closing.Do(func() { err = s.close() })
	return err
}

// AnnounceRestart makes the coming Close tell the clients that the server will
// be back: their EventDisconnected has ReasonRestarting.
func (s *Server) AnnounceRestart() { s.restarting.Store(true) }

// EndSending makes further Sends fail with ErrClosed; all else goes on until
// Close. Who takes the queue then, before Close, has all that was ever sent
// while nobody was connected.
func (s *Server) EndSending() { s.log.end() }

// farewell is what the clients are told at the end.
func (s *Server) farewell() (Reason, string) {
	if s.restarting.Load() {
		return ReasonRestarting, "the server is restarting"
	}
	return ReasonStopped, "the server was stopped"
}

// tellManager tells the service manager, if there is one, how the server is.
// It serves all the same when that cannot be told.
func (s *Server) tellManager(state string) {
	if err := notifyManager(s.manager, state); err != nil {
		s.logger.Warn("the service manager was not told "+state, "error", err)
	}
}

func (s *Server) close() error {
	if !s.restarting.Load() {
		s.tellManager(stateStopping)
	}
	s.cancel()
	s.lobby.hurry()
	err := s.listener.Close()
	if s.inbox != nil {
		s.inbox.stop()
	}
	s.mu.Lock()
	for _, c := range s.conns {
		c.cursor.release()
	}
	s.mu.Unlock()
	s.log.close()

	gone := make(chan struct{})
	go func() { // ends with the last connection, which follows at once
		s.wg.Wait()
		close(gone)
	}()
	linger := time.NewTimer(s.settings.Linger)
	defer linger.Stop()
	select {
	case <-gone:
	case <-linger.C:
		s.mu.Lock()
		s.gone = true
		for raw := range s.raws {
			raw.Close()
		}
		s.mu.Unlock()
		<-gone
	}
	s.logger.Info("server stopped")
	if s.inbox != nil {
		s.inbox.close(s.named(ErrClosed))
	}
	if s.cfg.OnEvent == nil {
		close(s.done)
	}
	if err != nil {
		return fail(ErrIO, "close server of event %q: %w", s.event, err)
	}
	return nil
}
