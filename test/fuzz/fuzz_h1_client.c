/* Responses: any bytes, whole, split, and read straight into the parser's room, must come to the same outcome; the body
 * is touched while it is promised to be good, and taken when it may be.
 * Input: the first four bytes choose the splits and the limits. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/h1_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    enum h1_client_event ev;
    enum h1_client_bad bad;
    uint64_t hash; /* of the body */
    size_t body_n, used;
    struct h1_response res;
};

static void demand(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static uint64_t hash_of(struct slice s)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < s.n; i++)
        hash = (hash ^ (uint8_t)s.p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void note(struct outcome *o, struct h1_client *c, const struct h1_client_conf *conf)
{
    o->res = *h1_client_response(c);
    if (o->ev == H1_CLIENT_BAD) {
        o->bad = h1_client_bad(c);
        demand(o->bad != H1_CLIENT_BAD_NONE && h1_client_bad_text(c), "a refusal without a reason");
        return;
    }
    demand(o->res.status >= 200 && o->res.status <= 999, "no such status");
    demand(o->res.body.n <= conf->max_body_bytes, "a body past its limit");
    o->body_n = o->res.body.n;
    o->hash = hash_of(o->res.body);
    if (o->res.body_owned) {
        struct blob *blob = h1_client_take_body(c);

        demand(hash_of(slice_of(blob->p, blob->n)) == o->hash, "the body taken is another");
        blob_unref(blob);
    }
}

/* again: the parser has seen the same before. */
static struct outcome run(const struct h1_client_conf *conf, const char *p, size_t n, size_t step, bool direct,
                          bool again)
{
    struct outcome o = {.ev = H1_CLIENT_MORE};
    struct h1_client *c = h1_client_new(conf);
    size_t at = 0;

    if (again) {
        h1_client_start(c);
        h1_client_feed(c, p, n, &at);
        at = 0;
    }
    h1_client_start(c);
    while (at < n && o.ev == H1_CLIENT_MORE) {
        size_t piece = step < n - at ? step : n - at, room, used;
        char *space = direct ? h1_client_space(c, &room) : NULL;

        if (space) {
            demand(room > 0, "no room");
            used = piece < room ? piece : room;
            memcpy(space, p + at, used);
            o.ev = h1_client_filled(c, used);
            if (o.ev != H1_CLIENT_MORE)
                note(&o, c, conf);
        } else {
            char *copy = malloc(piece);

            memcpy(copy, p + at, piece);
            o.ev = h1_client_feed(c, copy, piece, &used);
            demand(used <= piece, "more used than was fed");
            demand(o.ev != H1_CLIENT_MORE || used == piece, "MORE before the end");
            if (o.ev != H1_CLIENT_MORE)
                note(&o, c, conf);
            free(copy);
        }
        at += used;
        demand(h1_client_held_bytes(c) <= 2 * conf->max_body_bytes + conf->max_head_bytes + 4096,
               "too much memory held");
    }
    o.used = o.ev == H1_CLIENT_RESPONSE ? at : 0;
    if (o.ev == H1_CLIENT_MORE) {
        o.ev = h1_client_eof(c);
        note(&o, c, conf);
    }
    h1_client_free(c);
    return o;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
    if (a->ev != b->ev || a->bad != b->bad)
        return false;
    return a->ev == H1_CLIENT_BAD ||
           (a->used == b->used && a->body_n == b->body_n && a->hash == b->hash && a->res.status == b->res.status &&
            a->res.minor == b->res.minor && a->res.keep_alive == b->res.keep_alive &&
            a->res.rate_lines.n == b->res.rate_lines.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct h1_client_conf conf;
    struct outcome whole, split;

    if (size < 4)
        return 0;
    conf = (struct h1_client_conf){.max_body_bytes = 64 + data[2] * 256u,
                                   .max_head_bytes = 64 + data[3] * 16u,
                                   .max_fields = 1 + data[3] % 64,
                                   .max_informational = data[3] % 4};
    whole = run(&conf, (const char *)data + 4, size - 4, SIZE_MAX, false, false);
    split = run(&conf, (const char *)data + 4, size - 4, 1 + data[0], false, false);
    demand(same(&whole, &split), "whole and split differ");
    split = run(&conf, (const char *)data + 4, size - 4, SIZE_MAX, false, true);
    demand(same(&whole, &split), "a head that is known differs");
    split = run(&conf, (const char *)data + 4, size - 4, 1 + data[1] % 8, true, false);
    demand(same(&whole, &split), "whole and direct differ");
    return 0;
}
