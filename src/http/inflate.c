#include "http/inflate.h"

#include <assert.h>
#include <brotli/decode.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    BETWEEN_BYTES = 16384, /* decoded at a time between two codings */
    FIRST_ROOM = 4096,
    GZIP_WINDOW = 15 + 16, /* zlib: 15 bits, gzip header expected */
    ZLIB_WINDOW = 15,
    RAW_WINDOW = -15
};

enum stage_state {
    STAGE_NEW,  /* no byte yet, or too few to choose the decoder */
    STAGE_OPEN, /* inside the stream */
    STAGE_ENDED /* the stream is complete */
};

struct stage {
    enum inflate_coding coding;
    enum stage_state state;
    bool has_zlib;
    z_stream zlib;
    BrotliDecoderState *br;
    uint8_t sniff[2]; /* the first bytes of deflate, which tell its wrapping */
    unsigned sniffed;
};

struct inflate {
    unsigned n;
    uint64_t between;                        /* bytes that have passed from the first decoder to the second */
    struct stage stage[INFLATE_MAX_CODINGS]; /* the first to run stands first */
};

struct inflate *inflate_new(const enum inflate_coding *codings, unsigned n)
{
    struct inflate *z = calloc(1, sizeof *z);

    assert(n >= 1 && n <= INFLATE_MAX_CODINGS);
    if (!z)
        return NULL;
    z->n = n;
    for (unsigned i = 0; i < n; i++)
        z->stage[i].coding = codings[n - 1 - i];
    return z;
}

struct inflate *inflate_free(struct inflate *z)
{
    if (!z)
        return NULL;
    for (unsigned i = 0; i < z->n; i++) {
        if (z->stage[i].has_zlib)
            inflateEnd(&z->stage[i].zlib);
        if (z->stage[i].br)
            BrotliDecoderDestroyInstance(z->stage[i].br);
    }
    free(z);
    return NULL;
}

struct span {
    const uint8_t *in;
    size_t n_in;
    uint8_t *out;
    size_t n_out;
};

static int open_zlib(struct stage *s, int window)
{
    int r = inflateInit2(&s->zlib, window);

    if (r != Z_OK)
        return r == Z_MEM_ERROR ? -ENOMEM : INFLATE_CORRUPT;
    s->has_zlib = true;
    s->state = STAGE_OPEN;
    return 0;
}

static int run_zlib(struct stage *s, struct span *io)
{
    uInt in = io->n_in > UINT_MAX ? UINT_MAX : (uInt)io->n_in;
    uInt out = io->n_out > UINT_MAX ? UINT_MAX : (uInt)io->n_out;
    int r;

    s->zlib.next_in = (Bytef *)(uintptr_t)io->in;
    s->zlib.avail_in = in;
    s->zlib.next_out = io->out;
    s->zlib.avail_out = out;
    r = inflate(&s->zlib, Z_NO_FLUSH);
    io->in += in - s->zlib.avail_in;
    io->n_in -= in - s->zlib.avail_in;
    io->out += out - s->zlib.avail_out;
    io->n_out -= out - s->zlib.avail_out;
    if (r == Z_STREAM_END) {
        s->state = STAGE_ENDED;
        return 0;
    }
    if (r == Z_MEM_ERROR)
        return -ENOMEM;
    /* Z_BUF_ERROR: no room or no input, which the caller sees for itself. */
    return r == Z_OK || r == Z_BUF_ERROR ? 0 : INFLATE_CORRUPT;
}

/* A zlib header (RFC 1950) is a multiple of 31 and names method 8; a raw stream hardly ever looks so. */
static bool is_zlib_header(const uint8_t *p)
{
    return (p[0] & 15) == 8 && p[0] >> 4 <= 7 && (p[0] << 8 | p[1]) % 31 == 0;
}

static int open_deflate(struct stage *s, struct span *io)
{
    struct span head;
    int r;

    while (s->sniffed < 2 && io->n_in) {
        s->sniff[s->sniffed++] = *io->in++;
        io->n_in--;
    }
    if (s->sniffed < 2)
        return 0;
    r = open_zlib(s, is_zlib_header(s->sniff) ? ZLIB_WINDOW : RAW_WINDOW);
    if (r)
        return r;
    head = (struct span){s->sniff, 2, io->out, io->n_out};
    r = run_zlib(s, &head);
    if (r == 0 && head.n_in)
        r = INFLATE_CORRUPT; /* the stream ended before two bytes: the rest is garbage */
    io->out = head.out;
    io->n_out = head.n_out;
    return r;
}

static int run_br(struct stage *s, struct span *io)
{
    switch (BrotliDecoderDecompressStream(s->br, &io->n_in, &io->in, &io->n_out, &io->out, NULL)) {
    case BROTLI_DECODER_RESULT_SUCCESS:
        s->state = STAGE_ENDED;
        return 0;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
    case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        return 0;
    case BROTLI_DECODER_RESULT_ERROR:
        break;
    }
    return INFLATE_CORRUPT;
}

static int stage_open(struct stage *s, struct span *io)
{
    switch (s->coding) {
    case INFLATE_GZIP:
        return open_zlib(s, GZIP_WINDOW);
    case INFLATE_DEFLATE:
        return open_deflate(s, io);
    case INFLATE_BR:
        s->br = BrotliDecoderCreateInstance(NULL, NULL, NULL);
        s->state = STAGE_OPEN;
        return s->br ? 0 : -ENOMEM;
    }
    return INFLATE_CORRUPT;
}

/* Until the input is used up or the room is filled. */
static int stage_run(struct stage *s, struct span *io)
{
    int r = 0;

    if (s->state == STAGE_NEW)
        r = stage_open(s, io);
    while (r == 0 && s->state != STAGE_NEW) {
        size_t n_in = io->n_in, n_out = io->n_out;

        if (s->state == STAGE_ENDED) {
            if (n_in == 0)
                break;
            /* After a gzip member another may follow (RFC 1952 section 2.2); else nothing may. */
            if (s->coding != INFLATE_GZIP || inflateReset(&s->zlib) != Z_OK)
                return INFLATE_CORRUPT;
            s->state = STAGE_OPEN;
        }
        r = s->coding == INFLATE_BR ? run_br(s, io) : run_zlib(s, io);
        if (io->n_out == 0 || (io->n_in == n_in && io->n_out == n_out))
            break;
    }
    return r;
}

/* Room for the last decoder.  At the buffer's maximum one byte beside it tells whether there is more to come. */
static int make_room(struct buf *out, size_t n_in, uint8_t *probe, struct span *io)
{
    size_t left = out->max_bytes - out->n, want = n_in > FIRST_ROOM ? n_in : FIRST_ROOM;
    int r;

    if (left == 0) {
        io->out = probe;
        io->n_out = 1;
        return 0;
    }
    if (out->n == out->cap) {
        r = buf_reserve(out, want < left ? want : left);
        if (r)
            return r == BUF_FULL ? INFLATE_TOO_LARGE : r;
    }
    io->out = (uint8_t *)out->p + out->n;
    io->n_out = out->cap - out->n;
    return 0;
}

static int run_last(struct stage *s, const uint8_t *p, size_t n, struct buf *out)
{
    struct span io = {.in = p, .n_in = n};
    uint8_t probe;
    int r;

    do {
        size_t room;

        r = make_room(out, io.n_in, &probe, &io);
        if (r)
            return r;
        room = io.n_out;
        r = stage_run(s, &io);
        if (r)
            return r;
        if (out->n < out->max_bytes)
            out->n += room - io.n_out;
        else if (io.n_out == 0)
            return INFLATE_TOO_LARGE;
    } while (io.n_out == 0);
    return 0;
}

int inflate_feed(struct inflate *z, const char *p, size_t n, struct buf *out)
{
    struct span io = {.in = (const uint8_t *)p, .n_in = n};
    uint8_t between[BETWEEN_BYTES];
    int r;

    if (z->n == 1)
        return run_last(&z->stage[0], io.in, n, out);
    do {
        size_t made, passed;
        int first;

        io.out = between;
        io.n_out = sizeof between;
        first = stage_run(&z->stage[0], &io);
        made = sizeof between - io.n_out;
        /* What came before a fault still counts: the verdict must not depend on how the bytes were split. */
        passed = made < out->max_bytes - z->between ? made : out->max_bytes - z->between;
        z->between += passed;
        r = passed ? run_last(&z->stage[1], between, passed, out) : 0;
        if (r == 0 && passed < made)
            r = INFLATE_TOO_LARGE;
        if (r == 0)
            r = first;
        if (r)
            return r;
    } while (io.n_out == 0);
    return 0;
}

int inflate_end(const struct inflate *z)
{
    for (unsigned i = 0; i < z->n; i++)
        if (z->stage[i].state != STAGE_ENDED)
            return INFLATE_TRUNCATED;
    return 0;
}
