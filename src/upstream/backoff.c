#include "upstream/backoff.h"

void backoff_failed(struct backoff *b, uint64_t now_ms)
{
    uint64_t pause_ms = BACKOFF_MAX_MS;

    /* Several dials of one attempt fail together: they count once. */
    if (backoff_active(b, now_ms))
        return;
    if (b->failures < 6)
        pause_ms = (uint64_t)BACKOFF_FIRST_MS << b->failures;
    if (pause_ms > BACKOFF_MAX_MS)
        pause_ms = BACKOFF_MAX_MS;
    b->failures++;
    b->until_ms = now_ms + pause_ms;
}

void backoff_succeeded(struct backoff *b)
{
    *b = (struct backoff){0};
}
