/* millrace/stats.h - a gateway's numbers as text, for a program that embeds it; the admin port serves the same. */
#ifndef MILLRACE_STATS_H
#define MILLRACE_STATS_H

struct gateway;

/* Each is NUL-terminated, for the caller to free(); NULL when out of memory. To be called on the gateway's thread. */
char *millrace_stats_json(const struct gateway *g);    /* what /status says */
char *millrace_stats_metrics(const struct gateway *g); /* what /metrics says */

#endif
