#include "upstream/limit_learned.h"

enum { CLIMB_FREE = LEARN_ONE / 64 }; /* a second, when the ceiling is not known */
enum { LONG_ROW = 4 };                /* pauses in vain that show a window of much more than a second */
enum { SECOND_US = 1000000 };

void limit_learned_init(struct limit_learned *l, uint64_t now_us)
{
    *l = (struct limit_learned){.share = LEARN_ONE,
                                .most = LEARN_ONE,
                                .step = CLIMB_FREE,
                                .pace_s = LEARN_PACE_S,
                                .tick_us = now_us + LEARN_SLOT_US,
                                .cycle_us = now_us};
}

/* Until it is known where the limit is. */
static uint32_t first_pace_s(const struct limit_learned *l)
{
    return l->guessed ? LEARN_PACE_GUESSED_S : LEARN_PACE_S;
}

static bool climb(struct limit_learned *l, uint64_t elapsed_us, uint64_t now_us)
{
    uint32_t before = l->share;
    uint64_t up;

    if (l->share >= l->most || (!l->pressed && now_us < l->refused_us + LEARN_FORGET_S * UINT64_C(1000000)))
        return false;
    if (l->guessed && !l->ceiling && l->step < l->share / 16)
        l->step = l->share / 16;
    up = (uint64_t)l->step * elapsed_us / SECOND_US;
    l->share = up < l->most - l->share ? l->share + (uint32_t)up : l->most;
    if (l->ceiling && l->share > l->ceiling + l->ceiling / 16) {
        l->ceiling = 0;
        l->pace_s = first_pace_s(l);
        l->step = CLIMB_FREE;
    }
    return l->share != before;
}

bool limit_learned_tick(struct limit_learned *l, uint64_t now_us)
{
    uint64_t late_us = now_us - l->tick_us, slots = 1 + late_us / LEARN_SLOT_US;
    uint64_t elapsed_us = slots * LEARN_SLOT_US;
    bool changed = climb(l, elapsed_us < SECOND_US ? elapsed_us : SECOND_US, now_us);

    l->pressed = false;
    l->tick_us += elapsed_us;
    for (uint64_t i = 0; i < slots && i < LEARN_SLOTS; i++) {
        unsigned old = l->slot;

        for (unsigned k = 0; k < 2; k++)
            l->cycle[k] += l->sent[k][old] > 0 ? (uint64_t)l->sent[k][old] : 0;
        l->slot = (old + 1) % LEARN_SLOTS;
        l->refused[l->slot] = 0;
        for (unsigned k = 0; k < 2; k++)
            l->sent[k][l->slot] = 0;
    }
    return changed;
}

void limit_learned_seen(const struct limit_learned *l, uint64_t *requests, uint64_t *units)
{
    int64_t sum[2] = {0, 0};

    for (unsigned i = 0; i < LEARN_SLOTS; i++)
        for (unsigned k = 0; k < 2; k++)
            sum[k] += l->sent[k][i];
    *requests = sum[0] > 0 ? (uint64_t)sum[0] : 0;
    *units = sum[1] > 0 ? (uint64_t)sum[1] : 0;
}

uint64_t limit_learned_peak(const struct limit_learned *l)
{
    int64_t most = 0;

    for (unsigned i = 0; i < LEARN_SLOTS; i++)
        if (l->sent[0][i] > most)
            most = l->sent[0][i];
    return (uint64_t)most * LEARN_SLOTS;
}

void limit_learned_unsent(struct limit_learned *l, uint64_t requests, uint64_t units)
{
    l->sent[0][l->slot] -= (int64_t)requests;
    l->sent[1][l->slot] -= (int64_t)units;
}

/* n a second, as a share of the whole; of requests and units, what is nearer to its whole was the limit. */
static uint64_t share_of(const uint64_t n[2], const uint64_t top[2], uint64_t over_us)
{
    uint64_t most = 0;

    for (unsigned k = 0; k < 2; k++) {
        uint64_t per_s = over_us == SECOND_US ? n[k] : n[k] * SECOND_US / over_us;
        uint64_t share = top[k] ? per_s * LEARN_ONE / top[k] : 0;

        if (share > most)
            most = share;
    }
    return most;
}

static uint64_t between(uint64_t x, uint64_t low, uint64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* Of the calls of the last second, were few refused? */
static bool few_refused(const struct limit_learned *l)
{
    uint64_t requests, units, refused = 0;

    for (unsigned i = 0; i < LEARN_SLOTS; i++)
        refused += l->refused[i];
    limit_learned_seen(l, &requests, &units);
    return refused * 9 <= requests;
}

bool limit_learned_suspects(struct limit_learned *l, uint64_t now_us)
{
    l->refused[l->slot]++;
    if (now_us >= l->noise_us)
        return true;
    if (few_refused(l))
        return false;
    l->noise_us = 0;
    return true;
}

/* Counts how often lowering helped nothing.  true: that is enough. */
static bool was_in_vain(struct limit_learned *l, uint64_t now_us)
{
    if (!l->ceiling || l->share >= l->low + (l->ceiling - l->low) / 2) {
        l->in_vain = 0;
        l->base = l->share;
        return false;
    }
    l->in_vain += few_refused(l);
    if (l->in_vain < LEARN_IN_VAIN)
        return false;
    l->share = l->base;
    l->ceiling = 0;
    l->step = CLIMB_FREE;
    l->in_vain = 0;
    l->noise_us = now_us + LEARN_NOISE_S * UINT64_C(1000000);
    return true;
}

bool limit_learned_refused(struct limit_learned *l, const uint64_t top[2], unsigned row, uint64_t now_us)
{
    bool near = l->ceiling && l->share >= l->ceiling - l->ceiling / 8;
    uint64_t seen[2], share, next;

    if (was_in_vain(l, now_us))
        return false;
    limit_learned_seen(l, &seen[0], &seen[1]);
    share = share_of(seen, top, SECOND_US);
    if (row >= LONG_ROW && now_us > l->cycle_us + SECOND_US) {
        uint64_t long_run = share_of(l->cycle, top, now_us - l->cycle_us);

        if (long_run < share)
            share = long_run;
    }
    if (near) {
        next = l->share - l->share / 16;
        l->pace_s = l->pace_s < LEARN_PACE_MAX_S ? l->pace_s * 2 : LEARN_PACE_MAX_S;
    } else {
        next = between(share, l->share / 2, l->share - l->share / 8);
        l->pace_s = first_pace_s(l);
    }
    l->ceiling = l->share;
    l->share = l->low = (uint32_t)(next > LEARN_LEAST ? next : LEARN_LEAST);
    l->step = l->ceiling > l->share ? (l->ceiling - l->share) / l->pace_s + 1 : 1;
    l->refused_us = l->cycle_us = now_us;
    l->cycle[0] = l->cycle[1] = 0;
    l->pressed = false;
    return true;
}
