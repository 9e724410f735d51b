/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests, MACs and JWT signatures through OpenSSL EVP. Each failed OpenSSL call empties the error queue
 * into the error text, so that stale entries never blame a later call. */
#include "base/crypto.h"

#include <stdio.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/mem.h"

/* Ours: a token or claims text above this is nonsense. */
#define JWT_MAX_BYTES ((size_t)256 * 1024)
/* Ours: the runner's keys have 2,048 bits; the ceiling keeps a hostile file from costing minutes. */
#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 8192

struct cry_sha256 {
    EVP_MD_CTX *ctx;
};

struct cry_rsa {
    EVP_PKEY *key;
};

static int fail_ssl(struct err *e, const char *what)
{
    unsigned long code = ERR_peek_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    (void)err_set(e, FAIL_INTERNAL, "%s: %s", what,
                  reason != NULL ? reason : "OpenSSL gave no reason");
    ERR_clear_error();
    return -1;
}

struct cry_sha256 *cry_sha256_new(void)
{
    struct cry_sha256 *h = xcalloc(1, sizeof *h);

    h->ctx = EVP_MD_CTX_new();
    BUG(h->ctx == NULL || EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1);
    return h;
}

void cry_sha256_add(struct cry_sha256 *h, const void *p, size_t n)
{
    BUG(EVP_DigestUpdate(h->ctx, p, n) != 1);
}

void cry_sha256_end(struct cry_sha256 *h, unsigned char out[SHA256_BYTES])
{
    unsigned n = 0;

    BUG(EVP_DigestFinal_ex(h->ctx, out, &n) != 1 || n != SHA256_BYTES);
    cry_sha256_free(h);
}

void cry_sha256_free(struct cry_sha256 *h)
{
    if (h == NULL)
        return;
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

void cry_sha256_once(const void *p, size_t n, unsigned char out[SHA256_BYTES])
{
    unsigned len = 0;

    BUG(EVP_Digest(p, n, out, &len, EVP_sha256(), NULL) != 1 || len != SHA256_BYTES);
}

void cry_hmac_sha256(const struct secret *key, const void *p, size_t n,
                     unsigned char out[SHA256_BYTES])
{
    unsigned len = 0;

    BUG(key->n > INT32_MAX);
    BUG(HMAC(EVP_sha256(), key->n > 0 ? (const void *)key->p : "", (int)key->n, p, n, out, &len) ==
            NULL ||
        len != SHA256_BYTES);
}

bool cry_eq(const void *a, const void *b, size_t n)
{
    return n == 0 || CRYPTO_memcmp(a, b, n) == 0;
}

/* ---- JWT --------------------------------------------------------------------------------------------- */

/* "<header>.<claims>" of a compact JWS; RFC 7515 section 3.1. */
static void add_signing_input(struct buf *b, const char *alg, struct sv claims)
{
    AUTO(buf_free) struct buf header = BUF_INIT(64);

    buf_addf(&header, "{\"typ\":\"JWT\",\"alg\":\"%s\"}", alg);
    base64url_encode(b, header.p, header.len);
    buf_addc(b, '.');
    base64url_encode(b, claims.p, claims.n);
}

void cry_jwt_hs256(const struct secret *key, struct sv claims_json, struct buf *out)
{
    AUTO(buf_free) struct buf input = BUF_INIT(2 * JWT_MAX_BYTES);
    unsigned char mac[SHA256_BYTES];

    add_signing_input(&input, "HS256", claims_json);
    cry_hmac_sha256(key, input.p, input.len, mac);
    if (input.over)
        out->over = true;
    buf_addsv(out, buf_sv(&input));
    buf_addc(out, '.');
    base64url_encode(out, mac, sizeof mac);
}

/* The header must name HS256 and no extension that we would have to understand (RFC 7515 4.1.11). */
static int check_header(struct sv part, struct err *e)
{
    AUTO(buf_free) struct buf text = BUF_INIT(4096);
    AUTO(auto_json) json_t *header = NULL;
    struct err why;
    struct sv alg;

    if (base64url_decode(part, &text, &why) < 0 || buf_done(&text, "token header", &why) < 0 ||
        (header = jx_parse(buf_sv(&text), "token header", &why)) == NULL ||
        jx_need_str(header, "alg", &alg, &why) < 0 || !sv_is(alg, "HS256") ||
        jx_get(header, "crit") != NULL)
        return err_set(e, FAIL_DENIED, "token is not signed with HS256");
    return 0;
}

int cry_jwt_hs256_verify(const struct secret *key, struct sv token, struct buf *claims,
                         struct err *e)
{
    AUTO(buf_free) struct buf sig = BUF_INIT(SHA256_BYTES);
    AUTO(buf_free) struct buf payload = BUF_INIT(JWT_MAX_BYTES);
    unsigned char mac[SHA256_BYTES];
    struct err why;

    size_t first = sv_chr(token, '.');
    size_t last = sv_rchr(token, '.');
    if (token.n > 2 * JWT_MAX_BYTES || first == SV_NPOS || first == last)
        return err_set(e, FAIL_DENIED, "token is not a JWT");
    struct sv body = sv_sub(token, first + 1, last - first - 1);
    if (sv_chr(body, '.') != SV_NPOS)
        return err_set(e, FAIL_DENIED, "token is not a JWT");
    if (check_header(sv_sub(token, 0, first), e) < 0)
        return -1;
    cry_hmac_sha256(key, token.p, last, mac);
    if (base64url_decode(sv_sub(token, last + 1, token.n), &sig, &why) < 0 || sig.over ||
        sig.len != sizeof mac || !cry_eq(sig.p, mac, sizeof mac))
        return err_set(e, FAIL_DENIED, "token has a wrong signature");
    if (base64url_decode(body, &payload, &why) < 0 || payload.over)
        return err_set(e, FAIL_DENIED, "token has no readable claims");
    buf_addsv(claims, buf_sv(&payload));
    return 0;
}

/* ---- RSA --------------------------------------------------------------------------------------------- */

static void auto_bn(BIGNUM **n)
{
    BN_clear_free(*n);
}

static void auto_bld(OSSL_PARAM_BLD **b)
{
    OSSL_PARAM_BLD_free(*b);
}

static void auto_params(OSSL_PARAM **p)
{
    OSSL_PARAM_free(*p);
}

static void auto_pkey(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

static void auto_pctx(EVP_PKEY_CTX **c)
{
    EVP_PKEY_CTX_free(*c);
}

static void auto_mdctx(EVP_MD_CTX **c)
{
    EVP_MD_CTX_free(*c);
}

/* The members of .credentials_rsaparams, unsigned big-endian in base64.
 * Source: actions/runner 2.336.0 src/Runner.Listener/Configuration/IRSAKeyManager.cs */
static const struct rsa_member {
    const char *json;
    const char *param;
} rsa_members[] = {
    {"modulus", OSSL_PKEY_PARAM_RSA_N},    {"exponent", OSSL_PKEY_PARAM_RSA_E},
    {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
    {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
    {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"inverseQ", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};
enum { RSA_MEMBERS = sizeof rsa_members / sizeof rsa_members[0] };

struct rsa_numbers {
    BIGNUM *v[RSA_MEMBERS];
};

static void auto_numbers(struct rsa_numbers *r)
{
    for (size_t i = 0; i < RSA_MEMBERS; i++)
        auto_bn(&r->v[i]);
}

static int read_number(const json_t *doc, const char *key, BIGNUM **out, struct err *e)
{
    AUTO(buf_free) struct buf raw = BUF_INIT(RSA_MAX_BITS / 8);
    struct sv text;
    int rc = 0;

    if (jx_need_str(doc, key, &text, e) < 0)
        return -1;
    (void)buf_room(&raw, RSA_MAX_BITS / 8); /* no growth, which would leave copies */
    if (base64_decode(text, &raw, e) < 0)
        rc = err_wrap(e, "member '%s'", key);
    else if (buf_done(&raw, key, e) < 0)
        rc = -1;
    else if (raw.len == 0)
        rc = err_set(e, FAIL_INPUT, "member '%s' is empty", key);
    else if ((*out = BN_bin2bn((const unsigned char *)raw.p, (int)raw.len, NULL)) == NULL)
        rc = fail_ssl(e, "read RSA number");
    secret_wipe(raw.p, raw.len);
    return rc;
}

static int build_key(const struct rsa_numbers *num, EVP_PKEY **out, struct err *e)
{
    AUTO(auto_bld) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    AUTO(auto_params) OSSL_PARAM *params = NULL;
    AUTO(auto_pctx) EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    AUTO(auto_pkey) EVP_PKEY *key = NULL;
    AUTO(auto_pctx) EVP_PKEY_CTX *check = NULL;

    if (bld == NULL || make == NULL)
        return fail_ssl(e, "load RSA key");
    for (size_t i = 0; i < RSA_MEMBERS; i++)
        if (OSSL_PARAM_BLD_push_BN(bld, rsa_members[i].param, num->v[i]) != 1)
            return fail_ssl(e, "load RSA key");
    params = OSSL_PARAM_BLD_to_param(bld);
    if (params == NULL || EVP_PKEY_fromdata_init(make) != 1 ||
        EVP_PKEY_fromdata(make, &key, EVP_PKEY_KEYPAIR, params) != 1)
        return fail_ssl(e, "load RSA key");
    check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (check == NULL || EVP_PKEY_pairwise_check(check) != 1) {
        (void)fail_ssl(e, "check RSA key");
        e->code = FAIL_INPUT; /* the members do not belong together */
        return -1;
    }
    *out = TAKE_PTR(key);
    return 0;
}

int cry_rsa_from_params(struct sv json, struct cry_rsa **out, struct err *e)
{
    AUTO(auto_json) json_t *doc = jx_parse(json, "RSA parameters", e);
    AUTO(auto_numbers) struct rsa_numbers num = {{NULL}};
    EVP_PKEY *key = NULL;

    if (doc == NULL)
        return -1;
    for (size_t i = 0; i < RSA_MEMBERS; i++)
        if (read_number(doc, rsa_members[i].json, &num.v[i], e) < 0)
            return err_wrap(e, "RSA parameters");
    if (BN_num_bits(num.v[0]) < RSA_MIN_BITS || !BN_is_odd(num.v[0]))
        return err_set(e, FAIL_INPUT,
                       "RSA parameters: the modulus has less than %d bits or is even",
                       RSA_MIN_BITS);
    if (build_key(&num, &key, e) < 0)
        return -1;
    struct cry_rsa *k = xcalloc(1, sizeof *k);
    k->key = key;
    *out = k;
    return 0;
}

void cry_rsa_free(struct cry_rsa *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_free(k->key);
    free(k);
}

static int sign_jwt(const struct cry_rsa *k, const char *alg, bool pss, struct sv claims,
                    struct buf *out, struct err *e)
{
    AUTO(auto_mdctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    AUTO(buf_free) struct buf input = BUF_INIT(2 * JWT_MAX_BYTES);
    EVP_PKEY_CTX *pctx = NULL; /* belongs to ctx */
    unsigned char sig[RSA_MAX_BITS / 8];
    size_t n = sizeof sig;

    add_signing_input(&input, alg, claims);
    if (buf_done(&input, "token", e) < 0)
        return -1;
    if (ctx == NULL || EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, k->key) != 1)
        return fail_ssl(e, "sign token");
    /* Salt as long as the digest, as .NET does and RFC 7518 3.5 demands. */
    if (pss && (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1 ||
                EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) != 1))
        return fail_ssl(e, "sign token");
    if (EVP_DigestSign(ctx, sig, &n, (const unsigned char *)input.p, input.len) != 1)
        return fail_ssl(e, "sign token");
    buf_addsv(out, buf_sv(&input));
    buf_addc(out, '.');
    base64url_encode(out, sig, n);
    return 0;
}

int cry_jwt_rs256(const struct cry_rsa *k, struct sv claims_json, struct buf *out, struct err *e)
{
    return sign_jwt(k, "RS256", false, claims_json, out, e);
}

int cry_jwt_ps256(const struct cry_rsa *k, struct sv claims_json, struct buf *out, struct err *e)
{
    return sign_jwt(k, "PS256", true, claims_json, out, e);
}
