/* The message decoder on any bytes: every extent lies in the text, and what it takes for an answer scans again to the
 * same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/block_ref.h"
#include "rpc/envelope.h"
#include "rpc/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void inside(struct slice s, const char *p, size_t n)
{
    if (s.n && (s.p < p || s.p + s.n > p + n))
        abort();
}

/* The params of any request, as those of methods that hold their block in each way there is. */
static void check_ref(struct slice params)
{
    static const struct {
        enum chain_family family;
        const char *method;
    } rows[] = {{CHAIN_EVM, "eth_getBlockByNumber"}, {CHAIN_EVM, "eth_call"},
                {CHAIN_EVM, "eth_getProof"},         {CHAIN_EVM, "eth_getLogs"},
                {CHAIN_SOLANA, "getBlock"},          {CHAIN_SOLANA, "getBlocks"},
                {CHAIN_SOLANA, "getAccountInfo"},    {CHAIN_SOLANA, "getInflationReward"}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct method *m = method_get(rows[i].family, slice_str(rows[i].method));
        struct block_ref r;

        block_ref_read(&r, m, rows[i].family, params);
        if (r.kind == BLOCK_REF_HASH)
            inside(r.hash, params.p, params.n);
    }
}

static void check_response(const char *p, size_t n)
{
    struct message_response m;
    enum fail f = message_response_scan(&m, slice_of(p, n), 64), slow;
    struct message_response same;
    struct jtok t;

    /* The short way for what is usual must say what the long way says. */
    jtok_init(&t, slice_of(p, n), 64);
    if (message_response_take(&t, &same, &slow) || jtok_finish(&t))
        slow = FAIL_UPSTREAM_NOT_JSON;
    if (f != slow)
        abort();
    if (!f && (m.kind != same.kind || m.payload.p != same.payload.p || m.payload.n != same.payload.n ||
               m.id_null != same.id_null || m.id_known != same.id_known || (m.id_known && m.id != same.id)))
        abort();

    if (f && f != FAIL_UPSTREAM_NO_ID)
        return;
    inside(m.payload, p, n);
    if (m.payload.n == 0 || (m.id_known && m.id_null))
        abort();
}

static bool same(struct slice a, struct slice b, ptrdiff_t moved)
{
    return a.n == b.n && (a.n == 0 || b.p - a.p == moved);
}

/* White space before the first member makes the scanner take the long way: it must say what the short one says. */
static void check_long_way(const struct message_body *b, const char *p, size_t n)
{
    struct message_body slow;
    char *spaced;

    if (n == 0 || p[0] != '{')
        return;
    spaced = malloc(n + 1);
    memcpy(spaced + 1, p, n);
    spaced[0] = '{';
    spaced[1] = ' ';
    message_body_init(&slow);
    message_body_scan(&slow, slice_of(spaced, n + 1), 8, 64);
    if (slow.fail != b->fail || slow.n != b->n || (b->fail && slow.at != b->at + 1))
        abort();
    for (size_t i = 0; !b->fail && i < b->n; i++) {
        const struct message_request *x = &b->requests[i], *y = &slow.requests[i];
        ptrdiff_t moved = spaced + 1 - p;

        if (x->invalid != y->invalid || x->notification != y->notification || !same(x->id, y->id, moved) ||
            (!x->invalid && (!same(x->method.raw, y->method.raw, moved) || !same(x->params, y->params, moved))))
            abort();
    }
    message_body_deinit(&slow);
    free(spaced);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    /* An exact copy on the heap, so that a read past the end is seen. */
    char *p = malloc(n ? n : 1);
    struct message_body b;
    struct envelope e;

    if (n)
        memcpy(p, data, n);
    message_body_init(&b);
    message_body_scan(&b, slice_of(p, n), 8, 64);
    check_long_way(&b, p, n);
    for (size_t i = 0; !b.fail && i < b.n; i++) {
        inside(b.requests[i].id, p, n);
        inside(b.requests[i].method.raw, p, n);
        inside(b.requests[i].params, p, n);
        if (!b.requests[i].invalid && b.requests[i].method.raw.n < 2)
            abort();
        if (!b.requests[i].invalid)
            check_ref(b.requests[i].params);
    }
    envelope_init(&e, &b);
    if (e.n_calls == 0 && (b.n == 0 || !b.requests[0].notification))
        abort();
    envelope_deinit(&e);
    message_body_deinit(&b);
    check_response(p, n);
    free(p);
    return 0;
}
