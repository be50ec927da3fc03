/* Tells its clients how far a job is. */
#include <libsocket.h>
#include <libsocket_payload.h>
#include <stdio.h>

int main(void)
{
    libsocket_server server;
    int status = libsocket_server_open(&server, "unix", "quickstart", NULL, 0, NULL, NULL);
    if (status == LIBSOCKET_OK)
        status = libsocket_server_wait_clients(server, 1, -1);
    for (int percent = 0; status == LIBSOCKET_OK && percent <= 100; percent += 25) {
        unsigned char buffer[64];
        libsocket_writer w;
        libsocket_writer_init(&w, buffer, sizeof buffer);
        libsocket_write_map(&w);
        libsocket_put_int(&w, "percent", percent);
        libsocket_write_end(&w);
        libsocket_message message = {.data = buffer, .data_size = libsocket_writer_size(&w)};
        status = libsocket_server_send(server, &message);
    }
    if (status == LIBSOCKET_OK)
        status = libsocket_server_close(server); /* delivers what was sent first */
    if (status != LIBSOCKET_OK)
        fprintf(stderr, "%s\n", libsocket_last_error());
    return status != LIBSOCKET_OK;
}
