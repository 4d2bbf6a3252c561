/* auth.h - keeps an endpoint's token current: watches its file, runs its command, or signs it, as `auth` says, and puts
 * what comes into the endpoint's request head.  Owned by its upstream; NULL where the credential does not change, which
 * all functions take.  What it reads and runs never blocks the loop but for the read of one small file. */
#ifndef MILLRACE_GATEWAY_AUTH_H
#define MILLRACE_GATEWAY_AUTH_H

#include <stdbool.h>
#include <stdint.h>

struct auth;
struct flight;
struct upstream;

struct auth *auth_new(struct upstream *u);
void auth_start(struct auth *a);        /* the first look, and from then on by itself */
void auth_look(struct auth *a);         /* now */
void auth_close(struct auth *a);        /* no more looks */
struct auth *auth_free(struct auth *a); /* NULL */

/* There is no token that holds, and the last look gave none. */
bool auth_failed(const struct auth *a);
const char *auth_why(const struct auth *a);   /* why, for people; never a secret */
const char *auth_state(const struct auth *a); /* "ok", "waiting" for the first one, "failed" */
int64_t auth_left_s(const struct auth *a);    /* until it expires; INT64_MAX: not known */

/* The endpoint refused (401, 403) what went out with this generation: looks at once, unless it did so seconds ago and
 * nothing has changed since.  true: the same request may do better, because another credential is in force now, or the
 * next one is on its way: the command runs, the file is being written.  Until that has come or failed the refused one
 * is not used: the endpoint has no head, calls wait or go elsewhere. */
bool auth_refused(struct auth *a, uint64_t generation);
/* A flight that such a request carried, and that may be repeated, sets out again, or fails. */
void auth_repeat(struct auth *a, struct flight *f, unsigned http_status);

#endif
