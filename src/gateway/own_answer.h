/* own_answer.h - calls that the configuration answers: the chain's name, once every endpoint has agreed to it. */
#ifndef MILLRACE_GATEWAY_OWN_ANSWER_H
#define MILLRACE_GATEWAY_OWN_ANSWER_H

#include "gateway/exchange.h"
#include "gateway/rules.h"
#include "rpc/message.h"

/* true: c, which asks q, is answered. */
bool own_answer(struct exchange *x, struct call *c, const struct message_request *q, const struct method_rule *rule);

#endif
