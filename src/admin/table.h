/* table.h - the status for a terminal: what `millrace status` prints. */
#ifndef MILLRACE_ADMIN_TABLE_H
#define MILLRACE_ADMIN_TABLE_H

#include "base/buf.h"

struct worker;

int table_write(const struct worker *w, struct buf *out);

#endif
