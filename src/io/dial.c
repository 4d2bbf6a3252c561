#include "io/dial.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/dns.h"
#include "io/loop_priv.h"
#include "io/race.h"
#include "io/tls_runner.h"
#include "io/tls_shake.h"
#include "io/tunnel.h"

/* A burst of dials is spread: each costs the loop some 50 us, and calls on warm sockets must not wait for thirty. */
enum { CONNECTS_PER_MS = 2 };

struct dialer {
    struct loop *loop;
    struct dns *dns;
    struct tls_runner *runner;
    unsigned dials;
    struct list line;  /* dials with an address, whose turn to connect has not come */
    unsigned connects; /* since breather last fired */
    struct loop_timer breather;
};

struct dial {
    struct dialer *d;
    struct dial_target t;
    enum dial_phase phase;
    uint64_t phase_us; /* when it began */
    struct loop_timer deadline;
    struct loop_task failed; /* so that a failure inside dial_start is not reported from it */
    struct dns_wait wait;
    struct dns_answer addresses;
    struct list in_line;
    struct race *race;
    struct tunnel tunnel;
    struct tls_shake *shake;
    struct dial_result r; /* r.stream: ours until the end */
    void (*done)(void *owner, struct dial_result *r);
    void *owner;
};

static void dial_handshake(struct dial *k);
static void on_breather(struct loop_timer *t);

struct dialer *dialer_new(struct loop *loop)
{
    struct dialer *d = mem_zero(sizeof *d);

    d->loop = loop;
    d->dns = dns_new(loop);
    d->runner = tls_runner_new(loop);
    list_init(&d->line);
    d->breather.fire = on_breather;
    return d;
}

struct dialer *dialer_free(struct dialer *d)
{
    if (!d)
        return NULL;
    assert(d->dials == 0);
    loop_timer_clear(d->loop, &d->breather);
    dns_free(d->dns);
    tls_runner_free(d->runner);
    free(d);
    return NULL;
}

static const char *dial_host(const struct dial *k)
{
    return k->t.proxy_host ? k->t.proxy_host : k->t.host;
}

static int dial_af(const struct dial *k)
{
    static const int af[] = {[DIAL_ANY] = AF_UNSPEC, [DIAL_V4] = AF_INET, [DIAL_V6] = AF_INET6};

    return af[k->t.family];
}

/* Everything but the stream. */
static void dial_release(struct dial *k)
{
    loop_timer_clear(k->d->loop, &k->deadline);
    loop_task_clear(&k->failed);
    dns_wait_cancel(&k->wait);
    list_remove(&k->in_line);
    race_cancel(k->race);
    tunnel_deinit(&k->tunnel);
    tls_shake_cancel(k->shake);
    k->d->dials--;
    free(k);
}

static void dial_end(struct dial *k)
{
    struct dial_result r = k->r;
    void (*done)(void *owner, struct dial_result *r) = k->done;
    void *owner = k->owner;

    r.phase = k->phase;
    loop_touch(k->d->loop);
    dial_release(k);
    if (r.status)
        r.stream = stream_close(r.stream);
    else
        stream_own(r.stream, NULL, NULL);
    done(owner, &r);
}

__attribute__((format(printf, 3, 4))) static void dial_note(struct dial *k, int status, const char *fmt, ...)
{
    va_list ap;

    k->r.status = status;
    va_start(ap, fmt);
    vsnprintf(k->r.text, sizeof k->r.text, fmt, ap);
    va_end(ap);
}

static void on_failed(struct loop_task *t)
{
    dial_end(container_of(t, struct dial, failed));
}

static void on_deadline(struct loop_timer *t)
{
    static const char *const what[] = {[DIAL_DNS] = "name lookup",
                                       [DIAL_CONNECT] = "connecting",
                                       [DIAL_PROXY] = "CONNECT",
                                       [DIAL_TLS] = "TLS handshake"};
    struct dial *k = container_of(t, struct dial, deadline);

    dial_note(k, UV_ETIMEDOUT, "%s timed out", what[k->phase]);
    dial_end(k);
}

/* Ends the phase that ran, begins the next; how long it took is told. */
static void dial_enter(struct dial *k, enum dial_phase phase)
{
    uint64_t now_us = loop_clock_us(k->d->loop);
    uint64_t took = now_us - k->phase_us;
    uint32_t us = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;

    if (k->phase == DIAL_DNS)
        k->r.dns_us = us;
    else if (k->phase == DIAL_TLS)
        k->r.tls_us = us;
    else
        k->r.connect_us += us; /* the proxy's part too */
    k->phase = phase;
    k->phase_us = now_us;
}

static void dial_succeed(struct dial *k)
{
    dial_enter(k, k->phase);
    k->r.tls_resumed = stream_tls_resumed(k->r.stream);
    dial_end(k);
}

static void on_shaken(void *owner, int status, const char *text)
{
    struct dial *k = owner;

    k->shake = NULL;
    if (status == 0) {
        dial_succeed(k);
        return;
    }
    dial_note(k, status, "%s", text);
    dial_end(k);
}

static void dial_handshake(struct dial *k)
{
    int r;

    if (!k->t.tls) {
        dial_succeed(k);
        return;
    }
    dial_enter(k, DIAL_TLS);
    r = tls_shake_start(&k->shake, k->d->runner, k->r.stream, k->t.tls, on_shaken, k);
    if (r) {
        dial_note(k, r, "%s", uv_strerror(r));
        dial_end(k);
    }
}

static void on_tunnel(struct tunnel *t, int status, const char *text)
{
    struct dial *k = container_of(t, struct dial, tunnel);

    if (status == 0) {
        dial_handshake(k);
        return;
    }
    dial_note(k, status, "%s", text);
    dial_end(k);
}

static void on_raced(void *owner, int status, struct stream *s, const union dns_address *a)
{
    struct dial *k = owner;

    k->race = NULL;
    if (status) {
        dns_forget(k->d->dns, dial_host(k), dial_af(k));
        dial_note(k, status, "%s", uv_strerror(status));
        dial_end(k);
        return;
    }
    dns_prefer(k->d->dns, dial_host(k), dial_af(k), a);
    k->r.stream = s;
    if (!k->t.proxy_host || !k->t.connect_target) {
        dial_handshake(k);
        return;
    }
    dial_enter(k, DIAL_PROXY);
    status = tunnel_start(&k->tunnel, s, k->t.connect_target, k->t.proxy_auth, on_tunnel);
    if (status) {
        dial_note(k, status, "%s", uv_strerror(status));
        dial_end(k);
    }
}

static void connect_next(struct dialer *d)
{
    struct list *node;

    while (d->connects < CONNECTS_PER_MS && (node = list_pop(&d->line)) != NULL) {
        struct dial *k = container_of(node, struct dial, in_line);

        d->connects++;
        k->race = race_start(d->loop, &k->addresses, k->t.proxy_host ? k->t.proxy_port : k->t.port, on_raced, k);
        loop_timer_set(d->loop, &d->breather, loop_now_ms(d->loop) + 1);
    }
}

static void on_breather(struct loop_timer *t)
{
    struct dialer *d = container_of(t, struct dialer, breather);

    d->connects = 0;
    connect_next(d);
}

static void dial_connect(struct dial *k)
{
    dial_enter(k, DIAL_CONNECT);
    list_push(&k->d->line, &k->in_line);
    connect_next(k->d);
}

static void on_resolved(struct dns_wait *w, int status, const struct dns_answer *a)
{
    struct dial *k = container_of(w, struct dial, wait);

    if (status == 0) {
        k->addresses = *a;
        dial_connect(k);
        return;
    }
    dial_note(k, status, "name lookup failed: %s", uv_strerror(status));
    dial_end(k);
}

struct dial *dial_start(struct dialer *d, const struct dial_target *t, void (*done)(void *owner, struct dial_result *r),
                        void *owner)
{
    struct dial *k = mem_zero(sizeof *k);
    int r;

    k->d = d;
    k->t = *t;
    k->done = done;
    k->owner = owner;
    k->phase = DIAL_DNS;
    k->phase_us = loop_clock_us(d->loop);
    k->deadline.fire = on_deadline;
    loop_task_init(&k->failed, on_failed);
    list_init(&k->wait.node);
    list_init(&k->in_line);
    k->wait.done = on_resolved;
    d->dials++;
    loop_timer_set(d->loop, &k->deadline, loop_now_ms(d->loop) + t->timeout_ms);
    r = dns_get(d->dns, dial_host(k), dial_af(k), t->dns_ttl_ms, &k->addresses, &k->wait);
    if (r == 0) {
        dial_connect(k);
    } else if (r < 0) {
        dial_note(k, r, "name lookup failed: %s", uv_strerror(r));
        loop_task_push(d->loop, &k->failed);
    }
    return k;
}

struct dial *dial_cancel(struct dial *k)
{
    struct stream *s;

    if (!k)
        return NULL;
    s = k->r.stream;
    dial_release(k);
    stream_close(s);
    return NULL;
}
