/* learn.h - what the answers of endpoints say about their chain. */
#ifndef MILLRACE_GATEWAY_LEARN_H
#define MILLRACE_GATEWAY_LEARN_H

#include <stdbool.h>

#include "base/slice.h"

struct flight;

/* The result that f->upstream gave to f, before anyone is shown it.  false: nobody should be: it says that the chain's
 * head is where it cannot be, or below what those were shown who wait for f. */
bool learn_from(struct flight *f, struct slice payload);

#endif
