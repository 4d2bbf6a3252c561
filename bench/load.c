/* load - a load generator for JSON-RPC over HTTP/1.1 on loopback.  See bench/README.md. */
#include "load.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

enum {
    EVENTS = 256,
    READ_BYTES = 256 * 1024,
    SCRATCH_MAX = 64 * 1024 * 1024,
    MAX_CONNECTIONS = 60000,
    MAX_DEPTH = 1024,
    MAX_BATCH = 1024,
    MAX_KEYS = 1000000,
    EXIT_USAGE = 2
};

#define FIRST_ID     1000000000u
#define LAST_ID      9999990000u /* ids keep ten digits */
#define MAX_CALLS    1000000000u
#define MAX_SECONDS  3600.0
#define SECOND_NS    1000000000u
#define LATE_NS      (5 * (uint64_t)SECOND_NS) /* how long answers are awaited after the end */
#define RETRY_NS     10000000u                 /* between attempts to connect again */
#define LONG_WAIT_NS 100000000u

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

uint64_t load_clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* When the i-th exchange ought to leave. */
static uint64_t intended(const struct load *l, uint64_t i)
{
    return l->begin_ns + (uint64_t)((double)i * (double)l->conf.batch * 1e9 / (double)l->conf.rate);
}

/* Not over: time, calls. */
static bool may_go_on(const struct load *l, uint64_t now_ns)
{
    return !stopped && now_ns < l->end_ns && l->issued_calls + l->conf.batch <= l->conf.max_calls;
}

static bool may_issue(const struct load *l, uint64_t now_ns)
{
    if (l->conf.burst && l->burst_left == 0)
        return false;
    return may_go_on(l, now_ns);
}

/* Ends a burst when its last answer has come, and begins one when it is time: at once when the last one is over, so
 * that all of a burst stands on the wire before the first answer is looked at. */
static void drive_bursts(struct load *l)
{
    uint64_t now_ns = load_clock_ns();

    if (!l->conf.burst || l->burst_left || l->inflight)
        return;
    if (l->bursting) {
        load_hist_add(&l->stats.bursts, now_ns - l->burst_ns);
        l->burst_ns = now_ns + (uint64_t)(l->conf.pause * 1e9);
        l->bursting = false;
    }
    if (now_ns >= l->burst_ns && may_go_on(l, now_ns)) {
        l->burst_left = l->conf.burst;
        l->burst_ns = now_ns;
        l->bursting = true;
    }
}

/* Fills free slots: all of them in a closed loop; in an open loop as many as are due.  A late exchange keeps its
 * intended time, so that a stall of the other side shows in every call it held up. */
static void issue(struct load *l)
{
    uint64_t now_ns = load_clock_ns(), exchange;

    while (!list_empty(&l->free) && may_issue(l, now_ns)) {
        struct load_conn *c = container_of(l->free.next, struct load_conn, node);

        if (l->conf.rate) {
            exchange = l->issued_calls / l->conf.batch;
            if (intended(l, exchange) > now_ns)
                break;
            list_remove(&c->node);
            list_push(&l->free, &c->node); /* the next one goes over the next connection */
            load_conn_send(c, intended(l, exchange));
        } else {
            now_ns = load_clock_ns();
            while (c->used < l->conf.depth && may_issue(l, now_ns)) {
                load_conn_send(c, l->conf.burst ? l->burst_ns : now_ns);
                if (l->conf.burst)
                    l->burst_left -= l->burst_left < l->conf.batch ? l->burst_left : l->conf.batch;
            }
        }
        load_conn_flush(c);
        if (l->next_id > LAST_ID)
            l->next_id = FIRST_ID;
    }
}

static void revive(struct load *l)
{
    static uint64_t last_ns;
    uint64_t now_ns = load_clock_ns();
    struct list dead, *n;

    if (list_empty(&l->dead) || now_ns - last_ns < RETRY_NS)
        return;
    last_ns = now_ns;
    list_init(&dead);
    list_splice(&dead, &l->dead);
    while ((n = list_pop(&dead)) != NULL)
        load_conn_open(l, container_of(n, struct load_conn, node));
}

static void wait_events(struct load *l, uint64_t until_ns)
{
    struct epoll_event event[EVENTS];
    uint64_t now_ns = load_clock_ns(), wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
    struct timespec t = {.tv_sec = (time_t)(wait_ns / SECOND_NS), .tv_nsec = (long)(wait_ns % SECOND_NS)};
    int n = epoll_pwait2(l->epoll, event, EVENTS, &t, NULL);

    if (n < 0 && errno == ENOSYS) /* kernels before 5.11: whole milliseconds */
        n = epoll_wait(l->epoll, event, EVENTS, (int)((wait_ns + 999999) / 1000000));
    for (int i = 0; i < n; i++)
        load_conn_event(event[i].data.ptr, event[i].events);
}

static void begin_measuring(struct load *l)
{
    memset(&l->stats, 0, sizeof l->stats);
    load_hist_clear(&l->stats.latency);
    load_hist_clear(&l->stats.bursts);
}

/* Returns the seconds that were measured. */
static double run(struct load *l)
{
    uint64_t now_ns = load_clock_ns(), measured_from, last_ns;
    bool warming = l->conf.warmup > 0;

    l->begin_ns = measured_from = last_ns = now_ns;
    l->measure_ns = now_ns + (uint64_t)(l->conf.warmup * 1e9);
    l->end_ns = l->measure_ns + (uint64_t)(l->conf.seconds * 1e9);
    load_slices_init(l);
    for (;;) {
        uint64_t until_ns;

        revive(l);
        drive_bursts(l);
        issue(l);
        now_ns = load_clock_ns();
        if (warming && now_ns >= l->measure_ns) {
            warming = false;
            measured_from = now_ns;
            begin_measuring(l);
        }
        if (!may_go_on(l, now_ns) && (l->inflight == 0 || now_ns > l->end_ns + LATE_NS))
            break;
        until_ns = now_ns + LONG_WAIT_NS;
        if (l->conf.rate && may_issue(l, now_ns) && !list_empty(&l->free)) {
            uint64_t next_ns = intended(l, l->issued_calls / l->conf.batch);

            until_ns = next_ns < until_ns ? next_ns : until_ns;
        }
        if (l->conf.burst && !l->bursting && l->burst_ns < until_ns)
            until_ns = l->burst_ns;
        if (!list_empty(&l->dead) && until_ns > now_ns + RETRY_NS)
            until_ns = now_ns + RETRY_NS;
        if (now_ns < l->end_ns && l->end_ns < until_ns)
            until_ns = l->end_ns;
        wait_events(l, until_ns);
        last_ns = load_clock_ns();
    }
    l->stats.error[LOAD_LATE] += l->inflight;
    return (double)(last_ns - measured_from) / 1e9;
}

/* Opens connections and holds them until the time is over. */
static int hold(struct load *l)
{
    struct timespec pause = {.tv_nsec = 50000000};
    int *fd = mem_array(l->conf.idle, sizeof *fd);
    unsigned n = 0, answered = 0;
    static const char ping[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_blockNumber\",\"params\":[]}";
    char request[512], answer[4096];
    int length =
        snprintf(request, sizeof request,
                 "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                 l->conf.target.path, l->conf.target.host, sizeof ping - 1, ping);
    uint64_t end_ns;

    for (; n < l->conf.idle && !stopped; n++) {
        fd[n] = load_connect(&l->conf.target);
        if (fd[n] < 0) {
            fprintf(stderr, "load: connection %u: %s\n", n, strerror(-fd[n]));
            break;
        }
        if (l->conf.idle_call && send(fd[n], request, (size_t)length, MSG_NOSIGNAL) == length &&
            recv(fd[n], answer, sizeof answer, 0) > 0)
            answered++;
    }
    printf("holding %u connections, %u answered\n", n, answered);
    fflush(stdout);
    for (end_ns = load_clock_ns() + (uint64_t)(l->conf.seconds * 1e9); !stopped && load_clock_ns() < end_ns;)
        nanosleep(&pause, NULL);
    for (unsigned i = 0; i < n; i++)
        close(fd[i]);
    free(fd);
    return n == l->conf.idle ? 0 : 1;
}

/* ---- options ---- */

enum {
    OPT_RATE = 256,
    OPT_SECONDS,
    OPT_COUNT,
    OPT_MIX,
    OPT_SKEW,
    OPT_BATCH,
    OPT_BODY,
    OPT_IDLE,
    OPT_IDLE_CALL,
    OPT_NEW,
    OPT_JSON,
    OPT_WARMUP,
    OPT_VERIFY,
    OPT_SEED,
    OPT_KEYS,
    OPT_NODE,
    OPT_TRUTH,
    OPT_BURST,
    OPT_PAUSE,
    OPT_SLICE_MS,
    OPT_HELP
};

static const struct option options[] = {
    {"connections", required_argument, NULL, 'c'},   {"depth", required_argument, NULL, 'd'},
    {"rate", required_argument, NULL, OPT_RATE},     {"seconds", required_argument, NULL, OPT_SECONDS},
    {"count", required_argument, NULL, OPT_COUNT},   {"mix", required_argument, NULL, OPT_MIX},
    {"skew", required_argument, NULL, OPT_SKEW},     {"batch", required_argument, NULL, OPT_BATCH},
    {"body", required_argument, NULL, OPT_BODY},     {"idle", required_argument, NULL, OPT_IDLE},
    {"idle-call", no_argument, NULL, OPT_IDLE_CALL}, {"new-connection", no_argument, NULL, OPT_NEW},
    {"json", no_argument, NULL, OPT_JSON},           {"warmup", required_argument, NULL, OPT_WARMUP},
    {"verify", no_argument, NULL, OPT_VERIFY},       {"seed", required_argument, NULL, OPT_SEED},
    {"keys", required_argument, NULL, OPT_KEYS},     {"truth", no_argument, NULL, OPT_TRUTH},
    {"node", required_argument, NULL, OPT_NODE},     {"burst", required_argument, NULL, OPT_BURST},
    {"pause", required_argument, NULL, OPT_PAUSE},   {"slice-ms", required_argument, NULL, OPT_SLICE_MS},
    {"help", no_argument, NULL, OPT_HELP},           {NULL, 0, NULL, 0},
};

static const char usage_text[] =
    "usage: load [options] http://127.0.0.1:PORT[/path]\n"
    "  -c, --connections N   keep-alive connections (1)\n"
    "  -d, --depth N         exchanges in flight on each (1)\n"
    "      --rate R          open loop: R calls/s; latency counts from the intended time; 0: closed loop\n"
    "      --seconds S       how long (5)\n"
    "      --warmup S        before that, not counted (0)\n"
    "      --count N         at most N calls\n"
    "      --mix NAME        small | call | distinct | account | ethereum | solana (small)\n"
    "      --skew S          exponent of the keys' popularity (0.99)\n"
    "      --keys N          questions of a method whose keys are made up here (1000)\n"
    "      --node URL        who is asked before the run for the keys of a mix (the target)\n"
    "      --truth           results must be those that the node gives when asked before the run; single calls only\n"
    "      --burst N         N calls at once over all connections, the next N when the last is answered; reports how\n"
    "                        long a burst takes. connections x depth x batch must be N or more\n"
    "      --pause S         between bursts (0)\n"
    "      --slice-ms N      latencies and errors of each N ms too, by the time at which calls were to leave\n"
    "      --batch N         N calls in an array\n"
    "      --body FILE       send this body as it is\n"
    "      --new-connection  one for each exchange\n"
    "      --idle N          only open N connections and hold them; --idle-call: after one call each\n"
    "      --verify          scan every answer in full\n"
    "      --seed N          of the choice of calls (1)\n"
    "      --json            the report as one JSON object\n";

struct options {
    const char *mix, *body, *node;
    bool truth;
    double skew;
    unsigned keys;
    uint64_t seed;
    bool json;
};

static int bad(const char *what)
{
    fprintf(stderr, "load: bad value for %s\n", what);
    return -1;
}

static int take_number(const char *text, double least, double most, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return end == text || *end || !(*out >= least && *out <= most) ? -1 : 0;
}

/* 0, 1 for --help, -1. */
static int parse(int argc, char **argv, struct load_conf *c, struct options *o)
{
    int opt, i;

    while (i = 0, (opt = getopt_long(argc, argv, "c:d:", options, &i)) != -1) {
        double v = 0;
        int r = 0;

        switch (opt) {
        case 'c':
            r = take_number(optarg, 1, MAX_CONNECTIONS, &v);
            c->connections = (unsigned)v;
            break;
        case 'd':
            r = take_number(optarg, 1, MAX_DEPTH, &v);
            c->depth = (unsigned)v;
            break;
        case OPT_RATE:
            r = take_number(optarg, 0, 1e7, &v);
            c->rate = (uint64_t)v;
            break;
        case OPT_SECONDS:
            r = take_number(optarg, 0, MAX_SECONDS, &c->seconds);
            break;
        case OPT_WARMUP:
            r = take_number(optarg, 0, MAX_SECONDS, &c->warmup);
            break;
        case OPT_COUNT:
            r = take_number(optarg, 1, MAX_CALLS, &v);
            c->max_calls = (uint64_t)v;
            break;
        case OPT_BATCH:
            r = take_number(optarg, 1, MAX_BATCH, &v);
            c->batch = (unsigned)v;
            break;
        case OPT_IDLE:
            r = take_number(optarg, 1, MAX_CONNECTIONS, &v);
            c->idle = (unsigned)v;
            break;
        case OPT_SKEW:
            r = take_number(optarg, 0, 10, &o->skew);
            break;
        case OPT_SEED:
            r = take_number(optarg, 0, 1e15, &v);
            o->seed = (uint64_t)v;
            break;
        case OPT_KEYS:
            r = take_number(optarg, 1, MAX_KEYS, &v);
            o->keys = (unsigned)v;
            break;
        case OPT_BURST:
            r = take_number(optarg, 1, MAX_CALLS, &v);
            c->burst = (unsigned)v;
            break;
        case OPT_PAUSE:
            r = take_number(optarg, 0, MAX_SECONDS, &c->pause);
            break;
        case OPT_SLICE_MS:
            r = take_number(optarg, 1, 60000, &v);
            c->slice_ms = (unsigned)v;
            break;
        case OPT_NODE:
            o->node = optarg;
            break;
        case OPT_TRUTH:
            o->truth = true;
            break;
        case OPT_MIX:
            o->mix = optarg;
            break;
        case OPT_BODY:
            o->body = optarg;
            break;
        case OPT_IDLE_CALL:
            c->idle_call = true;
            break;
        case OPT_NEW:
            c->new_connection = true;
            break;
        case OPT_VERIFY:
            c->verify = true;
            break;
        case OPT_JSON:
            o->json = true;
            break;
        case OPT_HELP:
            return 1;
        default:
            return -1;
        }
        if (r)
            return bad(optarg);
    }
    return optind + 1 == argc ? 0 : -1;
}

static int load_all(struct load *l, bool json)
{
    double seconds = 0;
    int r = 0;

    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->conn = mem_array(l->conf.connections, sizeof *l->conn);
    l->read_buffer = mem_zero(READ_BYTES);
    buf_init(&l->scratch, SCRATCH_MAX);
    for (unsigned i = 0; r == 0 && i < l->conf.connections; i++) {
        l->conn[i].slot = mem_array(l->conf.depth, sizeof *l->conn[i].slot);
        r = load_conn_open(l, &l->conn[i]);
    }
    if (r)
        fprintf(stderr, "load: %s: %s\n", l->conf.target.host, strerror(-r));
    else
        seconds = run(l);
    for (unsigned i = 0; i < l->conf.connections; i++) {
        load_conn_deinit(&l->conn[i]);
        free(l->conn[i].slot);
    }
    if (r == 0)
        load_report(l, seconds, json);
    load_slices_deinit(l);
    free(l->conn);
    free(l->read_buffer);
    buf_deinit(&l->scratch);
    close(l->epoll);
    return r ? 1 : 0;
}

int main(int argc, char **argv)
{
    static struct load l;
    struct options o = {.mix = "small", .skew = 0.99, .keys = 1000, .seed = 1};
    struct load_target node;
    struct sigaction act = {.sa_handler = on_signal};
    struct rlimit files;
    int r;

    l.conf = (struct load_conf){.connections = 1, .depth = 1, .batch = 1, .max_calls = MAX_CALLS, .seconds = 5};
    r = parse(argc, argv, &l.conf, &o);
    if (r || load_target_parse(&l.conf.target, argv[optind])) {
        fputs(usage_text, r > 0 ? stdout : stderr);
        return r > 0 ? 0 : EXIT_USAGE;
    }
    if (o.body && l.conf.batch > 1) {
        fputs("load: --body and --batch exclude each other\n", stderr);
        return EXIT_USAGE;
    }
    node = l.conf.target;
    if (o.node && load_target_parse(&node, o.node))
        return EXIT_USAGE;
    if (o.truth && (o.body || l.conf.batch > 1)) {
        fputs("load: --truth goes with single calls of a mix\n", stderr);
        return EXIT_USAGE;
    }
    if (l.conf.burst && (l.conf.rate || (uint64_t)l.conf.connections * l.conf.depth * l.conf.batch < l.conf.burst)) {
        fputs("load: --burst wants a closed loop, and connections x depth x batch to hold it\n", stderr);
        return EXIT_USAGE;
    }
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    prctl(PR_SET_TIMERSLACK, 1UL);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    list_init(&l.free);
    list_init(&l.dead);
    load_hist_clear(&l.stats.latency);
    load_hist_clear(&l.stats.bursts);
    l.next_id = FIRST_ID;
    if (l.conf.idle)
        return hold(&l);
    r = o.body ? load_mix_body(&l.mix, o.body) : load_mix_preset(&l.mix, &node, o.mix, o.skew, o.keys, o.seed);
    if (r == 0 && o.truth)
        r = load_mix_truth(&l.mix, &node);
    if (r == 0)
        r = load_all(&l, o.json);
    else
        r = EXIT_USAGE;
    load_mix_deinit(&l.mix);
    return r;
}
