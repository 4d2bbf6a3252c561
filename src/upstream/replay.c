#include "upstream/replay.h"

void replay_init(struct replay *r, uint64_t first_ms)
{
    *r = (struct replay){.at_ms = first_ms};
}

void replay_asked(struct replay *r)
{
    r->at_ms = UINT64_MAX;
}

void replay_shreds(struct replay *r, uint64_t slot)
{
    r->shreds = slot;
}

static enum replay_news turn(struct replay *r, bool late, uint64_t now_ms)
{
    bool was = r->late;

    if (late != was)
        r->late_ms = !late ? 0 : now_ms ? now_ms : 1;
    r->late = late;
    return was == late ? REPLAY_SAME : late ? REPLAY_LATE : REPLAY_CAUGHT_UP;
}

static enum replay_news forget(struct replay *r, uint64_t now_ms)
{
    r->told_ms = r->behind = 0;
    return turn(r, false, now_ms);
}

enum replay_news replay_slot(struct replay *r, uint64_t slot, uint64_t max, uint64_t now_ms)
{
    bool late;

    r->refusals = 0;
    r->told_ms = now_ms ? now_ms : 1;
    r->slot = slot;
    r->behind = r->shreds > slot ? r->shreds - slot : 0;
    late = r->behind > max;
    r->at_ms = now_ms + (late ? REPLAY_LATE_MS : REPLAY_MS);
    return turn(r, late, now_ms);
}

enum replay_news replay_refused(struct replay *r, uint64_t now_ms)
{
    uint64_t pause_ms = r->refusals < 6 ? (uint64_t)REPLAY_REFUSED_MS << r->refusals : REPLAY_REFUSED_MAX_MS;

    r->refusals++;
    r->at_ms = now_ms + (pause_ms < REPLAY_REFUSED_MAX_MS ? pause_ms : REPLAY_REFUSED_MAX_MS);
    return forget(r, now_ms);
}

enum replay_news replay_unheard(struct replay *r, uint64_t now_ms)
{
    r->at_ms = now_ms + REPLAY_MS;
    return now_ms >= r->told_ms + REPLAY_FORGET_MS ? forget(r, now_ms) : REPLAY_SAME;
}
