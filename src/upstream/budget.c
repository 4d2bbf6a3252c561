#include "upstream/budget.h"

enum { EXTRA = 100 };

void budget_init(struct budget *b, const struct budget_conf *c, uint64_t now_ms)
{
    *b = (struct budget){.at = now_ms >> BUDGET_SLICE_LOG2};
    b->saved = (c->first < c->saved ? c->first : c->saved) * EXTRA;
    b->sum = b->earned[b->at % BUDGET_SLICES] = c->floor * EXTRA;
}

/* The slices up to `at` begin: what is left in their places is ten seconds old. */
void budget_roll(struct budget *b, const struct budget_conf *c, uint64_t at)
{
    uint64_t most = (uint64_t)c->saved * EXTRA;

    if (at < b->at) /* a clock that went back earns nothing */
        return;
    if (at - b->at > BUDGET_SLICES)
        b->at = at - BUDGET_SLICES;
    while (b->at < at) {
        uint32_t *slice = &b->earned[++b->at % BUDGET_SLICES];
        uint64_t saved = (uint64_t)b->saved + *slice;

        b->saved = (uint32_t)(saved < most ? saved : most);
        b->sum -= *slice;
        *slice = c->floor * EXTRA;
        b->sum += *slice;
    }
}

bool budget_take(struct budget *b, const struct budget_conf *c, uint64_t now_ms)
{
    uint64_t at = now_ms >> BUDGET_SLICE_LOG2;
    uint32_t due = EXTRA;

    if (at != b->at)
        budget_roll(b, c, at);
    if (b->sum + b->saved < EXTRA)
        return false;
    /* The oldest first: it is lost soonest. */
    for (unsigned i = 1; due && i <= BUDGET_SLICES; i++) {
        uint32_t *slice = &b->earned[(b->at + i) % BUDGET_SLICES], part = *slice < due ? *slice : due;

        *slice -= part;
        b->sum -= part;
        due -= part;
    }
    b->saved -= due;
    return true;
}

void budget_give_back(struct budget *b)
{
    b->earned[b->at % BUDGET_SLICES] += EXTRA;
    b->sum += EXTRA;
}

unsigned budget_left(const struct budget *b)
{
    return (b->sum + b->saved) / EXTRA;
}
