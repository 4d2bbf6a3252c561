/* millrace/config.h - an endpoints.json, read and checked.  Opaque and immutable; it must outlive the gateway that uses
 * it. */
#ifndef MILLRACE_CONFIG_H
#define MILLRACE_CONFIG_H

#include <stddef.h>

struct config;

/* From a file, or from text (name: for messages, and the folder that relative file names are looked up from).
 * 0 and *out; or -EINVAL.  *report, when report is not NULL, gets every mistake, a line each, for the caller to free();
 * NULL when there is none.  No secret is in it. */
int millrace_config_load(struct config **out, const char *file, char **report);
int millrace_config_parse(struct config **out, const char *text, size_t n, const char *name, char **report);
void millrace_config_free(struct config *c);

#endif
