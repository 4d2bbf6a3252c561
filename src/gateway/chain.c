#include "gateway/chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cache/cache.h"
#include "gateway/worker.h"
#include "rpc/head_read.h"
#include "rpc/method.h"
#include "upstream/filters.h"

static bool is_in_group(const struct chain_conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->n_broadcast; i++)
        if (strcmp(conf->broadcast[i], name) == 0)
            return true;
    return conf->n_broadcast == 1 && strcmp(conf->broadcast[0], "all") == 0;
}

static uint64_t finalized_gap_ms(const struct chain_conf *conf)
{
    if (conf->family != CHAIN_EVM || !conf->cache_max_bytes || !conf->cache_finalized_ms)
        return 0;
    return conf->cache_finalized_ms > conf->block_time_ms ? conf->cache_finalized_ms : conf->block_time_ms;
}

/* Chains whose net_version is not their chain id, as ethereum-lists/chains has them (networkId): Expanse, Ethereum
 * Classic, Morden, Mordor, Ellaism, Callisto. */
static bool has_own_network_id(uint64_t chain_id)
{
    static const uint64_t ids[] = {2, 61, 62, 63, 64, 820};

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        if (ids[i] == chain_id)
            return true;
    return false;
}

static void prepare_answer(struct chain_answer *a, const char *text)
{
    a->answer = blob_copy(slice_str(text)); /* NULL: an endpoint is asked, as ever */
}

static void prepare_answers(struct chain *c)
{
    const struct chain_conf *conf = c->conf;
    char text[PROBE_SAID_CAP + 2];

    if (!conf->answer_chain_id || !probe_expects(&c->expect))
        return;
    if (conf->family == CHAIN_SOLANA) {
        snprintf(text, sizeof text, "\"%s\"", conf->genesis_hash);
        prepare_answer(&c->answers[0], text);
        return;
    }
    snprintf(text, sizeof text, "\"0x%" PRIx64 "\"", conf->chain_id);
    prepare_answer(&c->answers[0], text);
    snprintf(text, sizeof text, "\"%" PRIu64 "\"", conf->chain_id);
    if (!has_own_network_id(conf->chain_id))
        prepare_answer(&c->answers[1], text);
}

void chain_answer_itself(struct chain *c, bool on)
{
    bool solana = c->conf->family == CHAIN_SOLANA;
    const struct slice methods[CHAIN_ANSWERS] = {solana ? SLICE("getGenesisHash") : SLICE("eth_chainId"),
                                                 SLICE("net_version")};

    for (unsigned i = 0; i < CHAIN_ANSWERS; i++)
        c->answers[i].method = on && c->answers[i].answer ? method_get(c->conf->family, methods[i]) : NULL;
}

struct chain *chain_new(struct worker *w, const struct chain_conf *conf)
{
    struct chain *c = mem_zero(sizeof *c);

    c->conf = conf;
    c->worker = w;
    c->expect = (struct probe_expect){conf->family, conf->chain_id, conf->genesis_hash};
    probe_final_init(&c->final, finalized_gap_ms(conf));
    prepare_answers(c);
    c->upstreams = mem_array(conf->n_endpoints, sizeof(struct upstream *));
    c->turns = mem_array(conf->n_endpoints, sizeof *c->turns);
    c->methods = mem_array(method_slots(), sizeof(struct method_stats *));
    c->head_places = mem_array(method_slots(), 1);
    for (unsigned i = 0; i < method_slots(); i++)
        c->head_places[i] = (unsigned char)head_place_of(conf->family == CHAIN_SOLANA, slice_str(method_at(i)->name));
    if (conf->cache_max_bytes)
        c->cache = cache_new(conf->cache_max_bytes);
    rules_init(&c->rules, conf, w->conf->limits.call_timeout_ms);
    for (size_t i = 0; i < conf->n_endpoints; i++) {
        struct upstream *u = upstream_new(c, (unsigned)i, &conf->endpoints[i]);

        if (!u)
            return chain_free(c);
        c->upstreams[c->n_upstreams++] = u;
        c->broadcast |= (uint64_t)is_in_group(conf, conf->endpoints[i].name) << i;
        c->forwards |= (uint64_t)conf->endpoints[i].forward_authorization << i;
        c->turns[i] = (struct pick_item){.weight = conf->endpoints[i].weight, .tier = conf->endpoints[i].tier};
    }
    heads_init(c);
    standing_init(c);
    old_blocks_init(c);
    hedging_init(&c->hedging, &conf->hedge, c->n_upstreams, worker_now_ms(w));
    return c;
}

struct chain *chain_free(struct chain *c)
{
    if (!c)
        return NULL;
    old_blocks_deinit(c);
    standing_deinit(c);
    heads_deinit(c);
    for (unsigned i = 0; i < c->n_upstreams; i++)
        upstream_free(c->upstreams[i]);
    for (unsigned i = 0; i < method_slots(); i++)
        free(c->methods[i]);
    for (unsigned i = 0; i < CHAIN_ANSWERS; i++)
        blob_unref(c->answers[i].answer);
    free(c->methods);
    free(c->head_places);
    rules_deinit(&c->rules);
    filters_free(c->filters);
    cache_free(c->cache);
    free(c->upstreams);
    free(c->turns);
    free(c);
    return NULL;
}

struct method_stats *chain_method(struct chain *c, const struct method *m)
{
    struct method_stats **s = &c->methods[m->slot];

    if (!*s)
        *s = mem_zero(sizeof **s);
    return *s;
}

static void drop_kept(struct chain *c)
{
    past_forget(&c->past);
    if (c->cache) {
        cache_limit(c->cache, 0);
        cache_limit(c->cache, c->conf->cache_max_bytes);
    }
}

/* What is known, and what was kept, is of another past. */
static void forget(struct chain *c, uint64_t number)
{
    for (unsigned i = 0; i < HEAD_KINDS; i++)
        if (c->head.number[i] > number)
            c->head.number[i] = 0;
    drop_kept(c);
}

void chain_set_back(struct chain *c, enum head_kind kind, uint64_t number)
{
    forget(c, number);
    c->head.number[kind] = number;
    c->head.epoch++;
}

void chain_past_changed(struct chain *c, const struct upstream *u, bool proven)
{
    log_event(LOG_WARN, "chain_past_changed", LOG_S("chain", c->conf->name), LOG_S("endpoint", u->endpoint.conf->name),
              LOG_U("number", c->head.number[HEAD_FINALIZED]));
    if (proven && c->n_upstreams == 1) {
        heads_forget(c);
        chain_set_back(c, HEAD_LATEST, 0);
        return;
    }
    /* Where the head is, others have a say in, or it is one of a balancer's nodes that is behind. */
    c->head.number[HEAD_SAFE] = c->head.number[HEAD_FINALIZED] = 0;
    c->head.epoch++;
    drop_kept(c);
}

void chain_note_head(struct chain *c, enum head_kind kind, uint64_t number)
{
    uint64_t known = c->head.number[kind];

    /* Of several endpoints one may just be far behind. */
    if (c->n_upstreams > 1)
        head_reached(&c->head, kind, number);
    else if (head_note(&c->head, kind, number) && number < known)
        forget(c, number);
}

bool chain_ready(const struct chain *c, const struct upstream **down)
{
    for (unsigned i = 0; i < c->n_upstreams; i++) {
        const struct upstream *u = c->upstreams[i];

        *down = u;
        if (c->refused >> i & 1 || !u->endpoint.head)
            continue;
        if (!upstream_is_down(u))
            return true;
    }
    return false;
}
