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

enum {
    OPT_LISTEN = 1,
    OPT_FAMILY,
    OPT_DELAY,
    OPT_JITTER,
    OPT_ERROR_RATE,
    OPT_RESET_RATE,
    OPT_RATE_LIMIT,
    OPT_RESULT_BYTES,
    OPT_NO_BATCH,
    OPT_MAX_BATCH,
    OPT_BLOCK_TIME,
    OPT_HEAD_LAG,
    OPT_MAX_REQUESTS,
    OPT_IDLE_TIMEOUT,
    OPT_SEED,
    OPT_CHAIN_ID,
    OPT_HELP
};

enum { SOLANA_BLOCK_TIME_MS = 400, EXIT_USAGE = 2 };

static const struct option options[] = {
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"family", required_argument, NULL, OPT_FAMILY},
    {"delay-us", required_argument, NULL, OPT_DELAY},
    {"jitter-us", required_argument, NULL, OPT_JITTER},
    {"error-rate", required_argument, NULL, OPT_ERROR_RATE},
    {"reset-rate", required_argument, NULL, OPT_RESET_RATE},
    {"rate-limit", required_argument, NULL, OPT_RATE_LIMIT},
    {"result-bytes", required_argument, NULL, OPT_RESULT_BYTES},
    {"no-batch", no_argument, NULL, OPT_NO_BATCH},
    {"max-batch", required_argument, NULL, OPT_MAX_BATCH},
    {"block-time-ms", required_argument, NULL, OPT_BLOCK_TIME},
    {"head-lag", required_argument, NULL, OPT_HEAD_LAG},
    {"max-requests-per-socket", required_argument, NULL, OPT_MAX_REQUESTS},
    {"idle-timeout-ms", required_argument, NULL, OPT_IDLE_TIMEOUT},
    {"seed", required_argument, NULL, OPT_SEED},
    {"chain-id", required_argument, NULL, OPT_CHAIN_ID},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

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

static void usage(FILE *to)
{
    fputs("usage: devnode", to);
    for (const struct option *o = options; o->name; o++)
        fprintf(to, " [--%s%s]", o->name, o->has_arg ? " X" : "");
    fputc('\n', to);
}

static int bad_value(int index, const char *text)
{
    fprintf(stderr, "devnode: --%s: bad value '%s'\n", options[index].name, text);
    return -1;
}

static int take_rate(double *out, const char *text)
{
    char *end;

    errno = 0;
    *out = strtod(text, &end);
    return errno || end == text || *end || !(*out >= 0 && *out <= 1) ? -1 : 0;
}

static int take_number(uint64_t *out, const char *text)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return errno || end == text || *end || *text == '-' ? -1 : 0;
}

/* 0, 1 for --help, -1. */
static int parse(int argc, char **argv, struct devnode_conf *c)
{
    bool block_time = false;
    int opt, i = 0;

    while ((opt = getopt_long(argc, argv, "", options, &i)) != -1) {
        uint64_t n = 0;

        if (opt == OPT_HELP)
            return 1;
        if (opt == '?')
            return -1;
        if (opt == OPT_LISTEN) {
            c->listen = optarg;
        } else if (opt == OPT_FAMILY) {
            if (strcmp(optarg, "evm") != 0 && strcmp(optarg, "solana") != 0)
                return bad_value(i, optarg);
            c->solana = optarg[0] == 's';
        } else if (opt == OPT_ERROR_RATE || opt == OPT_RESET_RATE) {
            if (take_rate(opt == OPT_ERROR_RATE ? &c->error_rate : &c->reset_rate, optarg))
                return bad_value(i, optarg);
        } else if (opt == OPT_NO_BATCH) {
            c->batch = false;
        } else if (take_number(&n, optarg)) {
            return bad_value(i, optarg);
        }
        switch (opt) {
        case OPT_DELAY:
            c->delay_us = n;
            break;
        case OPT_JITTER:
            c->jitter_us = n;
            break;
        case OPT_RATE_LIMIT:
            c->rate_limit_per_s = (unsigned)n;
            break;
        case OPT_RESULT_BYTES:
            if (n > 64 * 1024 * 1024)
                return bad_value(i, optarg);
            c->result_bytes = n;
            break;
        case OPT_MAX_BATCH:
            c->max_batch = (unsigned)n;
            break;
        case OPT_BLOCK_TIME:
            c->block_time_ms = n;
            block_time = true;
            break;
        case OPT_HEAD_LAG:
            c->head_lag = n;
            break;
        case OPT_MAX_REQUESTS:
            c->max_requests_per_socket = (unsigned)n;
            break;
        case OPT_IDLE_TIMEOUT:
            c->idle_timeout_ms = n;
            break;
        case OPT_SEED:
            c->seed = n;
            break;
        case OPT_CHAIN_ID:
            c->chain_id = n;
            break;
        default:
            break;
        }
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
