/* config_value.h - one value of the file that is no object of keys: checked, and put where its key says.  Pure but for
 * the environment and the file names it looks up. */
#ifndef MILLRACE_CONFIG_CONFIG_VALUE_H
#define MILLRACE_CONFIG_CONFIG_VALUE_H

#include "config/config_walk.h"

void config_set_value(struct config_walk *w, const struct config_path *at, const struct config_key *k, json_t *j,
                      void *base);

void config_wrong_type(struct config_walk *w, const struct config_path *at, const char *want, const json_t *j);
/* Whether n items are within the bounds of the key; reports it when not. */
bool config_count_fits(struct config_walk *w, const struct config_path *at, const struct config_key *k, size_t n);

void *config_member(const struct config_key *k, void *base); /* NULL: the value is only checked */
void config_put_text(const struct config_key *k, void *base, const char *v);
void config_put_array(const struct config_key *k, void *base, const void *items, size_t n);

#endif
