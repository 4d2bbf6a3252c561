/* config_report.h - mistakes found in a configuration file, a line each: "FILE: PATH: REASON".  By value in the
 * walker; owns nothing: the buffer is the caller's.  Pure. */
#ifndef MILLRACE_CONFIG_CONFIG_REPORT_H
#define MILLRACE_CONFIG_CONFIG_REPORT_H

#include "base/buf.h"

/* Where in the file: a chain of frames on the walker's stack. */
struct config_path {
    const struct config_path *up; /* NULL: the whole file */
    const char *key;              /* NULL: an item of a list */
    size_t item;
};

struct config_report {
    const char *file;
    struct buf *report; /* may be NULL */
    unsigned errors;
};

void config_error(struct config_report *r, const struct config_path *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Text from the file in quotes: control bytes escaped, cut when long.  Returns out. */
enum { CONFIG_SHOWN_CAP = 160 };
const char *config_shown(const char *text, char out[CONFIG_SHOWN_CAP]);

#endif
