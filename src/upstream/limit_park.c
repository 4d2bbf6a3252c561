#include "upstream/limit_park.h"

bool limit_pause_refused(struct limit_pause *p, uint64_t sent_us, uint64_t told_us, uint64_t now_us)
{
    uint64_t pause_us;

    if (told_us > LIMIT_PARK_TOLD_MAX_US)
        told_us = LIMIT_PARK_TOLD_MAX_US;
    if (sent_us < p->until_us) {
        if (told_us)
            limit_pause_until(p, now_us + told_us);
        return false;
    }
    p->row = p->accepted ? 1 : p->row + 1;
    p->accepted = false;
    pause_us = p->row > LIMIT_PARK_DOUBLES ? LIMIT_PARK_MAX_US : (uint64_t)LIMIT_PARK_FIRST_US << (p->row - 1);
    if (pause_us > LIMIT_PARK_MAX_US)
        pause_us = LIMIT_PARK_MAX_US;
    limit_pause_until(p, now_us + (told_us ? told_us : pause_us));
    return true;
}

static void mark(struct limit_park *p, unsigned slot)
{
    p->may_be[slot / 64 % 4] |= UINT64_C(1) << (slot % 64);
}

struct limit_pause *limit_park_method(struct limit_park *p, unsigned slot)
{
    unsigned at = 0;

    for (unsigned i = 0; i < p->n_methods; i++) {
        if (p->methods[i].slot == slot)
            return &p->methods[i].pause;
        if (p->methods[i].pause.until_us < p->methods[at].pause.until_us)
            at = i;
    }
    if (p->n_methods < LIMIT_PARK_METHODS)
        at = p->n_methods++;
    p->methods[at].slot = slot;
    p->methods[at].pause = (struct limit_pause){.until_us = 0};
    for (unsigned w = 0; w < 4; w++)
        p->may_be[w] = 0;
    for (unsigned i = 0; i < p->n_methods; i++)
        mark(p, p->methods[i].slot);
    return &p->methods[at].pause;
}

uint64_t limit_park_method_until(const struct limit_park *p, unsigned slot)
{
    for (unsigned i = 0; i < p->n_methods; i++)
        if (p->methods[i].slot == slot)
            return p->methods[i].pause.until_us;
    return 0;
}
