/* config_env.h - ${NAME} in strings of the configuration becomes the value of that environment variable.
 * "$${" stands for "${"; a "$" elsewhere is itself. */
#ifndef MILLRACE_CONFIG_CONFIG_ENV_H
#define MILLRACE_CONFIG_CONFIG_ENV_H

#include "config/config_arena.h"
#include "config/config_report.h"

/* The text with all values in it, in the arena; NULL after an error was reported for each that failed. */
const char *config_env_expand(struct config_arena *a, struct config_report *r, const struct config_path *at,
                              const char *text);

#endif
