#include "admin/fetch.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_BYTES = 65536 };

static int connected(int fd, const struct sockaddr *to, socklen_t n, unsigned timeout_ms)
{
    struct timeval tv = {timeout_ms / 1000, (suseconds_t)(timeout_ms % 1000) * 1000};

    if (fd < 0)
        return -errno;
    /* The send time-out bounds connect as well: socket(7). */
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) < 0 || connect(fd, to, n) < 0) {
        int err = errno == EINPROGRESS ? ETIMEDOUT : errno;

        close(fd);
        return -err;
    }
    return fd;
}

static int open_unix(const char *path, unsigned timeout_ms)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof to.sun_path)
        return -ENAMETOOLONG;
    strcpy(to.sun_path, path);
    return connected(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), (struct sockaddr *)&to, sizeof to, timeout_ms);
}

static int open_tcp(const char *address, unsigned timeout_ms)
{
    const char *colon = strrchr(address, ':');
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *ai;
    char host[256];
    size_t n;
    int fd = -EINVAL;

    if (!colon)
        return -EINVAL;
    n = (size_t)(colon - address);
    if (n > 1 && address[0] == '[' && address[n - 1] == ']')
        address++, n -= 2;
    if (n >= sizeof host)
        return -EINVAL;
    memcpy(host, address, n);
    host[n] = '\0';
    if (getaddrinfo(n ? host : NULL, colon + 1, &hints, &list))
        return -EADDRNOTAVAIL;
    for (ai = list; ai && fd < 0; ai = ai->ai_next)
        fd = connected(socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, 0), ai->ai_addr, ai->ai_addrlen,
                       timeout_ms);
    freeaddrinfo(list);
    return fd;
}

static int send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

        if (k < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        p += k;
        n -= (size_t)k;
    }
    return 0;
}

static int read_all(int fd, struct buf *out)
{
    for (;;) {
        ssize_t k;
        int r = buf_reserve(out, READ_BYTES);

        if (r)
            return -EMSGSIZE;
        k = recv(fd, out->p + out->n, READ_BYTES, 0);
        if (k < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (k == 0)
            return 0;
        out->n += (size_t)k;
    }
}

int fetch_get(const char *address, const char *target, unsigned timeout_ms, unsigned *status, struct buf *out)
{
    char request[512];
    const char *body;
    int fd, r;

    fd = strncmp(address, "unix:", 5) == 0 ? open_unix(address + 5, timeout_ms) : open_tcp(address, timeout_ms);
    if (fd < 0)
        return fd;
    /* HTTP/1.0 and no Host: the address is a number or a path, which `hosts` need not list. */
    snprintf(request, sizeof request, "GET %s HTTP/1.0\r\n\r\n", target);
    r = send_all(fd, request, strlen(request));
    if (r == 0)
        r = read_all(fd, out);
    close(fd);
    if (r < 0)
        return r;
    if (out->n < 12 || memcmp(out->p, "HTTP/1.", 7) != 0 || !(body = memmem(out->p, out->n, "\r\n\r\n", 4)))
        return -EPROTO;
    *status = (unsigned)atoi(out->p + 9);
    buf_consume(out, (size_t)(body + 4 - out->p));
    return 0;
}
