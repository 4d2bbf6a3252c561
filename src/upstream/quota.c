#include "upstream/quota.h"

enum { DAY_S = 86400 };

static int64_t day_of(const struct quota *q, int64_t wall_s)
{
    int64_t s = wall_s - (int64_t)q->reset_hour * 3600;

    return s >= 0 ? s / DAY_S : -((-s + DAY_S - 1) / DAY_S);
}

static void begin(struct quota *q, int64_t day, uint64_t now_us)
{
    q->day = day;
    q->requests = q->units = 0;
    q->spent = false;
    q->since_us = now_us;
}

static void arm(struct quota *q, int64_t wall_s, uint64_t now_us)
{
    int64_t next_s = (q->day + 1) * DAY_S + (int64_t)q->reset_hour * 3600;

    q->reset_us = now_us + (uint64_t)(next_s - wall_s) * 1000000;
}

void quota_init(struct quota *q, uint64_t requests_max, uint64_t units_max, unsigned reset_hour, int64_t wall_s,
                uint64_t now_us)
{
    *q = (struct quota){.requests_max = requests_max ? requests_max : UINT64_MAX,
                        .units_max = units_max ? units_max : UINT64_MAX,
                        .reset_hour = reset_hour};
    begin(q, day_of(q, wall_s), now_us);
    arm(q, wall_s, now_us);
}

void quota_clock(struct quota *q, int64_t wall_s, uint64_t now_us)
{
    int64_t day = day_of(q, wall_s);

    if (day > q->day)
        begin(q, day, now_us);
    else if (day + 1 < q->day) /* the clock was far ahead: its days would never come */
        q->day = day;
    arm(q, wall_s, now_us);
}

bool quota_turn(struct quota *q, uint64_t requests, uint64_t units, uint64_t now_us)
{
    uint64_t days = 1 + (now_us - q->reset_us) / QUOTA_DAY_US;

    begin(q, q->day + (int64_t)days, q->reset_us + (days - 1) * QUOTA_DAY_US);
    q->reset_us += days * QUOTA_DAY_US;
    return requests <= q->requests_max && units <= q->units_max;
}

void quota_give(struct quota *q, uint64_t requests, uint64_t units, uint64_t taken_us)
{
    if (taken_us < q->since_us)
        return;
    q->requests -= requests < q->requests ? requests : q->requests;
    q->units -= units < q->units ? units : q->units;
}
