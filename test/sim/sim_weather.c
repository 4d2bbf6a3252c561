#include "sim_weather.h"

#include "gateway/chain.h"
#include "gateway/worker.h"
#include "sim_clock.h"
#include "sim_filter.h"
#include "sim_loop.h"
#include "sim_node.h"
#include "sim_standing.h"
#include "sim_stray.h"

enum {
    SETTLE_US = 25 * 1000000, /* longer than any pause of the gateway's that may have begun */
    HEADS_US = 13 * 1000000, /* and than it takes to believe that a chain was rolled back, which it looks at for 10 s */
    SETTLE_MAX_US = 90 * 1000000, /* by then every endpoint must be in use again */
    LOOK_US = 50000,
};

static const char *const names[SPELLS] = {"well", "dead",      "silent",          "resetting", "slow",   "faulty",
                                          "busy", "throttled", "picky by method", "unsure",    "revoked"};

bool weather_is_rough(const struct world *w)
{
    return w->p.weather && w->now_us < w->weather.fair_us;
}

bool weather_is_calm(const struct world *w)
{
    return w->p.calm || (w->weather.calm_us && w->now_us >= w->weather.calm_us);
}

void weather_draw(struct world *w)
{
    static const uint64_t lengths_us[] = {100000, 500000, 2000000}, long_us[] = {2000000, 4000000, 8000000};

    w->weather = (struct sim_weather){.fair_us = (w->p.astray ? long_us : lengths_us)[sim_rnd(w, 3)]};
}

/* -- of a node */

uint64_t weather_method_bit(struct slice method)
{
    unsigned h = 0;

    for (size_t i = 0; i < method.n; i++)
        h = h * 31 + (unsigned char)method.p[i];
    return UINT64_C(1) << h % 64;
}

static void begin(struct node *n)
{
    struct world *w = n->w;
    struct sim_spell *s = &n->spell;

    s->kind = (enum spell)(1 + sim_rnd(w, SPELLS - 1));
    s->factor = 10 + (unsigned)sim_rnd(w, 90);
    s->permille = sim_chance(w, 300) ? 1000 : 100 + (unsigned)sim_rnd(w, 700);
    s->rate = (unsigned)sim_rnd(w, 6);
    s->tokens = 0;
    s->period_us = 0;
    s->method_bit = sim_rnd(w, UINT64_MAX);
    sim_trace(w, "%s is %s", n->name, names[s->kind]);
    if (s->kind == SPELL_DEAD)
        filter_lose(n);
    if (s->kind == SPELL_DEAD || s->kind == SPELL_RESETS)
        node_drop_conns(n, 700);
}

static void on_change(struct sim_event *e)
{
    struct node *n = container_of(e, struct node, spell.change);
    struct world *w = n->w;
    uint64_t rest_us = weather_is_rough(w) ? w->weather.fair_us - w->now_us : 0, in_us;

    n->rough_us = w->now_us;
    if (n->spell.kind == SPELL_NONE && rest_us) {
        begin(n);
        in_us = sim_delay_us(w, sim_chance(w, 500) ? 30000 : 400000);
    } else {
        n->spell.kind = SPELL_NONE;
        in_us = sim_delay_us(w, sim_chance(w, 500) ? 20000 : 200000);
        sim_trace(w, "%s is %s", n->name, names[SPELL_NONE]);
    }
    if (!rest_us)
        return;
    sim_soon(w, &n->spell.change, in_us < rest_us ? in_us : rest_us);
}

void weather_node_init(struct node *n)
{
    struct world *w = n->w;

    n->spell.change.fire = on_change;
    if (w->p.spells)
        sim_soon(w, &n->spell.change, sim_rnd(w, w->weather.fair_us / 4));
}

void weather_node_deinit(struct node *n)
{
    sim_cancel(n->w, &n->spell.change);
}

/* Of what is left of this period's. */
static bool takes(struct node *n, unsigned calls)
{
    struct sim_spell *s = &n->spell;
    enum { PERIOD_US = 20000 };

    if (n->w->now_us / PERIOD_US != s->period_us) {
        s->period_us = n->w->now_us / PERIOD_US;
        s->tokens = s->rate;
    }
    if (s->tokens < calls)
        return false;
    s->tokens -= calls;
    return true;
}

static enum fault refusal(struct world *w)
{
    static const enum fault v[] = {FAULT_HTTP_429, FAULT_HTTP_429_RPC, FAULT_HTTP_503, FAULT_ELEMENT_429};

    return v[sim_rnd(w, 4)];
}

enum fault weather_fault(struct node *n, unsigned calls, uint64_t method_bits, bool array)
{
    struct world *w = n->w;
    const struct sim_spell *s = &n->spell;

    switch (s->kind) {
    case SPELL_BLACK:
        return FAULT_SILENT;
    case SPELL_RESETS:
        return sim_chance(w, 700) ? FAULT_RESET_BEFORE : FAULT_FIN_BEFORE;
    case SPELL_FAULTY:
        return fault_draw(w, s->permille, array);
    case SPELL_BUSY:
        return sim_chance(w, s->permille) ? FAULT_HTTP_503 : FAULT_NONE;
    case SPELL_THROTTLED:
        return takes(n, calls) ? FAULT_NONE : refusal(w);
    case SPELL_PICKY:
        return method_bits & s->method_bit ? FAULT_METHOD_RATE : FAULT_NONE;
    case SPELL_RETRYABLE:
        return sim_chance(w, s->permille) ? FAULT_RETRYABLE : FAULT_NONE;
    case SPELL_REVOKED:
        return FAULT_UNAUTHORIZED;
    default:
        break;
    }
    return fault_draw(w, n->fault_permille, array);
}

/* -- of the clocks */

static void on_clock(struct sim_event *e)
{
    struct world *w = container_of(e, struct world, weather.clock);
    uint64_t us = sim_rnd(w, sim_chance(w, 700) ? 2000000 : 9000000); /* less than a client may take to send */

    switch (sim_rnd(w, 3)) {
    case 0:
        sim_trace(w, "the gateway's clock leaps %llu us", (unsigned long long)us);
        clock_leap(w, us);
        break;
    case 1:
        us /= 10;
        sim_trace(w, "the gateway's clock stands still for %llu us", (unsigned long long)us);
        clock_stand(w, us);
        break;
    default:
        w->clock.wall_s = (int64_t)sim_rnd(w, 200000) - 100000;
        break;
    }
    w->weather.leapt_us = w->now_us;
    sim_loop_rearm(w->loop);
    if (weather_is_rough(w))
        sim_soon(w, e, sim_delay_us(w, 200000));
}

/* -- the end of it */

static void on_settle(struct sim_event *e)
{
    struct world *w = container_of(e, struct world, weather.settle);
    const char *open = standing_open(w);

    if (!open)
        open = stray_open(w);
    if (!open) {
        w->weather.calm_us = w->now_us;
        sim_trace(w, "all is well again, and every call must get its result");
        return;
    }
    sim_check(w, w->now_us < w->weather.fair_us + SETTLE_MAX_US,
              "%s is well again, but it is not used again after %u more calls", open, w->weather.asks);
    sim_soon(w, e, LOOK_US);
}

void weather_start(struct world *w)
{
    if (!w->p.weather)
        return;
    w->weather.clock.fire = on_clock;
    w->weather.settle.fire = on_settle;
    if (w->p.jumps)
        sim_soon(w, &w->weather.clock, sim_rnd(w, w->weather.fair_us));
    sim_at(w, &w->weather.settle, w->weather.fair_us + (w->p.spells ? SETTLE_US : HEADS_US));
}

void weather_stop(struct world *w)
{
    sim_cancel(w, &w->weather.clock);
    sim_cancel(w, &w->weather.settle);
}

uint64_t weather_patience_us(const struct world *w)
{
    bool long_ago = w->now_us > w->weather.fair_us + SETTLE_US;

    return !long_ago ? 100000 : 5000;
}
