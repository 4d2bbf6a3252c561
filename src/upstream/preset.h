/* preset.h - what well-known providers allow: rows of presets.def.  Static data; nothing to free.  Pure. */
#ifndef MILLRACE_UPSTREAM_PRESET_H
#define MILLRACE_UPSTREAM_PRESET_H

#include <stddef.h>
#include <stdint.h>

#include "rpc/method.h"
#include "upstream/limiter_conf.h"

struct preset {
    const char *name;
    struct limiter_conf limits;
    unsigned batch_calls; /* the most that is advisable in one request; 0: nothing known */
    const char *source;
};

const struct preset *preset_find(const char *name); /* NULL: there is none */
const struct preset *preset_at(size_t i);           /* NULL: no more */

/* What a call of this method costs there.  p NULL: as in rpc/methods.def. */
uint32_t preset_units(const struct preset *p, const struct method *m);

#endif
