#include "sim_fault.h"

#include <stdio.h>
#include <stdlib.h>

enum { BOTH = 3, SINGLE = 1, ARRAY = 2, WEATHER = 0 };
enum { OUT_MAX = 64 << 20, WRONG = 0x5a5a /* another question's hash */ };

static const struct {
    const char *name;
    unsigned where;
} rows[] = {
    {"the right answer", BOTH},
#define FAULT(name, what, where) {what, where},
#include "sim_fault.def"
#undef FAULT
};

enum fault fault_draw(struct world *w, unsigned permille, bool array)
{
    if (!sim_chance(w, permille))
        return FAULT_NONE;
    for (;;) {
        enum fault f = (enum fault)(1 + sim_rnd(w, FAULT_COUNT - 1));

        if (rows[f].where & (array ? ARRAY : SINGLE))
            return f;
    }
}

const char *fault_name(enum fault f)
{
    return rows[f].name;
}

bool fault_resets(enum fault f)
{
    return f == FAULT_RESET_BEFORE || f == FAULT_RESET_INSIDE;
}

bool fault_closes(enum fault f)
{
    return f == FAULT_FIN_BEFORE || f == FAULT_FIN_INSIDE || f == FAULT_GARBAGE;
}

bool fault_ends(enum fault f)
{
    return fault_resets(f) || fault_closes(f) || f == FAULT_WRONG_ID;
}

static void shuffle(struct world *w, struct fault_element *v, unsigned n)
{
    for (unsigned i = n; i > 1; i--) {
        unsigned k = (unsigned)sim_rnd(w, i);
        struct fault_element e = v[k];

        v[k] = v[i - 1];
        v[i - 1] = e;
    }
}

/* Where elements may be wrong singly: the first one is, so that a fault always shows. */
static bool hits(struct world *w, unsigned i)
{
    return i == 0 || sim_chance(w, 200);
}

static void element(struct world *w, const struct sim_chain *c, const struct fault_element *e, const char *id,
                    bool wrong, struct buf *b)
{
    struct ask a = e->ask;

    if (wrong) {
        a.hash ^= WRONG;
        a.sum[0] ^= 1;
        a.own ^= WRONG;
    }
    if (sim_chance(w, 300)) {
        buf_str(b, "{\"jsonrpc\":\"2.0\",");
        ask_answer(c, &a, e->head, e->serial, b);
        buf_printf(b, ",\"id\":%s}", id);
        return;
    }
    buf_printf(b, sim_chance(w, 900) ? "{\"jsonrpc\":\"2.0\",\"id\":%s," : "{ \"id\" : \"%s\", \"jsonrpc\":\"2.0\",",
               id);
    ask_answer(c, &a, e->head, e->serial, b);
    buf_str(b, "}");
}

static void error(struct buf *b, const char *id, int code)
{
    buf_printf(b, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":\"" FAULT_MARK " %d\"}}", id, code,
               code);
}

/* An error that others need not make, or nothing where something is looked up that may come later. */
static void retryable(struct world *w, const struct sim_chain *c, const struct fault_element *e,
                      const struct sim_error *err, struct buf *b)
{
    struct sim_served *s = &w->served[e->serial];

    buf_printf(b, "{\"jsonrpc\":\"2.0\",\"id\":%s,", e->id);
    if (!err && e->ask.by_tx && sim_chance(w, 500)) {
        s->rank = ERROR_RANK_NULL;
        s->asks = 2;
        buf_str(b, "\"result\":null}");
        return;
    }
    if (!err)
        err = error_draw(w, c);
    s->rank = (uint8_t)err->rank;
    s->asks = (uint8_t)err->asks;
    error_put(b, err, e->serial);
    buf_str(b, "}");
}

static void one(struct world *w, const struct sim_chain *c, enum fault f, const struct fault_element *e, bool hit,
                bool alone, struct buf *b)
{
    char other[32];
    unsigned long long n;

    if (!hit)
        f = FAULT_NONE;
    switch (f) {
    case FAULT_ELEMENT_429:
        error(b, e->id, sim_chance(w, 500) ? 429 : -32005);
        break;
    case FAULT_METHOD_RATE:
    case FAULT_RETRYABLE:
        retryable(w, c, e, f == FAULT_METHOD_RATE ? error_rate(c) : NULL, b);
        break;
    case FAULT_WRONG_ID:
        /* Of an earlier call, or one that never was; never another member's, which nobody could tell from the truth. */
        n = strtoull(e->id, NULL, 10);
        snprintf(other, sizeof other, "%llu", alone && sim_chance(w, 500) ? n - 1 : n + 1000000);
        element(w, c, e, other, true, b);
        break;
    case FAULT_NULL_ID:
        /* An error with id null is taken for the answer of a single call, and rightly so. */
        if ((e->ask.hash ^ WRONG) % 5 == 4 || sim_chance(w, 300))
            error(b, "null", -32600);
        else
            element(w, c, e, "null", true, b);
        break;
    case FAULT_NO_RESULT:
        buf_printf(b, "{\"jsonrpc\":\"2.0\",\"id\":%s}", e->id);
        break;
    default:
        if (!e->pruned)
            element(w, c, e, e->id, false, b);
        else if (f == FAULT_NONE || f == FAULT_SURPLUS || f == FAULT_LATE)
            retryable(w, c, e, error_pruned(c), b);
        else /* it does not arrive */
            error(b, e->id, 0);
        w->served[e->serial].pruned = w->served[e->serial].rank != 0;
        break;
    }
}

static void body_of(struct world *w, const struct sim_chain *c, enum fault f, struct fault_element *v, unsigned n,
                    bool array, struct buf *b)
{
    static const int refusals[] = {-32005, -32600, -32010, -32011, -32000, -32601};
    bool first = true;

    switch (f) {
    case FAULT_HTTP_429:
        buf_str(b, sim_chance(w, 200) ? "Too many connections" : "Too Many Requests");
        return;
    case FAULT_HTTP_429_RPC:
        error(b, "null", 429);
        return;
    case FAULT_UNAUTHORIZED:
        if (sim_chance(w, 300))
            error(b, "null", -32600);
        else
            buf_str(b, "no such key");
        return;
    case FAULT_HTTP_503:
    case FAULT_HTTP_500:
    case FAULT_HTML:
        buf_str(b, "<html><head><title>502 Bad Gateway</title></head></html>\r\n");
        return;
    case FAULT_EMPTY:
        return;
    case FAULT_WHOLE_REFUSED:
        error(b, "null", refusals[sim_rnd(w, 6)]);
        return;
    case FAULT_TOO_LARGE_ONE:
        buf_str(b, "[");
        error(b, v[0].id, -32600);
        buf_str(b, "]");
        return;
    case FAULT_EMPTY_ARRAY:
        buf_str(b, "[]");
        return;
    default:
        break;
    }
    if (!array) {
        one(w, c, f, &v[0], f != FAULT_METHOD_RATE || v[0].limited, true, b);
    } else {
        shuffle(w, v, n);
        for (unsigned i = 0; i < n; i++) {
            bool hit = f == FAULT_METHOD_RATE ? v[i].limited : f && hits(w, i);

            if (f == FAULT_DROP && hit)
                continue;
            buf_str(b, first ? "[" : sim_chance(w, 50) ? " ,\n" : ",");
            first = false;
            if (f == FAULT_DOUBLE && hit) {
                bool wrong = sim_chance(w, 500);

                element(w, c, &v[i], v[i].id, wrong, b);
                buf_str(b, ",");
                element(w, c, &v[i], v[i].id, !wrong, b);
            } else if (f == FAULT_NULL_ELEMENT && hit) {
                buf_str(b, "null");
            } else {
                one(w, c, f, &v[i], hit, false, b);
            }
        }
        buf_str(b, first ? "[]" : "]");
    }
    if (f == FAULT_NOT_JSON)
        b->n = b->n / 2;
    else if (sim_chance(w, 300))
        buf_str(b, "\n");
}

static void put_chunked(struct world *w, struct slice body, struct buf *out)
{
    while (body.n) {
        size_t n = 1 + sim_rnd(w, body.n);

        buf_printf(out, "%zx\r\n", n);
        buf_append(out, body.p, n);
        buf_str(out, "\r\n");
        body = slice_of(body.p + n, body.n - n);
    }
    buf_str(out, "0\r\n\r\n");
}

static const char *status_line(struct world *w, enum fault f)
{
    switch (f) {
    case FAULT_HTTP_429:
    case FAULT_HTTP_429_RPC:
        return "429 Too Many Requests";
    case FAULT_HTTP_500:
        return "502 Bad Gateway";
    case FAULT_HTTP_503:
        return "503 Service Unavailable";
    case FAULT_UNAUTHORIZED:
        return sim_chance(w, 500) ? "401 Unauthorized" : "403 Forbidden";
    default:
        return "200 OK";
    }
}

static const char *retry_after(struct world *w, enum fault f)
{
    static const char *const after[] = {"", "Retry-After: 0\r\n", "Retry-After: 1\r\n",
                                        "Retry-After: Sun, 22 Nov 2026 07:28:00 GMT\r\n"};

    if (f == FAULT_HTTP_429)
        return after[2];
    return f == FAULT_HTTP_503 || f == FAULT_HTTP_429_RPC ? after[sim_rnd(w, 4)] : after[0];
}

void fault_response(struct world *w, const struct sim_chain *c, enum fault f, struct fault_element *v, unsigned n,
                    bool array, bool close_after, struct buf *out)
{
    const char *status;
    struct buf body;
    size_t head;

    if (f == FAULT_RESET_BEFORE || f == FAULT_FIN_BEFORE || f == FAULT_SILENT)
        return;
    if (f == FAULT_GARBAGE) {
        buf_str(out, sim_chance(w, 500) ? "\x15\x03\x01\x00\x02\x02\x50" : "SSH-2.0-OpenSSH_9.2\r\n");
        return;
    }
    buf_init(&body, OUT_MAX);
    body_of(w, c, f, v, n, array, &body);
    status = status_line(w, f);
    buf_printf(out, "HTTP/1.1 %s\r\n%s%s", status, retry_after(w, f), close_after ? "Connection: close\r\n" : "");
    if (sim_chance(w, 200) && f != FAULT_RESET_INSIDE && f != FAULT_FIN_INSIDE) {
        buf_str(out, "Transfer-Encoding: chunked\r\n\r\n");
        put_chunked(w, buf_get(&body), out);
    } else {
        buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.n);
        head = out->n;
        buf_append(out, body.p, body.n);
        if (f == FAULT_RESET_INSIDE || f == FAULT_FIN_INSIDE)
            out->n = sim_chance(w, 500) ? 1 + sim_rnd(w, head) : head + sim_rnd(w, body.n);
    }
    if (f == FAULT_SURPLUS)
        buf_str(out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    buf_deinit(&body);
}
