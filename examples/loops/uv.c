/* A viewer of the progress scenario in a loop of libuv: the client is a handle
 * of the kind uv_poll_t. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <uv.h>

#include "../progress/bar.h"

struct viewer {
    uv_poll_t poll;
    uv_signal_t signals[2];
    libsocket_client client;
    long runs, seen;
    int status;
};

/* Ends the loop: it runs until its handles are closed. */
static void stop(struct viewer *v, int status)
{
    v->status = status;
    uv_close((uv_handle_t *)&v->poll, NULL);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&v->signals[i], NULL);
}

/* Something has arrived: takes it without waiting. */
static void on_readable(uv_poll_t *poll, int error, int events)
{
    struct viewer *const v = poll->data;
    libsocket_event *batch;
    size_t count;
    (void)error, (void)events;
    const int status =
        libsocket_client_receive(&batch, &count, v->client, 0, 0);
    if (status == LIBSOCKET_E_TIMEOUT)
        return;
    if (status != LIBSOCKET_OK) {
        stop(v, status);
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (batch[i].kind == LIBSOCKET_EVENT_MESSAGE)
            v->seen += bar_draw(&batch[i]);
    fflush(stdout);
    libsocket_free(batch);
    if (v->runs > 0 && v->seen >= v->runs)
        stop(v, LIBSOCKET_OK);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    if (!uv_is_closing((uv_handle_t *)signal))
        stop(signal->data, LIBSOCKET_OK);
}

static void check_loop(int status)
{
    if (status < 0) {
        fprintf(stderr, "%s\n", uv_strerror(status));
        exit(71);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: uv unix|tcp RUNS (0: for ever)\n");
        return 64;
    }
    struct viewer v = {.runs = atol(argv[2])};
    v.status = libsocket_client_open(&v.client, argv[1], "progress",
                                     "wait_for_server = true", 0, NULL, NULL);
    if (v.status == LIBSOCKET_OK) {
        static const int ending[] = {SIGINT, SIGTERM};
        uv_loop_t loop;
        check_loop(uv_loop_init(&loop));
        check_loop(uv_poll_init(&loop, &v.poll, libsocket_client_fd(v.client)));
        v.poll.data = &v;
        check_loop(uv_poll_start(&v.poll, UV_READABLE, on_readable));
        for (int i = 0; i < 2; i++) {
            check_loop(uv_signal_init(&loop, &v.signals[i]));
            v.signals[i].data = &v;
            check_loop(uv_signal_start(&v.signals[i], on_signal, ending[i]));
        }
        uv_run(&loop, UV_RUN_DEFAULT);
        check_loop(uv_loop_close(&loop));
        /* The client's descriptor ends with it: the poll is gone by now. */
        const int closed = libsocket_client_close(v.client);
        if (v.status == LIBSOCKET_OK)
            v.status = closed;
    }
    if (v.status != LIBSOCKET_OK) {
        fprintf(stderr, "%s\n", libsocket_last_error());
        return 69;
    }
    return 0;
}
