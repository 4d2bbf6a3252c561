/* bench_jtok.c - how fast the scanner reads what nodes send, and how far that is from jansson's load.
 * The readers take turns within each round, so that a busy machine hurts both alike; medians are printed.
 * Never fails: figures are for reading, not for gating.
 * With a name and a count as arguments it only scans, for instruction counting:
 *     valgrind --tool=callgrind bench_jtok string 1000 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "json/jout.h"
#include "json/jtok.h"

enum { BODY = 16384, ROUNDS = 31, TEXT_MAX = 1 << 20 };

static const uint64_t ROUND_NS = 4000000; /* each reader runs at least this long in a round */

static uint64_t sink; /* keeps results alive */

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Bodies.  Hex digits come from a fixed generator: every run reads the same bytes. */

static uint64_t random_state = 88172645463325252u;

static void put_hex(struct buf *b, size_t digits)
{
    buf_str(b, "\"0x");
    while (digits--) {
        random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
        buf_append(b, &"0123456789abcdef"[random_state >> 60], 1);
    }
    buf_str(b, "\"");
}

static void put_hex_member(struct buf *b, const char *key, size_t digits)
{
    jout_key(b, key);
    put_hex(b, digits);
}

static void make_string(struct buf *b)
{
    buf_str(b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":");
    put_hex(b, BODY);
    buf_str(b, "}");
}

/* An eth_getLogs answer: many members, most of them short or one hash long. */
static void make_logs(struct buf *b)
{
    buf_str(b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[");
    while (b->n < BODY) {
        jout_sep(b);
        buf_str(b, "{");
        put_hex_member(b, "address", 40);
        jout_key(b, "topics");
        buf_str(b, "[");
        for (unsigned i = 0; i < 3; i++) {
            jout_sep(b);
            put_hex(b, 64);
        }
        buf_str(b, "]");
        put_hex_member(b, "data", 64);
        put_hex_member(b, "blockNumber", 7);
        put_hex_member(b, "transactionHash", 64);
        put_hex_member(b, "transactionIndex", 2);
        put_hex_member(b, "blockHash", 64);
        put_hex_member(b, "logIndex", 3);
        buf_str(b, ",\"removed\":false}");
    }
    buf_str(b, "]}");
}

/* Small members and numbers only: nothing that vectors help with. */
static void make_dense(struct buf *b)
{
    buf_str(b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[");
    while (b->n < BODY) {
        jout_sep(b);
        buf_str(b, "{\"slot\":341197053,\"err\":null,\"fee\":5000,\"ok\":true,\"v\":[1,2.5,-3],\"memo\":\"\"}");
    }
    buf_str(b, "]}");
}

static void make_unicode(struct buf *b)
{
    buf_str(b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"");
    while (b->n < BODY)
        buf_str(b, "\xe8\xbd\xac\xe9\x80\x81 log \\u2014 \\\"caf\xc3\xa9\\\"\\n");
    buf_str(b, "\"}");
}

static void make_small(struct buf *b)
{
    buf_str(b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x1a2b\"}");
}

static void make_request(struct buf *b)
{
    buf_str(b, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\"params\":[{\"to\":");
    put_hex(b, 40);
    buf_str(b, ",\"data\":\"0x70a08231\"},\"latest\"]}");
}

static const struct body {
    const char *name, *what;
    void (*make)(struct buf *b);
} bodies[] = {
    {"string", "16 KiB string result", make_string},  {"logs", "16 KiB of eth_getLogs", make_logs},
    {"dense", "16 KiB of small members", make_dense}, {"unicode", "16 KiB of escapes and UTF-8", make_unicode},
    {"small", "42-byte response", make_small},        {"request", "request of eth_call", make_request},
};

/* Readers. */

/* As the gateway does: member by member, each value whole. */
static void read_jtok(struct slice text)
{
    struct jtok t;
    struct jval key, v;

    jtok_init(&t, text, 64);
    if (jtok_object(&t) == 0)
        while (jtok_member(&t, &key) == 0 && jtok_value(&t, &v) == 0)
            sink += v.raw.n + jtok_text_eq(&key, SLICE("result"));
    sink += (uint64_t)jtok_finish(&t);
}

static void read_jansson(struct slice text)
{
    json_error_t error;
    json_t *j = json_loadb(text.p, text.n, JSON_DECODE_ANY, &error);

    sink += j != NULL;
    json_decref(j);
}

/* Nanoseconds per reading. */
static double timed(void (*read)(struct slice text), struct slice text)
{
    uint64_t from = now_ns(), spent;
    unsigned n = 0;

    do {
        for (unsigned i = 0; i < 16; i++)
            read(text);
        n += 16;
        spent = now_ns() - from;
    } while (spent < ROUND_NS);
    return (double)spent / n;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof *v, by_value);
    return v[ROUNDS / 2];
}

static void compare(const struct body *body)
{
    double ours[ROUNDS], theirs[ROUNDS], a, b;
    struct buf text;

    buf_init(&text, TEXT_MAX);
    body->make(&text);
    for (unsigned i = 0; i < ROUNDS; i++) {
        ours[i] = timed(read_jtok, buf_get(&text));
        theirs[i] = timed(read_jansson, buf_get(&text));
    }
    a = median(ours);
    b = median(theirs);
    printf("%-28s %6zu B  jtok %9.1f ns %6.2f GB/s   jansson %9.1f ns %6.3f GB/s   %6.1fx\n", body->what, text.n, a,
           (double)text.n / a, b, (double)text.n / b, b / a);
    fflush(stdout);
    buf_deinit(&text);
}

static int scan_only(const char *name, unsigned long count)
{
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct buf text;

        if (strcmp(bodies[i].name, name) != 0)
            continue;
        buf_init(&text, TEXT_MAX);
        bodies[i].make(&text);
        while (count--)
            read_jtok(buf_get(&text));
        buf_deinit(&text);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return scan_only(argv[1], strtoul(argv[2], NULL, 10));
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        compare(&bodies[i]);
    return sink == 0; /* it never is */
}
