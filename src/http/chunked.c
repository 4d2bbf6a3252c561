#include "http/chunked.h"

#include <stdbool.h>

#include "base/hex.h"
#include "http/field.h"

enum { MAX_DIGITS = 16 }; /* of a chunk size: 64 bits; more leading zeros than that are refused too */

void chunked_init(struct chunked *c, uint64_t max_bytes)
{
    *c = (struct chunked){.state = CHUNKED_SIZE, .max_bytes = max_bytes};
}

const char *chunked_text(const struct chunked *c)
{
    return c->text;
}

static enum chunked_event bad(struct chunked *c, const char *text)
{
    c->text = text;
    c->state = CHUNKED_OVER;
    return CHUNKED_BAD;
}

/* Text of an extension or a trailer's value; CR and LF are looked at before. */
static bool is_text(char ch)
{
    unsigned char c = (unsigned char)ch;

    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

/* The size line is complete. */
static enum chunked_event chunk_begins(struct chunked *c)
{
    if (c->left > c->max_bytes - c->payload)
        return CHUNKED_TOO_LARGE;
    c->payload += c->left;
    if (c->framing > CHUNKED_FREE_FRAMING && c->framing - CHUNKED_FREE_FRAMING > c->max_bytes - c->payload)
        return CHUNKED_TOO_LARGE;
    c->state = c->left ? CHUNKED_BYTES : CHUNKED_TRAILER;
    return CHUNKED_MORE;
}

/* One byte of framing; MORE means: go on. */
static enum chunked_event framing_byte(struct chunked *c, char ch)
{
    int digit;

    c->framing++;
    switch (c->state) {
    case CHUNKED_SIZE:
        c->left = 0;
        c->digits = 0;
        c->state = CHUNKED_SIZE_MORE;
        if (hex_digit(ch) < 0)
            return bad(c, "chunk size is not hexadecimal");
        /* fall through */
    case CHUNKED_SIZE_MORE:
        digit = hex_digit(ch);
        if (digit >= 0) {
            if (++c->digits > MAX_DIGITS)
                return bad(c, "chunk size is too long");
            c->left = c->left << 4 | (unsigned)digit;
        } else if (ch == ';') {
            c->state = CHUNKED_EXTENSION;
        } else if (ch == '\r') {
            c->state = CHUNKED_SIZE_LF;
        } else {
            return bad(c, "chunk size is not hexadecimal");
        }
        return CHUNKED_MORE;
    case CHUNKED_EXTENSION:
        if (ch == '\r') {
            c->state = CHUNKED_SIZE_LF;
            return CHUNKED_MORE;
        }
        if (!is_text(ch))
            return bad(c, "control byte in a chunk extension");
        if (++c->extension > CHUNKED_MAX_EXTENSION)
            return bad(c, "chunk extensions are too long");
        return CHUNKED_MORE;
    case CHUNKED_SIZE_LF:
        return ch == '\n' ? chunk_begins(c) : bad(c, "bare CR in a chunk size line");
    case CHUNKED_BYTES_CR:
        c->state = CHUNKED_BYTES_LF;
        return ch == '\r' ? CHUNKED_MORE : bad(c, "chunk does not end where its size says");
    case CHUNKED_BYTES_LF:
        c->state = CHUNKED_SIZE;
        return ch == '\n' ? CHUNKED_MORE : bad(c, "bare CR after a chunk");
    case CHUNKED_TRAILER:
        if (ch == '\r') {
            c->state = CHUNKED_END_LF;
            return CHUNKED_MORE;
        }
        c->state = CHUNKED_NAME;
        if (ch == ':')
            return bad(c, "malformed trailer");
        /* fall through */
    case CHUNKED_NAME:
        if (ch == ':')
            c->state = CHUNKED_VALUE;
        else if (!byte_is(ch, BYTE_TOKEN))
            return bad(c, "malformed trailer");
        break;
    case CHUNKED_VALUE:
        if (ch == '\r')
            c->state = CHUNKED_VALUE_LF;
        else if (!is_text(ch))
            return bad(c, "control byte in a trailer");
        break;
    case CHUNKED_VALUE_LF:
        c->state = CHUNKED_TRAILER;
        if (ch != '\n')
            return bad(c, "bare CR in a trailer");
        break;
    case CHUNKED_END_LF:
        c->state = CHUNKED_OVER;
        return ch == '\n' ? CHUNKED_END : bad(c, "bare CR after the last chunk");
    case CHUNKED_BYTES:
    case CHUNKED_OVER:
        return bad(c, "bytes after the last chunk");
    }
    if (++c->trailer > CHUNKED_MAX_TRAILER)
        return bad(c, "trailers are too long");
    return CHUNKED_MORE;
}

enum chunked_event chunked_next(struct chunked *c, const char *p, size_t n, size_t *used, struct slice *data)
{
    size_t i = 0;

    while (i < n) {
        enum chunked_event ev;

        if (c->state == CHUNKED_BYTES) {
            size_t take = n - i < c->left ? n - i : (size_t)c->left;

            *data = slice_of(p + i, take);
            *used = i + take;
            c->left -= take;
            if (c->left == 0)
                c->state = CHUNKED_BYTES_CR;
            return CHUNKED_DATA;
        }
        ev = framing_byte(c, p[i++]);
        if (ev != CHUNKED_MORE) {
            *used = i;
            return ev;
        }
    }
    *used = n;
    return CHUNKED_MORE;
}
