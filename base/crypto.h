/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests, MACs and JWT signatures through OpenSSL EVP. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include "base/buf.h"
#include "base/secret.h"

#define SHA256_BYTES 32

struct cry_sha256;
struct cry_sha256 *cry_sha256_new(void);
void cry_sha256_add(struct cry_sha256 *h, const void *p, size_t n);
void cry_sha256_end(struct cry_sha256 *h, unsigned char out[SHA256_BYTES]); /* frees h */
void cry_sha256_free(struct cry_sha256 *h);
void cry_sha256_once(const void *p, size_t n, unsigned char out[SHA256_BYTES]);
void cry_hmac_sha256(const struct secret *key, const void *p, size_t n,
                     unsigned char out[SHA256_BYTES]);
/* Constant time. */
bool cry_eq(const void *a, const void *b, size_t n);
/* Compact JWS, HS256. claims: JSON text. */
void cry_jwt_hs256(const struct secret *key, struct sv claims_json, struct buf *out);
/* Checks the signature only; *claims is the decoded payload (JSON text). FAIL_DENIED. */
MUST_USE int cry_jwt_hs256_verify(const struct secret *key, struct sv token, struct buf *claims,
                                  struct err *e);
/* Compact JWS, RS256, with an RSA private key given as the decimal-free parameters of
 * `.credentials_rsaparams` (base64 fields exponent, modulus, d, p, q, dp, dq, inverseQ, in JSON). */
struct cry_rsa;
MUST_USE int cry_rsa_from_params(struct sv json, struct cry_rsa **out, struct err *e);
void cry_rsa_free(struct cry_rsa *k);
MUST_USE int cry_jwt_rs256(const struct cry_rsa *k, struct sv claims_json, struct buf *out,
                           struct err *e);
/* The same with PS256, for runners whose credentials say requireFipsCryptography. */
MUST_USE int cry_jwt_ps256(const struct cry_rsa *k, struct sv claims_json, struct buf *out,
                           struct err *e);

#endif
