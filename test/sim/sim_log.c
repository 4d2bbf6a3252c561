/* sim_log.c - base/log.h for the simulation: nothing is written.  What the gateway reports there are the mishaps that
 * the simulation makes. */
#include <errno.h>

#include "base/log.h"

void log_setup(enum log_level level, enum log_format format)
{
    (void)level, (void)format;
}

int log_level_parse(const char *name, enum log_level *out)
{
    (void)name, (void)out;
    return -EINVAL;
}

int log_wants(enum log_level level)
{
    (void)level;
    return 0;
}

void log_emit(enum log_level level, const char *event, const struct log_field *fields, unsigned n)
{
    (void)level, (void)event, (void)fields, (void)n;
}
