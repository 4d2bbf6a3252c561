#include "upstream/freshness.h"

#include <assert.h>

#include "base/plant.h"
#include "upstream/head.h"

enum {
    OVERTAKE_MS = 50,  /* answers of one endpoint may overtake each other */
    WORD_MS = 600000,  /* the last word of one that fell silent stands for so long when the head is voted on */
    LATELY_MS = 10000, /* or four blocks */
    ALONE_MIN_MS = 1000,
    ALONE_MAX_MS = 4000,      /* less than a call's usual time: it sees the end of that */
    UNKNOWN_BLOCK_US = 50000, /* as quick as any chain, until its pace is learned */
    LOW_WORDS = 3,
    ALL_LOW_MS = ALONE_MAX_MS,
    ALL_LATE_MS = 12000, /* who is one block below may be later than that: by no more than a block, or this */
    CLAIMS = 3,
    CLAIMS_ALONE = 2
};

#define BIT(i_) (UINT64_C(1) << (i_))

void freshness_init(struct freshness *f, unsigned n)
{
    assert(n >= 1 && n <= FRESHNESS_MAX);
    *f = (struct freshness){.n = n};
    f->current = n < FRESHNESS_MAX ? BIT(n) - 1 : UINT64_MAX;
}

static uint64_t everyone(const struct freshness *f)
{
    return f->n < FRESHNESS_MAX ? BIT(f->n) - 1 : UINT64_MAX;
}

/* How far a head can be beyond one that was told age_ms ago. */
static uint64_t reach(const struct freshness *f, const struct freshness_conf *c, uint64_t age_ms)
{
    uint64_t block_us = c->block_ms * 1000;

    if (!block_us || (f->block_us && f->block_us < block_us))
        block_us = f->block_us;
    if (!block_us)
        block_us = UNKNOWN_BLOCK_US;
    return c->max_lag + 1 + 2 * age_ms * 1000 / block_us;
}

static uint64_t lately_ms(const struct freshness *f, const struct freshness_conf *c)
{
    uint64_t ms = 4 * freshness_block_ms(f, c);

    return ms > LATELY_MS ? ms : LATELY_MS;
}

/* Where there is one endpoint, what it says is soon all that there is. */
static uint64_t unseen_ms(const struct freshness *f, const struct freshness_conf *c)
{
    uint64_t ms = 2 * freshness_block_ms(f, c);

    if (f->n > 1)
        return lately_ms(f, c);
    return ms < ALONE_MIN_MS ? ALONE_MIN_MS : ms > ALONE_MAX_MS ? ALONE_MAX_MS : ms;
}

static bool heard_lately(const struct freshness *f, const struct freshness_conf *c, unsigned i, uint64_t now_ms)
{
    return (f->heard & BIT(i)) && now_ms - f->at_ms[i] <= lately_ms(f, c);
}

static void masks(struct freshness *f, const struct freshness_conf *c)
{
    f->current = everyone(f) & ~f->doubted;
    f->top = 0;
    for (uint64_t left = f->heard & ~f->doubted; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        if (f->behind[i] > c->max_lag && !planted(PLANT_LAG_UNCHECKED))
            f->current &= ~BIT(i);
        if (f->head[i] >= f->number)
            f->top |= BIT(i);
    }
}

/* Whom to doubt, and how far each is behind, when the head is another one than was thought. */
static void compare_all(struct freshness *f, const struct freshness_conf *c)
{
    f->doubted = 0;
    for (uint64_t left = f->heard; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        f->behind[i] = f->head[i] < f->number ? f->number - f->head[i] : 0;
        if (f->head[i] > f->number + c->max_lag + 1)
            f->doubted |= BIT(i);
    }
}

static void learn_pace(struct freshness *f, uint64_t number, uint64_t now_ms)
{
    uint64_t us;

    if (!f->number || now_ms <= f->moved_ms)
        return;
    us = (now_ms - f->moved_ms) * 1000 / (number - f->number);
    f->block_us = f->block_us ? (7 * f->block_us + us) / 8 : us;
}

static enum freshness_news believe(struct freshness *f, const struct freshness_conf *c, uint64_t number, bool claimed,
                                   uint64_t now_ms)
{
    bool shown_wrong = !f->number && f->unsure > number + HEAD_ROLLBACK;

    if (!claimed) /* a leap says nothing about the pace */
        learn_pace(f, number, now_ms);
    f->number = number;
    f->moved_ms = f->seen_ms = now_ms;
    f->claim.times = 0;
    if (claimed)
        compare_all(f, c);
    f->setbacks += shown_wrong;
    f->back_to = shown_wrong ? number : f->back_to;
    return shown_wrong ? FRESHNESS_SET_BACK : FRESHNESS_MOVED;
}

/* Is there another endpoint that spoke lately and whose number is no claim? */
static bool contradicted(const struct freshness *f, const struct freshness_conf *c, unsigned i, uint64_t now_ms)
{
    for (unsigned k = 0; k < f->n; k++)
        if (k != i && !(f->doubted & BIT(k)) && heard_lately(f, c, k, now_ms))
            return true;
    return false;
}

/* A number beyond reach.  true: it is sure now. */
static bool claim(struct freshness *f, const struct freshness_conf *c, unsigned i, uint64_t number, uint64_t now_ms)
{
    uint64_t known = f->claim.number, low = known > c->max_lag ? known - c->max_lag : 0;
    /* At first it is likelier that the lower one is far behind than that the higher one is wrong. */
    bool apart = !f->number && f->claim.times && f->claim.by != i && f->n > 1 && number <= known + HEAD_ROLLBACK &&
                 known <= number + HEAD_ROLLBACK;
    bool agrees = f->claim.times && number >= low && number <= known + reach(f, c, now_ms - f->claim.at_ms);

    if (apart || (agrees && f->claim.by != i))
        return true;
    f->claim.times = agrees ? f->claim.times + 1 : 1;
    f->claim.number = number;
    f->claim.by = i;
    f->claim.at_ms = now_ms;
    if (f->n == 1)
        return f->claim.times >= (f->number ? CLAIMS_ALONE : 1);
    return f->claim.times >= CLAIMS && !contradicted(f, c, i, now_ms);
}

static enum freshness_news forward(struct freshness *f, const struct freshness_conf *c, unsigned i, uint64_t number,
                                   uint64_t now_ms)
{
    uint64_t bit = BIT(i);

    if (f->number && (planted(PLANT_HEAD_UNGATED) || freshness_may_be(f, c, number, now_ms))) {
        bool leaps = f->doubted & bit; /* the others were compared with less than what was so already */

        f->doubted &= ~bit;
        f->behind[i] = 0;
        return believe(f, c, number, leaps, now_ms);
    }
    if (!f->number) /* endpoints may step back, or lag, but who was shown the highest is not to see less */
        f->first_high = f->first_high > number && f->first_high - number <= HEAD_ROLLBACK ? f->first_high : number;
    if (claim(f, c, i, number, now_ms)) {
        if (!f->number)
            number = f->first_high;
        return believe(f, c, number, true, now_ms);
    }
    if (!f->number) /* there is nothing yet that it could contradict */
        return FRESHNESS_SAME;
    if (f->n > 1)
        f->doubted |= bit;
    return FRESHNESS_DOUBTED;
}

/* Endpoint i told a number below the head. */
static void low_note(struct freshness *f, unsigned i, uint64_t now_ms)
{
    struct freshness_low *l = &f->low[i];

    if (!l->words || l->seen_ms != f->seen_ms)
        *l = (struct freshness_low){.seen_ms = f->seen_ms, .since_ms = now_ms};
    l->words += l->words < LOW_WORDS;
}

/* How long it takes those who are only late to catch up, when the furthest of them is there. */
static uint64_t late_ms(const struct freshness *f, const struct freshness_conf *c, uint64_t highest)
{
    uint64_t ms = freshness_block_ms(f, c);

    if (highest + 1 < f->number || ms < ALL_LOW_MS)
        return ALL_LOW_MS;
    return ms < ALL_LATE_MS ? ms : ALL_LATE_MS;
}

/* Has nobody shown the head for so long, while each of them, also the one that told it, said several times that it is
 * below, that those who are late would have caught up? */
static bool all_low(const struct freshness *f, const struct freshness_conf *c, uint64_t had, uint64_t now_ms)
{
    uint64_t highest = 0, since_ms = 0;

    for (; had; had &= had - 1) {
        unsigned i = (unsigned)__builtin_ctzll(had);
        const struct freshness_low *l = &f->low[i];

        if (l->words < LOW_WORDS || l->seen_ms != f->seen_ms || now_ms - f->at_ms[i] > ALL_LOW_MS)
            return false;
        if (f->head[i] > highest)
            highest = f->head[i];
        if (l->since_ms > since_ms)
            since_ms = l->since_ms;
    }
    return now_ms - since_ms >= late_ms(f, c, highest);
}

/* Endpoint i told a number below the head: is the head still the head? */
static bool set_back(struct freshness *f, const struct freshness_conf *c, unsigned i, uint64_t now_ms)
{
    uint64_t highest = 0, highest_low = 0;
    unsigned low = 0, high = 0;
    uint64_t had = f->heard & ~f->doubted;
    bool unseen = now_ms - f->seen_ms > unseen_ms(f, c) || (f->n > 1 && all_low(f, c, had, now_ms));

    if ((!unseen && f->head[i] + HEAD_ROLLBACK >= f->number) || planted(PLANT_ROLLBACK_DENIED))
        return false;
    for (uint64_t left = had; left; left &= left - 1) {
        unsigned k = (unsigned)__builtin_ctzll(left);

        if (now_ms - f->at_ms[k] > WORD_MS)
            continue;
        if (f->head[k] > highest)
            highest = f->head[k];
        if (f->head[k] + HEAD_ROLLBACK >= f->number) {
            high++;
            continue;
        }
        low++;
        if (f->head[k] > highest_low)
            highest_low = f->head[k];
    }
    if (low > high)
        highest = highest_low;
    else if (!unseen || highest >= f->number)
        return false;
    f->number = f->back_to = highest;
    f->moved_ms = f->seen_ms = now_ms;
    f->claim.times = 0;
    f->setbacks++;
    compare_all(f, c);
    return true;
}

static enum freshness_news backward(struct freshness *f, const struct freshness_conf *c, unsigned i, bool exact,
                                    uint64_t now_ms)
{
    uint64_t behind = f->number - f->head[i];

    if (!planted(PLANT_DOUBTED_KEPT))
        f->doubted &= ~BIT(i);
    if (exact || behind < f->behind[i])
        f->behind[i] = behind;
    if (behind == 0) {
        f->seen_ms = now_ms;
        return FRESHNESS_SAME;
    }
    if (!exact)
        return FRESHNESS_SAME;
    low_note(f, i, now_ms);
    return set_back(f, c, i, now_ms) ? FRESHNESS_SET_BACK : FRESHNESS_SAME;
}

enum freshness_news freshness_note(struct freshness *f, const struct freshness_conf *c, unsigned i, uint64_t number,
                                   bool exact, uint64_t now_ms)
{
    enum freshness_news news;

    assert(i < f->n);
    if (number > INT64_MAX) /* so that sums stay within 64 bits */
        number = INT64_MAX;
    if (number == f->number && f->head[i] == number && !((f->doubted | ~f->heard) & BIT(i))) {
        f->at_ms[i] = f->seen_ms = now_ms;
        return FRESHNESS_SAME;
    }
    if (number < f->head[i] && (!exact || now_ms - f->at_ms[i] < OVERTAKE_MS))
        return f->number && number > f->number ? FRESHNESS_DOUBTED : FRESHNESS_SAME;
    f->head[i] = number;
    f->at_ms[i] = now_ms;
    f->heard |= BIT(i);
    freshness_unsure(f, number);
    if (number > f->number)
        news = forward(f, c, i, number, now_ms);
    else
        news = backward(f, c, i, exact, now_ms);
    masks(f, c);
    return news;
}

bool freshness_may_be(const struct freshness *f, const struct freshness_conf *c, uint64_t number, uint64_t now_ms)
{
    uint64_t age_ms = now_ms > f->moved_ms ? now_ms - f->moved_ms : 0;

    return !f->number || number <= f->number + reach(f, c, age_ms);
}

uint64_t freshness_at(const struct freshness *f, uint64_t number)
{
    uint64_t set = 0;

    if (number == 0)
        return everyone(f) & ~f->doubted;
    if (number == f->number)
        return f->top;
    for (uint64_t left = f->heard & ~f->doubted; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        if (f->head[i] >= number)
            set |= BIT(i);
    }
    return set;
}

uint64_t freshness_highest(const struct freshness *f, uint64_t among)
{
    uint64_t set = 0, highest = 0;

    among &= everyone(f);
    if (among & ~f->doubted)
        among &= ~f->doubted;
    for (uint64_t left = among; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        if (set && f->head[i] < highest)
            continue;
        set = f->head[i] > highest ? BIT(i) : set | BIT(i);
        highest = f->head[i];
    }
    return set;
}
