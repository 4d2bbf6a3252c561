/* jwt.h - as much of JSON Web Tokens (RFC 7519) as a carrier of them needs: when one expires, and how one for the
 * engine API of Ethereum nodes is written (HS256 over {"iat":now}, execution-apis authentication.md; the node takes an
 * iat within 60 s of its clock).  Nothing is verified.  Pure; the shell signs. */
#ifndef MILLRACE_UPSTREAM_JWT_H
#define MILLRACE_UPSTREAM_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { JWT_SECRET_BYTES = 32, JWT_TEXT_CAP = 256 };
enum { JWT_BAD_SECRET = 1 };

/* The `exp` of the token, in seconds since 1970.  false: it is no JWT, or says none. */
bool jwt_exp(struct slice token, int64_t *exp_s);

/* 64 hexadecimal digits, "0x" before and white space around them allowed.  0 or JWT_BAD_SECRET. */
int jwt_secret(struct slice text, uint8_t out[JWT_SECRET_BYTES]);

/* What has to be signed, NUL-terminated; returns its length. */
size_t jwt_write(char out[JWT_TEXT_CAP], int64_t iat_s);
/* Appends the signature to the n bytes of out; returns the length of the token. */
size_t jwt_sign(char out[JWT_TEXT_CAP], size_t n, const uint8_t mac[32]);

#endif
