#include "upstream/past.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rpc/head_read.h"

static bool read_block(struct past_block *b, uint64_t number, struct slice block)
{
    b->number = number;
    b->known = head_member_hash(block, b->hash);
    return b->known;
}

static bool same_hash(const struct past_block *a, const struct past_block *b)
{
    return memcmp(a->hash, b->hash, PAST_HASH) == 0;
}

bool past_final(struct past *p, uint64_t number, struct slice block)
{
    struct past_block now = {0};

    /* While there is a doubt, this may be of the new past, and would settle nothing. */
    if (p->doubted)
        return false;
    if (read_block(&now, number, block) && p->final.known && p->final.number == number && !same_hash(&p->final, &now))
        return true;
    p->final = now;
    return false;
}

bool past_head(struct past *p, uint64_t number, struct slice block)
{
    struct past_block now;
    bool doubt;

    if (number < p->head.number || !read_block(&now, number, block))
        return false;
    doubt = p->head.known && p->head.number == number && !same_hash(&p->head, &now);
    p->head = now;
    return doubt;
}

bool past_doubt(struct past *p)
{
    p->doubted = p->final.known;
    return p->doubted;
}

struct slice past_ask(struct past *p, char params[PAST_PARAMS_CAP])
{
    p->asking = true;
    p->asked = p->final.number;
    return slice_of(params, (size_t)snprintf(params, PAST_PARAMS_CAP, "[\"0x%" PRIx64 "\",false]", p->final.number));
}

static void pause(struct past *p, uint64_t now_ms)
{
    uint64_t gap_ms = (uint64_t)PAST_GAP_MS << (p->in_vain < 8 ? p->in_vain : 8);

    p->next_ms = now_ms + (gap_ms < PAST_GAP_MAX_MS ? gap_ms : PAST_GAP_MAX_MS);
}

static void settled(struct past *p, bool in_vain, uint64_t now_ms)
{
    bool long_ago = now_ms > p->next_ms + 2 * PAST_GAP_MAX_MS;

    p->doubted = false;
    p->in_vain = !in_vain ? 0 : long_ago ? 1 : p->in_vain + 1;
    pause(p, now_ms);
}

enum past_news past_answered(struct past *p, bool is_error, struct slice payload, uint64_t now_ms)
{
    struct past_block now;
    uint64_t number;
    bool none = !is_error && slice_eq(payload, SLICE("null"));

    if (!p->final.known || p->asked != p->final.number) { /* what was known is forgotten */
        p->asking = p->doubted = false;
        return PAST_SAME;
    }
    if (!none && (is_error || !head_read(HEAD_BLOCK, payload, &number) || number != p->final.number ||
                  !read_block(&now, number, payload))) {
        past_failed(p, now_ms);
        return PAST_UNTOLD;
    }
    p->asking = false;
    if (none) {
        settled(p, true, now_ms);
        return PAST_NONE;
    }
    settled(p, same_hash(&p->final, &now), now_ms);
    return same_hash(&p->final, &now) ? PAST_SAME : PAST_OTHER;
}

void past_failed(struct past *p, uint64_t now_ms)
{
    p->asking = false;
    p->in_vain++;
    pause(p, now_ms);
}

void past_forget(struct past *p)
{
    p->final.known = p->head.known = p->doubted = false;
    p->head.number = 0;
}
