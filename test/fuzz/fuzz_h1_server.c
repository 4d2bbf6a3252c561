/* Requests: any bytes, whole and split, must give the same requests and the same refusal; every byte of every slice is
 * touched while it is promised to be good; and llhttp by itself, strict, must agree with each head that was accepted.
 * Input: the first four bytes choose the splits and the limits. */
#include <inttypes.h>
#include <llhttp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    uint64_t hash; /* over all requests, in order */
    unsigned requests, heads, status;
    bool idle;
};

static void demand(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void touch(struct outcome *o, struct slice s)
{
    o->hash = (o->hash ^ s.n) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < s.n; i++)
        o->hash = (o->hash ^ (uint8_t)s.p[i]) * UINT64_C(0x100000001b3);
}

static void touch_request(struct outcome *o, const struct h1_request *q, const struct h1_server_conf *conf)
{
    struct slice flags;
    char text[64];

    demand(q->path.n >= 1 && q->minor <= 1, "a request without path or version");
    demand(q->minor == 0 || q->host.n > 0, "an HTTP/1.1 request without Host");
    demand(q->body.n <= conf->max_body_bytes, "a body past its limit");
    demand(q->chunked || q->body.n == q->content_length, "a body of another length than announced");
    demand(!q->chunked || q->content_length == 0, "a chunked body with a length");
    touch(o, q->path);
    touch(o, q->query);
    touch(o, q->host);
    touch(o, q->origin);
    touch(o, q->content_type);
    touch(o, q->acrm);
    touch(o, q->body);
    flags = slice_of(text, (size_t)snprintf(text, sizeof text, "%d %d %d %d %d %" PRIu64, q->method, q->minor,
                                            q->keep_alive, q->expect_continue, q->chunked, q->content_length));
    touch(o, flags);
}

static int pause_at_head(llhttp_t *judge)
{
    (void)judge;
    return HPE_PAUSED;
}

/* p..n is a head that was accepted. */
static void second_opinion(const char *p, size_t n, const struct h1_request *q)
{
    static const llhttp_settings_t settings = {.on_headers_complete = pause_at_head};
    llhttp_t judge;

    llhttp_init(&judge, HTTP_REQUEST, &settings);
    demand(llhttp_execute(&judge, p, n) == HPE_PAUSED, "llhttp refuses an accepted head");
    demand(llhttp_get_error_pos(&judge) == p + n, "llhttp ends the head elsewhere");
    demand(q->chunked == ((judge.flags & F_CHUNKED) != 0), "llhttp frames the body otherwise");
    demand(judge.content_length == q->content_length, "llhttp reads another length");
    demand(llhttp_get_http_minor(&judge) == q->minor, "llhttp reads another version");
}

/* Pieces of `step` bytes, each at an address of its own, gone when it is used up. */
static struct outcome run(const struct h1_server_conf *conf, const char *p, size_t n, size_t step, bool whole)
{
    struct outcome o = {.hash = UINT64_C(0xcbf29ce484222325)};
    struct h1_server *h = h1_server_new(conf);
    enum h1_server_event ev = H1_SERVER_MORE;
    size_t at = 0;

    while (at < n && ev != H1_SERVER_BAD) {
        size_t piece = step < n - at ? step : n - at, done = 0, begin = 0, used;
        char *copy = malloc(piece);

        memcpy(copy, p + at, piece);
        while (done < piece && ev != H1_SERVER_BAD) {
            ev = h1_server_feed(h, copy + done, piece - done, &used);
            demand(used <= piece - done, "more used than was fed");
            demand(ev != H1_SERVER_MORE || used == piece - done, "MORE before the end");
            done += used;
            if (ev == H1_SERVER_HEAD) {
                o.heads++;
                demand(h1_server_in_body(h), "HEAD outside of a body");
            }
            if (whole && (ev == H1_SERVER_HEAD || (ev == H1_SERVER_REQUEST && !h1_server_request(h)->chunked &&
                                                   h1_server_request(h)->content_length == 0)))
                second_opinion(copy + begin, done - begin, h1_server_request(h));
            if (ev == H1_SERVER_REQUEST) {
                o.requests++;
                touch_request(&o, h1_server_request(h), conf);
                h1_server_next(h);
                begin = done;
            }
        }
        demand(h1_server_held_bytes(h) <=
                   2 * (conf->max_body_bytes + conf->max_head_bytes + conf->max_target_bytes) + 32768,
               "too much memory held");
        free(copy);
        at += piece;
    }
    if (ev == H1_SERVER_BAD) {
        o.status = h1_server_bad_status(h);
        demand(o.status >= 400 && o.status <= 505 && h1_server_bad_reason(h), "a refusal without a status");
    }
    o.idle = h1_server_idle(h);
    h1_server_free(h);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct h1_server_conf conf;
    struct outcome whole, split;
    size_t steps[2];

    if (size < 4)
        return 0;
    conf = (struct h1_server_conf){.max_body_bytes = 64 + data[2] * 64u,
                                   .max_head_bytes = 64 + data[3] * 16u,
                                   .max_fields = 1 + data[3] % 64,
                                   .max_target_bytes = 16 + data[2]};
    steps[0] = 1 + data[0];
    steps[1] = 1 + data[1] % 8;
    whole = run(&conf, (const char *)data + 4, size - 4, SIZE_MAX, true);
    for (size_t i = 0; i < 2; i++) {
        split = run(&conf, (const char *)data + 4, size - 4, steps[i], false);
        demand(whole.hash == split.hash && whole.requests == split.requests && whole.heads == split.heads &&
                   whole.status == split.status && whole.idle == split.idle,
               "whole and split differ");
    }
    return 0;
}
