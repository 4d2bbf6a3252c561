#include "io/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/loop_priv.h"
#include "io/stream_priv.h"

/* libuv's own listening handle keeps polling a socket that accept() refuses for want of descriptors, which spins.  So
 * the socket is ours: watched by a poll handle that can be stopped, accepted from a bounded number of times a turn. */
enum { BACKLOG = 4096, ACCEPTS_PER_TURN = 64, EXHAUSTED_PAUSE_MS = 100, KEEPALIVE_IDLE_S = 60, SOCKET_MODE = 0660 };

enum listener_state { LISTENER_OPEN, LISTENER_EXHAUSTED, LISTENER_CLOSED };

struct listener {
    uv_poll_t poll;
    int fd;
    struct loop *loop;
    struct listener_ops ops;
    void *owner;
    enum listener_state state;
    struct loop_timer retry;
    char *address;
    const char *path; /* unix: within address */
    dev_t dev;        /* of the socket file as we made it: another process may put its own in its place */
    ino_t ino;
};

struct address {
    union {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un un;
    } u;
    socklen_t len;
};

static int parse_unix(struct address *a, const char *path)
{
    size_t n = strlen(path);

    if (n == 0 || n >= sizeof a->u.un.sun_path)
        return -EINVAL;
    a->u.un.sun_family = AF_UNIX;
    memcpy(a->u.un.sun_path, path, n + 1);
    a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    return 0;
}

static int parse_port(uint16_t *out, const char *text)
{
    unsigned long port = 0;

    if (!*text || strlen(text) > 5)
        return -EINVAL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        port = port * 10 + (unsigned long)(*text - '0');
    }
    if (port > UINT16_MAX)
        return -EINVAL;
    *out = htons((uint16_t)port);
    return 0;
}

static int parse_address(struct address *a, const char *text)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2];
    size_t n;

    memset(a, 0, sizeof *a);
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(a, text + 5);
    n = colon ? (size_t)(colon - text) : 0;
    if (n == 0 || n >= sizeof host)
        return -EINVAL;
    memcpy(host, text, n);
    host[n] = '\0';
    if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        a->u.v6.sin6_family = AF_INET6;
        a->len = sizeof a->u.v6;
        return inet_pton(AF_INET6, host + 1, &a->u.v6.sin6_addr) == 1 ? parse_port(&a->u.v6.sin6_port, colon + 1)
                                                                      : -EINVAL;
    }
    a->u.v4.sin_family = AF_INET;
    a->len = sizeof a->u.v4;
    return inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &a->u.v4.sin_addr) == 1
               ? parse_port(&a->u.v4.sin_port, colon + 1)
               : -EINVAL;
}

int listener_address_check(const char *address)
{
    struct address a;

    return parse_address(&a, address);
}

/* A socket file that nothing listens on is what a process left that was killed. */
static int unix_is_stale(const struct address *a)
{
    struct stat st;
    int fd, r;

    if (lstat(a->u.un.sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return 0;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return 0;
    r = connect(fd, &a->u.sa, a->len) != 0 && errno == ECONNREFUSED;
    close(fd);
    return r;
}

static int bind_unix(int fd, const struct address *a)
{
    /* Linux gives the file the mode of the socket's inode, so there is no moment with a wider one. */
    if (fchmod(fd, SOCKET_MODE) != 0)
        return -errno;
    if (bind(fd, &a->u.sa, a->len) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return -errno;
    if (!unix_is_stale(a))
        return -EADDRINUSE;
    if (unlink(a->u.un.sun_path) != 0 || bind(fd, &a->u.sa, a->len) != 0)
        return -errno;
    return 0;
}

static int bind_tcp(int fd, const struct address *a)
{
    /* Linux hands these down to the accepted sockets: no system call a connection. */
    static const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_REUSEADDR, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
    };
    int one = 1;

    for (unsigned i = 0; i < sizeof options / sizeof options[0]; i++)
        if (setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value) != 0)
            return -errno;
    /* [::] beside 0.0.0.0 is then two listeners, not a clash. */
    if (a->u.sa.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0)
        return -errno;
    return bind(fd, &a->u.sa, a->len) == 0 ? 0 : -errno;
}

static int listener_bind(struct listener *l, const struct address *a)
{
    int r;

    l->fd = socket(a->u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return -errno;
    r = a->u.sa.sa_family == AF_UNIX ? bind_unix(l->fd, a) : bind_tcp(l->fd, a);
    if (r)
        return r;
    return listen(l->fd, BACKLOG) == 0 ? 0 : -errno;
}

static int listener_name(struct listener *l, const char *text)
{
    struct address a = {.len = sizeof a.u};
    char ip[INET6_ADDRSTRLEN], out[INET6_ADDRSTRLEN + 10];
    struct stat st;

    if (strncmp(text, "unix:", 5) == 0) {
        if (lstat(text + 5, &st) != 0)
            return -errno;
        l->address = mem_strdup(text);
        l->path = l->address + 5;
        l->dev = st.st_dev;
        l->ino = st.st_ino;
        /* bind() takes the umask off; the owner's group shall get in all the same. */
        return chmod(l->path, SOCKET_MODE) == 0 ? 0 : -errno;
    }
    if (getsockname(l->fd, &a.u.sa, &a.len) != 0)
        return -errno;
    if (a.u.sa.sa_family == AF_INET6)
        snprintf(out, sizeof out, "[%s]:%u", inet_ntop(AF_INET6, &a.u.v6.sin6_addr, ip, sizeof ip),
                 ntohs(a.u.v6.sin6_port));
    else
        snprintf(out, sizeof out, "%s:%u", inet_ntop(AF_INET, &a.u.v4.sin_addr, ip, sizeof ip), ntohs(a.u.v4.sin_port));
    l->address = mem_strdup(out);
    return 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* What is not the poll handle's. */
static void listener_release(struct listener *l)
{
    struct stat st;

    if (l->path && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
        unlink(l->path);
    if (l->fd >= 0)
        close(l->fd);
    free(l->address);
}

static void listener_exhausted(struct listener *l, int err)
{
    l->state = LISTENER_EXHAUSTED;
    uv_poll_stop(&l->poll);
    loop_timer_set(l->loop, &l->retry, loop_now_ms(l->loop) + EXHAUSTED_PAUSE_MS);
    if (l->ops.on_exhausted) {
        loop_touch(l->loop);
        l->ops.on_exhausted(l->owner, l, err);
    }
}

static int listener_take(struct listener *l, int fd)
{
    struct stream *s = l->path ? stream_new_pipe(l->loop) : stream_new_tcp(l->loop);
    int r = l->path ? uv_pipe_open(&s->uv.pipe, fd) : uv_tcp_open(&s->uv.tcp, fd);

    if (r) {
        close(fd);
        stream_close(s);
        return r;
    }
    loop_touch(l->loop);
    l->ops.on_accept(l->owner, l, s);
    return 0;
}

static void accept_some(struct listener *l, unsigned most)
{
    for (unsigned i = 0; i < most && l->state == LISTENER_OPEN; i++) {
        int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            if (listener_take(l, fd) == UV_ENOMEM)
                listener_exhausted(l, UV_ENOMEM);
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            /* EMFILE and its kin, or something nobody foresaw: the socket stays readable, so going on would spin. */
            listener_exhausted(l, -errno);
        }
    }
}

static void on_connections(uv_poll_t *poll, int status, int events)
{
    (void)status; /* an error of the socket shows in accept */
    (void)events;
    accept_some(poll->data, ACCEPTS_PER_TURN);
}

static void listener_watch(struct listener *l)
{
    l->state = LISTENER_OPEN;
    uv_poll_start(&l->poll, UV_READABLE, on_connections);
}

static void on_retry(struct loop_timer *t)
{
    listener_watch(container_of(t, struct listener, retry));
}

int listener_new(struct listener **out, struct loop *loop, const char *address, const struct listener_ops *ops,
                 void *owner)
{
    struct listener *l = mem_zero(sizeof *l);
    struct address a;
    int r = parse_address(&a, address);

    l->fd = -1;
    if (r == 0)
        r = listener_bind(l, &a);
    if (r == 0)
        r = listener_name(l, address);
    if (r == 0)
        r = uv_poll_init(&loop->uv, &l->poll, l->fd);
    if (r) {
        listener_release(l);
        free(l);
        return r;
    }
    l->loop = loop;
    l->ops = *ops;
    l->owner = owner;
    l->retry.fire = on_retry;
    l->poll.data = l;
    listener_watch(l);
    *out = l;
    return 0;
}

void listener_last_call(struct listener *l)
{
    accept_some(l, BACKLOG);
}

const char *listener_address(const struct listener *l)
{
    return l->address;
}

struct listener *listener_close(struct listener *l)
{
    if (!l)
        return NULL;
    l->state = LISTENER_CLOSED;
    loop_timer_clear(l->loop, &l->retry);
    /* The handle first: libuv must let go of the descriptor before its number can be used again. */
    uv_close((uv_handle_t *)&l->poll, on_listener_closed);
    listener_release(l);
    return NULL;
}
