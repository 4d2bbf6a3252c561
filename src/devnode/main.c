/* devnode - the simulated node as a program of its own, for tests and benchmarks. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devnode/devnode.h"
#include "io/loop.h"
#include "io/signals.h"

enum { SOLANA_BLOCK_TIME_MS = 400, EXIT_USAGE = 2, OPT_HELP = 256 };

#define MOST_BYTES ((uint64_t)64 * 1024 * 1024)

enum kind { K_TEXT, K_NUMBER, K_UNSIGNED, K_SIZE, K_RATE, K_SET, K_CLEAR, K_FAMILY, K_STYLE };

/* One row an option: its value goes to `at` of the conf. */
static const struct row {
    const char *name;
    enum kind kind;
    size_t at;
    uint64_t most; /* 0: no bound but the type's */
    const char *doc;
} rows[] = {
#define AT(member) offsetof(struct devnode_conf, member)
    {"listen", K_TEXT, AT(listen), 0, "HOST:PORT; port 0 picks one (127.0.0.1:0)"},
    {"family", K_FAMILY, AT(solana), 0, "evm | solana (evm)"},
    {"chain-id", K_NUMBER, AT(chain_id), 0, "of eth_chainId (1)"},
    {"block-time-ms", K_NUMBER, AT(block_time_ms), 0, "between two heads (12000, Solana 400)"},
    {"head-lag", K_NUMBER, AT(head_lag), 0, "blocks or slots behind the siblings (0)"},
    {"keep-state", K_NUMBER, AT(keep_state), 0, "blocks whose state is there, the older ones are pruned (0: all)"},
    {"keep-history", K_NUMBER, AT(keep_history), 0,
     "blocks or slots that are there, the older ones are pruned (0: all)"},
    {"shred-lag", K_NUMBER, AT(shred_lag), 0, "Solana: slots received beyond those processed, as if replay hung (0)"},
    {"seed", K_NUMBER, AT(seed), 0, "of everything that is drawn by lot (1)"},
    {"result-bytes", K_SIZE, AT(result_bytes), MOST_BYTES, "pad eth_call and getAccountInfo to about this; 0: natural"},
    {"delay-us", K_NUMBER, AT(delay_us), 0, "before each answer: the way, many at once (0)"},
    {"jitter-us", K_NUMBER, AT(jitter_us), 0, "and up to this much more (0)"},
    {"request-us", K_NUMBER, AT(request_us), 0,
     "work on an HTTP request; a connection is served one request at a time (0)"},
    {"call-us", K_NUMBER, AT(call_us), 0, "work on each call in it: answered after request-us + n * call-us (0)"},
    {"cores", K_UNSIGNED, AT(cores), DEVNODE_CORES_MAX,
     "so many requests are worked on at once, others queue (0: no bound)"},
    {"slow-rate", K_RATE, AT(slow_rate), 0, "share of answers that take slow-us instead of delay-us"},
    {"slow-us", K_NUMBER, AT(slow_us), 0, "see slow-rate (0)"},
    {"half-us", K_NUMBER, AT(half_us), 0, "the second half of an answer leaves so much after the first (0)"},
    {"error-rate", K_RATE, AT(error_rate), 0, "share of calls answered with -32603"},
    {"reset-rate", K_RATE, AT(reset_rate), 0, "share of requests whose connection is reset"},
    {"rate-limit", K_UNSIGNED, AT(rate_limit_per_s), 0, "calls/s; above it HTTP 429 with Retry-After (0: none)"},
    {"max-body-bytes", K_SIZE, AT(max_body_bytes), MOST_BYTES,
     "larger requests get 413 in text/plain (5 MiB as geth, Solana 51200 as agave)"},
    {"no-batch", K_CLEAR, AT(batch), 0, "arrays are refused: one object, id null, -32005"},
    {"max-batch", K_UNSIGNED, AT(max_batch), 0, "arrays of more elements are refused (1000; 0: no limit)"},
    {"batch-style", K_STYLE, AT(batch_style), 0,
     "geth | erigon | reth: shape of that refusal (geth): [{id of the first, -32600}], {id null, -32000}, {id null, "
     "-32010}"},
    {"shuffle", K_SET, AT(shuffle), 0, "the elements of an array come back in another order"},
    {"drop-rate", K_RATE, AT(drop_rate), 0, "share of an array's elements that are left out"},
    {"null-id-rate", K_RATE, AT(null_id_rate), 0, "share of an array's elements that come back with id null"},
    {"element-limit-rate", K_RATE, AT(element_limit_rate), 0, "share of an array's elements answered with error 429"},
    {"max-requests-per-socket", K_UNSIGNED, AT(max_requests_per_socket), 0, "then Connection: close (0: never)"},
    {"idle-timeout-ms", K_NUMBER, AT(idle_timeout_ms), 0, "idle connections are closed (0: never)"},
#undef AT
};

enum { ROWS = sizeof rows / sizeof rows[0] };

struct program {
    struct loop *loop;
    struct devnode *node;
    struct signals *signals;
};

static void on_turn(void *owner)
{
    (void)owner;
}

static void on_signal(void *owner, int number)
{
    struct program *p = owner;

    (void)number;
    p->node = devnode_close(p->node);
    p->signals = signals_close(p->signals);
    loop_finish(p->loop);
}

static bool takes_value(const struct row *r)
{
    return r->kind != K_SET && r->kind != K_CLEAR;
}

static void usage(FILE *to)
{
    fputs(
        "usage: devnode [options]\n"
        "A simulated node: JSON-RPC over HTTP/1.1 on loopback; ready when it prints `listening on HOST:PORT`.\n"
        "GET /devnode_stats tells in JSON what was served so far: connections, requests, bytes_in, bytes_out, calls,\n"
        "batches, batch_calls, batches_refused, largest_batch, resets; it does not count itself.\n"
        "GET /devnode_set?delay-us=N changes delay-us, jitter-us or slow-us of a node that runs.\n",
        to);
    for (const struct row *r = rows; r < rows + ROWS; r++)
        fprintf(to, "  --%s%s%*s%s\n", r->name, takes_value(r) ? " X" : "  ", 24 - (int)strlen(r->name), "", r->doc);
}

static int take_rate(double *out, const char *text)
{
    char *end;

    errno = 0;
    *out = strtod(text, &end);
    return errno || end == text || *end || !(*out >= 0 && *out <= 1) ? -1 : 0;
}

static int take_number(uint64_t *out, const char *text, uint64_t most)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno || end == text || *end || *text == '-' || (most && *out > most) ? -1 : 0;
}

static int take_choice(unsigned *out, const char *text, const char *const *choice)
{
    for (*out = 0; choice[*out]; ++*out)
        if (strcmp(text, choice[*out]) == 0)
            return 0;
    return -1;
}

static int take(const struct row *r, struct devnode_conf *c, const char *text)
{
    static const char *const families[] = {"evm", "solana", NULL}, *const styles[] = {"geth", "erigon", "reth", NULL};
    void *to = (char *)c + r->at;
    uint64_t n = 0;
    unsigned choice = 0;
    int bad = 0;

    switch (r->kind) {
    case K_TEXT:
        *(const char **)to = text;
        break;
    case K_NUMBER:
        bad = take_number(to, text, r->most);
        break;
    case K_UNSIGNED:
        bad = take_number(&n, text, r->most ? r->most : UINT32_MAX);
        *(unsigned *)to = (unsigned)n;
        break;
    case K_SIZE:
        bad = take_number(&n, text, r->most);
        *(size_t *)to = n;
        break;
    case K_RATE:
        bad = take_rate(to, text);
        break;
    case K_SET:
    case K_CLEAR:
        *(bool *)to = r->kind == K_SET;
        break;
    case K_FAMILY:
        bad = take_choice(&choice, text, families);
        *(bool *)to = choice == 1;
        break;
    case K_STYLE:
        bad = take_choice(&choice, text, styles);
        *(enum devnode_batch_style *)to = (enum devnode_batch_style)choice;
        break;
    }
    if (bad)
        fprintf(stderr, "devnode: --%s: bad value '%s'\n", r->name, text);
    return bad;
}

/* 0, 1 for --help, -1. */
static int parse(int argc, char **argv, struct devnode_conf *c)
{
    struct option options[ROWS + 2] = {{0}};
    bool block_time = false;
    int i;

    for (i = 0; i < ROWS; i++)
        options[i] = (struct option){rows[i].name, takes_value(&rows[i]) ? required_argument : no_argument, NULL, i};
    options[i] = (struct option){"help", no_argument, NULL, OPT_HELP};
    while ((i = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (i == OPT_HELP)
            return 1;
        if (i < 0 || i >= ROWS || take(&rows[i], c, optarg))
            return -1;
        block_time = block_time || strcmp(rows[i].name, "block-time-ms") == 0;
    }
    if (c->solana && !block_time)
        c->block_time_ms = SOLANA_BLOCK_TIME_MS;
    return optind == argc ? 0 : -1;
}

int main(int argc, char **argv)
{
    static const struct loop_ops ops = {.on_turn = on_turn};
    static const int numbers[] = {SIGTERM, SIGINT};
    struct devnode_conf conf;
    struct program p = {0};
    int r;

    devnode_conf_default(&conf);
    r = parse(argc, argv, &conf);
    if (r) {
        usage(r > 0 ? stdout : stderr);
        return r > 0 ? 0 : EXIT_USAGE;
    }
    r = loop_new(&p.loop, &ops, &p);
    if (r == 0)
        r = devnode_new(&p.node, p.loop, &conf);
    if (r == 0)
        r = signals_new(&p.signals, p.loop, numbers, sizeof numbers / sizeof numbers[0], on_signal, &p);
    if (r) {
        fprintf(stderr, "devnode: %s: %s\n", conf.listen, strerror(-r));
        loop_free(p.loop);
        return 1;
    }
    fprintf(stderr, "listening on %s\n", devnode_address(p.node));
    r = loop_run(p.loop);
    loop_free(p.loop);
    return r ? 1 : 0;
}
