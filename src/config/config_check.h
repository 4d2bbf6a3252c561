/* config_check.h - what single values of the configuration must look like.  Pure, constant texts.
 * Each returns NULL when the value is fine, else what it must be, a text that never quotes the value. */
#ifndef MILLRACE_CONFIG_CONFIG_CHECK_H
#define MILLRACE_CONFIG_CONFIG_CHECK_H

const char *config_check_address(const char *value);
const char *config_check_host(const char *value);
const char *config_check_origin(const char *value);
const char *config_check_chain_name(const char *value);
const char *config_check_genesis_hash(const char *value); /* "" too: none */
const char *config_check_endpoint_name(const char *value);
const char *config_check_method(const char *value);
const char *config_check_url(const char *value);
const char *config_check_proxy(const char *value);
const char *config_check_server_name(const char *value);
const char *config_check_header_name(const char *value);
const char *config_check_text(const char *value);  /* any text at all: header values are the strictest use */
const char *config_check_token(const char *value); /* of a bearer: no space in it */
const char *config_check_user(const char *value);
const char *config_check_query_name(const char *value);

#endif
