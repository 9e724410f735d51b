/* SPDX-License-Identifier: Apache-2.0
 *
 * The issuer's half of RSA client credentials: making a key pair and checking what was signed with it. The signer's
 * half is base/crypto.h. */
#ifndef BASE_RSA_H
#define BASE_RSA_H

#include "base/buf.h"

/* A fresh pair of 2048 bits. private_json: exponent, modulus, d, p, q, dp, dq, inverseQ in base64, as
 * cry_rsa_from_params() reads them; the caller wipes it. public_json: exponent and modulus. */
MUST_USE int rsa_generate(struct buf *private_json, struct buf *public_json, struct err *e);
/* Checks the signature of a compact JWS, RS256 or PS256 and nothing else. FAIL_DENIED. */
MUST_USE int rsa_jwt_verify(struct sv public_json, struct sv token, struct err *e);

#endif
