#include "io/tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Where the head ends (past the empty line), or 0. */
static size_t head_length(struct slice s)
{
    for (size_t i = 3; i < s.n; i++)
        if (s.p[i] == '\n' && s.p[i - 1] == '\r' && s.p[i - 2] == '\n' && s.p[i - 3] == '\r')
            return i + 1;
    return 0;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int tunnel_parse(struct slice head, unsigned *http_status)
{
    static const char version[] = "HTTP/1."; /* then a digit, a space, and three digits */
    size_t n = sizeof version - 1;
    const char *p = head.p;

    if (memcmp(p, version, head.n < n ? head.n : n) != 0)
        return -EPROTO;
    if (head.n < n + 6)
        return TUNNEL_MORE;
    if (!is_digit(p[n]) || p[n + 1] != ' ' || !is_digit(p[n + 2]) || !is_digit(p[n + 3]) || !is_digit(p[n + 4]) ||
        (p[n + 5] != ' ' && p[n + 5] != '\r'))
        return -EPROTO;
    n = head_length(head);
    if (n == 0)
        return TUNNEL_MORE;
    *http_status = (unsigned)((p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0'));
    /* After a 2xx the tunnel is silent until we speak; what came early is not from the endpoint.  Any other answer may
     * have a body. */
    return *http_status / 100 == 2 && head.n > n ? -EPROTO : 0;
}

static void tunnel_end(struct tunnel *t, int status, const char *text)
{
    stream_read_stop(t->s);
    stream_own(t->s, NULL, NULL);
    t->done(t, status, text);
}

static void on_read(void *owner, char *p, size_t n)
{
    struct tunnel *t = owner;
    unsigned http_status = 0;
    char text[64];
    int r;

    if (buf_append(&t->head, p, n)) {
        tunnel_end(t, -EPROTO, "the proxy's answer is too long");
        return;
    }
    r = tunnel_parse(buf_get(&t->head), &http_status);
    if (r == TUNNEL_MORE)
        return;
    if (r < 0) {
        tunnel_end(t, r, "the proxy's answer is not one to CONNECT");
    } else if (http_status / 100 == 2) {
        tunnel_end(t, 0, "");
    } else {
        snprintf(text, sizeof text,
                 http_status == 407 ? "the proxy wants other credentials (%u)" : "the proxy answered %u", http_status);
        tunnel_end(t, -ECONNREFUSED, text);
    }
}

static void on_end(void *owner, int status)
{
    tunnel_end(owner, status < 0 ? status : -ECONNRESET, "the proxy closed the connection");
}

/* What would break out of its header line. */
static int is_clean(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return 0;
    return 1;
}

int tunnel_start(struct tunnel *t, struct stream *s, const char *target, const char *auth,
                 void (*done)(struct tunnel *t, int status, const char *text))
{
    static const struct stream_ops ops = {.on_read = on_read, .on_end = on_end};
    const struct chunk v[] = {
        {SLICE("CONNECT "), NULL},
        {slice_str(target), NULL},
        {SLICE(" HTTP/1.1\r\nHost: "), NULL},
        {slice_str(target), NULL},
        {auth ? SLICE("\r\nProxy-Authorization: ") : SLICE(""), NULL},
        {slice_str(auth), NULL},
        {SLICE("\r\n\r\n"), NULL},
    };
    int r;

    if (!is_clean(target) || strchr(target, ' ') || (auth && !is_clean(auth)))
        return -EINVAL;
    buf_init(&t->head, TUNNEL_HEAD_BYTES);
    t->s = s;
    t->done = done;
    r = stream_write(s, v, sizeof v / sizeof v[0]);
    if (r < 0)
        return r;
    stream_own(s, &ops, t);
    return stream_read_start(s);
}

void tunnel_deinit(struct tunnel *t)
{
    buf_deinit(&t->head);
}
