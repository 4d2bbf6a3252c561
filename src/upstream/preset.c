#include "upstream/preset.h"

#include <string.h>

static const struct preset presets[] = {
#define PRESET(text, rps, rburst, ups, uburst, rpd, upd, hour, counts, calls, url)                                     \
    {.name = (text),                                                                                                   \
     .limits = {.requests_per_s = (rps),                                                                               \
                .burst = (rburst),                                                                                     \
                .units_per_s = (ups),                                                                                  \
                .units_burst = (uburst),                                                                               \
                .requests_per_day = (rpd),                                                                             \
                .units_per_day = (upd),                                                                                \
                .reset_hour_utc = (hour),                                                                              \
                .batch_counts = BATCH_COUNTS_##counts},                                                                \
     .batch_calls = (calls),                                                                                           \
     .source = (url)},
#define COST(text, methods, cost, url)
#include "upstream/presets.def"
#undef PRESET
#undef COST
};

static const struct cost {
    const char *preset, *methods;
    uint32_t units;
    const char *source;
} costs[] = {
#define PRESET(text, rps, rburst, ups, uburst, rpd, upd, hour, counts, calls, url)
#define COST(text, pattern, cost, url) {.preset = (text), .methods = (pattern), .units = (cost), .source = (url)},
#include "upstream/presets.def"
#undef PRESET
#undef COST
};

const struct preset *preset_at(size_t i)
{
    return i < sizeof presets / sizeof presets[0] ? &presets[i] : NULL;
}

const struct preset *preset_find(const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    return NULL;
}

static bool fits(const char *pattern, const char *name)
{
    size_t n = strlen(pattern);

    return n && pattern[n - 1] == '*' ? strncmp(pattern, name, n - 1) == 0 : strcmp(pattern, name) == 0;
}

uint32_t preset_units(const struct preset *p, const struct method *m)
{
    uint32_t units = m->units;

    for (size_t i = 0; p && i < sizeof costs / sizeof costs[0]; i++)
        if (strcmp(costs[i].preset, p->name) == 0 && fits(costs[i].methods, m->name))
            units = costs[i].units;
    return units;
}
