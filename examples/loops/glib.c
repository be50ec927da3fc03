/* A viewer of the progress scenario in the main loop of GLib, which is also
 * that of GTK: the client is a source like any other. */
#include <glib-unix.h>
#include <stdlib.h>

#include "../progress/bar.h"

struct viewer {
    GMainLoop *loop;
    libsocket_client client;
    long runs, seen;
    int status;
};

/* Ends the loop, and the program with the status of the library. */
static gboolean stop(struct viewer *v, int status)
{
    v->status = status;
    g_main_loop_quit(v->loop);
    return G_SOURCE_CONTINUE;
}

/* Something has arrived: takes it without waiting. */
static gboolean on_readable(gint fd, GIOCondition condition, gpointer user)
{
    struct viewer *const v = user;
    libsocket_event *events;
    size_t count;
    (void)fd, (void)condition;
    const int status =
        libsocket_client_receive(&events, &count, v->client, 0, 0);
    if (status == LIBSOCKET_E_TIMEOUT)
        return G_SOURCE_CONTINUE;
    if (status != LIBSOCKET_OK)
        return stop(v, status);
    for (size_t i = 0; i < count; i++)
        if (events[i].kind == LIBSOCKET_EVENT_MESSAGE)
            v->seen += bar_draw(&events[i]);
    fflush(stdout);
    libsocket_free(events);
    return v->runs > 0 && v->seen >= v->runs ? stop(v, LIBSOCKET_OK)
                                             : G_SOURCE_CONTINUE;
}

static gboolean on_signal(gpointer user)
{
    return stop(user, LIBSOCKET_OK);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: glib unix|tcp RUNS (0: for ever)\n");
        return 64;
    }
    struct viewer v = {.runs = atol(argv[2])};
    v.status = libsocket_client_open(&v.client, argv[1], "progress",
                                     "wait_for_server = true", 0, NULL, NULL);
    if (v.status == LIBSOCKET_OK) {
        v.loop = g_main_loop_new(NULL, FALSE);
        const guint sources[] = {
            g_unix_fd_add(libsocket_client_fd(v.client), G_IO_IN, on_readable,
                          &v),
            g_unix_signal_add(SIGINT, on_signal, &v),
            g_unix_signal_add(SIGTERM, on_signal, &v),
        };
        g_main_loop_run(v.loop);
        /* The client's descriptor ends with it, so its source goes first. */
        for (size_t i = 0; i < G_N_ELEMENTS(sources); i++)
            g_source_remove(sources[i]);
        g_main_loop_unref(v.loop);
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
