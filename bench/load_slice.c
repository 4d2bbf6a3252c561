/* What happened in each slice of a run: how clients fared while something was done to an endpoint. */
#include <stdlib.h>

#include "base/mem.h"
#include "load.h"

void load_slices_init(struct load *l)
{
    double n = l->conf.slice_ms ? l->conf.seconds * 1000 / l->conf.slice_ms + 1 : 0;

    l->slices = n < LOAD_SLICES_MAX ? (unsigned)n : LOAD_SLICES_MAX;
    l->slice = l->slices ? mem_array(l->slices, sizeof *l->slice) : NULL;
    for (unsigned i = 0; i < l->slices; i++)
        load_hist_clear(&l->slice[i].latency);
}

void load_slices_deinit(struct load *l)
{
    free(l->slice);
    l->slice = NULL;
    l->slices = 0;
}

void load_slices_note(struct load *l, uint64_t intended_ns, uint64_t took_ns, bool good)
{
    uint64_t i;

    if (!l->slices || intended_ns < l->measure_ns)
        return;
    i = (intended_ns - l->measure_ns) / ((uint64_t)l->conf.slice_ms * 1000000);
    if (i >= l->slices)
        return;
    l->slice[i].errors += !good;
    if (took_ns != UINT64_MAX)
        load_hist_add(&l->slice[i].latency, took_ns);
}
