/*
 * fault_test.c - a pointer that leads nowhere is the caller's fault and stays
 * his: his handler of SIGSEGV runs, on his thread, with the address, and when
 * it leaves the call the library goes on.
 *
 * The test is the child, which valgrind does not watch: it would report the
 * faults.
 */
#include "support.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static char *nowhere; /* a page without access */
static size_t page;
static sigjmp_buf back;
static pthread_t caller;
static volatile sig_atomic_t faults;

static void leave(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    const char *at = info->si_addr;
    if (!pthread_equal(pthread_self(), caller) || at < nowhere || at >= nowhere + page)
        _exit(9); /* another thread's, or another address */
    faults++;
    siglongjmp(back, 1);
}

static void catch_faults(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = leave;
    action.sa_flags = SA_SIGINFO;
    page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check_need(pages != MAP_FAILED, "no pages");
    nowhere = pages + page;
    caller = pthread_self();
    check_need(mprotect(nowhere, page, PROT_NONE) == 0 && sigaction(SIGSEGV, &action, NULL) == 0, "no handler");
}

/* The call does not come back, the handler does. */
#define FAULTS(call)                       \
    do {                                   \
        int before_ = faults;              \
        if (sigsetjmp(back, 1) == 0) {     \
            (void)(call);                  \
            CHECK(!"the call came back");  \
        }                                  \
        CHECK(faults == before_ + 1);      \
    } while (0)

static libsocket_server server;
static libsocket_client client;

static void messages(void)
{
    libsocket_message message = data_message(nowhere, 100);
    size_t sent;
    FAULTS(libsocket_server_send(server, &message));
    FAULTS(libsocket_client_send(client, &message));
    FAULTS(libsocket_server_send_to(server, 1, &message));
    FAULTS(libsocket_server_send_many(&sent, server, &message, 1));
    FAULTS(libsocket_client_send_many(&sent, client, &message, 1));
    FAULTS(libsocket_server_send(server, (libsocket_message *)(void *)nowhere));
    FAULTS(libsocket_server_send_packed(&sent, server, nowhere, 10));
    FAULTS(libsocket_client_send_packed(&sent, client, nowhere, 10));
    message = data_message(nowhere - page, 2 * page); /* the second half is not there */
    FAULTS(libsocket_server_send(server, &message));
    message = data_message(NULL, 0);
    message.event_name = nowhere;
    FAULTS(libsocket_server_send(server, &message));
    message.event_name = NULL;
    message.timestamp_iso = nowhere;
    FAULTS(libsocket_server_send(server, &message));
    message.timestamp_iso = NULL;
    message.retain_key = nowhere;
    FAULTS(libsocket_server_send(server, &message));
}

static void texts(void)
{
    libsocket_server opened;
    libsocket_client joined;
    void *block;
    char *text;
    size_t size;
    FAULTS(libsocket_server_open(&opened, nowhere, "e", NULL, 0, NULL, NULL));
    FAULTS(libsocket_server_open(&opened, "unix", nowhere, NULL, 0, NULL, NULL));
    FAULTS(libsocket_server_open(&opened, "unix", "e", nowhere, 0, NULL, NULL));
    FAULTS(libsocket_client_open(&joined, "unix", nowhere, NULL, 0, NULL, NULL));
    FAULTS(libsocket_settings(&block, &size, "unix", nowhere));
    FAULTS(libsocket_inspect(&block, &size, "unix", nowhere, NULL));
    FAULTS(libsocket_list(&block, &size, nowhere));
    FAULTS(libsocket_json_to_msgpack(&block, &size, nowhere, 10));
    FAULTS(libsocket_msgpack_to_json(&text, nowhere, 10));
}

/* Whether a handle can be stored is known before it is open. */
static void out_parameters(void)
{
    void *out = nowhere;
    FAULTS(libsocket_server_open(out, "unix", "e", NULL, 0, NULL, NULL));
    FAULTS(libsocket_client_open(out, "unix", "fault", NULL, 0, NULL, NULL));
    FAULTS(libsocket_server_queue_length(out, server));
}

static void library_goes_on(void)
{
    numbered number;
    libsocket_server again;
    CHECK_OK(libsocket_server_send(server, number_message(&number, 7)));
    libsocket_event *event = next_message(client);
    CHECK(event_number(event) == 7);
    libsocket_free(event);
    CHECK_OK(libsocket_server_open(&again, "unix", "e", NULL, 0, NULL, NULL));
    CHECK_OK(libsocket_server_close(again));
    CHECK_OK(libsocket_client_close(client));
    CHECK_OK(libsocket_server_close(server));
}

static void in_a_child(const char *self)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        execl(self, self, "child", (char *)NULL);
        _exit(127);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
    if (argc == 1) {
        support_start();
        RUN_WITH(in_a_child, argv[0]);
        return support_end();
    }
    check_bound(SUPPORT_SECONDS);
    server = open_server("unix", "fault", NULL, 0);
    client = join_server(server, "unix", "fault", "");
    catch_faults();
    RUN(messages);
    RUN(texts);
    RUN(out_parameters);
    RUN(library_goes_on);
    return check_report();
}
