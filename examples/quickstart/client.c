/* Prints how far the job is; may be started first. */
#include <libsocket.h>
#include <libsocket_payload.h>
#include <stdio.h>

int main(void)
{
    libsocket_client client;
    int status = libsocket_client_open(&client, "unix", "quickstart", "wait_for_server = true",
                                       0, NULL, NULL);
    for (int64_t percent = 0; status == LIBSOCKET_OK && percent < 100;) {
        libsocket_event *event;
        size_t count;
        status = libsocket_client_receive(&event, &count, client, 1, -1);
        if (status != LIBSOCKET_OK)
            break;
        if (event->kind == LIBSOCKET_EVENT_MESSAGE) {
            libsocket_value data = libsocket_payload(event->data, event->data_size);
            percent = libsocket_get_int(data, "percent", 0);
            printf("%d %%\n", (int)percent);
        }
        libsocket_free(event);
    }
    if (status == LIBSOCKET_OK)
        status = libsocket_client_close(client);
    if (status != LIBSOCKET_OK)
        fprintf(stderr, "%s\n", libsocket_last_error());
    return status != LIBSOCKET_OK;
}
