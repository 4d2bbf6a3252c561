/* sim_weather.h - what befalls the endpoints of a run, and the clocks, for a while: outages, slowness, refusals, wrong
 * answers.  Then all is fair again: the gateway has some time to find that out, while somebody asks; and after that
 * every call must get its result, as in a calm run. */
#ifndef SIM_WEATHER_H
#define SIM_WEATHER_H

#include "sim_fault.h"
#include "sim_world.h"

enum spell {
    SPELL_NONE,
    SPELL_DEAD,      /* refuses connections */
    SPELL_BLACK,     /* takes connections and requests, or not even that, and says nothing */
    SPELL_RESETS,    /* resets connections instead of answering */
    SPELL_SLOW,      /* answers 10 to 100 times as late */
    SPELL_FAULTY,    /* answers many requests wrongly, in any way */
    SPELL_BUSY,      /* 503, sometimes with Retry-After */
    SPELL_THROTTLED, /* takes so many calls in some time, and refuses the others */
    SPELL_PICKY,     /* refuses some methods for their rate */
    SPELL_RETRYABLE, /* errors that another endpoint, or the same one later, need not make */
    SPELL_REVOKED,   /* 401 or 403 */
    SPELLS
};

/* Of a node. */
struct sim_spell {
    enum spell kind;
    unsigned factor;   /* SLOW */
    unsigned permille; /* FAULTY, BUSY, RETRYABLE: of requests */
    unsigned tokens;   /* THROTTLED: left in this period */
    uint64_t period_us;
    unsigned rate; /* THROTTLED: in each */
    uint64_t method_bit;
    struct sim_event change;
};

struct node;

/* Is there weather in this run?  Is it over? */
bool weather_is_rough(const struct world *w);
/* Must a call that is asked now get its result? */
bool weather_is_calm(const struct world *w);

void weather_draw(struct world *w);  /* with the profile */
void weather_start(struct world *w); /* with the gateway */
void weather_stop(struct world *w);
void weather_node_init(struct node *n);
void weather_node_deinit(struct node *n);

/* The fault of a request that n got, of so many calls; method_bits of those. */
enum fault weather_fault(struct node *n, unsigned calls, uint64_t method_bits, bool array);
/* Who asks until all is well again waits so long between two calls. */
uint64_t weather_patience_us(const struct world *w);
uint64_t weather_method_bit(struct slice method);

#endif
