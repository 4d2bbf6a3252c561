/* sim_clock.h - the clocks of the machine that the gateway runs on.  Its monotone clock stands still, or leaps ahead,
 * by seconds: it was suspended, or stopped.  Its wall clock is set back and forth.  By value in the world. */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include <stdint.h>

struct world;

struct sim_clock {
    uint64_t ahead_us;          /* leapt so far */
    uint64_t behind_us;         /* stood still so far, without the last time */
    uint64_t from_us, until_us; /* it stood, or stands, still the last time */
    int64_t wall_s;             /* how far the wall clock is off */
};

uint64_t clock_mono_us(const struct world *w);
/* When, in the world's time, the monotone clock will show that. */
uint64_t clock_when_us(const struct world *w, uint64_t mono_us);

/* The gateway's timers must be set anew after each: sim_loop_rearm. */
void clock_leap(struct world *w, uint64_t us);
void clock_stand(struct world *w, uint64_t us);

#endif
