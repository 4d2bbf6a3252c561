/* Streams and listeners over real loopback sockets: what a sans-IO test cannot show. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/listener.h"
#include "io/loop.h"
#include "io/loop_priv.h"
#include "io/stream.h"
#include "io/stream_priv.h"
#include "test.h"

/* One side of a conversation: a listener whose accepted streams do what `mode` says. */
enum mode { MODE_ECHO, MODE_ECHO_ONCE, MODE_FLOOD, MODE_SINK, MODE_CLOSE_IN_READ, MODE_LINGER, MODE_LATE_ANSWER };

struct peer {
    struct stream *s;
    struct world *w;
    size_t got;
    int ends, end_status, drains;
};

struct world {
    struct loop *loop;
    struct listener *l;
    enum mode mode;
    struct peer peer[64];
    unsigned peers, turns, exhausted;
    struct blob *blob;
    int client; /* a blocking socket of the test */
    void (*on_turn)(struct world *w);
};

static void on_turn(void *owner)
{
    struct world *w = owner;

    w->turns++;
    if (w->on_turn)
        w->on_turn(w);
}

static void on_read(void *owner, char *p, size_t n)
{
    struct peer *x = owner;
    struct chunk c = {slice_of(p, n), NULL};

    x->got += n;
    switch (x->w->mode) {
    case MODE_ECHO:
        CHECK_EQ(stream_write(x->s, &c, 1), 0);
        break;
    case MODE_ECHO_ONCE:
        CHECK_EQ(stream_write(x->s, &c, 1), 0);
        x->s = stream_close(x->s);
        break;
    case MODE_FLOOD: {
        struct chunk v[3] = {
            {SLICE("head:"), NULL}, {slice_of(x->w->blob->p, x->w->blob->n), x->w->blob}, {SLICE(":tail"), NULL}};

        CHECK_EQ(stream_write(x->s, v, 3), 0);
        CHECK_EQ(stream_write(x->s, v, 3), 0);
        CHECK(stream_queued_bytes(x->s) > 0);
        break;
    }
    case MODE_CLOSE_IN_READ:
        x->s = stream_close(x->s);
        break;
    case MODE_LINGER: {
        CHECK_EQ(stream_write(x->s, &(struct chunk){SLICE("last words"), NULL}, 1), 0);
        x->s = stream_linger(x->s, 2000);
        break;
    }
    case MODE_SINK:
    case MODE_LATE_ANSWER:
        break;
    }
}

static void on_end(void *owner, int status)
{
    struct peer *x = owner;

    x->ends++;
    x->end_status = status;
    if (x->w->mode == MODE_LATE_ANSWER && status == 0) {
        CHECK_EQ(stream_write(x->s, &(struct chunk){SLICE("late answer"), NULL}, 1), 0);
        CHECK_EQ(stream_shutdown(x->s), 0);
    }
    x->s = stream_close(x->s);
}

static void on_drain(void *owner)
{
    ((struct peer *)owner)->drains++;
}

static const struct stream_ops peer_ops = {NULL, on_read, on_end, on_drain};

static void on_accept(void *owner, struct listener *l, struct stream *s)
{
    struct world *w = owner;
    struct peer *x = &w->peer[w->peers++ % 64];

    (void)l;
    *x = (struct peer){.s = s, .w = w};
    stream_own(s, &peer_ops, x);
    CHECK_EQ(stream_read_start(s), 0);
}

static void on_exhausted(void *owner, struct listener *l, int err)
{
    struct world *w = owner;

    (void)l;
    CHECK(err == -EMFILE);
    w->exhausted++;
}

static const struct listener_ops listener_ops = {on_accept, on_exhausted};

static int port_of(const char *address)
{
    return atoi(strrchr(address, ':') + 1);
}

static void world_start(struct world *w, enum mode mode, const char *address)
{
    static const struct loop_ops ops = {on_turn};

    memset(w, 0, sizeof *w);
    w->mode = mode;
    w->client = -1;
    CHECK_EQ(loop_new(&w->loop, &ops, w), 0);
    CHECK_EQ(listener_new(&w->l, w->loop, address, &listener_ops, w), 0);
}

static int dial_blocking(struct world *w)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port_of(listener_address(w->l)))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK_EQ(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* Runs the loop for at most ms, or until stop() says so. */
static uint64_t until_ms;
static int (*until)(struct world *w);

static void until_turn(struct world *w)
{
    if (loop_now_ms(w->loop) >= until_ms || (until && until(w)))
        loop_stop(w->loop);
    else
        loop_wake_at(w->loop, until_ms);
}

static void run_until(struct world *w, int (*stop)(struct world *w), unsigned ms)
{
    until = stop;
    uv_update_time(loop_uv(w->loop));
    until_ms = loop_now_ms(w->loop) + ms;
    w->on_turn = until_turn;
    loop_wake_at(w->loop, until_ms);
    loop_run(w->loop);
}

static void world_end(struct world *w)
{
    for (unsigned i = 0; i < 64; i++)
        w->peer[i].s = stream_close(w->peer[i].s);
    listener_close(w->l);
    if (w->client >= 0)
        close(w->client);
    w->on_turn = NULL;
    loop_finish(w->loop);
    loop_run(w->loop);
    CHECK_EQ(uv_loop_alive(loop_uv(w->loop)), 0);
    loop_free(w->loop);
}

static int client_readable(struct world *w)
{
    struct pollfd p = {.fd = w->client, .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static int first_ended(struct world *w)
{
    return w->peer[0].ends > 0;
}

TEST(echo)
{
    struct world w;
    char got[6] = "";
    int one = 0;
    socklen_t len = sizeof one;
    uv_os_fd_t fd;
    char peer[64];

    world_start(&w, MODE_ECHO, "127.0.0.1:0");
    w.client = dial_blocking(&w);
    CHECK_EQ(send(w.client, "hello", 5, 0), 5);
    run_until(&w, client_readable, 2000);
    CHECK_EQ(recv(w.client, got, 5, 0), 5);
    CHECK_STR(slice_str(got), "hello");
    CHECK_STR(slice_of(stream_peer(w.peer[0].s, peer, sizeof peer), 10), "127.0.0.1:");
    CHECK_EQ(uv_fileno(&w.peer[0].s->uv.handle, &fd), 0);
    CHECK_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, &len), 0);
    CHECK_EQ(one, 1);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, &len), 0);
    CHECK_EQ(one, 1);
    CHECK_EQ(stream_queued_bytes(w.peer[0].s), 0);
    CHECK(stream_tls_version(w.peer[0].s) == NULL);
    CHECK(!stream_tls_resumed(w.peer[0].s));
    printf("# sizeof(struct stream) = %zu\n", sizeof(struct stream));
    CHECK(sizeof(struct stream) <= 400 - 16);
    world_end(&w);
}

/* An idle loop sleeps, and the timer wakes it once. */
TEST(idle_loop_sleeps)
{
    struct world w;

    world_start(&w, MODE_ECHO, "127.0.0.1:0");
    run_until(&w, NULL, 200);
    CHECK(w.turns <= 4);
    world_end(&w);
}

static size_t slow_got, slow_want;

static int slow_reader_done(struct world *w)
{
    static char sink[65536];
    ssize_t n = recv(w->client, sink, sizeof sink, MSG_DONTWAIT);

    if (n > 0)
        slow_got += (size_t)n;
    uv_update_time(loop_uv(w->loop));
    until_ms = loop_now_ms(w->loop) + 1000;
    loop_wake_at(w->loop, loop_now_ms(w->loop) + 1);
    return slow_got >= slow_want;
}

TEST(large_write_to_a_slow_reader)
{
    struct world w;
    size_t n = 4 << 20;
    char *big = malloc(n);

    memset(big, 'x', n);
    world_start(&w, MODE_FLOOD, "127.0.0.1:0");
    w.blob = blob_copy(slice_of(big, n));
    w.client = dial_blocking(&w);
    CHECK_EQ(send(w.client, "go", 2, 0), 2);
    slow_got = 0;
    slow_want = 2 * (n + 10);
    run_until(&w, slow_reader_done, 5000);
    CHECK_EQ(slow_got, slow_want);
    run_until(&w, NULL, 20);
    CHECK_EQ(w.peer[0].drains, 1);
    CHECK_EQ(w.blob->refs, 1);
    CHECK_EQ(stream_queued_bytes(w.peer[0].s), 0);
    world_end(&w);
    blob_unref(w.blob);
    free(big);
}

TEST(close_with_a_queue_releases_it)
{
    struct world w;
    size_t n = 16 << 20;
    char *big = malloc(n);

    memset(big, 'x', n);
    world_start(&w, MODE_FLOOD, "127.0.0.1:0");
    w.blob = blob_copy(slice_of(big, n));
    w.client = dial_blocking(&w);
    CHECK_EQ(send(w.client, "go", 2, 0), 2);
    run_until(&w, client_readable, 2000);
    CHECK(w.blob->refs > 1);
    world_end(&w);
    CHECK_EQ(w.blob->refs, 1);
    CHECK_EQ(w.peer[0].ends, 0);
    blob_unref(w.blob);
    free(big);
}

/* What waits for a slow reader does not hold the large blob that it is a small part of; but a large part is no copy. */
TEST(a_queue_keeps_no_more_than_it_needs)
{
    static const struct {
        size_t at, len;
        bool copied;
    } rows[] = {{0, 1, true}, {5000, 4095, true}, {5000, 4096, false}, {0, 32768, false}};
    struct world w;
    size_t n = 16 << 20;
    char *big = malloc(n);
    struct blob *body;

    for (size_t i = 0; i < n; i++)
        big[i] = (char)('a' + i % 26);
    body = blob_copy(slice_of(big, 32768));
    world_start(&w, MODE_FLOOD, "127.0.0.1:0");
    w.blob = blob_copy(slice_of(big, n));
    w.client = dial_blocking(&w);
    CHECK_EQ(send(w.client, "go", 2, 0), 2);
    run_until(&w, client_readable, 2000);
    slow_got = 0;
    slow_want = 2 * (n + 10);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned before = body->refs;

        CHECK_EQ(stream_write(w.peer[0].s, &(struct chunk){slice_of(body->p + rows[i].at, rows[i].len), body}, 1), 0);
        CHECK_EQ(body->refs, before + !rows[i].copied);
        slow_want += rows[i].len;
    }
    run_until(&w, slow_reader_done, 5000);
    CHECK_EQ(slow_got, slow_want);
    CHECK_EQ(body->refs, 1);
    world_end(&w);
    blob_unref(w.blob);
    blob_unref(body);
    free(big);
}

TEST(close_inside_callbacks)
{
    static const enum mode modes[] = {MODE_CLOSE_IN_READ, MODE_ECHO_ONCE};

    for (unsigned i = 0; i < 2; i++) {
        struct world w;
        char got[8];

        world_start(&w, modes[i], "127.0.0.1:0");
        w.client = dial_blocking(&w);
        CHECK_EQ(send(w.client, "hello", 5, 0), 5);
        run_until(&w, client_readable, 2000);
        CHECK_EQ(recv(w.client, got, 5, 0), modes[i] == MODE_ECHO_ONCE ? 5 : 0);
        CHECK_EQ(w.peer[0].ends, 0);
        world_end(&w);
    }
}

TEST(half_close_is_answered)
{
    struct world w;
    char got[32] = "";

    world_start(&w, MODE_LATE_ANSWER, "127.0.0.1:0");
    w.client = dial_blocking(&w);
    CHECK_EQ(send(w.client, "hello", 5, 0), 5);
    shutdown(w.client, SHUT_WR);
    run_until(&w, client_readable, 2000);
    CHECK_EQ(recv(w.client, got, sizeof got, MSG_WAITALL), 11);
    CHECK_STR(slice_str(got), "late answer");
    CHECK_EQ(w.peer[0].ends, 1);
    CHECK_EQ(w.peer[0].end_status, 0);
    world_end(&w);
}

TEST(reset_is_an_error)
{
    struct world w;
    struct linger now = {1, 0};

    world_start(&w, MODE_SINK, "127.0.0.1:0");
    w.client = dial_blocking(&w);
    CHECK_EQ(send(w.client, "hello", 5, 0), 5);
    run_until(&w, NULL, 20);
    setsockopt(w.client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(w.client);
    w.client = -1;
    run_until(&w, first_ended, 2000);
    CHECK_EQ(w.peer[0].ends, 1);
    CHECK_EQ(w.peer[0].end_status, -ECONNRESET);
    world_end(&w);
}

TEST(abort_resets)
{
    struct world w;
    char got;

    world_start(&w, MODE_SINK, "127.0.0.1:0");
    w.client = dial_blocking(&w);
    CHECK_EQ(send(w.client, "hello", 5, 0), 5);
    run_until(&w, NULL, 20);
    w.peer[0].s = stream_abort(w.peer[0].s);
    run_until(&w, client_readable, 2000);
    CHECK_EQ(recv(w.client, &got, 1, 0), -1);
    CHECK_EQ(errno, ECONNRESET);
    world_end(&w);
}

/* The owner is gone at once; the peer that is still sending gets the last words, not a reset. */
TEST(linger)
{
    struct world w;
    char got[32] = "";
    char *more = calloc(1, 200000);

    world_start(&w, MODE_LINGER, "127.0.0.1:0");
    w.client = dial_blocking(&w);
    CHECK_EQ(send(w.client, "hello", 5, 0), 5);
    run_until(&w, client_readable, 2000);
    CHECK(w.peer[0].s == NULL);
    CHECK_EQ(send(w.client, more, 200000, MSG_DONTWAIT | MSG_NOSIGNAL) > 0, 1);
    run_until(&w, NULL, 50);
    CHECK_EQ(recv(w.client, got, sizeof got, MSG_WAITALL), 10);
    CHECK_STR(slice_str(got), "last words");
    close(w.client);
    w.client = -1;
    world_end(&w);
    free(more);
}

TEST(linger_ends_by_time)
{
    struct world w;
    uint64_t before;

    world_start(&w, MODE_SINK, "127.0.0.1:0");
    w.client = dial_blocking(&w);
    CHECK_EQ(send(w.client, "hello", 5, 0), 5);
    run_until(&w, NULL, 20);
    w.peer[0].s = stream_linger(w.peer[0].s, 150);
    listener_close(w.l);
    w.on_turn = NULL;
    loop_finish(w.loop);
    before = uv_hrtime();
    loop_run(w.loop); /* only the lingering stream keeps it */
    before = (uv_hrtime() - before) / 1000000;
    CHECK(before >= 100 && before < 1000);
    loop_free(w.loop);
    close(w.client);
}

TEST(read_stop_holds_the_peer_back)
{
    struct world w;

    world_start(&w, MODE_SINK, "127.0.0.1:0");
    w.client = dial_blocking(&w);
    run_until(&w, NULL, 20);
    stream_read_stop(w.peer[0].s);
    CHECK_EQ(send(w.client, "hello", 5, 0), 5);
    shutdown(w.client, SHUT_WR);
    run_until(&w, NULL, 50);
    CHECK_EQ(w.peer[0].got, 0);
    CHECK_EQ(w.peer[0].ends, 0);
    CHECK_EQ(stream_read_start(w.peer[0].s), 0);
    CHECK_EQ(w.peer[0].got, 0);
    run_until(&w, first_ended, 1000);
    CHECK_EQ(w.peer[0].got, 5);
    CHECK_EQ(w.peer[0].ends, 1);
    world_end(&w);
}

TEST(unix_socket)
{
    struct world w;
    struct listener *second = NULL;
    char dir[] = "/tmp/millrace-io-XXXXXX", address[64], got[8] = "";
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;
    int stale;

    CHECK(mkdtemp(dir) != NULL);
    snprintf(address, sizeof address, "unix:%s/s", dir);
    snprintf(a.sun_path, sizeof a.sun_path, "%s/s", dir);
    stale = socket(AF_UNIX, SOCK_STREAM, 0); /* bound, never listening: as a killed process leaves it */
    CHECK_EQ(bind(stale, (struct sockaddr *)&a, sizeof a), 0);
    close(stale);

    world_start(&w, MODE_ECHO, address);
    CHECK_EQ(listener_new(&second, w.loop, address, &listener_ops, &w), -EADDRINUSE);
    CHECK_EQ(stat(a.sun_path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0660);
    CHECK_STR(slice_str(listener_address(w.l)), address);
    w.client = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(connect(w.client, (struct sockaddr *)&a, sizeof a), 0);
    CHECK_EQ(send(w.client, "hello", 5, 0), 5);
    run_until(&w, client_readable, 2000);
    CHECK_EQ(recv(w.client, got, 5, 0), 5);
    CHECK_STR(slice_str(got), "hello");
    /* The first one was the second listener looking whether anyone is there. */
    CHECK_STR(slice_str(stream_peer(w.peer[w.peers - 1].s, got, sizeof got)), "unix");
    world_end(&w);
    CHECK(stat(a.sun_path, &st) != 0);
    CHECK_EQ(rmdir(dir), 0);
}

/* A file that is no socket is never removed. */
TEST(unix_path_taken_by_a_file)
{
    struct loop *loop;
    struct listener *l = NULL;
    static const struct loop_ops ops = {on_turn};
    struct world w = {0};
    char path[] = "/tmp/millrace-io-XXXXXX", address[64];

    close(mkstemp(path));
    snprintf(address, sizeof address, "unix:%s", path);
    CHECK_EQ(loop_new(&loop, &ops, &w), 0);
    CHECK_EQ(listener_new(&l, loop, address, &listener_ops, &w), -EADDRINUSE);
    CHECK_EQ(unlink(path), 0);
    loop_free(loop);
}

/* No descriptors: no spin, and accepting goes on when there are some again. */
TEST(out_of_descriptors)
{
    struct world w;
    struct rlimit old, few;
    struct rusage a, b;
    int fds[4], probe;
    long cpu_us;

    world_start(&w, MODE_ECHO, "127.0.0.1:0");
    for (unsigned i = 0; i < 4; i++)
        fds[i] = dial_blocking(&w);
    probe = open("/dev/null", O_RDONLY | O_CLOEXEC);
    getrlimit(RLIMIT_NOFILE, &old);
    few = old;
    few.rlim_cur = (rlim_t)probe + 1; /* all numbers below are taken */
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    getrusage(RUSAGE_SELF, &a);
    run_until(&w, NULL, 550);
    getrusage(RUSAGE_SELF, &b);
    cpu_us = (b.ru_utime.tv_sec - a.ru_utime.tv_sec + b.ru_stime.tv_sec - a.ru_stime.tv_sec) * 1000000 +
             (b.ru_utime.tv_usec - a.ru_utime.tv_usec + b.ru_stime.tv_usec - a.ru_stime.tv_usec);
    printf("# out of descriptors for 550 ms: %u turns, %u tries, %ld us of CPU\n", w.turns, w.exhausted, cpu_us);
    CHECK(w.turns < 30);
    CHECK(w.exhausted >= 4 && w.exhausted <= 8);
    CHECK(cpu_us < 100000);
    CHECK_EQ(w.peers, 0);
    setrlimit(RLIMIT_NOFILE, &old);
    run_until(&w, NULL, 200);
    CHECK_EQ(w.peers, 4);
    close(probe);
    for (unsigned i = 0; i < 4; i++)
        close(fds[i]);
    world_end(&w);
}

TEST(addresses)
{
    static const struct {
        const char *text;
        int want;
    } rows[] = {
        {"127.0.0.1:8545", 0},       {"0.0.0.0:0", 0},          {"localhost:8545", 0},
        {"[::1]:8545", 0},           {"[::]:65535", 0},         {"unix:/run/millrace.sock", 0},
        {"127.0.0.1", -EINVAL},      {"127.0.0.1:", -EINVAL},   {"127.0.0.1:65536", -EINVAL},
        {"127.0.0.1:80x", -EINVAL},  {"127.0.0.1:-1", -EINVAL}, {":8545", -EINVAL},
        {"::1:8545", -EINVAL},       {"[::1]", -EINVAL},        {"[]:1", -EINVAL},
        {"node.example:1", -EINVAL}, {"unix:", -EINVAL},        {"", -EINVAL},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ(listener_address_check(rows[i].text), rows[i].want);
        if (listener_address_check(rows[i].text) != rows[i].want)
            printf("# row %s\n", rows[i].text);
    }
}

struct ticker {
    struct loop_timer timer;
    struct loop_task task;
    struct world *w;
    unsigned fired, ran;
};

static void tick(struct loop_timer *t)
{
    struct ticker *k = container_of(t, struct ticker, timer);

    k->fired++;
    loop_task_push(k->w->loop, &k->task);
}

static void run_task(struct loop_task *t)
{
    container_of(t, struct ticker, task)->ran++;
}

TEST(timers_and_tasks)
{
    struct world w;
    struct ticker k[3] = {0};
    uint64_t now;

    world_start(&w, MODE_ECHO, "127.0.0.1:0");
    now = loop_now_ms(w.loop);
    for (unsigned i = 0; i < 3; i++) {
        k[i].w = &w;
        k[i].timer.fire = tick;
        loop_task_init(&k[i].task, run_task);
        loop_timer_set(w.loop, &k[i].timer, now + 30 - 10 * i);
    }
    loop_timer_clear(w.loop, &k[1].timer);
    run_until(&w, NULL, 80);
    CHECK_EQ(k[0].fired, 1);
    CHECK_EQ(k[0].ran, 1);
    CHECK_EQ(k[1].fired, 0);
    CHECK_EQ(k[2].fired, 1);
    CHECK_EQ(k[2].ran, 1);
    CHECK(w.turns < 20);
    world_end(&w);
}

TEST_MAIN()
