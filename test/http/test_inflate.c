#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "br_data.h"
#include "http/inflate.h"
#include "test.h"

enum { PLAIN = 20000 };
enum { GZIP = 15 + 16, ZLIB = 15, RAW = -15 };

static char plain[PLAIN];

/* Neither constant nor random: codings of a few hundred bytes with matches and literals. */
static void make_plain(void)
{
    for (size_t i = 0; i < PLAIN; i++)
        plain[i] = (char)(i % 97 < 60 ? '0' + i / 97 % 10 : 'a' + i * i % 23);
}

static size_t coded(char *out, size_t cap, const char *p, size_t n, int window)
{
    z_stream z = {0};

    deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (Bytef *)(uintptr_t)p;
    z.avail_in = (uInt)n;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)cap;
    CHECK_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return cap - z.avail_out;
}

static size_t coded_br(char *out, size_t n)
{
    const unsigned char *p = n == 0 ? br_plain_0 : n == 100 ? br_plain_100 : br_plain_20000;
    size_t made = n == 0 ? sizeof br_plain_0 : n == 100 ? sizeof br_plain_100 : sizeof br_plain_20000;

    memcpy(out, p, made);
    return made;
}

/* Pieces of `first`, then of `step` bytes, each from a heap copy.  The outcome of the last step, end included. */
static int decode(enum inflate_coding coding, const char *p, size_t n, size_t first, size_t step, struct buf *out)
{
    struct inflate *z = inflate_new(&coding, 1);
    size_t at = 0, piece = first;
    int r = 0;

    while (at < n && r == 0) {
        char *copy;

        if (piece > n - at)
            piece = n - at;
        copy = malloc(piece);
        memcpy(copy, p + at, piece);
        r = inflate_feed(z, copy, piece, out);
        free(copy);
        at += piece;
        piece = step;
    }
    if (r == 0)
        r = inflate_end(z);
    inflate_free(z);
    return r;
}

static void check(enum inflate_coding coding, const char *p, size_t n, size_t max, int outcome, struct slice expected)
{
    for (size_t k = 0; k <= n; k += 1 + n / 200) {
        struct buf out;
        int r;

        buf_init(&out, max);
        r = decode(coding, p, n, k ? k : 1, k ? n : 1, &out);
        if (r != outcome) {
            printf("# coding %d, split at %zu of %zu\n", (int)coding, k, n);
            CHECK_EQ(r, outcome);
        }
        if (outcome == 0)
            CHECK(slice_eq(buf_get(&out), expected));
        CHECK(out.cap <= max);
        buf_deinit(&out);
    }
}

TEST(codings)
{
    static char text[2 * PLAIN];
    static const size_t sizes[] = {0, 1, 2, 100, 4096, PLAIN};

    make_plain();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct slice expected = slice_of(plain, sizes[i]);
        size_t n;

        n = coded(text, sizeof text, plain, sizes[i], GZIP);
        check(INFLATE_GZIP, text, n, PLAIN, 0, expected);
        check(INFLATE_GZIP, text, n, sizes[i], 0, expected); /* exactly full */
        n = coded(text, sizeof text, plain, sizes[i], ZLIB);
        check(INFLATE_DEFLATE, text, n, sizes[i], 0, expected);
        n = coded(text, sizeof text, plain, sizes[i], RAW);
        check(INFLATE_DEFLATE, text, n, sizes[i], 0, expected);
        if (sizes[i] == 0 || sizes[i] == 100 || sizes[i] == PLAIN) {
            n = coded_br(text, sizes[i]);
            check(INFLATE_BR, text, n, sizes[i], 0, expected);
        }
    }
}

TEST(too_large)
{
    static char text[2 * PLAIN];
    size_t n;

    make_plain();
    for (size_t max = 0; max < PLAIN; max += 4999) {
        n = coded(text, sizeof text, plain, PLAIN, GZIP);
        check(INFLATE_GZIP, text, n, max, INFLATE_TOO_LARGE, (struct slice){NULL, 0});
        n = coded(text, sizeof text, plain, PLAIN, RAW);
        check(INFLATE_DEFLATE, text, n, max, INFLATE_TOO_LARGE, (struct slice){NULL, 0});
        n = coded_br(text, PLAIN);
        check(INFLATE_BR, text, n, max, INFLATE_TOO_LARGE, (struct slice){NULL, 0});
    }
    n = coded(text, sizeof text, plain, PLAIN, GZIP);
    check(INFLATE_GZIP, text, n, PLAIN - 1, INFLATE_TOO_LARGE, (struct slice){NULL, 0});
    n = coded_br(text, PLAIN);
    check(INFLATE_BR, text, n, PLAIN - 1, INFLATE_TOO_LARGE, (struct slice){NULL, 0});
}

TEST(members_and_garbage)
{
    static char text[2 * PLAIN];
    struct slice all = slice_of(plain, 200);
    size_t n, m;

    make_plain();
    n = coded(text, sizeof text, plain, 150, GZIP);
    m = coded(text + n, sizeof text - n, plain + 150, 50, GZIP);
    check(INFLATE_GZIP, text, n + m, PLAIN, 0, all);
    text[n + m] = '\0';
    check(INFLATE_GZIP, text, n + m + 1, PLAIN, INFLATE_TRUNCATED, all); /* might be the start of a member ... */
    memcpy(text + n + m, "\0\0\0", 3);
    check(INFLATE_GZIP, text, n + m + 3, PLAIN, INFLATE_CORRUPT, all); /* ... but is not */
    n = coded(text, sizeof text, plain, 200, ZLIB);
    text[n] = 'x';
    check(INFLATE_DEFLATE, text, n + 1, PLAIN, INFLATE_CORRUPT, all);
    n = coded(text, sizeof text, plain, 200, RAW);
    text[n] = 'x';
    check(INFLATE_DEFLATE, text, n + 1, PLAIN, INFLATE_CORRUPT, all);
    n = coded_br(text, 100);
    text[n] = 'x';
    check(INFLATE_BR, text, n + 1, PLAIN, INFLATE_CORRUPT, all);
}

TEST(truncated_and_corrupt)
{
    static char text[2 * PLAIN];
    size_t n;

    make_plain();
    n = coded(text, sizeof text, plain, PLAIN, GZIP);
    for (size_t cut = 1; cut < n; cut += 11)
        check(INFLATE_GZIP, text, cut, PLAIN, INFLATE_TRUNCATED, (struct slice){NULL, 0});
    text[n - 6] ^= 1; /* the checksum */
    check(INFLATE_GZIP, text, n, PLAIN, INFLATE_CORRUPT, (struct slice){NULL, 0});
    check(INFLATE_GZIP, "hello, world", 12, PLAIN, INFLATE_CORRUPT, (struct slice){NULL, 0});
    check(INFLATE_DEFLATE, "\xff\xff\xff\xff", 4, PLAIN, INFLATE_CORRUPT, (struct slice){NULL, 0});
    check(INFLATE_DEFLATE, "x", 1, PLAIN, INFLATE_TRUNCATED, (struct slice){NULL, 0});
    check(INFLATE_DEFLATE, "\x78\xbb\x01\x02\x03\x04", 6, PLAIN, INFLATE_CORRUPT, /* wants a dictionary */
          (struct slice){NULL, 0});
    n = coded_br(text, PLAIN);
    check(INFLATE_BR, text, n - 1, PLAIN, INFLATE_TRUNCATED, (struct slice){NULL, 0});
    text[n / 2] ^= 0x55;
    {
        struct buf out;

        buf_init(&out, PLAIN);
        CHECK(decode(INFLATE_BR, text, n, n, n, &out) != 0 || !slice_eq(buf_get(&out), slice_of(plain, PLAIN)));
        buf_deinit(&out);
    }
}

TEST_MAIN()
