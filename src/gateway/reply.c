#include "gateway/reply.h"

#include "gateway/chain.h"
#include "gateway/explain.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "rpc/error.h"
#include "json/jout.h"

enum { CHUNK_HEAD_BYTES = 10 }; /* eight hex digits and CRLF */

static const char *reason_phrase(unsigned status)
{
    switch (status) {
    case 200:
        return "OK";
    case 204:
        return "No Content";
    case 400:
        return "Bad Request";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 417:
        return "Expectation Failed";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 501:
        return "Not Implemented";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Error";
    }
}

static void add_number(struct gather *g, uint64_t v)
{
    char digits[24];
    size_t n = jout_digits(digits, v);

    memcpy(gather_space(g, n), digits, n);
}

/* Status line and every field that does not depend on the body's length. */
static void head_fields(struct worker *w, struct exchange *x, struct gather *g)
{
    /* Only the last answer ends the connection: what its client asked for besides is under way. */
    if ((w->draining || worker_low_on_descriptors(w)) && x->session->exchanges.prev == &x->node)
        x->keep_alive = false;
    if (x->status == 200) {
        gather_add(g, SLICE("HTTP/1.1 200 OK\r\n"), NULL);
    } else {
        gather_add(g, SLICE("HTTP/1.1 "), NULL);
        add_number(g, x->status);
        gather_add(g, SLICE(" "), NULL);
        gather_add(g, slice_str(reason_phrase(x->status)), NULL);
        gather_add(g, SLICE("\r\n"), NULL);
    }
    gather_add(g, slice_of(w->date_line, w->date_n), NULL);
    if (!x->keep_alive)
        gather_add(g, SLICE("Connection: close\r\n"), NULL);
    else if (x->minor == 0)
        gather_add(g, SLICE("Connection: keep-alive\r\n"), NULL);
    if (x->allow) {
        gather_add(g, SLICE("Allow: "), NULL);
        gather_add(g, slice_str(x->allow), NULL);
        gather_add(g, SLICE("\r\n"), NULL);
    }
    if (x->retry_after_s) {
        gather_add(g, SLICE("Retry-After: "), NULL);
        add_number(g, x->retry_after_s);
        gather_add(g, SLICE("\r\n"), NULL);
    }
    if (x->origin) {
        gather_add(g, SLICE("Vary: Origin\r\nAccess-Control-Allow-Origin: "), NULL);
        gather_add(g, slice_str(x->origin), NULL);
        gather_add(g, SLICE("\r\n"), NULL);
    }
    if (x->explain && x->envelope.n_calls == 1 && !x->envelope.array)
        explain_write(x->explain, x->origin != NULL, g);
    if (x->preflight)
        gather_add(g,
                   x->chain->forwards
                       ? SLICE("Access-Control-Allow-Methods: POST\r\nAccess-Control-Allow-Headers: content-type, "
                               "x-millrace-explain, x-millrace-endpoint, authorization\r\n"
                               "Access-Control-Max-Age: 600\r\n")
                       : SLICE("Access-Control-Allow-Methods: POST\r\nAccess-Control-Allow-Headers: content-type, "
                               "x-millrace-explain, x-millrace-endpoint\r\n"
                               "Access-Control-Max-Age: 600\r\n"),
                   NULL);
}

/* An answer whose head is the one prepared for all. */
static bool is_usual(const struct worker *w, const struct exchange *x)
{
    return x->is_rpc && x->keep_alive && x->minor == 1 && x->status == 200 && !x->origin && !x->explain &&
           !w->draining && !worker_low_on_descriptors(w);
}

static void content_type(const struct exchange *x, struct gather *g)
{
    gather_add(g, SLICE("Content-Type: "), NULL);
    gather_add(g, slice_str(x->content_type), NULL);
    gather_add(g, SLICE("\r\n"), NULL);
}

void reply_head(struct worker *w, struct exchange *x, struct gather *g)
{
    size_t n = x->is_rpc ? envelope_reply_bytes(&x->envelope) : x->plain ? x->plain->n : 0;

    if (is_usual(w, x) && n) {
        char digits[24];
        size_t digits_n = jout_digits(digits, n);
        char *to = gather_space(g, w->head_n + digits_n + 4);

        memcpy(to, w->head_line, w->head_n);
        memcpy(to + w->head_n, digits, digits_n);
        memcpy(to + w->head_n + digits_n, "\r\n\r\n", 4);
        return;
    }
    head_fields(w, x, g);
    if (x->status != 204) { /* no Content-Length with 204: RFC 9110 section 8.6 */
        if (n)
            content_type(x, g);
        gather_add(g, SLICE("Content-Length: "), NULL);
        add_number(g, n);
        gather_add(g, SLICE("\r\n"), NULL);
    }
    gather_add(g, SLICE("\r\n"), NULL);
}

void reply_head_streamed(struct worker *w, struct exchange *x, struct gather *g)
{
    x->chunked = x->minor > 0;
    if (!x->chunked)
        x->keep_alive = false;
    head_fields(w, x, g);
    content_type(x, g);
    if (x->chunked)
        gather_add(g, SLICE("Transfer-Encoding: chunked\r\n"), NULL);
    gather_add(g, SLICE("\r\n"), NULL);
}

/* One HTTP chunk a call: its length is patched in once it is known. */
static int body_chunk(struct exchange *x, struct gather *g)
{
    static const char hex[] = "0123456789abcdef";
    size_t at = g->used, before;
    int r;

    if (!gather_has_room(g, 16))
        return GATHER_FULL;
    gather_add(g, SLICE("00000000\r\n"), NULL);
    before = g->bytes;
    r = envelope_emit(&x->envelope, g);
    if (g->bytes == before) { /* nothing was ready: an empty chunk would end the body */
        struct chunk *last = &g->v[g->n - 1];

        last->s.n -= CHUNK_HEAD_BYTES;
        if (last->s.n == 0) {
            g->n--;
            g->open = false;
        }
        g->used -= CHUNK_HEAD_BYTES;
        g->bytes -= CHUNK_HEAD_BYTES;
        return r;
    }
    for (size_t n = g->bytes - before, i = 8; i-- > 0; n >>= 4)
        g->scratch[at + i] = hex[n & 15];
    gather_add(g, SLICE("\r\n"), NULL);
    if (r == 0 && envelope_complete(&x->envelope))
        gather_add(g, SLICE("0\r\n\r\n"), NULL);
    return r;
}

int reply_body(struct exchange *x, struct gather *g)
{
    if (x->head_only)
        return 0;
    if (!x->is_rpc) {
        if (x->plain)
            gather_add(g, slice_of(x->plain->p, x->plain->n), x->plain);
        return 0;
    }
    if (x->state == EXCHANGE_WAITS && !envelope_complete(&x->envelope))
        return 0;
    return x->chunked ? body_chunk(x, g) : envelope_emit(&x->envelope, g);
}

int reply_refusal(struct buf *b, enum fail f)
{
    struct buf body;
    unsigned status = fail_get(f)->http;
    int r;

    buf_init(&body, 4096);
    r = error_body(&body, CHAIN_EVM, &(struct error_detail){.fail = f});
    if (r == 0)
        r = buf_printf(b,
                       "HTTP/1.1 %u %s\r\nConnection: close\r\nRetry-After: 1\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n",
                       status, reason_phrase(status), body.n);
    if (r == 0)
        r = buf_slice(b, buf_get(&body));
    buf_deinit(&body);
    return r;
}
