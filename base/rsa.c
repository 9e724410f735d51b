/* SPDX-License-Identifier: Apache-2.0
 *
 * RSA key pairs and the verification of RS256 and PS256 through OpenSSL EVP. */
#include "base/rsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/secret.h"

#define RSA_BITS      2048
#define RSA_MAX_BYTES 1024U
#define JWS_MAX_BYTES 65536U

static int crypto_error(struct err *e, const char *what)
{
    char text[200];
    unsigned long code = ERR_get_error();

    ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return err_set(e, FAIL_INTERNAL, "%s: %s", what, text);
}

static void auto_pkey(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

static void auto_bn(BIGNUM **n)
{
    BN_clear_free(*n);
}

/* Halves of the modulus keep their length: .NET wants leading zeros (spec runner protocol 12, case 15). */
static int add_number(const EVP_PKEY *key, const char *json, const char *param, int bytes,
                      struct buf *out, struct err *e)
{
    AUTO(auto_bn) BIGNUM *n = NULL;
    unsigned char raw[RSA_MAX_BYTES];

    if (EVP_PKEY_get_bn_param(key, param, &n) != 1)
        return crypto_error(e, "cannot read an RSA key");
    if (bytes == 0)
        bytes = BN_num_bytes(n);
    if (bytes > (int)sizeof raw || BN_bn2binpad(n, raw, bytes) < 0)
        return crypto_error(e, "cannot write an RSA key");
    buf_addf(out, "%s\"%s\":\"", out->p[out->len - 1] == '{' ? "" : ",", json);
    base64_encode(out, raw, (size_t)bytes);
    buf_addc(out, '"');
    secret_wipe(raw, sizeof raw);
    return 0;
}

int rsa_generate(struct buf *private_json, struct buf *public_json, struct err *e)
{
    static const struct {
        const char *json, *param;
        int bytes;
    } members[] = {
        {"exponent", OSSL_PKEY_PARAM_RSA_E, 0},
        {"modulus", OSSL_PKEY_PARAM_RSA_N, RSA_BITS / 8},
        {"d", OSSL_PKEY_PARAM_RSA_D, RSA_BITS / 8},
        {"p", OSSL_PKEY_PARAM_RSA_FACTOR1, RSA_BITS / 16},
        {"q", OSSL_PKEY_PARAM_RSA_FACTOR2, RSA_BITS / 16},
        {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1, RSA_BITS / 16},
        {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2, RSA_BITS / 16},
        {"inverseQ", OSSL_PKEY_PARAM_RSA_COEFFICIENT1, RSA_BITS / 16},
    };
    AUTO(auto_pkey) EVP_PKEY *key = EVP_RSA_gen(RSA_BITS);

    if (key == NULL)
        return crypto_error(e, "cannot make an RSA key");
    buf_addc(private_json, '{');
    buf_addc(public_json, '{');
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (add_number(key, members[i].json, members[i].param, members[i].bytes, private_json, e) <
            0)
            return -1;
        if (i < 2 && add_number(key, members[i].json, members[i].param, members[i].bytes,
                                public_json, e) < 0)
            return -1;
    }
    buf_addc(private_json, '}');
    buf_addc(public_json, '}');
    return buf_done(private_json, "RSA key", e) < 0 ? -1 : buf_done(public_json, "RSA key", e);
}

static BIGNUM *number(const json_t *doc, const char *name)
{
    AUTO(buf_free) struct buf raw = BUF_INIT(RSA_MAX_BYTES);
    struct err e;

    if (base64_decode(jx_str(doc, name, ""), &raw, &e) < 0 || raw.len == 0)
        return NULL;
    return BN_bin2bn((const unsigned char *)raw.p, (int)raw.len, NULL);
}

static EVP_PKEY *public_key(struct sv json)
{
    struct err e;
    AUTO(auto_json) json_t *doc = jx_parse(json, "RSA public key", &e);
    AUTO(auto_bn) BIGNUM *n = doc != NULL ? number(doc, "modulus") : NULL;
    AUTO(auto_bn) BIGNUM *x = doc != NULL ? number(doc, "exponent") : NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;

    if (n != NULL && x != NULL && bld != NULL && ctx != NULL &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, x) == 1 &&
        (params = OSSL_PARAM_BLD_to_param(bld)) != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return key;
}

/* 0 = neither of the two algorithms, 1 = RS256, 2 = PS256. */
static int algorithm(struct sv header64)
{
    AUTO(buf_free) struct buf text = BUF_INIT(4096);
    AUTO(auto_json) json_t *h = NULL;
    struct err e;
    struct sv alg;

    if (base64url_decode(header64, &text, &e) < 0)
        return 0;
    h = jx_parse(buf_sv(&text), "JWS header", &e);
    alg = jx_str(h, "alg", "");
    return sv_is(alg, "RS256") ? 1 : sv_is(alg, "PS256") ? 2 : 0;
}

static bool verify(EVP_PKEY *key, bool pss, struct sv signed_part, const struct buf *sig)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    bool ok = md != NULL && EVP_DigestVerifyInit(md, &ctx, EVP_sha256(), NULL, key) == 1;

    if (ok && pss)
        ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    ok = ok && EVP_DigestVerify(md, (const unsigned char *)sig->p, sig->len,
                                (const unsigned char *)signed_part.p, signed_part.n) == 1;
    EVP_MD_CTX_free(md);
    ERR_clear_error();
    return ok;
}

int rsa_jwt_verify(struct sv public_json, struct sv token, struct err *e)
{
    AUTO(auto_pkey) EVP_PKEY *key = public_key(public_json);
    AUTO(buf_free) struct buf sig = BUF_INIT(RSA_MAX_BYTES);
    size_t first = sv_chr(token, '.'), last = sv_rchr(token, '.');
    int alg;

    if (key == NULL)
        return err_set(e, FAIL_INPUT, "the public key is damaged");
    if (token.n > JWS_MAX_BYTES || first == SV_NPOS || first == last)
        return err_set(e, FAIL_DENIED, "the token is no compact JWS");
    alg = algorithm(sv_sub(token, 0, first));
    if (alg == 0)
        return err_set(e, FAIL_DENIED, "the token is signed with another algorithm");
    if (base64url_decode(sv_sub(token, last + 1, token.n), &sig, e) < 0 ||
        !verify(key, alg == 2, sv_sub(token, 0, last), &sig))
        return err_set(e, FAIL_DENIED, "the signature of the token is wrong");
    return 0;
}
