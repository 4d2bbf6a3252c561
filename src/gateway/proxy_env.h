/* proxy_env.h - which HTTP proxy an endpoint is reached through: its own `proxy`, else HTTPS_PROXY/HTTP_PROXY/ALL_PROXY
 * and NO_PROXY, in either case of letters, lower case first, as curl(1) describes under ENVIRONMENT. */
#ifndef MILLRACE_GATEWAY_PROXY_ENV_H
#define MILLRACE_GATEWAY_PROXY_ENV_H

#include "http/url.h"

enum proxy_choice { PROXY_DIRECT, PROXY_USED, PROXY_BAD };

/* configured: "" : by environment; "none": direct. With PROXY_USED out holds the proxy's URL. */
enum proxy_choice proxy_resolve(struct url *out, const char *configured, const struct url *url);
char *
proxy_authorization(const struct url *proxy); /* "Basic ...", owned by the caller; NULL without userinfo: a secret */
char *proxy_connect_target(const struct url *url); /* "host:port" for CONNECT, owned by the caller */

#endif
