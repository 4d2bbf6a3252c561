/* sim_explain.h - what a client is told that asks how its call came by its answer. */
#ifndef SIM_EXPLAIN_H
#define SIM_EXPLAIN_H

#include "sim_judge.h"

/* head: of the response to q, whose calls have been judged.  The fields are there, each once and in the right form, if
 * and only if q asked for them and is no array, and they fit what is known of the answer. */
void judge_explained(struct world *w, unsigned client, const struct post *q, struct slice head);

#endif
