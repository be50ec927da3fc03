/*
 * libsocket.h - named events between the processes of one machine.
 *
 * A server owns an event name ("wallpaper_progress"); clients join it. The
 * server sends to all of them or to one, and clients may answer. There is no
 * broker: the first argument of an open function names the transport, "unix"
 * or "tcp", the second the event.
 *
 * This file is the whole C API and its manual. It is plain C99 without
 * function macros or bitfields, so that every foreign function interface can
 * read it.
 *
 * ERRORS
 *   Functions return LIBSOCKET_OK (0) or a negative LIBSOCKET_E_... status.
 *   libsocket_strerror() gives the sentence that belongs to a status,
 *   libsocket_last_error() the exact one of the last failure in the calling
 *   thread: which event, which file, which bound. "Status:" closes the
 *   description of a function and lists all that it returns beside OK, without
 *   the prefix LIBSOCKET_E_. Left out there, because every function with a
 *   status may return them:
 *     FORKED    called in a child after fork() (see FORK),
 *     INTERNAL  a bug in the library, with its text.
 *   Not explained again beside each function:
 *     INVALID     a NULL or an argument that is out of its bounds,
 *     BAD_HANDLE  a handle that is closed, zero, garbage or of the other kind,
 *     CLOSED      the handle is being closed by another thread,
 *     NO_MEMORY   out of memory; nothing was stored or lost.
 *
 * HANDLES
 *   libsocket_server and libsocket_client hold an id. Copy them freely. Open
 *   means running; close means gone, and the id is never used again: any call
 *   with it returns LIBSOCKET_E_BAD_HANDLE, a second close too. { 0 } is never
 *   a valid handle.
 *
 * THREADS
 *   Every function may be called from any thread at any time, on the same
 *   handle too, and from inside a callback; from a signal handler none. A
 *   function waits only where its description says so. A thread that waits
 *   in a receive, or for clients, may be ended by pthread_cancel().
 *
 * MEMORY
 *   Strings are UTF-8 and end in NUL. What a function stores into an out
 *   parameter is one block, released with libsocket_free(); on failure
 *   nothing is stored. The library reads what you pass during the call only.
 *
 * EVENTS
 *   All that happens is a libsocket_event. A handle delivers them in one of
 *   two ways, chosen when it is opened:
 *
 *   Callback. Events come in batches, in order, on one thread of the library
 *   for the handle, one call at a time; the first may come before open has
 *   returned, and finds the handle stored. What the events point to is valid
 *   until the callback returns. A callback may call every function of this
 *   file, close its own handle included; it must not leave by longjmp,
 *   pthread_exit or a C++ exception. The last event of a handle is
 *   LIBSOCKET_EVENT_CLOSED; the callback never runs again after it, so that
 *   is the place to release what "user" points to. If open fails, the
 *   callback never runs. If there is no memory for a batch, the callback is
 *   told by a LOG event of level ERROR, whatever log_level is, and the handle
 *   ends: CLOSED follows, and close only releases it.
 *
 *   Pull. ..._receive() takes what has arrived, ..._fd() gives a descriptor
 *   that is readable exactly while something is waiting, for poll, epoll or
 *   an event loop. Close ends it: a waiting call returns what is left, the
 *   next one of the same thread LIBSOCKET_E_CLOSED. What nobody has taken when
 *   close returns is gone, and a thread that was not waiting then is told
 *   LIBSOCKET_E_BAD_HANDLE: a loop ends with either.
 *
 *   A client without callback is pulled. A server without callback drops its
 *   events unless LIBSOCKET_PULL is given. A host that does not take its
 *   events stops the library from reading more (see buffer_size in the
 *   settings page): nothing is dropped, the pressure goes to the peer.
 *
 * SETTINGS
 *   "settings" is TOML text with the keys of settings.toml (docs/settings.md),
 *   for example "max_connections = 5\nhistory_size = 10". It goes over the
 *   environment, which goes over the files, which go over the defaults. NULL
 *   or "" changes nothing. The environment is that of the moment of the call.
 *   A TCP server that other machines can reach needs "tls = true" with a
 *   certificate and its key, or "insecure = true"; tls_client_ca_file and
 *   token_file say who may join. A token is named by its file and is never
 *   text of a setting (docs/security.md).
 *
 * SERVICES
 *   A server takes the listening socket that a service manager passed for its
 *   event (LISTEN_FDS, with the name of the event or bound where the server
 *   would bind), unless socket_activation = false. Such a socket is not
 *   changed and not removed; the descriptor stays open, now closed on exec.
 *   With sd_notify = true the manager is told (NOTIFY_SOCKET) when clients can
 *   connect and when the server begins to close. The environment is read, and
 *   never changed.
 *
 * FORK
 *   A child made by fork() must not use the library: every function returns
 *   LIBSOCKET_E_FORKED there at once, and the parent is not disturbed. exec,
 *   posix_spawn, vfork + exec and system are safe; no descriptor of the
 *   library survives exec. daemon() is a fork: load the library after it. A
 *   child made in a callback must not return from that: it would be a thread
 *   of the library alone, and is ended with status 70.
 *
 * SIGNALS AND EXIT
 *   The library's threads take none of the process's asynchronous signals. A
 *   callback runs on one of them; threads and programs that it starts inherit
 *   that the signals are blocked, unless it sets their mask. Handlers need no
 *   SA_ONSTACK, as long as they take less than 48 KiB of stack. A receive and
 *   what waits for events or clients return LIBSOCKET_E_INTERRUPTED when a
 *   handler has run on the thread meanwhile; the other calls go on. One that
 *   ran just before the wait began is not noticed: who relies on it waits with
 *   a timeout, or for the descriptor with ppoll(). Loading puts handlers in
 *   place for SIGSEGV, SIGBUS, SIGFPE, SIGPIPE and SIGURG, which hand on what
 *   is not the library's to what was there before; one that the host installs
 *   later may replace them. A SIGURG may come to a thread that has called the
 *   library, and end a poll() of its own with EINTR: poll again. Of other
 *   signals, a handler that is there already is given SA_ONSTACK. The process
 *   may exit at any time; close servers first if what they sent has to arrive.
 *   dlclose() leaves the library mapped.
 */
#ifndef LIBSOCKET_H
#define LIBSOCKET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. libsocket_version() tells the library's. */
#define LIBSOCKET_VERSION_MAJOR 0
#define LIBSOCKET_VERSION_MINOR 1
#define LIBSOCKET_VERSION_PATCH 0
#define LIBSOCKET_VERSION "0.1.0"

/* ---- Status ----------------------------------------------------------- */

#define LIBSOCKET_OK 0
#define LIBSOCKET_E_INTERNAL (-1)        /* a bug in the library */
#define LIBSOCKET_E_INVALID (-2)         /* an argument is out of bounds */
#define LIBSOCKET_E_SETTINGS (-3)        /* a setting is malformed or out of bounds */
#define LIBSOCKET_E_BAD_HANDLE (-4)      /* not an open handle of this kind */
#define LIBSOCKET_E_CLOSED (-5)          /* the handle was closed: the normal end */
#define LIBSOCKET_E_NOT_CONNECTED (-6)   /* the client has no connection now */
#define LIBSOCKET_E_UNKNOWN_CLIENT (-7)  /* no such client is connected */
#define LIBSOCKET_E_TIMEOUT (-8)         /* the time given has passed */
#define LIBSOCKET_E_INTERRUPTED (-9)     /* a signal handler ran while waiting */
#define LIBSOCKET_E_TOO_LARGE (-10)      /* larger than max_message_size */
#define LIBSOCKET_E_BAD_MESSAGE (-11)    /* not valid MessagePack, JSON or text */
#define LIBSOCKET_E_MAX_CONNECTIONS (-12) /* the server takes no more clients */
#define LIBSOCKET_E_IN_USE (-13)         /* event or port served by another */
#define LIBSOCKET_E_NO_PORT (-14)        /* the port range is used up */
#define LIBSOCKET_E_NOT_ALLOWED (-15)    /* not trusted, or switched off */
#define LIBSOCKET_E_NO_SERVER (-16)      /* nobody serves the event */
#define LIBSOCKET_E_PROTOCOL (-17)       /* the peer broke the protocol */
#define LIBSOCKET_E_IO (-18)             /* the operating system refused */
#define LIBSOCKET_E_NO_MEMORY (-19)      /* out of memory */
#define LIBSOCKET_E_FORKED (-20)         /* called in a child after fork() */
#define LIBSOCKET_E_SLOW (-21)           /* the client does not keep up */

/*
 * The version of the library that is loaded, like "0.1.0". Static; never
 * fails, also after fork().
 */
const char *libsocket_version(void);

/*
 * The sentence for a status; for an unknown one "unknown status". Static;
 * never fails, also after fork().
 */
const char *libsocket_strerror(int status);

/*
 * The exact sentence of the last failure in the calling thread, "" if there
 * was none. Valid until the next call of this library in the same thread; a
 * success does not change it. Also usable after fork().
 */
const char *libsocket_last_error(void);

/* Releases a block that the library allocated. NULL is allowed. */
void libsocket_free(void *block);

/* ---- Handles, messages, events ----------------------------------------- */

typedef struct libsocket_server {
    uint64_t id;
} libsocket_server;

typedef struct libsocket_client {
    uint64_t id;
} libsocket_client;

/* The type of a message: libsocket_message.type, libsocket_event.type. */
#define LIBSOCKET_DATA 0
#define LIBSOCKET_ERROR 1
#define LIBSOCKET_CONTROL 2

/*
 * A message to send. Set unused fields to 0, also the reserved ones; then
 * { LIBSOCKET_DATA, 0, data, size } begins a complete message.
 */
typedef struct libsocket_message {
    uint32_t type;             /* LIBSOCKET_DATA, _ERROR or _CONTROL */
    uint32_t flags;            /* 0 */
    const void *data;          /* one MessagePack value; NULL: an empty map */
    size_t data_size;          /* bytes at data */
    const char *event_name;    /* NULL: the handle's event; or any text */
    const char *timestamp_iso; /* NULL: from timestamp_ms; or any text, and
                                  timestamp_ms is then sent as it is */
    int64_t timestamp_ms;      /* Unix time in ms; 0 with no iso: now */
    const char *retain_key;    /* server, to all: keep the newest of this key
                                  for newcomers; NULL: do not keep */
    uint64_t reserved[2];      /* 0 */
} libsocket_message;

/* libsocket_event.kind. A program ignores kinds it does not know. */
#define LIBSOCKET_EVENT_CONNECTED 1
#define LIBSOCKET_EVENT_DISCONNECTED 2
#define LIBSOCKET_EVENT_MESSAGE 3
#define LIBSOCKET_EVENT_LAGGED 4
#define LIBSOCKET_EVENT_SYNCED 5
#define LIBSOCKET_EVENT_REFUSED 6
#define LIBSOCKET_EVENT_FIRST_CLIENT 7
#define LIBSOCKET_EVENT_LAST_CLIENT 8
#define LIBSOCKET_EVENT_LOG 9
#define LIBSOCKET_EVENT_CLOSED 10

/* libsocket_event.reason of DISCONNECTED and REFUSED. */
#define LIBSOCKET_REASON_NONE 0
#define LIBSOCKET_REASON_CLOSED 1          /* closed by this program */
#define LIBSOCKET_REASON_STOPPED 2         /* the server was stopped */
#define LIBSOCKET_REASON_RESTARTING 3      /* stopped, and will be back */
#define LIBSOCKET_REASON_EOF 4             /* the peer went without a word */
#define LIBSOCKET_REASON_MAX_CONNECTIONS 5 /* the server takes no more clients */
#define LIBSOCKET_REASON_NOT_ALLOWED 6     /* not allowed in, or not trusted */
#define LIBSOCKET_REASON_SLOW 7            /* slow_client = "disconnect" */
#define LIBSOCKET_REASON_PROTOCOL 8        /* the peer broke the protocol */
#define LIBSOCKET_REASON_HEARTBEAT 9       /* the peer was silent too long */
#define LIBSOCKET_REASON_IO 10             /* the system reported an error */
#define LIBSOCKET_REASON_TOO_LARGE 11      /* over max_message_size */

/* libsocket_event.flags of MESSAGE. */
#define LIBSOCKET_UNICAST 1u  /* sent to this client alone */
#define LIBSOCKET_RETAINED 2u /* kept from before this client joined */

/* libsocket_event.level of LOG. */
#define LIBSOCKET_LOG_DEBUG (-4)
#define LIBSOCKET_LOG_INFO 0
#define LIBSOCKET_LOG_WARN 4
#define LIBSOCKET_LOG_ERROR 8

/*
 * One thing that happened. Which fields a kind uses; all others are 0 or
 * NULL:
 *
 * At a client
 *   CONNECTED     a connection is there, first or again: address, seq (number
 *                 of the next broadcast, 0 with an old server), pid, uid, gid
 *                 (the server's)
 *   DISCONNECTED  it is gone: reason, text. The library comes back by itself
 *                 unless reconnect = false.
 *   MESSAGE       type, flags, timestamp_ms, timestamp_iso, event_name, data,
 *                 data_size, seq (0 for unicast and with an old server)
 *   LAGGED        the server dropped "count" messages from "seq" on, because
 *                 this client was slow or away; or one is larger than its
 *                 max_message_size
 *   SYNCED        all that was kept for newcomers has been given: seq
 *   REFUSED       the server refused a message of this client, or one that was
 *                 kept for it is too large for this server: reason, text
 * At a server
 *   CONNECTED     a client joined: client, timestamp_ms (since when), address,
 *                 text (its name), count (clients now), pid, uid, gid
 *   DISCONNECTED  a client left: client, reason, text, count (clients now)
 *   MESSAGE       a client sent: client, type, timestamp_ms, timestamp_iso,
 *                 event_name, data, data_size
 *   FIRST_CLIENT  there is a client after there was none: client
 *   LAST_CLIENT   the last client has left: client
 * At both
 *   LOG           a line of the log: level, text, timestamp_ms (with
 *                 log_level set)
 *   CLOSED        the last event of a handle: reason
 */
typedef struct libsocket_event {
    uint32_t kind;             /* LIBSOCKET_EVENT_... */
    uint32_t type;             /* LIBSOCKET_DATA, _ERROR, _CONTROL */
    uint32_t reason;           /* LIBSOCKET_REASON_... */
    uint32_t flags;            /* LIBSOCKET_UNICAST, LIBSOCKET_RETAINED */
    int32_t level;             /* LIBSOCKET_LOG_... */
    uint32_t reserved0;        /* 0 */
    int64_t timestamp_ms;      /* Unix time in milliseconds */
    uint64_t seq;              /* number of a broadcast, from 1 */
    uint64_t count;            /* messages missed, or clients now */
    uint64_t client;           /* id of the client, never 0 */
    const char *event_name;    /* NUL-terminated, like all strings here; this
                                  one and the next are as the sender wrote
                                  them: UTF-8, not judged */
    const char *timestamp_iso; /* ISO 8601 with offset, from our senders */
    const char *address;       /* host:port, or the path of the socket */
    const char *text;          /* a sentence, or a name */
    const void *data;          /* one MessagePack value, valid throughout */
    size_t data_size;          /* bytes at data */
    int64_t pid;               /* of CONNECTED: the peer's process, as the
                                  system tells; 0 where it does not (TCP) */
    int64_t uid;               /* its user, or -1 */
    int64_t gid;               /* the group it runs with, or -1 */
    uint64_t reserved[2];      /* 0 */
} libsocket_event;

/* Takes "count" events, count > 0. See EVENTS at the top. */
typedef void (*libsocket_callback)(const libsocket_event *events, size_t count,
                                   void *user);

/* Flags of libsocket_server_open(). */
#define LIBSOCKET_PULL 1u /* keep the server's events for receive */
/*
 * A new client gets its first message only when its CONNECTED event has been
 * handled: its callback returned, or the next receive was called. What is
 * sent to it meanwhile comes first.
 */
#define LIBSOCKET_HOLD 2u

/* ---- Servers ------------------------------------------------------------ */

/*
 * Opens a server for the event. When it returns LIBSOCKET_OK, clients can
 * connect.
 *   transport  "unix" or "tcp"
 *   event      1 to 64 of A-Z a-z 0-9 _ -
 *   settings   TOML text or NULL
 *   flags      0, or LIBSOCKET_PULL and LIBSOCKET_HOLD
 *   callback   takes the events, or NULL; not together with LIBSOCKET_PULL
 *   user       handed to the callback
 * IN_USE says that the event is served by a living process, which the text
 * names, or that the port is taken; NOT_ALLOWED that the directory or a file
 * belongs to someone else, or that the settings would let strangers in.
 *
 * Status: INVALID, SETTINGS, IN_USE, NO_PORT, NOT_ALLOWED, IO.
 */
int libsocket_server_open(libsocket_server *server, const char *transport,
                          const char *event, const char *settings,
                          uint32_t flags, libsocket_callback callback,
                          void *user);

/*
 * Closes the server. What was sent is written to the clients first, for at
 * most the setting "linger"; then they are told and disconnected, and the
 * name or port is free. Waits for the last callback, except when called
 * inside a callback, of any handle; so it waits at most linger plus the
 * callback's time. IO says that a file could not be removed; the server is
 * closed all the same.
 *
 * Status: BAD_HANDLE, IO.
 */
int libsocket_server_close(libsocket_server server);

/*
 * Makes the coming close tell the clients that the server will be back: the
 * reason of their DISCONNECTED is LIBSOCKET_REASON_RESTARTING.
 *
 * Status: BAD_HANDLE.
 */
int libsocket_server_announce_restart(libsocket_server server);

/*
 * Makes every later send to all clients return CLOSED; all else goes on until
 * close. For who takes the queue before a close while other threads may still
 * send: what they were told is sent is then in the queue.
 *
 * Status: BAD_HANDLE.
 */
int libsocket_server_end_sending(libsocket_server server);

/*
 * Sends a message to all clients; while there is none, it waits in the queue
 * (message_queue_size). Returns when the message is in the log. Waits for a
 * client only under slow_client = "block", and there at most send_timeout:
 * TIMEOUT then says that the message was not sent.
 *
 * Status: INVALID, BAD_HANDLE, CLOSED, TOO_LARGE, BAD_MESSAGE, TIMEOUT.
 */
int libsocket_server_send(libsocket_server server,
                          const libsocket_message *message);

/*
 * Sends "count" messages in order. Stops at the first that fails and returns
 * its status; "sent", if not NULL, is set to the number that were sent, in
 * any case. Waits as libsocket_server_send() does, for each.
 *
 * Status: INVALID, BAD_HANDLE, CLOSED, TOO_LARGE, BAD_MESSAGE, TIMEOUT.
 */
int libsocket_server_send_many(size_t *sent, libsocket_server server,
                               const libsocket_message *messages,
                               size_t count);

/*
 * Sends a message to one client, in order with the broadcasts around it.
 * SLOW says that too much waits for this client already; the message was not
 * sent. BAD_MESSAGE also says that it has a retain_key: what is for one client
 * is not kept for others.
 *   client     its id, from an event or libsocket_server_clients()
 *
 * Status: INVALID, BAD_HANDLE, CLOSED, TOO_LARGE, BAD_MESSAGE, UNKNOWN_CLIENT,
 * SLOW.
 */
int libsocket_server_send_to(libsocket_server server, uint64_t client,
                             const libsocket_message *message);

/*
 * Sends the messages of one MessagePack document, in order: an array of them,
 * for languages that encode an array faster than they fill structs. A message
 * is a map, which is its data and is stamped now, or a row
 *   [type, timestamp_ms, timestamp_iso, data, event_name, client, retain_key]
 * that has the meaning of a libsocket_message of these fields, for all clients
 * or the one of that id. What is nil, or left out behind data, is 0 or NULL.
 * Stops at the first message that fails, or is none; "sent", if not NULL, is
 * set to the number that were sent, in any case. Waits as
 * libsocket_server_send() does, for each. BAD_MESSAGE also says that the
 * document is not such an array.
 *
 * Status: INVALID, BAD_HANDLE, CLOSED, TOO_LARGE, BAD_MESSAGE, TIMEOUT,
 * UNKNOWN_CLIENT, SLOW.
 */
int libsocket_server_send_packed(size_t *sent, libsocket_server server,
                                 const void *document, size_t size);

/*
 * Takes up to "max" events (0: as many as the library thinks good) as one
 * block, waiting at most timeout_ms for the first (0: not, -1: for ever).
 * Stores the block and the number of events in it, at least 1. For a server
 * without LIBSOCKET_PULL it is LIBSOCKET_E_INVALID.
 *
 * Status: INVALID, BAD_HANDLE, CLOSED, TIMEOUT, INTERRUPTED, IO, NO_MEMORY.
 */
int libsocket_server_receive(libsocket_event **events, size_t *count,
                             libsocket_server server, size_t max,
                             int timeout_ms);

/*
 * The same events as one MessagePack document: an array of rows, for
 * languages that decode an array faster than they read structs. A row is
 *   [kind, type, timestamp_ms, timestamp_iso, data, client, seq, flags,
 *    event_name]                    for MESSAGE; event_name is nil when it is
 *                                   the handle's own
 *   [kind, reason, timestamp_ms, seq, count, client, text, address, level,
 *    pid, uid, gid]                 for CONNECTED
 *   [kind, reason, timestamp_ms, seq, count, client, text, address, level]
 *                                   for every other kind
 *
 * Status: INVALID, BAD_HANDLE, CLOSED, TIMEOUT, INTERRUPTED, IO, NO_MEMORY.
 */
int libsocket_server_receive_packed(void **block, size_t *size,
                                    libsocket_server server, size_t max,
                                    int timeout_ms);

/*
 * Waits as libsocket_server_receive() does and takes nothing: for a binding
 * that may not wait while it holds a lock, such as an interpreter's, and takes
 * while it does. A receive that follows may find nothing: another took it, or
 * what came was no event.
 *
 * Status: INVALID, BAD_HANDLE, TIMEOUT, INTERRUPTED, IO. A handle that is
 * closed meanwhile gives OK, and the receive tells.
 */
int libsocket_server_wait_events(libsocket_server server, int timeout_ms);

/*
 * A descriptor that is readable exactly while receive would not wait; only
 * that it may wake a poller for an event which another call has taken just
 * then, and that it may be late by 20 ms for what arrives while, or just
 * after, a thread waits in receive or wait_events, which reads the connections
 * itself meanwhile. It belongs to the library: poll it, never read, write or
 * close it; it is gone when close returns. An epoll set forgets it at that
 * moment, perhaps before a thread that sleeps there has seen it: wake that
 * thread by other means, and close the handle after it has taken the
 * descriptor out. Returns it (>= 0) or a status.
 *
 * Status: INVALID, BAD_HANDLE, CLOSED.
 */
int libsocket_server_fd(libsocket_server server);

/*
 * What is known of a connected client. pid is 0, uid and gid are -1 where the
 * transport does not tell.
 */
typedef struct libsocket_client_info {
    uint64_t client;         /* its id */
    int64_t connected_at_ms; /* Unix time in milliseconds */
    int64_t pid;
    int64_t uid;
    int64_t gid;
    const char *address;
    const char *name;        /* "" for an old client */
    uint64_t delivered;      /* broadcasts handed to its connection, */
    uint64_t missed;         /* missed by it, */
    uint64_t backlog;        /* and waiting for it, since it joined */
    uint64_t reserved[2];    /* 0 */
} libsocket_client_info;

/*
 * Stores the connected clients, in the order they joined, as one block; NULL
 * and 0 when there is none.
 *
 * Status: INVALID, BAD_HANDLE, NO_MEMORY.
 */
int libsocket_server_clients(libsocket_client_info **clients, size_t *count,
                             libsocket_server server);

/*
 * Waits until at least "count" clients are connected, at most timeout_ms (0:
 * not, -1: for ever).
 *
 * Status: INVALID, BAD_HANDLE, CLOSED, TIMEOUT, INTERRUPTED, IO.
 */
int libsocket_server_wait_clients(libsocket_server server, size_t count,
                                  int timeout_ms);

/*
 * Stores the path of the socket, or host:port with the real port.
 *
 * Status: INVALID, BAD_HANDLE, NO_MEMORY.
 */
int libsocket_server_address(char **address, libsocket_server server);

/*
 * Stores the number of messages that wait for the first client.
 *
 * Status: INVALID, BAD_HANDLE.
 */
int libsocket_server_queue_length(size_t *count, libsocket_server server);

/*
 * Drops the messages that wait for the first client.
 *
 * Status: BAD_HANDLE.
 */
int libsocket_server_queue_clear(libsocket_server server);

/*
 * Takes the messages that wait for the first client out of the queue, as
 * MESSAGE rows (see libsocket_server_receive_packed); none is an empty array.
 * After libsocket_server_end_sending() none is added behind them.
 *
 * Status: INVALID, BAD_HANDLE, NO_MEMORY.
 */
int libsocket_server_queue_take(void **block, size_t *size,
                                libsocket_server server);

/*
 * Stores counters as a MessagePack map, all of one moment:
 *   sent                broadcasts since the server was opened
 *   delivered           broadcasts handed to connections, one for each client
 *   dropped             broadcasts that clients missed, one for each client
 *   received            messages taken from clients
 *   refused             connections and messages of clients that were refused
 *   clients, max_connections        clients there are, and may be
 *   queued              messages that wait for the first client
 *   log_messages, log_messages_limit    messages in the log, and may be in it
 *   log_bytes, log_bytes_limit          memory of the log, and its bound
 *   retained            keys that a message is retained for
 *   epoch               tells this server from one before or after it
 *   seq                 the number of the next broadcast
 *
 * Status: INVALID, BAD_HANDLE, NO_MEMORY.
 */
int libsocket_server_stats(void **block, size_t *size,
                           libsocket_server server);

/* ---- Clients ------------------------------------------------------------ */

/*
 * Opens a client of the event and connects it. When it returns LIBSOCKET_OK,
 * nothing that the server sends from now on is missed. With the setting
 * wait_for_server = true it returns at once, and connects when the server is
 * there.
 *   flags      0
 *   callback   takes the events; NULL: they are pulled
 * Waits for the server's answer, at most default_timeout: TIMEOUT. NOT_ALLOWED
 * says that one of the two does not trust the other; NOT_CONNECTED that the
 * server closed the connection at once; PROTOCOL that what answers there is
 * something else.
 *
 * Status: INVALID, SETTINGS, NO_SERVER, MAX_CONNECTIONS, NOT_ALLOWED, TIMEOUT,
 * NOT_CONNECTED, PROTOCOL, IO.
 */
int libsocket_client_open(libsocket_client *client, const char *transport,
                          const char *event, const char *settings,
                          uint32_t flags, libsocket_callback callback,
                          void *user);

/*
 * Closes the client. What it sent is written first, for at most the setting
 * "linger". Waits for the last callback, except when called inside a callback,
 * of any handle; so it waits at most linger plus the callback's time.
 *
 * Status: BAD_HANDLE.
 */
int libsocket_client_close(libsocket_client client);

/*
 * Sends a message to the server. Returns when it is in the connection's
 * outgoing buffer; waits for room there for at most send_timeout.
 * After TIMEOUT the message was not sent. Of NOT_CONNECTED,
 * libsocket_last_error() names the cause. BAD_MESSAGE also says that the
 * message has a retain_key: only servers keep messages.
 *
 * Status: INVALID, BAD_HANDLE, CLOSED, NOT_CONNECTED, TOO_LARGE, BAD_MESSAGE,
 * TIMEOUT.
 */
int libsocket_client_send(libsocket_client client,
                          const libsocket_message *message);

/*
 * As libsocket_server_send_many(); waits as libsocket_client_send() does.
 *
 * Status: INVALID, BAD_HANDLE, CLOSED, NOT_CONNECTED, TOO_LARGE, BAD_MESSAGE,
 * TIMEOUT.
 */
int libsocket_client_send_many(size_t *sent, libsocket_client client,
                               const libsocket_message *messages,
                               size_t count);

/*
 * As libsocket_server_send_packed(); the rows of a client end with event_name.
 *
 * Status: INVALID, BAD_HANDLE, CLOSED, NOT_CONNECTED, TOO_LARGE, BAD_MESSAGE,
 * TIMEOUT.
 */
int libsocket_client_send_packed(size_t *sent, libsocket_client client,
                                 const void *document, size_t size);

/*
 * As libsocket_server_receive(), for a client without callback. With the
 * setting reconnect = false it returns LIBSOCKET_E_NOT_CONNECTED once the
 * connection is gone and all that had arrived was taken.
 *
 * Status: INVALID, BAD_HANDLE, CLOSED, TIMEOUT, INTERRUPTED, NOT_CONNECTED, IO,
 * NO_MEMORY.
 */
int libsocket_client_receive(libsocket_event **events, size_t *count,
                             libsocket_client client, size_t max,
                             int timeout_ms);

/*
 * As libsocket_client_receive(), in rows (libsocket_server_receive_packed).
 *
 * Status: INVALID, BAD_HANDLE, CLOSED, TIMEOUT, INTERRUPTED, NOT_CONNECTED, IO,
 * NO_MEMORY.
 */
int libsocket_client_receive_packed(void **block, size_t *size,
                                    libsocket_client client, size_t max,
                                    int timeout_ms);

/*
 * As libsocket_server_wait_events(), for a client without callback.
 *
 * Status: INVALID, BAD_HANDLE, TIMEOUT, INTERRUPTED, IO.
 */
int libsocket_client_wait_events(libsocket_client client, int timeout_ms);

/*
 * As libsocket_server_fd(), for a client without callback.
 *
 * Status: INVALID, BAD_HANDLE, CLOSED.
 */
int libsocket_client_fd(libsocket_client client);

/*
 * Returns 1 while the client has a connection, 0 while not, or a status.
 *
 * Status: BAD_HANDLE.
 */
int libsocket_client_connected(libsocket_client client);

/*
 * Stores the number of messages that have arrived and were not taken.
 *
 * Status: INVALID, BAD_HANDLE.
 */
int libsocket_client_buffered(size_t *count, libsocket_client client);

/*
 * Drops the messages that have arrived and were not taken.
 *
 * Status: BAD_HANDLE.
 */
int libsocket_client_buffer_clear(libsocket_client client);

/* ---- What runs ---------------------------------------------------------- */

/*
 * Asks the server of the event how it is, and stores what is known of it as a
 * MessagePack map. Whoever may be a client may ask. It does not become one: it
 * takes no place among max_connections, gets no message, and the server's
 * program is not told.
 *   state      "live": it answered.
 *              "old": an old server, a process with the original module: it
 *              did not answer within 100 ms, and neither a lock file nor TLS
 *              or a token says that it is a new one.
 *              "silent": it did not answer within default_timeout, because it
 *              is stopped or very busy
 *   event      over TCP, what really is served on the port
 *   transport  "unix" or "tcp"
 *   address    the path of the socket, or host:port
 *   pid        of its process, 0 where that is not known
 *   uid        of its process, -1 where that is not known
 * and, of a live server:
 *   library    the version of the library that it runs on, like "0.1.0"
 *   uptime_ms  how long it has been open
 *   stats      what libsocket_server_stats() stores
 *   clients    an array of maps: what libsocket_server_clients() tells, under
 *              the names of the fields of libsocket_client_info. Those that do
 *              not go into an answer of 1 MiB, some 8000, are missing at the
 *              end; the number in stats counts all.
 * Waits at most default_timeout. A signal handler does not end the wait.
 * NOT_ALLOWED says that one end does not trust the other; MAX_CONNECTIONS that
 * 16 others ask just now; NOT_CONNECTED that the server closed the connection,
 * as one that is stopping does; TIMEOUT that TCP did not connect in time.
 *
 * Status: INVALID, SETTINGS, NO_SERVER, NOT_ALLOWED, MAX_CONNECTIONS,
 * NOT_CONNECTED, TIMEOUT, PROTOCOL, IO, NO_MEMORY.
 */
int libsocket_inspect(void **block, size_t *size, const char *transport,
                      const char *event, const char *settings);

/*
 * Inspects every event that has a socket file in socket_dir, and stores an
 * array of maps like that of libsocket_inspect(), in the order of their names.
 * Two states are added:
 *   "denied"   a server of another user, who is not trusted or does not trust
 *              us; uid is the owner of the file
 *   "stale"    the socket file of a server that is gone
 * A directory that is not there has no events. Waits at most default_timeout
 * for each 32 events, and only for servers that are silent. NOT_ALLOWED says
 * that the directory cannot be read.
 *
 * Status: INVALID, SETTINGS, NOT_ALLOWED, IO, NO_MEMORY.
 */
int libsocket_list(void **block, size_t *size, const char *settings);

/* ---- Settings and conversions ------------------------------------------- */

/*
 * Resolves the settings that an open would use with this text, as a
 * MessagePack map of the [socket] table with the tables unix and tcp in it, and
 * in "files" the paths of the settings files that were looked for, as bin
 * where one is not UTF-8: while they and the environment stay as they are, so
 * does the answer.
 * transport is "unix", "tcp", or NULL when "settings" uses no key of a
 * transport's table without naming the table.
 *
 * Status: INVALID, SETTINGS, NO_MEMORY.
 */
int libsocket_settings(void **block, size_t *size, const char *transport,
                       const char *settings);

/*
 * Turns JSON text of "length" bytes into MessagePack. The text of BAD_MESSAGE
 * tells the offset.
 *
 * Status: INVALID, BAD_MESSAGE, NO_MEMORY.
 */
int libsocket_json_to_msgpack(void **data, size_t *size, const char *json,
                              size_t length);

/*
 * Turns one MessagePack value into JSON text. Binary becomes base64 text;
 * NaN, infinities and extension types have no JSON and are BAD_MESSAGE.
 *
 * Status: INVALID, BAD_MESSAGE, NO_MEMORY.
 */
int libsocket_msgpack_to_json(char **json, const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
