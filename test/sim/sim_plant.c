#include "sim_plant.h"

#include <stddef.h>
#include <string.h>

static enum plant chosen;

static const struct {
    const char *name, *what;
} rows[] = {
    {NULL, NULL},
#define PLANT(name, what) {#name, what},
#include "base/plant.def"
#undef PLANT
};

void sim_plant_set(enum plant p)
{
    chosen = p;
}

#ifdef MILLRACE_PLANT
bool planted(enum plant p)
{
    return chosen == p;
}
#endif

const char *sim_plant_name(void)
{
    return rows[chosen].name;
}

enum plant sim_plant_find(const char *name)
{
#ifdef MILLRACE_PLANT
    for (enum plant p = PLANT_NONE + 1; p < PLANT_COUNT; p++)
        if (strcmp(rows[p].name, name) == 0)
            return p;
#else
    (void)name;
#endif
    return PLANT_NONE;
}

const char *sim_plant_text(enum plant p)
{
    return rows[p].what;
}

const char *sim_plant_title(enum plant p)
{
    return rows[p].name;
}
