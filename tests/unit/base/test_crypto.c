/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of base/crypto.h: published vectors, and keys made on the spot and checked by OpenSSL itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/base64.h"
#include "base/crypto.h"
#include "base/mem.h"

/* FIPS 180-4 and RFC 4231 case 2. */
static void check_digests(void **state)
{
    AUTO(buf_free) struct buf hex = BUF_INIT(200);
    AUTO(secret_free) struct secret key = secret_new("Jefe", 4);
    unsigned char d[SHA256_BYTES], d2[SHA256_BYTES];

    (void)state;
    cry_sha256_once("abc", 3, d);
    hex_encode(&hex, d, sizeof d);
    assert_string_equal(hex.p, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct cry_sha256 *h = cry_sha256_new();
    cry_sha256_add(h, "a", 1);
    cry_sha256_add(h, "", 0);
    cry_sha256_add(h, "bc", 2);
    cry_sha256_end(h, d2);
    assert_true(cry_eq(d, d2, sizeof d));
    d2[31] ^= 1;
    assert_false(cry_eq(d, d2, sizeof d));
    cry_sha256_free(cry_sha256_new());
    cry_sha256_free(NULL);
    buf_reset(&hex);
    cry_hmac_sha256(&key, "what do ya want for nothing?", 28, d);
    hex_encode(&hex, d, sizeof d);
    assert_string_equal(hex.p, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

struct verify_case {
    const char *name;
    const char *token;
    const char *msg; /* NULL: good */
};
/* Key "your-256-bit-secret", made with an independent implementation (Python's hmac). */
#define H "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
#define P "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
#define S "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
static const struct verify_case verify_cases[] = {
    {"good token", H "." P "." S, NULL},
    {"empty", "", "token is not a JWT"},
    {"two parts", H "." P, "token is not a JWT"},
    {"four parts", H "." P "." S "." S, "token is not a JWT"},
    {"changed claims", H ".eyJzdWIiOiIxIn0." S, "token has a wrong signature"},
    {"no signature", H "." P ".", "token has a wrong signature"},
    {"long signature", H "." P "." S "AAAA", "token has a wrong signature"},
    {"signature is not base64", H "." P ".***", "token has a wrong signature"},
    {"alg none", "eyJhbGciOiJub25lIn0." P ".", "token is not signed with HS256"},
    {"header is not JSON", "AAAA." P "." S, "token is not signed with HS256"},
    {"critical extension", "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsieCJdfQ." P "." S,
     "token is not signed with HS256"},
};

static void check_verify(void **state)
{
    const struct verify_case *c = *state;
    AUTO(secret_free) struct secret key = secret_new("your-256-bit-secret", 19);
    AUTO(buf_free) struct buf claims = BUF_INIT(1000);
    struct err e = {0};
    int rc = cry_jwt_hs256_verify(&key, sv_of(c->token), &claims, &e);

    if (c->msg == NULL) {
        assert_int_equal(rc, 0);
        assert_string_equal(claims.p,
                            "{\"sub\":\"1234567890\",\"name\":\"John Doe\",\"iat\":1516239022}");
        return;
    }
    assert_int_equal(rc, -1);
    assert_int_equal(e.code, FAIL_DENIED);
    assert_string_equal(e.msg, c->msg);
    assert_int_equal(claims.len, 0);
}

static void check_sign_hs256(void **state)
{
    AUTO(secret_free) struct secret key = secret_new("k", 1);
    AUTO(secret_free) struct secret other = secret_new("K", 1);
    AUTO(buf_free) struct buf token = BUF_INIT(1000);
    AUTO(buf_free) struct buf claims = BUF_INIT(1000);
    struct err e = {0};

    (void)state;
    cry_jwt_hs256(&key, SV("{\"a\":1}"), &token);
    assert_int_equal(cry_jwt_hs256_verify(&key, buf_sv(&token), &claims, &e), 0);
    assert_string_equal(claims.p, "{\"a\":1}");
    assert_int_equal(cry_jwt_hs256_verify(&other, buf_sv(&token), &claims, &e), -1);
}

static const char *const members[][2] = {
    {"modulus", OSSL_PKEY_PARAM_RSA_N},    {"exponent", OSSL_PKEY_PARAM_RSA_E},
    {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
    {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
    {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"inverseQ", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
};

/* The key in the runner's file format; `wrong` (or NULL) gets the value of another member. */
static void write_params(EVP_PKEY *key, const char *wrong, struct buf *json)
{
    buf_addc(json, '{');
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *param = wrong != NULL && sv_is(sv_of(wrong), members[i][0])
                                ? OSSL_PKEY_PARAM_RSA_FACTOR1
                                : members[i][1];
        unsigned char raw[1024];
        BIGNUM *n = NULL;

        assert_int_equal(EVP_PKEY_get_bn_param(key, param, &n), 1);
        int len = BN_bn2bin(n, raw);
        BN_free(n);
        buf_addf(json, "%s\"%s\":\"", i > 0 ? "," : "", members[i][0]);
        base64_encode(json, raw, (size_t)len);
        buf_addc(json, '"');
    }
    buf_addc(json, '}');
}

static void verify_with_openssl(EVP_PKEY *key, struct sv token, bool pss)
{
    AUTO(buf_free) struct buf sig = BUF_INIT(1024);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    struct err e = {0};
    size_t dot = sv_rchr(token, '.');

    assert_int_equal(base64url_decode(sv_sub(token, dot + 1, token.n), &sig, &e), 0);
    assert_int_equal(EVP_DigestVerifyInit(ctx, &pctx, EVP_sha256(), NULL, key), 1);
    if (pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 32), 1);
    }
    assert_int_equal(EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.len,
                                      (const unsigned char *)token.p, dot),
                     1);
    EVP_MD_CTX_free(ctx);
}

static void check_rsa(void **state)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    AUTO(buf_free) struct buf json = BUF_INIT(8192);
    AUTO(buf_free) struct buf rs = BUF_INIT(8192);
    AUTO(buf_free) struct buf ps = BUF_INIT(8192);
    struct cry_rsa *k = NULL;
    struct err e = {0};

    (void)state;
    write_params(key, NULL, &json);
    assert_int_equal(cry_rsa_from_params(buf_sv(&json), &k, &e), 0);
    assert_int_equal(cry_jwt_rs256(k, SV("{\"iss\":\"x\"}"), &rs, &e), 0);
    assert_true(
        sv_starts(buf_sv(&rs), SV("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.")));
    verify_with_openssl(key, buf_sv(&rs), false);
    assert_int_equal(cry_jwt_ps256(k, SV("{\"iss\":\"x\"}"), &ps, &e), 0);
    verify_with_openssl(key, buf_sv(&ps), true);
    cry_rsa_free(k);
    cry_rsa_free(NULL);

    static const char *const wrongs[] = {"d", "q", "dp", "inverseQ"};
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        buf_reset(&json);
        write_params(key, wrongs[i], &json);
        assert_int_equal(cry_rsa_from_params(buf_sv(&json), &k, &e), -1);
        assert_int_equal(e.code, FAIL_INPUT);
    }
    EVP_PKEY_free(key);
}

static const struct {
    const char *name;
    const char *json;
    const char *text;
} bad_keys[] = {
    {"not JSON", "x", "RSA parameters: line 1, column 1: invalid JSON"},
    {"no members", "{}", "RSA parameters: member 'modulus' is missing"},
    {"empty number", "{\"modulus\":\"\"}", "RSA parameters: member 'modulus' is empty"},
    {"short modulus",
     "{\"modulus\":\"AQAB\",\"exponent\":\"AQAB\",\"d\":\"AQAB\",\"p\":\"AQAB\",\"q\":\"AQAB\","
     "\"dp\":\"AQAB\",\"dq\":\"AQAB\",\"inverseQ\":\"AQAB\"}",
     "RSA parameters: the modulus has less than 2048 bits or is even"},
};

static void check_bad_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_keys / sizeof bad_keys[0]; i++) {
        struct cry_rsa *k = NULL;
        struct err e = {0};
        char text[512];

        assert_int_equal(cry_rsa_from_params(sv_of(bad_keys[i].json), &k, &e), -1);
        assert_null(k);
        assert_string_equal(err_text(&e, text, sizeof text), bad_keys[i].text);
    }
}

int main(void)
{
    enum { N = sizeof verify_cases / sizeof verify_cases[0] };
    struct CMUnitTest tests[N];
    const struct CMUnitTest more[] = {
        cmocka_unit_test(check_digests),
        cmocka_unit_test(check_sign_hs256),
        cmocka_unit_test(check_rsa),
        cmocka_unit_test(check_bad_keys),
    };

    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){.name = verify_cases[i].name,
                                       .test_func = check_verify,
                                       .initial_state = (void *)(uintptr_t)&verify_cases[i]};
    int failed = cmocka_run_group_tests_name("cry_jwt_hs256_verify", tests, NULL, NULL);
    return failed + cmocka_run_group_tests_name("cry", more, NULL, NULL);
}
