/* A viewer of the progress scenario in an epoll loop. The descriptor of the
 * client stands in it beside any other: here that of the signals which end the
 * program. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "../progress/bar.h"

static void check(int status)
{
    if (status < 0) {
        fprintf(stderr, "%s\n", libsocket_last_error());
        exit(69);
    }
}

static void check_system(int result, const char *what)
{
    if (result < 0) {
        perror(what);
        exit(71);
    }
}

/* Takes what has arrived, without waiting; returns how many runs ended. */
static long take(libsocket_client client)
{
    libsocket_event *events;
    size_t count;
    long ended = 0;
    const int status = libsocket_client_receive(&events, &count, client, 0, 0);
    if (status == LIBSOCKET_E_TIMEOUT)
        return 0;
    check(status);
    for (size_t i = 0; i < count; i++)
        if (events[i].kind == LIBSOCKET_EVENT_MESSAGE)
            ended += bar_draw(&events[i]);
    fflush(stdout);
    libsocket_free(events);
    return ended;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: epoll unix|tcp RUNS (0: for ever)\n");
        return 64;
    }
    const long runs = atol(argv[2]);
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    const int signals = signalfd(-1, &ending, SFD_CLOEXEC);
    check_system(signals, "signalfd");

    libsocket_client client;
    check(libsocket_client_open(&client, argv[1], "progress",
                                "wait_for_server = true", 0, NULL, NULL));
    const int arrived = libsocket_client_fd(client);
    check(arrived);

    const int loop = epoll_create1(EPOLL_CLOEXEC);
    check_system(loop, "epoll_create1");
    const int descriptors[] = {signals, arrived};
    for (size_t i = 0; i < 2; i++) {
        /* Level-triggered: one receive a round is enough. */
        struct epoll_event event = {EPOLLIN, {.fd = descriptors[i]}};
        check_system(epoll_ctl(loop, EPOLL_CTL_ADD, descriptors[i], &event),
                     "epoll_ctl");
    }
    long seen = 0;
    for (bool running = true; running;) {
        struct epoll_event ready[2];
        const int count = epoll_wait(loop, ready, 2, -1);
        if (count < 0 && errno == EINTR)
            continue;
        check_system(count, "epoll_wait");
        for (int i = 0; i < count; i++) {
            if (ready[i].data.fd == arrived)
                seen += take(client);
            if (ready[i].data.fd == signals || (runs > 0 && seen >= runs))
                running = false;
        }
    }
    /* The client's descriptor ends with it, so the loop goes first. */
    close(loop);
    check(libsocket_client_close(client));
    close(signals);
    return 0;
}
