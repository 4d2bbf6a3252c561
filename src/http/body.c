#include "http/body.h"

void body_init(struct body *b, size_t max_bytes, size_t ahead)
{
    *b = (struct body){.ahead = ahead};
    buf_init(&b->own, max_bytes);
}

void body_deinit(struct body *b)
{
    buf_deinit(&b->own);
    b->lent = slice_of(NULL, 0);
}

void body_clear(struct body *b)
{
    if (b->own.cap > BODY_KEEP_BYTES)
        buf_deinit(&b->own);
    else
        buf_clear(&b->own);
    b->lent = slice_of(NULL, 0);
}

int body_room(struct body *b, uint64_t left)
{
    size_t more = b->own.n > b->ahead ? b->own.n : b->ahead;
    size_t worth = left < BODY_KEEP_BYTES ? (size_t)left : BODY_KEEP_BYTES;

    if (b->own.cap - b->own.n >= worth)
        return 0;
    return buf_reserve_exact(&b->own, left < more ? (size_t)left : more);
}

static int gather(struct body *b, struct slice piece, uint64_t left)
{
    int r;

    if (left > piece.n && b->own.cap - b->own.n < piece.n) {
        size_t have = b->own.n + piece.n, more = have > b->ahead ? have : b->ahead;

        left -= piece.n;
        r = buf_reserve_exact(&b->own, piece.n + (left < more ? (size_t)left : more));
        if (r)
            return r;
    }
    return buf_slice(&b->own, piece);
}

int body_add(struct body *b, struct slice piece, uint64_t left)
{
    int r = 0;

    if (b->own.n == 0 && b->lent.n == 0) {
        b->lent = piece;
        return 0;
    }
    if (b->lent.n)
        r = body_keep(b, left ? left + b->lent.n : 0);
    return r ? r : gather(b, piece, left);
}

int body_keep(struct body *b, uint64_t left)
{
    struct slice lent = b->lent;

    b->lent = slice_of(NULL, 0);
    return lent.n ? gather(b, lent, left) : 0;
}
