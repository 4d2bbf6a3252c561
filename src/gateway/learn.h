/* learn.h - what the answers of endpoints say about their chain. */
#ifndef MILLRACE_GATEWAY_LEARN_H
#define MILLRACE_GATEWAY_LEARN_H

#include "base/slice.h"

struct flight;

/* The result that f->upstream gave to f, before anyone is shown it. */
void learn_from(struct flight *f, struct slice payload);

#endif
