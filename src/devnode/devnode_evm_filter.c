/* Filters of an EVM node: state that lives on one node only, as on a real one. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "devnode/devnode_sim.h"

enum { FILTER_IDLE_MS = 300000, MAX_CRITERIA = 16384, MAX_CHANGES = 1000 };

static bool used(const struct sim_filter *f)
{
    return f->id[0] || f->id[1];
}

static void drop(struct sim_filter *f)
{
    free(f->criteria);
    memset(f, 0, sizeof *f);
}

static void write_id(struct sim_call *k, const struct sim_filter *f)
{
    sim_printf(k, "\"0x%016llx%016llx\"", (unsigned long long)f->id[0], (unsigned long long)f->id[1]);
}

/* A free place, or the one that has been idle for longer than geth would keep it. */
static void create(struct sim_call *k, const struct jval *criteria)
{
    struct sim_filter *f = NULL;

    for (unsigned i = 0; i < SIM_FILTERS; i++) {
        struct sim_filter *at = &k->c->filter[i];

        if (used(at) && at->used_ms + FILTER_IDLE_MS < k->now_ms)
            drop(at);
        if (!f && !used(at))
            f = at;
    }
    if (!f || (criteria && criteria->raw.n > MAX_CRITERIA)) {
        sim_error(k, -32000, NULL, "too many filters");
        return;
    }
    f->id[0] = mix_next(&k->c->random);
    f->id[1] = mix_next(&k->c->random) | 1;
    f->blocks = criteria == NULL;
    f->criteria = criteria ? mem_strndup(criteria->raw.p, criteria->raw.n) : NULL;
    f->seen = k->head;
    f->used_ms = k->now_ms;
    write_id(k, f);
}

static struct sim_filter *find(struct sim_call *k)
{
    uint8_t id[16];
    uint64_t word[2] = {0, 0};

    if (mix_unhex(id, sizeof id, sim_string(&k->arg[0])) == sizeof id) {
        for (unsigned i = 0; i < sizeof id; i++)
            word[i / 8] = word[i / 8] << 8 | id[i];
        for (unsigned i = 0; i < SIM_FILTERS; i++) {
            struct sim_filter *f = &k->c->filter[i];

            if (used(f) && f->id[0] == word[0] && f->id[1] == word[1] && f->used_ms + FILTER_IDLE_MS >= k->now_ms)
                return f;
        }
    }
    return NULL;
}

static void new_filter(struct sim_call *k)
{
    if (k->arg[0].type != J_OBJECT)
        sim_error(k, -32602, NULL, "invalid argument 0: filter is no object");
    else
        create(k, &k->arg[0]);
}

static void new_block_filter(struct sim_call *k)
{
    create(k, NULL);
}

static void get_changes(struct sim_call *k)
{
    struct sim_filter *f = find(k);
    struct sim_block_range r;

    if (!f) {
        sim_error(k, -32000, NULL, "filter not found");
        return;
    }
    f->used_ms = k->now_ms;
    r.from = f->seen + 1;
    r.to = k->head;
    if (r.to >= r.from && r.to - r.from >= MAX_CHANGES)
        r.from = r.to - MAX_CHANGES + 1;
    f->seen = k->head > f->seen ? k->head : f->seen;
    if (f->blocks) {
        sim_text(k, "[");
        for (uint64_t n = r.from; n <= r.to; n++) {
            sim_comma(k, n == r.from);
            sim_hex_id(k, SIM_BLOCK, n, 32);
        }
        sim_text(k, "]");
    } else {
        struct jval v = {.raw = slice_str(f->criteria), .type = J_OBJECT};

        sim_evm_logs(k, &v, &r);
    }
}

static void get_filter_logs(struct sim_call *k)
{
    struct sim_filter *f = find(k);

    if (!f || f->blocks) {
        sim_error(k, -32000, NULL, "filter not found");
    } else {
        struct jval v = {.raw = slice_str(f->criteria), .type = J_OBJECT};

        f->used_ms = k->now_ms;
        sim_evm_logs(k, &v, NULL);
    }
}

static void uninstall(struct sim_call *k)
{
    struct sim_filter *f = find(k);

    if (f) {
        drop(f);
        sim_text(k, "true");
    } else {
        sim_text(k, "false");
    }
}

const struct sim_method sim_evm_filter_methods[] = {
    SIM_METHOD("eth_getFilterChanges", get_changes, 1),    SIM_METHOD("eth_newFilter", new_filter, 1),
    SIM_METHOD("eth_newBlockFilter", new_block_filter, 0), SIM_METHOD("eth_getFilterLogs", get_filter_logs, 1),
    SIM_METHOD("eth_uninstallFilter", uninstall, 1),       SIM_METHODS_END,
};
