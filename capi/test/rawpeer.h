/*
 * rawpeer.h - a peer that is not the library: a plain Unix socket and the
 * frames of the wire, as an old process has them.
 */
#ifndef RAWPEER_H
#define RAWPEER_H

#include "support.h"

#include <sys/socket.h>
#include <sys/un.h>

static inline struct sockaddr_un raw_address(const char *event)
{
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "%.60s/%.20s.sock", support_dir, event);
    return address;
}

/* An old client: connected, and silent until it has something to say. */
static inline int raw_client(const char *event)
{
    struct sockaddr_un address = raw_address(event);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_need(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0,
               "no connection");
    return fd;
}

/* An old server's listening socket. */
static inline int raw_listen(const char *event)
{
    struct sockaddr_un address = raw_address(event);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_need(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                   chmod(address.sun_path, 0600) == 0 && listen(fd, 5) == 0,
               "no listening socket");
    return fd;
}

static inline bool raw_write(int fd, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t written = send(fd, at, size, MSG_NOSIGNAL);
        if (written <= 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

/* Reads exactly so many bytes; false when the connection ends before. */
static inline bool raw_read(int fd, void *data, size_t size)
{
    char *at = data;
    while (size > 0) {
        ssize_t got = read(fd, at, size);
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

/* Reads one frame, length and body, into a block to free; NULL at the end. */
static inline unsigned char *raw_frame(int fd, size_t *size)
{
    unsigned char head[4];
    if (!raw_read(fd, head, sizeof head))
        return NULL;
    size_t body = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    unsigned char *frame = malloc(body + sizeof head);
    check_need(frame != NULL, "out of memory");
    memcpy(frame, head, sizeof head);
    *size = body + sizeof head;
    if (raw_read(fd, frame + sizeof head, body))
        return frame;
    free(frame);
    return NULL;
}

#endif
