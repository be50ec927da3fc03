/* The server of the progress scenario hashes every file below a directory and
 * tells its viewers how far it is. */
#define _XOPEN_SOURCE 700
#include <limits.h>
#include <unistd.h>

#include "files.h"
#include "libsocket.h"
#include "libsocket_payload.h"

static void check(int status)
{
    if (status < 0) {
        fprintf(stderr, "%s\n", libsocket_last_error());
        exit(69);
    }
}

static void send_map(libsocket_server server, uint32_t type,
                     const libsocket_writer *w)
{
    const libsocket_message message = {
        .type = type, .data = w->buffer, .data_size = libsocket_writer_size(w)};
    check(libsocket_server_send(server, &message));
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: server unix|tcp DIRECTORY VIEWERS\n");
        return 64;
    }
    if (chdir(argv[2]) != 0)
        files_fail(argv[2]);
    libsocket_server server;
    check(libsocket_server_open(&server, argv[1], "progress", NULL, 0, NULL,
                                NULL));
    files_find();
    printf("serving progress over %s, files: %zu, viewers expected: %s\n",
           argv[1], files_total, argv[3]);
    fflush(stdout);
    check(libsocket_server_wait_clients(server, strtoul(argv[3], NULL, 10),
                                        -1));

    unsigned char buffer[PATH_MAX + 256];
    libsocket_writer w;
    size_t hashed = 0;
    for (size_t i = 0; i < files_total; i++) {
        char sha256[SHA256_DIGITS];
        const bool good = files_hash(files[i], sha256);
        hashed += good;
        libsocket_writer_init(&w, buffer, sizeof buffer);
        libsocket_write_map(&w);
        libsocket_put_str(&w, "file", files[i]);
        libsocket_put_uint(&w, "done", i + 1);
        libsocket_put_uint(&w, "total", files_total);
        libsocket_put_double(&w, "percent",
                             100.0 * (double)(i + 1) / (double)files_total);
        if (good)
            libsocket_put_str(&w, "sha256", sha256);
        else
            libsocket_put_str(&w, "text", "cannot be read");
        libsocket_write_end(&w);
        send_map(server, good ? LIBSOCKET_DATA : LIBSOCKET_ERROR, &w);
    }
    libsocket_writer_init(&w, buffer, sizeof buffer);
    libsocket_write_map(&w);
    libsocket_put_str(&w, "status", "done");
    libsocket_put_uint(&w, "files", hashed);
    libsocket_write_end(&w);
    send_map(server, LIBSOCKET_CONTROL, &w);
    check(libsocket_server_close(server)); /* delivers what was sent first */
    printf("hashed files: %zu\n", hashed);
    return 0;
}
