#include "http/body.h"

#include "base/spare.h"

void body_init(struct body *b, size_t max_bytes, size_t ahead, struct spare *spare)
{
    *b = (struct body){.ahead = ahead, .spare = spare};
    buf_init(&b->own, max_bytes);
}

static void give_up(struct body *b)
{
    if (b->spare && b->own.p) {
        spare_give(b->spare, b->own.p, b->own.cap);
        buf_init(&b->own, b->own.max_bytes);
    } else {
        buf_deinit(&b->own);
    }
}

/* buf_reserve_exact; a large buffer is one that was used before, where there is any. */
static int reserve(struct body *b, size_t more)
{
    struct buf *own = &b->own;
    size_t cap, have = own->n;
    char *p = NULL;

    if (b->spare && more <= own->max_bytes && have <= own->max_bytes - more && have + more > own->cap)
        p = spare_take(b->spare, have + more, &cap);
    if (!p)
        return buf_reserve_exact(own, more);
    if (have)
        memcpy(p, own->p, have);
    give_up(b);
    *own = (struct buf){.p = p, .n = have, .cap = cap, .max_bytes = own->max_bytes};
    return 0;
}

void body_deinit(struct body *b)
{
    give_up(b);
    b->lent = slice_of(NULL, 0);
}

void body_clear(struct body *b)
{
    if (b->own.cap > BODY_KEEP_BYTES)
        give_up(b);
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
    return reserve(b, left < more ? (size_t)left : more);
}

static int gather(struct body *b, struct slice piece, uint64_t left)
{
    int r;

    if (left > piece.n && b->own.cap - b->own.n < piece.n) {
        size_t have = b->own.n + piece.n, more = have > b->ahead ? have : b->ahead;

        left -= piece.n;
        r = reserve(b, piece.n + (left < more ? (size_t)left : more));
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
