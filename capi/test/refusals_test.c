/*
 * refusals_test.c - the statuses that the manual names, where no other test
 * comes to them: a handle that is being closed, peers that do not read or do
 * not speak, a system that refuses, arguments that are missing.
 */
#include "rawpeer.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

static unsigned char large_data[60000] = {0xc5, 0xea, 0x5d};

static libsocket_message large_message(void)
{
    return data_message(large_data, sizeof large_data);
}

/* One large message as a document: an array of one row. */
static unsigned char document[sizeof large_data + 40];
static size_t document_size;

static void make_document(uint64_t client)
{
    unsigned char *at = document;
    memcpy(at, "\x91\x97\x00\x00\xc0", 5); /* type, timestamp_ms, timestamp_iso */
    at += 5;
    memcpy(at, large_data, sizeof large_data);
    at += sizeof large_data;
    *at++ = 0xc0; /* event_name */
    *at++ = 0xcf;
    for (int i = 56; i >= 0; i -= 8)
        *at++ = (unsigned char)(client >> i);
    *at++ = 0xc0; /* retain_key */
    document_size = (size_t)(at - document);
}

/* A client's row ends with event_name. */
static void make_client_document(void)
{
    make_document(0);
    document[1] = 0x95;
    document_size = sizeof large_data + 6;
}

/* ---- A handle that is being closed --------------------------------------- */

static libsocket_server server;
static libsocket_client client;

static void *close_server(void *unused)
{
    (void)unused;
    CHECK_OK(libsocket_server_close(server));
    return NULL;
}

static void *close_client(void *unused)
{
    (void)unused;
    CHECK_OK(libsocket_client_close(client));
    return NULL;
}

/* It lingers for as long as its client does not read. */
static void server_that_closes(void)
{
    pthread_t thread;
    libsocket_message message = large_message();
    server = open_server("unix", "closes", "linger = 60", LIBSOCKET_PULL);
    int fd = raw_client("closes");
    libsocket_event *event = next_of_server(server, LIBSOCKET_EVENT_CONNECTED);
    for (int i = 0; i < 10; i++) /* more than the system takes in between */
        CHECK_OK(libsocket_server_send(server, &message));
    check_need(pthread_create(&thread, NULL, close_server, NULL) == 0, "no thread");
    while (libsocket_server_send(server, &message) != LIBSOCKET_E_CLOSED)
        sched_yield();
    make_document(event->client);
    size_t sent = 7;
    CHECK_STATUS(libsocket_server_send(server, &message), LIBSOCKET_E_CLOSED);
    CHECK_STATUS(libsocket_server_send_many(&sent, server, &message, 1), LIBSOCKET_E_CLOSED);
    CHECK_STATUS(libsocket_server_send_packed(&sent, server, document, document_size),
                 LIBSOCKET_E_CLOSED);
    CHECK_STATUS(libsocket_server_send_to(server, event->client, &message), LIBSOCKET_E_CLOSED);
    CHECK_STATUS(libsocket_server_wait_clients(server, 5, -1), LIBSOCKET_E_CLOSED);
    CHECK_STATUS(libsocket_server_fd(server), LIBSOCKET_E_CLOSED);
    CHECK(sent == 0);
    close(fd);
    pthread_join(thread, NULL);
    libsocket_free(event);
}

static int accept_from(int listening)
{
    int fd = accept(listening, NULL, NULL);
    check_need(fd >= 0, "no connection");
    return fd;
}

/* The same of a client, and of an old server that does not read. */
static void client_that_closes(void)
{
    pthread_t thread;
    libsocket_message message = large_message();
    int listening = raw_listen("reads_not");
    check_need(CHECK_OK(libsocket_client_open(&client, "unix", "reads_not",
                                              "linger = 60\nsend_timeout = 0.01", 0, NULL, NULL)), "no client");
    int fd = accept_from(listening);
    for (int i = 0; i < 10; i++) /* more than the system takes in between */
        CHECK_OK(libsocket_client_send(client, &message));
    check_need(pthread_create(&thread, NULL, close_client, NULL) == 0, "no thread");
    while (libsocket_client_send(client, &message) != LIBSOCKET_E_CLOSED)
        sched_yield();
    make_client_document();
    size_t sent = 7;
    CHECK_STATUS(libsocket_client_send(client, &message), LIBSOCKET_E_CLOSED);
    CHECK_STATUS(libsocket_client_send_many(&sent, client, &message, 1), LIBSOCKET_E_CLOSED);
    CHECK_STATUS(libsocket_client_send_packed(&sent, client, document, document_size),
                 LIBSOCKET_E_CLOSED);
    CHECK_STATUS(libsocket_client_fd(client), LIBSOCKET_E_CLOSED);
    CHECK(sent == 0);
    close(fd);
    close(listening);
    pthread_join(thread, NULL);
}

/* Each way of waiting for events is told of the end. */
typedef struct waiting {
    int (*receive)(void);
    box task;
    int last; /* after all that was left */
} waiting;

static int receive_of_server(void)
{
    libsocket_event *events = NULL;
    size_t count = 0;
    int status = libsocket_server_receive(&events, &count, server, 0, -1);
    libsocket_free(events);
    return status;
}

static int receive_packed_of_server(void)
{
    void *block = NULL;
    size_t size = 0;
    int status = libsocket_server_receive_packed(&block, &size, server, 0, -1);
    libsocket_free(block);
    return status;
}

static int receive_packed_of_client(void)
{
    void *block = NULL;
    size_t size = 0;
    int status = libsocket_client_receive_packed(&block, &size, client, 0, -1);
    libsocket_free(block);
    return status;
}

static void *receive_to_the_end(void *arg)
{
    waiting *w = arg;
    box_add(&w->task, support_task());
    while ((w->last = w->receive()) == LIBSOCKET_OK)
        continue;
    return NULL;
}

static void ends(int (*receive)(void), void *(*close)(void *))
{
    pthread_t thread;
    waiting w = {receive, BOX, 0};
    check_need(pthread_create(&thread, NULL, receive_to_the_end, &w) == 0, "no thread");
    box_wait(&w.task, 1);
    support_sleeps((pid_t)box_get(&w.task), SUPPORT_POLL);
    close(NULL);
    pthread_join(thread, NULL);
    CHECK_STATUS(w.last, LIBSOCKET_E_CLOSED);
}

static void receivers_are_told(void)
{
    server = open_server("unix", "told", NULL, LIBSOCKET_PULL);
    ends(receive_of_server, close_server);
    server = open_server("unix", "told", NULL, LIBSOCKET_PULL);
    client = join_server(server, "unix", "told", "");
    ends(receive_packed_of_client, close_client);
    ends(receive_packed_of_server, close_server);
}

/* ---- Peers that do not read ---------------------------------------------- */

static int send_large(void)
{
    libsocket_message message = large_message();
    return libsocket_server_send(server, &message);
}

static int send_many_large(void)
{
    libsocket_message message = large_message();
    return libsocket_server_send_many(NULL, server, &message, 1);
}

static int send_document(void)
{
    return libsocket_server_send_packed(NULL, server, document, document_size);
}

static uint64_t deaf; /* the client that does not read */

static int send_to_deaf(void)
{
    libsocket_message message = large_message();
    return libsocket_server_send_to(server, deaf, &message);
}

static int client_send_large(void)
{
    libsocket_message message = large_message();
    return libsocket_client_send(client, &message);
}

static int client_send_many_large(void)
{
    libsocket_message message = large_message();
    return libsocket_client_send_many(NULL, client, &message, 1);
}

static int client_send_document(void)
{
    return libsocket_client_send_packed(NULL, client, document, document_size);
}

/* Sends until it fails. */
static int until_refused(int (*send)(void))
{
    int status = send();
    for (int i = 0; status == LIBSOCKET_OK && i < 2000; i++)
        status = send();
    return status;
}

static void clients_that_do_not_read(void)
{
    server = open_server("unix", "deaf", "slow_client = \"block\"\nsend_timeout = 0.05\nlinger = 0",
                         LIBSOCKET_PULL);
    int fd = raw_client("deaf");
    libsocket_event *event = next_of_server(server, LIBSOCKET_EVENT_CONNECTED);
    deaf = event->client;
    libsocket_free(event);
    CHECK_STATUS(until_refused(send_to_deaf), LIBSOCKET_E_SLOW);
    make_document(deaf);
    CHECK_STATUS(until_refused(send_document), LIBSOCKET_E_SLOW);
    make_document(deaf + 1000);
    CHECK_STATUS(send_document(), LIBSOCKET_E_UNKNOWN_CLIENT);
    CHECK_STATUS(until_refused(send_large), LIBSOCKET_E_TIMEOUT);
    CHECK_STATUS(until_refused(send_many_large), LIBSOCKET_E_TIMEOUT);
    make_document(0);
    CHECK_STATUS(until_refused(send_document), LIBSOCKET_E_TIMEOUT);
    CHECK_OK(libsocket_server_close(server));
    close(fd);
}

static void server_that_does_not_read(void)
{
    int listening = raw_listen("deaf_server");
    check_need(CHECK_OK(libsocket_client_open(&client, "unix", "deaf_server",
                                              "send_timeout = 0.05\nlinger = 0", 0, NULL, NULL)),
               "no client");
    int fd = accept_from(listening);
    make_client_document();
    CHECK_STATUS(until_refused(client_send_large), LIBSOCKET_E_TIMEOUT);
    CHECK_STATUS(until_refused(client_send_many_large), LIBSOCKET_E_TIMEOUT);
    CHECK_STATUS(until_refused(client_send_document), LIBSOCKET_E_TIMEOUT);
    CHECK_OK(libsocket_client_close(client));
    close(fd);
    close(listening);
}

/* ---- What answers is no server that lets the client in -------------------- */

typedef struct answer {
    const char *bytes;
    size_t size;
    int listening;
    int times;
} answer;

/* Answers and hangs up. The lock of the name is this process's. */
static void *give_answer(void *arg)
{
    const answer *a = arg;
    for (int i = 0; i < a->times; i++) {
        size_t size;
        int fd = accept_from(a->listening);
        free(raw_frame(fd, &size)); /* its hello */
        raw_write(fd, a->bytes, a->size);
        close(fd);
    }
    return NULL;
}

static int try_open(void)
{
    libsocket_client opened = {0};
    return libsocket_client_open(&opened, "unix", "answers", NULL, 0, NULL, NULL);
}

static int try_inspect(void)
{
    void *block = NULL;
    size_t size = 0;
    return libsocket_inspect(&block, &size, "unix", "answers", NULL);
}

static int answered(int (*try)(void), const char *bytes, size_t size)
{
    pthread_t thread;
    struct sockaddr_un address = raw_address("answers");
    server = open_server("unix", "answers", NULL, 0);
    check_need(unlink(address.sun_path) == 0, "no socket");
    /* Who inspects asks again when there was no answer. */
    answer a = {bytes, size, raw_listen("answers"), try == try_inspect && size == 0 ? 3 : 1};
    check_need(pthread_create(&thread, NULL, give_answer, &a) == 0, "no thread");
    int status = try();
    pthread_join(thread, NULL);
    close(a.listening);
    unlink(address.sun_path);
    CHECK_OK(libsocket_server_close(server));
    return status;
}

#define ANSWERED(bytes) answered(try, bytes, sizeof bytes - 1)

static void answers(int (*try)(void))
{
    CHECK_STATUS(ANSWERED(""), LIBSOCKET_E_NOT_CONNECTED);
    CHECK_STATUS(ANSWERED("HTTP/1.1 400 Bad Request\r\n\r\n"), LIBSOCKET_E_PROTOCOL);
    CHECK_STATUS(ANSWERED("\0\0\0\x26\x82\xa9libsocket\xa7goodbye\xa6reason\xabnot_allowed"),
                 LIBSOCKET_E_NOT_ALLOWED);
    CHECK_STATUS(ANSWERED("\0\0\0\x2a\x82\xa9libsocket\xa7goodbye\xa6reason\xafmax_connections"),
                 LIBSOCKET_E_MAX_CONNECTIONS);
}

/* Who has the lock of the name is waited for, and does not answer. */
static void never_answers(void)
{
    struct sockaddr_un address = raw_address("mute");
    libsocket_client opened = {0};
    server = open_server("unix", "mute", NULL, 0);
    check_need(unlink(address.sun_path) == 0, "no socket");
    int listening = raw_listen("mute");
    CHECK_STATUS(libsocket_client_open(&opened, "unix", "mute", "default_timeout = 0.3", 0, NULL,
                                       NULL), LIBSOCKET_E_TIMEOUT);
    close(listening);
    CHECK_OK(libsocket_server_close(server));
}

/* A TCP server with as many connections to accept as it may have. */
static void does_not_accept(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    void *block = NULL;
    size_t size = 0;
    char settings[80];
    int waiting[8], listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_need(bind(listening, (struct sockaddr *)&address, length) == 0 &&
                   listen(listening, 0) == 0 &&
                   getsockname(listening, (struct sockaddr *)&address, &length) == 0, "no port");
    for (int i = 0; i < 8; i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        check_need(connect(waiting[i], (struct sockaddr *)&address, length) == 0 ||
                       errno == EINPROGRESS, "no connection");
    }
    snprintf(settings, sizeof settings, "default_timeout = 0.3\nport = %d", ntohs(address.sin_port));
    CHECK_STATUS(libsocket_inspect(&block, &size, "tcp", "full", settings), LIBSOCKET_E_TIMEOUT);
    for (int i = 0; i < 8; i++)
        close(waiting[i]);
    close(listening);
}

/* ---- What the system refuses --------------------------------------------- */

static void no_such_directory(void)
{
    char settings[200];
    void *block = NULL;
    size_t size = 0;
    libsocket_server opened = {0};
    snprintf(settings, sizeof settings, "socket_dir = \"%s/file/below\"", support_dir);
    int fd = openat(AT_FDCWD, support_dir, O_DIRECTORY | O_CLOEXEC);
    int file = openat(fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK_STATUS(libsocket_server_open(&opened, "unix", "e", settings, 0, NULL, NULL),
                 LIBSOCKET_E_IO);
    CHECK_STATUS(libsocket_list(&block, &size, settings), LIBSOCKET_E_IO);
    close(file);
    close(fd);
}

static void open_to_strangers(void)
{
    libsocket_server opened = {0};
    CHECK_STATUS(libsocket_server_open(&opened, "tcp", "e", "host = \"0.0.0.0\"", 0, NULL, NULL),
                 LIBSOCKET_E_NOT_ALLOWED);
    CHECK_SAYS("insecure");
}

/* Leaves the process so many descriptors that are free. */
static void leave_descriptors(rlim_t count)
{
    struct rlimit limit;
    int lowest = open("/", O_RDONLY | O_CLOEXEC);
    check_need(lowest >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0, "no limit");
    close(lowest);
    limit.rlim_cur = count == 0 ? 0 : (rlim_t)lowest + count;
    check_need(setrlimit(RLIMIT_NOFILE, &limit) == 0, "no limit");
}

/* Without a descriptor there is no waiting. In a process of its own. */
static void no_descriptors(void)
{
    struct rlimit limit;
    server = open_server("unix", "limit", NULL, LIBSOCKET_PULL);
    client = join_server(server, "unix", "limit", "");
    peer p = {{0}, client};
    libsocket_free(next_event(p, LIBSOCKET_EVENT_SYNCED));
    libsocket_free(next_of_server(server, LIBSOCKET_EVENT_FIRST_CLIENT));
    check_need(getrlimit(RLIMIT_NOFILE, &limit) == 0, "no limit");
    leave_descriptors(1); /* to read settings, then for the handle's own */
    libsocket_event *events = NULL;
    libsocket_client another = {0};
    void *block = NULL;
    size_t size = 0;
    CHECK_STATUS(libsocket_client_open(&another, "unix", "limit", NULL, 0, NULL, NULL),
                 LIBSOCKET_E_IO);
    CHECK_SAYS("too many open files");
    leave_descriptors(0);
    CHECK_STATUS(libsocket_server_receive(&events, &size, server, 0, -1), LIBSOCKET_E_IO);
    CHECK_STATUS(libsocket_server_receive_packed(&block, &size, server, 0, -1), LIBSOCKET_E_IO);
    CHECK_STATUS(libsocket_client_receive(&events, &size, client, 0, -1), LIBSOCKET_E_IO);
    CHECK_STATUS(libsocket_client_receive_packed(&block, &size, client, 0, -1), LIBSOCKET_E_IO);
    CHECK_STATUS(libsocket_server_wait_events(server, -1), LIBSOCKET_E_IO);
    CHECK_STATUS(libsocket_client_wait_events(client, -1), LIBSOCKET_E_IO);
    CHECK_STATUS(libsocket_server_wait_clients(server, 5, -1), LIBSOCKET_E_IO);
    CHECK_SAYS("eventfd");
    check_need(setrlimit(RLIMIT_NOFILE, &limit) == 0, "no limit");
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static box called_back = BOX;

static void count_messages(const libsocket_event *events, size_t count, void *user)
{
    (void)user;
    for (size_t i = 0; i < count; i++)
        box_add(&called_back, events[i].kind == LIBSOCKET_EVENT_MESSAGE);
}

/* A callback's thread, which cannot poll then, is told all the same. */
static void callback_without_descriptors(void)
{
    struct rlimit limit;
    libsocket_message message = data_message("\xc0", 1);
    server = open_server("unix", "called", NULL, 0);
    CHECK_OK(libsocket_client_open(&client, "unix", "called", NULL, 0, count_messages, NULL));
    CHECK_OK(libsocket_server_wait_clients(server, 1, -1));
    check_need(getrlimit(RLIMIT_NOFILE, &limit) == 0, "no limit");
    leave_descriptors(0);
    for (int i = 1; i <= 20; i++) {
        CHECK_OK(libsocket_server_send(server, &message));
        box_wait(&called_back, i);
    }
    check_need(setrlimit(RLIMIT_NOFILE, &limit) == 0, "no limit");
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

/* From now on the system refuses a call of this process, which may be root's. */
static void refuse(uint32_t call, uint32_t error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof code / sizeof *code, code};
    check_need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
                           &filter) == 0, "no filter");
}

/* Files that cannot be removed, a directory that cannot be read. */
static void no_access(void)
{
    void *block = NULL;
    size_t size = 0;
    server = open_server("unix", "fixed", NULL, 0);
    refuse(SYS_unlinkat, EPERM);
    CHECK_STATUS(libsocket_server_close(server), LIBSOCKET_E_IO);
    CHECK_SAYS("fixed");
    CHECK_STATUS(libsocket_server_close(server), LIBSOCKET_E_BAD_HANDLE);
    CHECK_OK(libsocket_list(&block, &size, NULL));
    libsocket_free(block);
    block = NULL;
    size = 0;
    refuse(SYS_getdents64, EACCES);
    CHECK_STATUS(libsocket_list(&block, &size, NULL), LIBSOCKET_E_NOT_ALLOWED);
    CHECK_SAYS(support_dir);
    refuse(SYS_socket, EMFILE);
    CHECK_STATUS(libsocket_inspect(&block, &size, "unix", "fixed", NULL), LIBSOCKET_E_IO);
    CHECK(block == NULL && size == 0);
}

static void in_own_process(const char *self, const char *what)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl(self, self, what, (char *)NULL);
        _exit(3);
    }
    int status = -1;
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- What is not given, or is no message ---------------------------------- */

static void not_given(void)
{
    libsocket_message message = data_message(NULL, 0);
    libsocket_client_info *infos = NULL;
    void *block = NULL;
    char *text = NULL;
    size_t size = 7;
    server = open_server("unix", "given", "max_message_size = 2000", LIBSOCKET_PULL);
    client = join_server(server, "unix", "given", "");
#define INVALID(call) CHECK_STATUS(call, LIBSOCKET_E_INVALID)
    INVALID(libsocket_server_receive_packed(NULL, &size, server, 0, 0));
    INVALID(libsocket_server_receive_packed(&block, NULL, server, 0, 0));
    INVALID(libsocket_server_clients(NULL, &size, server));
    INVALID(libsocket_server_clients(&infos, NULL, server));
    INVALID(libsocket_server_address(NULL, server));
    INVALID(libsocket_server_queue_length(NULL, server));
    INVALID(libsocket_server_queue_take(NULL, &size, server));
    INVALID(libsocket_server_queue_take(&block, NULL, server));
    INVALID(libsocket_server_stats(NULL, &size, server));
    INVALID(libsocket_server_stats(&block, NULL, server));
    INVALID(libsocket_client_send_many(NULL, client, NULL, 1));
    INVALID(libsocket_client_buffered(NULL, client));
    INVALID(libsocket_server_send_packed(NULL, server, NULL, 0));
    INVALID(libsocket_client_send_packed(NULL, client, NULL, 0));
    CHECK(infos == NULL && block == NULL && text == NULL && size == 7);

    message = large_message();
    make_document(0);
#define TOO_LARGE(call) CHECK_STATUS(call, LIBSOCKET_E_TOO_LARGE)
    TOO_LARGE(libsocket_server_send_many(&size, server, &message, 1));
    TOO_LARGE(libsocket_server_send_to(server, 1, &message));
    TOO_LARGE(libsocket_server_send_packed(&size, server, document, document_size));
    make_client_document();
    TOO_LARGE(libsocket_client_send_many(&size, client, &message, 1));
    TOO_LARGE(libsocket_client_send_packed(&size, client, document, document_size));

    message = data_message("\x81", 1);
#define BAD(call) CHECK_STATUS(call, LIBSOCKET_E_BAD_MESSAGE)
    BAD(libsocket_server_send_to(server, 1, &message));
    BAD(libsocket_client_send(client, &message));
    BAD(libsocket_client_send_many(&size, client, &message, 1));
    BAD(libsocket_server_send_packed(&size, server, "\x81", 1));
    BAD(libsocket_client_send_packed(&size, client, "\x81", 1));

    CHECK_OK(libsocket_server_close(server));
    peer p = {{0}, client};
    libsocket_free(next_event(p, LIBSOCKET_EVENT_DISCONNECTED));
    message = data_message(NULL, 0);
#define NOT_CONNECTED(call) CHECK_STATUS(call, LIBSOCKET_E_NOT_CONNECTED)
    NOT_CONNECTED(libsocket_client_send(client, &message));
    NOT_CONNECTED(libsocket_client_send_many(&size, client, &message, 1));
    NOT_CONNECTED(libsocket_client_send_packed(&size, client, "\x91\x80", 2));
    CHECK_OK(libsocket_client_close(client));

    server = open_server("unix", "given", NULL, 0);
    client = join_server(server, "unix", "given", "reconnect = false");
    CHECK_OK(libsocket_server_close(server));
    p.client = client;
    libsocket_free(next_event(p, LIBSOCKET_EVENT_DISCONNECTED));
    NOT_CONNECTED(libsocket_client_receive_packed(&block, &size, client, 0, -1));
    CHECK_OK(libsocket_client_close(client));
}

/* What is taken at once, and what a deadline ends. */
static void nothing_comes(void)
{
    libsocket_event *events = NULL;
    void *block = NULL;
    size_t size = 0;
    server = open_server("unix", "nothing", NULL, LIBSOCKET_PULL);
    CHECK_STATUS(libsocket_server_receive(&events, &size, server, 0, 0), LIBSOCKET_E_TIMEOUT);
    CHECK_STATUS(libsocket_server_receive_packed(&block, &size, server, 0, 1),
                 LIBSOCKET_E_TIMEOUT);
    CHECK_OK(libsocket_server_close(server));
}

int main(int argc, char **argv)
{
    if (argc > 1) { /* in the directory of who started it */
        check_bound(SUPPORT_SECONDS);
        strcpy(support_dir, getenv("HOME"));
        if (strcmp(argv[1], "descriptors") == 0) {
            RUN(no_descriptors);
            RUN(callback_without_descriptors);
        } else {
            RUN(no_access);
        }
        return check_report();
    }
    support_start();
    RUN(server_that_closes);
    RUN(client_that_closes);
    RUN(receivers_are_told);
    RUN(clients_that_do_not_read);
    RUN(server_that_does_not_read);
    RUN_WITH(answers, try_open);
    RUN_WITH(answers, try_inspect);
    RUN(does_not_accept);
    RUN(never_answers);
    RUN(no_such_directory);
    RUN(open_to_strangers);
    RUN_WITH(in_own_process, argv[0], "descriptors");
    RUN_WITH(in_own_process, argv[0], "access");
    RUN(not_given);
    RUN(nothing_comes);
    return support_end();
}
