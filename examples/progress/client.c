/* A viewer of the progress scenario draws a bar for each run of the server. It
 * may be started first, and waits for the next run after each. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string.h>
#include <unistd.h>

#include "libsocket.h"
#include "libsocket_payload.h"

static void check(int status)
{
    if (status < 0) {
        fprintf(stderr, "%s\n", libsocket_last_error());
        exit(69);
    }
}

/* Draws a message; true when it was the last of its run. */
static bool draw(const libsocket_event *message)
{
    static const char bar[] = "####################";
    /* A terminal shows one line that changes, anything else gets them all. */
    const bool terminal = isatty(STDOUT_FILENO);
    const char *start = terminal ? "\r\033[K" : "", *stop = terminal ? "" : "\n";
    const libsocket_value data =
        libsocket_payload(message->data, message->data_size);

    if (message->type == LIBSOCKET_CONTROL) {
        printf("%s[%s] done, files: %lld\n", start, bar,
               (long long)libsocket_get_int(data, "files", 0));
        return true;
    }
    char file[4096], sha256[65], text[256];
    libsocket_get_str(data, "file", file, sizeof file, "?");
    if (message->type == LIBSOCKET_ERROR) {
        printf("%s%s: %s\n", start, file,
               libsocket_get_str(data, "text", text, sizeof text, "?"));
        return false;
    }
    const double percent = libsocket_get_double(data, "percent", 0);
    const char *slash = strrchr(file, '/');
    printf("%s[%-20.*s] %5.1f %% %.8s %s%s", start, (int)(percent / 5), bar,
           percent,
           libsocket_get_str(data, "sha256", sha256, sizeof sha256, "?"),
           slash != NULL ? slash + 1 : file, stop);
    return false;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: client unix|tcp RUNS (0: for ever)\n");
        return 64;
    }
    const long runs = atol(argv[2]);
    long seen = 0;
    libsocket_client client;
    check(libsocket_client_open(&client, argv[1], "progress",
                                "wait_for_server = true", 0, NULL, NULL));
    do {
        libsocket_event *event;
        size_t count;
        check(libsocket_client_receive(&event, &count, client, 1, -1));
        if (event->kind == LIBSOCKET_EVENT_MESSAGE && draw(event))
            seen++;
        fflush(stdout);
        libsocket_free(event);
    } while (seen == 0 || seen != runs);
    check(libsocket_client_close(client));
    return 0;
}
