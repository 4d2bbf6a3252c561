/* Dials over loopback: refusal, fallback, deadlines, the name cache, CONNECT. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "io/dial.h"
#include "io/dns.h"
#include "io/listener.h"
#include "io/loop.h"
#include "io/race.h"
#include "io/tunnel.h"
#include "test.h"

enum { DIALS = 8 };

struct world;

struct outcome {
    struct world *w;
    struct dial *k;
    struct dial_result r;
    unsigned times;
    uint64_t at_us;
};

struct world {
    struct loop *loop;
    struct dialer *d;
    struct listener *l;
    struct stream *accepted[DIALS];
    unsigned n_accepted;
    struct outcome o[DIALS];
    unsigned waiting;
    const char *proxy_answer; /* what the listener says after a request head */
    char proxy_got[512];
    size_t proxy_n;
    bool inside; /* a dial_start is on the stack */
};

static void on_turn(void *owner)
{
    (void)owner;
}

static void on_read(void *owner, char *p, size_t n)
{
    struct world *w = owner;

    if (w->proxy_n + n < sizeof w->proxy_got)
        memcpy(w->proxy_got + w->proxy_n, p, n);
    w->proxy_n += n;
    if (w->proxy_answer && strstr(w->proxy_got, "\r\n\r\n"))
        CHECK_EQ(stream_write(w->accepted[0], &(struct chunk){slice_str(w->proxy_answer), NULL}, 1), 0);
}

static void on_end(void *owner, int status)
{
    (void)owner;
    (void)status;
}

static const struct stream_ops ops = {.on_read = on_read, .on_end = on_end};

static void on_accept(void *owner, struct listener *l, struct stream *s)
{
    struct world *w = owner;

    (void)l;
    CHECK(w->n_accepted < DIALS);
    w->accepted[w->n_accepted++] = s;
    stream_own(s, &ops, w);
    stream_read_start(s);
}

static void world_start(struct world *w)
{
    static const struct loop_ops loop_ops = {on_turn};
    static const struct listener_ops listener_ops = {on_accept, NULL};

    memset(w, 0, sizeof *w);
    CHECK_EQ(loop_new(&w->loop, &loop_ops, w), 0);
    CHECK_EQ(listener_new(&w->l, w->loop, "127.0.0.1:0", &listener_ops, w), 0);
    w->d = dialer_new(w->loop);
}

static void world_end(struct world *w)
{
    for (unsigned i = 0; i < DIALS; i++) {
        stream_close(w->o[i].r.stream);
        stream_close(w->accepted[i]);
    }
    listener_close(w->l);
    dialer_free(w->d);
    loop_finish(w->loop);
    loop_run(w->loop);
    CHECK_EQ(uv_loop_alive(loop_uv(w->loop)), 0);
    loop_free(w->loop);
}

static uint16_t port_of(const struct listener *l)
{
    return (uint16_t)atoi(strrchr(listener_address(l), ':') + 1);
}

static void on_dialled(void *owner, struct dial_result *r)
{
    struct outcome *o = owner;

    CHECK(!o->w->inside);
    o->k = NULL;
    o->r = *r;
    o->times++;
    o->at_us = uv_hrtime() / 1000;
    if (--o->w->waiting == 0)
        loop_stop(o->w->loop);
}

static struct outcome *start(struct world *w, unsigned i, const struct dial_target *t)
{
    struct outcome *o = &w->o[i];

    stream_close(o->r.stream);
    *o = (struct outcome){.w = w};
    w->waiting++;
    w->inside = true;
    o->k = dial_start(w->d, t, on_dialled, o);
    w->inside = false;
    return o;
}

static struct outcome *dial(struct world *w, const struct dial_target *t)
{
    struct outcome *o = start(w, 0, t);

    loop_run(w->loop);
    CHECK_EQ(o->times, 1);
    return o;
}

/* A port that nobody listens on. */
static uint16_t dead_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    close(fd);
    return ntohs(a.sin_port);
}

TEST(connects_by_address_and_by_name)
{
    /* The last two are a name to us, and an address to the resolver, which needs no network for that. */
    static const char *const hosts[] = {"127.0.0.1", "localhost", "127.1", "127.1"};
    struct world w;

    world_start(&w);
    for (unsigned i = 0; i < 4; i++) {
        struct dial_target t = {
            .host = hosts[i], .port = port_of(w.l), .family = DIAL_V4, .dns_ttl_ms = 60000, .timeout_ms = 5000};
        struct outcome *o = dial(&w, &t);
        char peer[64];

        CHECK_EQ(o->r.status, 0);
        CHECK(o->r.stream != NULL);
        if (o->r.stream)
            CHECK_EQ(atoi(strrchr(stream_peer(o->r.stream, peer, sizeof peer), ':') + 1), port_of(w.l));
        CHECK(!o->r.tls_resumed);
        printf("# %s: dns %u us, connect %u us\n", hosts[i], o->r.dns_us, o->r.connect_us);
        if (i != 2)
            CHECK(o->r.dns_us < 1000); /* known, or from the cache */
    }
    world_end(&w);
}

TEST(refused_at_once)
{
    struct world w;
    struct dial_target t = {.host = "127.0.0.1", .port = dead_port(), .timeout_ms = 5000};
    uint64_t best = UINT64_MAX;

    world_start(&w);
    for (unsigned i = 0; i < 3; i++) { /* a busy machine may stall one */
        uint64_t before = uv_hrtime();
        struct outcome *o = dial(&w, &t);

        before = uv_hrtime() - before;
        best = before < best ? before : best;
        CHECK_EQ(o->r.status, UV_ECONNREFUSED);
        CHECK_EQ(o->r.phase, DIAL_CONNECT);
        CHECK_STR(slice_str(o->r.text), "connection refused");
    }
    CHECK(best < 50 * 1000000ull);
    world_end(&w);
}

TEST(errors_are_told_later)
{
    static const struct {
        struct dial_target t;
        int status;
        enum dial_phase phase;
    } rows[] = {
        {{.host = "127.0.0.1", .port = 1, .family = DIAL_V6, .timeout_ms = 1000}, UV_EAI_ADDRFAMILY, DIAL_DNS},
        {{.host = "::1", .port = 1, .family = DIAL_V4, .timeout_ms = 1000}, UV_EAI_ADDRFAMILY, DIAL_DNS},
        {{.host = "255.255.255.255", .port = 1, .timeout_ms = 1000}, 0, DIAL_CONNECT},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        struct outcome *o;

        world_start(&w);
        o = dial(&w, &rows[i].t);
        CHECK(o->r.status < 0);
        if (rows[i].status)
            CHECK_EQ(o->r.status, rows[i].status);
        CHECK_EQ(o->r.phase, rows[i].phase);
        CHECK(o->r.text[0] != '\0');
        world_end(&w);
    }
}

TEST(localhost_without_asking)
{
    static const struct {
        const char *host;
        int family, status;
        unsigned n;
    } rows[] = {
        {"localhost", AF_UNSPEC, 0, 2},
        {"LocalHost.", AF_INET, 0, 1},
        {"node.localhost", AF_INET6, 0, 1},
        /* too long for the resolver to ask anybody */
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxlocalhost", AF_UNSPEC, DNS_PENDING, 0},
        {"localhost.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", AF_UNSPEC, DNS_PENDING, 0},
    };
    struct world w;
    struct dns *d;

    world_start(&w);
    d = dns_new(w.loop);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dns_answer a = {0};
        struct dns_wait wait = {0};
        int r = dns_get(d, rows[i].host, rows[i].family, 1000, &a, &wait);

        CHECK_EQ(r, rows[i].status);
        if (r == 0)
            CHECK_EQ(a.n, rows[i].n);
        if (r == 0 && rows[i].family != AF_UNSPEC)
            CHECK_EQ(a.v[0].sa.sa_family, rows[i].family);
        dns_wait_cancel(&wait);
    }
    dns_free(d);
    world_end(&w);
}

TEST(unknown_name)
{
    struct world w;
    /* A label of more than 63 bytes: the resolver says no without asking the network. */
    char label[80] = "";
    struct dial_target t = {.host = memset(label, 'x', 70), .port = 1, .dns_ttl_ms = 60000, .timeout_ms = 3000};

    world_start(&w);
    for (unsigned i = 0; i < 2; i++) {
        struct outcome *o = dial(&w, &t);

        CHECK(o->r.status < 0);
        CHECK_EQ(o->r.phase, DIAL_DNS);
        CHECK_STR(slice_of(o->r.text, 18), "name lookup failed");
    }
    world_end(&w);
}

/* Several dials to one name wait for one lookup, and cancelling some does not hurt the others. */
TEST(concurrent_and_cancelled)
{
    struct world w;
    struct dial_target t;

    world_start(&w);
    t = (struct dial_target){
        .host = "127.1", .port = port_of(w.l), .family = DIAL_V4, .dns_ttl_ms = 1000, .timeout_ms = 5000};
    for (unsigned i = 0; i < 6; i++)
        start(&w, i, &t);
    for (unsigned i = 0; i < 6; i += 2) {
        w.o[i].k = dial_cancel(w.o[i].k);
        w.waiting--;
    }
    loop_run(w.loop);
    for (unsigned i = 0; i < 6; i++) {
        CHECK_EQ(w.o[i].times, i % 2);
        CHECK_EQ(w.o[i].r.status, 0);
    }
    /* and with the connection under way */
    t.host = "127.0.0.1";
    start(&w, 6, &t);
    dial_cancel(w.o[6].k);
    w.waiting--;
    world_end(&w);
}

struct raced {
    struct world *w;
    int status;
    struct stream *s;
    union dns_address a;
};

static void on_raced(void *owner, int status, struct stream *s, const union dns_address *a)
{
    struct raced *r = owner;

    r->status = status;
    r->s = s;
    if (a)
        r->a = *a;
    loop_stop(r->w->loop);
}

static void add(struct dns_answer *a, const char *ip)
{
    union dns_address *x = &a->v[a->n++];

    if (uv_ip4_addr(ip, 0, &x->v4))
        CHECK_EQ(uv_ip6_addr(ip, 0, &x->v6), 0);
}

TEST(falls_back_to_the_other_family)
{
    /* Nobody listens on ::1 at this port; 127.0.0.2 neither. */
    struct world w;
    struct dns_answer a = {0};
    struct raced r = {0};
    uint64_t before;

    world_start(&w);
    r.w = &w;
    add(&a, "::1");
    add(&a, "::1");
    add(&a, "127.0.0.2");
    add(&a, "127.0.0.1");
    before = uv_hrtime();
    CHECK(race_start(w.loop, &a, port_of(w.l), on_raced, &r) != NULL);
    loop_run(w.loop);
    CHECK_EQ(r.status, 0);
    CHECK_EQ(r.a.sa.sa_family, AF_INET);
    CHECK(uv_hrtime() - before < 200 * 1000000ull); /* failures do not wait for the 250 ms */
    stream_close(r.s);
    world_end(&w);
}

/* A socket that takes no more connections: its backlog is full, so a SYN gets no answer. */
static int full_listener(uint16_t *port, int filler[4])
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(listen(fd, 0), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    *port = ntohs(a.sin_port);
    for (unsigned i = 0; i < 4; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(filler[i], (struct sockaddr *)&a, sizeof a);
    }
    return fd;
}

TEST(connect_times_out)
{
    struct world w;
    struct dial_target t = {.host = "127.0.0.1", .timeout_ms = 200};
    struct outcome *o;
    int filler[4], fd = full_listener(&t.port, filler);

    world_start(&w);
    o = dial(&w, &t);
    CHECK_EQ(o->r.status, UV_ETIMEDOUT);
    CHECK_EQ(o->r.phase, DIAL_CONNECT);
    CHECK_STR(slice_str(o->r.text), "connecting timed out");
    world_end(&w);
    for (unsigned i = 0; i < 4; i++)
        close(filler[i]);
    close(fd);
}

/* The first address does not answer: the second one gets its chance after 250 ms. */
TEST(second_attempt_after_a_delay)
{
    struct world w;
    struct dns_answer a = {0};
    struct raced r = {0};
    struct sockaddr_in6 here = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    uint16_t port;
    int filler[4], fd = full_listener(&port, filler), fd6 = socket(AF_INET6, SOCK_STREAM, 0);
    uint64_t ms = uv_hrtime();

    here.sin6_port = htons(port);
    if (fd6 >= 0 && bind(fd6, (struct sockaddr *)&here, sizeof here) == 0 && listen(fd6, 8) == 0) {
        world_start(&w);
        r.w = &w;
        add(&a, "127.0.0.1");
        add(&a, "::1");
        CHECK(race_start(w.loop, &a, port, on_raced, &r) != NULL);
        loop_run(w.loop);
        ms = (uv_hrtime() - ms) / 1000000;
        CHECK_EQ(r.status, 0);
        CHECK_EQ(r.a.sa.sa_family, AF_INET6);
        CHECK(ms >= 240 && ms < 1000);
        stream_close(r.s);
        world_end(&w);
    } else {
        printf("# no IPv6 here\n");
    }
    for (unsigned i = 0; i < 4; i++)
        close(filler[i]);
    close(fd);
    if (fd6 >= 0)
        close(fd6);
}

TEST(race_without_addresses)
{
    struct world w;
    struct dns_answer a = {0};
    struct raced r = {0};

    world_start(&w);
    r.w = &w;
    CHECK(race_start(w.loop, &a, 1, on_raced, &r) != NULL);
    CHECK_EQ(r.status, 0);
    loop_run(w.loop);
    CHECK_EQ(r.status, UV_EADDRNOTAVAIL);
    world_end(&w);
}

TEST(connect_proxy)
{
    static const struct {
        const char *answer;
        int status;
        const char *text;
    } rows[] = {
        {"HTTP/1.1 200 Connection established\r\n\r\n", 0, ""},
        {"HTTP/1.0 200 OK\r\nvia: x\r\n\r\n", 0, ""},
        {"HTTP/1.1 407 no\r\n\r\n<html>", UV_ECONNREFUSED, "the proxy wants other credentials (407)"},
        {"HTTP/1.1 503 no\r\n\r\n", UV_ECONNREFUSED, "the proxy answered 503"},
        {"HTTP/1.1 200 OK\r\n\r\nearly", UV_EPROTO, "the proxy's answer is not one to CONNECT"},
        {"SSH-2.0-x\r\n", UV_EPROTO, "the proxy's answer is not one to CONNECT"},
        {NULL, UV_ETIMEDOUT, "CONNECT timed out"},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w;
        struct outcome *o;
        struct dial_target t;

        world_start(&w);
        w.proxy_answer = rows[i].answer;
        t = (struct dial_target){.host = "node.example",
                                 .port = 443,
                                 .proxy_host = "127.0.0.1",
                                 .proxy_port = port_of(w.l),
                                 .proxy_auth = "Basic c2VjcmV0",
                                 .connect_target = "node.example:443",
                                 .timeout_ms = rows[i].answer ? 5000 : 100};
        o = dial(&w, &t);
        CHECK_EQ(o->r.status, rows[i].status);
        CHECK_STR(slice_str(o->r.text), rows[i].text);
        if (rows[i].status)
            CHECK_EQ(o->r.phase, DIAL_PROXY);
        CHECK_STR(slice_of(w.proxy_got, w.proxy_n),
                  "CONNECT node.example:443 HTTP/1.1\r\nHost: node.example:443\r\nProxy-Authorization: Basic "
                  "c2VjcmV0\r\n\r\n");
        world_end(&w);
    }
}

TEST(proxy_target_cannot_break_its_line)
{
    struct world w;
    struct outcome *o;
    struct dial_target t;

    world_start(&w);
    t = (struct dial_target){.host = "x",
                             .port = 443,
                             .proxy_host = "127.0.0.1",
                             .proxy_port = port_of(w.l),
                             .connect_target = "x:1\r\nEvil: 1",
                             .timeout_ms = 1000};
    o = dial(&w, &t);
    CHECK_EQ(o->r.status, UV_EINVAL);
    CHECK_EQ(w.proxy_n, 0);
    world_end(&w);
}

TEST(proxy_answer_is_bounded)
{
    struct world w;
    struct outcome *o;
    struct dial_target t;
    char *flood = malloc(10001);

    memset(flood, 'x', 10000);
    memcpy(flood, "HTTP/1.1 200 ", 13);
    flood[10000] = '\0';
    world_start(&w);
    w.proxy_answer = flood;
    t = (struct dial_target){.host = "x",
                             .port = 443,
                             .proxy_host = "127.0.0.1",
                             .proxy_port = port_of(w.l),
                             .connect_target = "x:1",
                             .timeout_ms = 1000};
    o = dial(&w, &t);
    CHECK_EQ(o->r.status, UV_EPROTO);
    CHECK_STR(slice_str(o->r.text), "the proxy's answer is too long");
    world_end(&w);
    free(flood);
}

TEST(proxy_answer_at_every_split)
{
    static const struct {
        const char *text;
        int want;
        unsigned status;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", 0, 200}, {"HTTP/1.1 200\r\n\r\n", 0, 200},
        {"HTTP/1.1 502 Bad\r\n\r\n", 0, 502},        {"HTTP/2 200\r\n\r\n", -EPROTO, 0},
        {"HTTP/1.1 20x OK\r\n\r\n", -EPROTO, 0},     {"HTTP/1.1 2000 OK\r\n\r\n", -EPROTO, 0},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = strlen(rows[i].text);
        int r = TUNNEL_MORE;
        unsigned status = 0;

        for (size_t k = 1; k <= n && r == TUNNEL_MORE; k++) {
            r = tunnel_parse(slice_of(rows[i].text, k), &status);
            CHECK(r != 0 || k == n);
        }
        CHECK_EQ(r, rows[i].want);
        if (r == 0)
            CHECK_EQ(status, rows[i].status);
    }
}

TEST_MAIN()
