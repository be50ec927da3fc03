/* bar.h - what a viewer of the progress scenario draws: the same whether it
 * receives in a loop of its own or in an event loop of ../loops. */
#ifndef BAR_H
#define BAR_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libsocket.h"
#include "libsocket_payload.h"

/* Draws a message; true when it was the last of its run. */
static inline bool bar_draw(const libsocket_event *message)
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

#endif
