/* devnode_answers.h - the answers of one connection that wait for their time, in the order of their questions.  Pure.
 */
#ifndef MILLRACE_DEVNODE_ANSWERS_H
#define MILLRACE_DEVNODE_ANSWERS_H

#include <stdint.h>

#include "base/list.h"
#include "base/slice.h"

struct blob;

struct devnode_answers {
    struct list list;
    unsigned n;
};

void devnode_answers_init(struct devnode_answers *a);
void devnode_answers_drop(struct devnode_answers *a); /* all of them */

/* Copies the bytes; they leave at due_us, or later when what stands before them does.  0, <0: out of memory. */
int devnode_answers_add(struct devnode_answers *a, struct slice bytes, uint64_t due_us);

/* When the first one leaves; UINT64_MAX: there is none. */
uint64_t devnode_answers_due_us(const struct devnode_answers *a);

/* Takes the first one, the reference to it goes to the caller; NULL: none is due. */
struct blob *devnode_answers_take(struct devnode_answers *a, uint64_t now_us);

#endif
