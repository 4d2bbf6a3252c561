/* config_walk.h - a parsed JSON tree against the key table: checks every value, reports every mistake, fills the conf
 * structs.  By value on config_parse's stack. */
#ifndef MILLRACE_CONFIG_CONFIG_WALK_H
#define MILLRACE_CONFIG_CONFIG_WALK_H

#include <jansson.h>

#include "config/config_arena.h"
#include "config/config_key.h"
#include "config/config_report.h"

struct config_walk {
    struct config_report report;
    struct config_arena *arena;
    const char *folder; /* that relative file names start from, with its final "/" ; or "" */
};

/* Walks one object of the file; `base` is the conf struct of its shape. */
void config_walk_object(struct config_walk *w, const struct config_path *at, enum config_shape shape, json_t *obj,
                        void *base);

/* What no single key shows: rules between the keys of one object.  Not `clean`: some of its values were refused, and
 * defaults stand in their place, so that only those rules hold that such a value cannot break. */
void config_rules(struct config_walk *w, const struct config_path *at, enum config_shape shape, json_t *obj, void *base,
                  bool clean);

#endif
