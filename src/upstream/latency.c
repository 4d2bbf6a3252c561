#include "upstream/latency.h"

#include <assert.h>
#include <stdlib.h>

#include "base/fixed.h"
#include "base/mem.h"

enum {
    PEAK_MAX_US = 1 << 27,
    PEAK_STEP_US = 1024, /* a quicker answer pulls it down at most this often */
    UNIT_LOG2 = 4,       /* of the sketch's first buckets: 16 us */
    FRESH_ANSWERS = 32,
    USUAL_SHARE = 32 /* of a new answer in what is usual: 1/32 */
};

static uint64_t aged(uint64_t value, uint64_t age_us)
{
    return value * fixed_exp2_neg((age_us << 16) >> LATENCY_HALF_LIFE_LOG2) >> 16;
}

void latency_peak_note(struct latency_peak *p, uint64_t us, uint64_t now_us)
{
    uint64_t q8 = (us < PEAK_MAX_US ? us : PEAK_MAX_US) << 8, age_us = now_us > p->at_us ? now_us - p->at_us : 0;

    if (q8 < p->us_q8) {
        if (age_us < PEAK_STEP_US)
            return;
        q8 += aged(p->us_q8 - q8, age_us);
    }
    p->us_q8 = q8;
    p->at_us = now_us;
}

uint64_t latency_peak_get(const struct latency_peak *p, uint64_t now_us)
{
    uint64_t age_us = now_us > p->at_us ? now_us - p->at_us : 0;

    return age_us < PEAK_STEP_US ? p->us_q8 >> 8 : aged(p->us_q8, age_us) >> 8;
}

/* Bucket k of octave 0 holds k units; in octave o > 0 those from (8 + k) << (o - 1). */
static unsigned place(uint64_t us)
{
    uint64_t units = us >> UNIT_LOG2;
    unsigned octave;

    if (units < LATENCY_SUB)
        return (unsigned)units;
    octave = 63 - (unsigned)__builtin_clzll(units) - 2;
    if (octave > LATENCY_OCTAVES)
        return LATENCY_BUCKETS - 1;
    return octave * LATENCY_SUB + (unsigned)(units >> (octave - 1)) - LATENCY_SUB;
}

static uint32_t upper(unsigned i)
{
    unsigned octave = i / LATENCY_SUB, k = i % LATENCY_SUB;

    return octave == 0 ? (k + 1) << UNIT_LOG2 : (LATENCY_SUB + k + 1) << (octave - 1) << UNIT_LOG2;
}

/* Half of all counts.  The odd answer of a bucket goes to the next one that has any: the few in the tail, which matter
 * most here, do not vanish. */
static void halve(struct latency_sketch *s)
{
    unsigned odd = 0, count = 0;

    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        unsigned n = s->bucket[i] + odd;

        s->bucket[i] = (uint16_t)(n / 2);
        odd = n & 1;
        count += n / 2;
    }
    s->count = (uint16_t)count;
}

void latency_sketch_note(struct latency_sketch *s, uint64_t us, uint64_t now_ms)
{
    if (s->count >= LATENCY_FULL)
        halve(s);
    if (now_ms - s->aged_ms >= LATENCY_AGE_MS) {
        if (s->count >= 4 * LATENCY_FEW)
            halve(s);
        s->aged_ms = now_ms;
    }
    s->bucket[place(us)]++;
    s->count++;
    s->since++;
}

uint32_t latency_sketch_quantile(struct latency_sketch *s, unsigned permille)
{
    unsigned rank, seen = 0, i = 0;

    if (s->count < LATENCY_FEW)
        return 0;
    if (s->since < FRESH_ANSWERS && s->known_permille == permille && s->known_us)
        return s->known_us;
    rank = (s->count * permille + 999) / 1000;
    for (; i < LATENCY_BUCKETS - 1; i++) {
        seen += s->bucket[i];
        if (seen >= rank)
            break;
    }
    s->known_us = upper(i);
    s->known_permille = (uint16_t)permille;
    s->since = 0;
    return s->known_us;
}

void latency_table_init(struct latency_table *t, unsigned n_methods, unsigned n_endpoints)
{
    *t = (struct latency_table){.n_methods = n_methods, .n_endpoints = n_endpoints};
    t->rows = mem_array(n_methods, sizeof *t->rows);
}

void latency_table_deinit(struct latency_table *t)
{
    for (unsigned m = 0; m < t->n_methods; m++) {
        for (unsigned e = 0; t->rows[m] && e < t->n_endpoints; e++)
            free(t->rows[m]->of[e]);
        free(t->rows[m]);
    }
    free(t->rows);
    *t = (struct latency_table){0};
}

int32_t latency_table_compare(const struct latency_table *t, unsigned method, uint64_t us)
{
    const struct latency_row *row = t->rows[method];

    return row && row->usual ? fixed_log2(us + LATENCY_NOISE_US) - row->usual : 0;
}

int32_t latency_table_note(struct latency_table *t, unsigned method, unsigned endpoint, bool quantiles, uint64_t us,
                           uint64_t now_ms)
{
    struct latency_row *row = t->rows[method];
    int32_t slower;

    assert(method < t->n_methods && endpoint < t->n_endpoints);
    if (!row) {
        row = t->rows[method] = mem_zero(sizeof *row + t->n_endpoints * sizeof(row->of[0]));
        row->usual = fixed_log2(us + LATENCY_NOISE_US);
    }
    slower = fixed_log2(us + LATENCY_NOISE_US) - row->usual;
    row->usual += slower / USUAL_SHARE;
    if (quantiles) {
        if (!row->of[endpoint])
            row->of[endpoint] = mem_zero(sizeof *row->of[endpoint]);
        latency_sketch_note(row->of[endpoint], us, now_ms);
    }
    return slower;
}

uint32_t latency_table_quantile(const struct latency_table *t, unsigned method, unsigned endpoint, unsigned permille)
{
    struct latency_row *row = t->rows[method];

    return row && row->of[endpoint] ? latency_sketch_quantile(row->of[endpoint], permille) : 0;
}
