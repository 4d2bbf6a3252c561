/* flight_key.h - when are two requests the same question?  A key is the request's own JSON text of method and params,
 * in a form that is the same for texts that differ only in what no server looks at.  JSON frames itself: strings have
 * quotes, containers brackets, so that no two different requests have one key.  Pure.
 *
 * What is folded, and nothing else: white space between tokens; on EVM chains the case of a string value that is hex
 * digits after 0x (an address with its EIP-55 checksum, a hash, data, a quantity).  Never on Solana, where base58 tells
 * a from A.  Not folded: 0X, escapes, number spellings, key order, leading zeros, a missing block tag. */
#ifndef MILLRACE_RPC_FLIGHT_KEY_H
#define MILLRACE_RPC_FLIGHT_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* Is the key of a valid JSON text the text itself?  A quick test: false may be said of a text that is. */
bool flight_key_is_plain(struct slice text, bool fold_hex);

/* The key of a valid JSON text into out[0..text.n).  Returns its length, <= text.n. */
size_t flight_key_write(char *out, struct slice text, bool fold_hex);

#endif
