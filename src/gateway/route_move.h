/* route_move.h - a flight that waits at one endpoint goes to wait at another. */
#ifndef MILLRACE_GATEWAY_ROUTE_MOVE_H
#define MILLRACE_GATEWAY_ROUTE_MOVE_H

#include <stdbool.h>

struct flight;
struct upstream;

enum { ROUTE_MOVES_MAX = 8 /* of one flight, out of queues and out of requests with others */ };

/* f waits at an upstream that cannot be connected now: moves it to one that can.  false: it stays. */
bool route_elsewhere(struct flight *f);
/* The same, where others of its array that wait there were looked at before f did: they come along. */
void route_elsewhere_too(struct flight *f);
/* f was queued once more where it had its place: the endpoint may have to be left alone since.  May free f. */
void route_reconsider(struct flight *f);
/* f waits, and would leave `next` sooner: it goes there if those who wait for it allow that.  true: it has left. */
bool route_to(struct flight *f, struct upstream *next);

#endif
