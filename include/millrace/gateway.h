/* millrace/gateway.h - a running gateway: listeners, worker and signals on the calling thread.  Opaque.
 * The first TLS handshake takes SIGRTMAX of the process for a thread of its own. */
#ifndef MILLRACE_GATEWAY_H
#define MILLRACE_GATEWAY_H

struct config;
struct gateway;

/* Listens at once, serves in _run.  0; or <0, a negated errno code, and the reason in the log. */
int millrace_gateway_new(struct gateway **out, const struct config *c);
/* Serves until SIGTERM or SIGINT has drained it. 0 or <0. */
int millrace_gateway_run(struct gateway *g);
void millrace_gateway_free(struct gateway *g); /* NULL is fine */

/* Addresses as bound, "127.0.0.1:8545" or "unix:/path"; NULL past the last. Good until the gateway drains. */
const char *millrace_gateway_address(const struct gateway *g, unsigned i);
const char *millrace_gateway_admin_address(const struct gateway *g, unsigned i);

#endif
