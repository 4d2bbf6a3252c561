#include "sim_error.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { EVM = 1, SOLANA = 0, ALL = ERROR_ASKS_ALL, TEXT_MAX = 300 };

static const struct sim_error rows[] = {
#define ERROR(family, code, message, rank, asks, refused) {family, code, message, rank, asks, refused},
#include "sim_error.def"
#undef ERROR
};

enum { ROWS = sizeof rows / sizeof rows[0] };

const struct sim_error *error_draw(struct world *w, const struct sim_chain *c)
{
    const struct sim_error *e;

    do
        e = &rows[sim_rnd(w, ROWS)];
    while (e->evm != c->evm);
    return e;
}

const struct sim_error *error_rate(const struct sim_chain *c)
{
    const struct sim_error *e = rows;

    while (e->evm != c->evm || e->code != 429)
        e++;
    return e;
}

const struct sim_error *error_pruned(const struct sim_chain *c)
{
    const struct sim_error *e = rows;

    while (e->evm != c->evm || !strstr(e->message, "missing trie node"))
        e++;
    return e;
}

void error_put(struct buf *b, const struct sim_error *e, uint64_t serial)
{
    buf_printf(b, "\"error\":{\"code\":%d,\"message\":\"%s (" SIM_ERROR_MARK " #%" PRIu64 ")\"}", e->code, e->message,
               serial);
}

const struct sim_error *error_find(const struct sim_chain *c, struct slice payload, uint64_t *serial)
{
    static const struct slice name = {"\"error\":", 8};
    const char *at = payload.n ? memmem(payload.p, payload.n, SIM_ERROR_MARK " #", sizeof SIM_ERROR_MARK + 1) : NULL;
    const struct sim_error *found = NULL;
    struct buf b;

    if (!at || payload.p[payload.n - 1] != '}')
        return NULL;
    *serial = strtoull(at + sizeof SIM_ERROR_MARK + 1, NULL, 10);
    buf_init(&b, TEXT_MAX);
    for (unsigned i = 0; i < ROWS && !found; i++) {
        buf_clear(&b);
        error_put(&b, &rows[i], *serial);
        if (rows[i].evm == c->evm && b.n == name.n + payload.n && memcmp(b.p + name.n, payload.p, payload.n) == 0)
            found = &rows[i];
    }
    buf_deinit(&b);
    return found;
}
