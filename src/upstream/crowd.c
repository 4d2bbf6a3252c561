#include "upstream/crowd.h"

enum { ONE = 256, GROW_US = 125000, SECOND_US = 1000000, FORGET_AT = 4 /* times the ceiling */ };

static uint32_t most_of(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

bool crowd_refused(struct crowd *c, unsigned others, uint64_t sent_us, uint64_t now_us)
{
    uint32_t here = others + 1, limit = crowd_limit(c);

    if (limit && sent_us < c->after_us) {
        if (others < limit)
            c->limit_q8 = most_of(others, c->least) * ONE;
        return true;
    }
    if (limit && here > limit) /* more are there than may be by now */
        here = limit;
    c->ceiling = here;
    c->least = most_of(here / 4, 1);
    c->limit_q8 = most_of(here * ONE / 4 * 3, ONE);
    c->after_us = c->grown_us = now_us;
    return here > 1;
}

bool crowd_answered(struct crowd *c, unsigned on_wire, unsigned most, uint64_t now_us)
{
    uint32_t limit = crowd_limit(c), a_second;
    uint64_t us = now_us - c->grown_us, end;

    if (!limit || us < GROW_US)
        return false;
    c->grown_us = now_us;
    end = (uint64_t)(most ? most : c->ceiling * FORGET_AT) * ONE;
    if (now_us - c->after_us >= CROWD_FORGET_S * UINT64_C(1000000)) {
        c->limit_q8 = 0;
        return true;
    }
    if (on_wire < limit)
        return false;
    a_second =
        limit + 1 < c->ceiling - c->ceiling / 4 ? most_of(c->limit_q8 / 4, ONE) : most_of(c->limit_q8 / 32, ONE / 4);
    c->limit_q8 += (uint32_t)(a_second * (us < SECOND_US ? us : SECOND_US) / SECOND_US);
    if (c->limit_q8 >= end)
        c->limit_q8 = 0;
    return crowd_limit(c) != limit;
}
