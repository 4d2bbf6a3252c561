#include "devnode/devnode_http.h"

#include <string.h>

#include "devnode/devnode.h"
#include "json/jout.h"

int devnode_write_head(struct buf *out, unsigned status, const char *type, size_t body, const char *more)
{
    static const struct {
        unsigned status;
        struct slice line;
    } lines[] = {
        {200, {"HTTP/1.1 200 OK\r\n", 17}},
        {405, {"HTTP/1.1 405 Method Not Allowed\r\n", 33}},
        {413, {"HTTP/1.1 413 Request Entity Too Large\r\n", 39}},
        {415, {"HTTP/1.1 415 Unsupported Media Type\r\n", 37}},
        {429, {"HTTP/1.1 429 Too Many Requests\r\n", 32}},
        {400, {"HTTP/1.1 400 Bad Request\r\n", 26}}, /* last: also what stands for all others */
    };
    char digits[20];
    unsigned i = 0;
    int r;

    while (lines[i].status != status && i + 1 < sizeof lines / sizeof lines[0])
        i++;
    if ((r = buf_slice(out, lines[i].line)) || (r = buf_str(out, "Content-Type: ")) || (r = buf_str(out, type)) ||
        (r = buf_str(out, "\r\nContent-Length: ")) || (r = buf_append(out, digits, jout_digits(digits, body))) ||
        (r = buf_str(out, more)))
        return r;
    return buf_str(out, "\r\n\r\n");
}

int devnode_write_stats(const struct devnode_stats *s, struct buf *out)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"connections", s->connections},
        {"requests", s->requests},
        {"bytes_in", s->bytes_in},
        {"bytes_out", s->bytes_out},
        {"calls", s->calls},
        {"batches", s->batches},
        {"batch_calls", s->batch_calls},
        {"batches_refused", s->batches_refused},
        {"largest_batch", s->largest_batch},
        {"resets", s->resets},
    };
    int r = 0;

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0] && r == 0; i++)
        r = buf_printf(out, "%s\"%s\":%llu", i ? "," : "{", rows[i].name, (unsigned long long)rows[i].value);
    return r ? r : buf_str(out, "}\n");
}

bool devnode_content_type_ok(struct slice type)
{
    static const char *const known[] = {"application/json", "application/json-rpc", "application/jsonrequest"};
    const char *semicolon;

    if (!type.p)
        return false;
    semicolon = memchr(type.p, ';', type.n);
    if (semicolon)
        type.n = (size_t)(semicolon - type.p);
    type = slice_trim(type);
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        if (slice_eq_nocase(type, slice_str(known[i])))
            return true;
    return false;
}

bool devnode_settings_read(struct devnode_conf *c, struct slice query)
{
    const struct {
        struct slice name;
        uint64_t *to;
    } rows[] = {
        {SLICE("delay-us="), &c->delay_us}, {SLICE("jitter-us="), &c->jitter_us}, {SLICE("slow-us="), &c->slow_us}};

    while (query.n) {
        const char *and = memchr(query.p, '&', query.n);
        size_t n = and? (size_t)(and-query.p) : query.n, i = 0;
        struct slice one = slice_of(query.p, n);
        uint64_t v = 0;

        while (i < sizeof rows / sizeof rows[0] && !slice_starts(one, rows[i].name))
            i++;
        if (i == sizeof rows / sizeof rows[0] || one.n == rows[i].name.n || one.n > rows[i].name.n + 12)
            return false;
        for (size_t k = rows[i].name.n; k < one.n; k++) {
            if (one.p[k] < '0' || one.p[k] > '9')
                return false;
            v = v * 10 + (unsigned char)(one.p[k] - '0');
        }
        *rows[i].to = v;
        query = slice_of(query.p + n + (and != NULL), query.n - n - (and != NULL));
    }
    return true;
}
