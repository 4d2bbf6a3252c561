/* sim_archive.h - nobody is asked for an old block who has said that it lacks it, while another endpoint could be. */
#ifndef SIM_ARCHIVE_H
#define SIM_ARCHIVE_H

#include "sim_world.h"

struct node;
struct fault_element;

/* n got this question. */
void archive_asked(struct node *n, struct fault_element *e);
void archive_check_turn(struct world *w);

#endif
