/* sim_fault.h - what an endpoint sends: the right answer, in any legal shape, or one of the wrong ones that are seen in
 * the wild.  Pure but for chance. */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "sim_ask.h"
#include "sim_error.h"

enum fault {
    FAULT_NONE,
#define FAULT(name, what, where) FAULT_##name,
#include "sim_fault.def"
#undef FAULT
    FAULT_COUNT
};

struct fault_element { /* one call as the endpoint understood it */
    char id[24];
    struct ask ask;
    uint64_t head, serial;
    uint64_t number; /* of the id */
    uint64_t method_bit;
    bool limited; /* its method is, now */
    bool pruned;  /* what it is about is */
};

/* Text within the errors that endpoints make up, so that clients know them. */
#define FAULT_MARK SIM_ERROR_MARK

enum fault fault_draw(struct world *w, unsigned permille, bool array); /* one that fits */
const char *fault_name(enum fault f);
bool fault_resets(enum fault f); /* the connection is reset after what was sent */
bool fault_closes(enum fault f); /* the connection is closed after it */
bool fault_ends(enum fault f);   /* no other request may come on the connection */

/* Appends the HTTP response; nothing for faults that send none.  Reorders v. */
void fault_response(struct world *w, const struct sim_chain *c, enum fault f, struct fault_element *v, unsigned n,
                    bool array, bool close_after, struct buf *out);

#endif
