/* config_auth.h - what the keys of `auth` must be together.  Part of the walker's rules; also sets auth_conf.kind. */
#ifndef MILLRACE_CONFIG_CONFIG_AUTH_H
#define MILLRACE_CONFIG_CONFIG_AUTH_H

#include "config/config_walk.h"
#include "upstream/endpoint_conf.h"

/* endpoint: its place; auth: the object of the file, NULL when there is none. */
void config_auth_rules(struct config_walk *w, const struct config_path *endpoint, const json_t *auth,
                       struct endpoint_conf *e);

#endif
