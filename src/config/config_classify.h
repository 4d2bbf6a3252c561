/* config_classify.h - `classify` of a chain or an endpoint into rows for rpc/classify: the rules of its keys. */
#ifndef MILLRACE_CONFIG_CONFIG_CLASSIFY_H
#define MILLRACE_CONFIG_CONFIG_CLASSIFY_H

#include "config/config.h"
#include "config/config_walk.h"

/* One row as written. */
void config_classify_rules(struct config_walk *w, const struct config_path *at, const json_t *obj,
                           const struct classify_entry *e);
/* What is in force for each endpoint: its own rows, then those of the chain. */
void config_classify_merge(struct config_arena *arena, const struct chain_conf *c);

#endif
