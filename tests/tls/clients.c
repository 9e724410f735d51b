/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP and the WebSocket client over TLS: a certificate of the user's own CA is accepted, one of nobody's
 * and one for another name are refused, without a retry. The server is OpenSSL in a child. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/base64.h"
#include "base/fd.h"
#include "base/http_client.h"
#include "base/listen.h"
#include "base/ws_client.h"
#include "tests/unit/base/http_raw.h"

static EVP_PKEY *key;
static X509 *cert;
static char ca_path[64];
static uint16_t port;
static pid_t child;

/* ---- the server -------------------------------------------------------------------------------------- */

/* Self-signed for *.localhost's a.localhost: its own CA. */
static void make_certificate(void)
{
    X509V3_CTX ctx;

    key = EVP_RSA_gen(2048);
    cert = X509_new();
    (void)X509_set_version(cert, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    (void)X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1,
                                     -1, 0);
    (void)X509_set_issuer_name(cert, name);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    static const int nids[] = {NID_basic_constraints, NID_subject_alt_name};
    static const char *const values[] = {"critical,CA:TRUE", "DNS:a.localhost"};
    for (int i = 0; i < 2; i++) {
        X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nids[i], values[i]);
        (void)X509_add_ext(cert, ext, -1);
        X509_EXTENSION_free(ext);
    }
    if (X509_sign(cert, key, EVP_sha256()) == 0)
        abort();
}

/* RFC 6455 4.2.2: base64 of SHA-1 over the key and a fixed text. */
static void add_accept(struct buf *b, struct sv head)
{
    unsigned char sha[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct sv nonce = SV("");
    AUTO(buf_free) struct buf text = BUF_INIT(1000);

    (void)hc_header(head, "Sec-WebSocket-Key", &nonce);
    buf_addsv(&text, nonce);
    buf_adds(&text, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    (void)EVP_Digest(text.p, text.len, sha, &n, EVP_sha1(), NULL);
    base64_encode(b, sha, n);
}

static void answer(SSL *ssl)
{
    AUTO(buf_free) struct buf head = BUF_INIT(65536);
    AUTO(buf_free) struct buf out = BUF_INIT(65536);
    char block[4096];
    int n;

    while (sv_find(buf_sv(&head), SV("\r\n\r\n")) == SV_NPOS &&
           (n = SSL_read(ssl, block, sizeof block)) > 0)
        buf_add(&head, block, (size_t)n);
    if (sv_find(buf_sv(&head), SV("Sec-WebSocket-Key")) == SV_NPOS) {
        buf_adds(&out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        (void)SSL_write(ssl, out.p, (int)out.len);
        return;
    }
    buf_adds(&out, "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: ");
    add_accept(&out, buf_sv(&head));
    buf_adds(&out, "\r\n\r\n");
    (void)SSL_write(ssl, out.p, (int)out.len);
    while (SSL_read(ssl, block, sizeof block) > 0)
        ;
}

static _Noreturn void serve(int listener)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    struct err e;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd_nonblock(listener, false, &e) < 0 || SSL_CTX_use_certificate(ctx, cert) != 1 ||
        SSL_CTX_use_PrivateKey(ctx, key) != 1)
        abort();
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        SSL *ssl = SSL_new(ctx);
        if (fd < 0 || SSL_set_fd(ssl, fd) != 1)
            abort();
        if (SSL_accept(ssl) == 1) {
            answer(ssl);
            (void)SSL_shutdown(ssl);
        }
        SSL_free(ssl);
        (void)close(fd);
    }
}

static int group_setup(void **state)
{
    struct err e;
    int listener = listen_tcp("127.0.0.1", 0, &e);
    int ca = memfd_create("ca", 0);

    (void)state;
    make_certificate();
    FILE *f = fdopen(ca, "w");
    if (f == NULL || PEM_write_X509(f, cert) != 1 || fflush(f) != 0)
        return -1;
    (void)snprintf(ca_path, sizeof ca_path, "/proc/%d/fd/%d", (int)getpid(), ca);
    port = listen_port(listener);
    child = fork();
    if (child == 0)
        serve(listener);
    (void)close(listener);
    return child > 0 ? 0 : -1;
}

static int group_teardown(void **state)
{
    (void)state;
    (void)kill(child, SIGKILL);
    X509_free(cert);
    EVP_PKEY_free(key);
    return waitpid(child, NULL, 0) == child ? 0 : -1;
}

/* ---- cases ------------------------------------------------------------------------------------------- */

struct tls_case {
    const char *name;
    const char *host;
    bool ca;
    bool good;
};
static const struct tls_case cases[] = {
    {"own CA and the right name", "a.localhost", true, true},
    {"own CA, another name", "b.localhost", true, false},
    {"nobody's CA", "a.localhost", false, false},
};

struct result {
    bool done;
    bool ok;
    unsigned attempts;
    struct err e;
};

static void on_done(void *ctx, const struct hc_response *r, const struct err *e)
{
    struct result *res = ctx;

    res->done = true;
    res->ok = r->status == 200 && sv_is(r->body, "ok");
    res->attempts = r->attempts;
    if (e != NULL)
        res->e = *e;
}

static void check_http(void **state)
{
    const struct tls_case *c = *state;
    const struct hc_options o = {.user_agent = "x", .ca_file = c->ca ? ca_path : NULL, .proxy = ""};
    struct result res = {.done = false};
    char url[100];
    struct err e;
    struct loop *l = loop_new(&e);
    struct hc *h = hc_new(l, &o, &e);

    (void)snprintf(url, sizeof url, "https://%s:%u/", c->host, (unsigned)port);
    const struct hc_spec s = {.url = url, .retry = {.attempts = 3}, .done = on_done, .ctx = &res};
    assert_int_equal(hc_start(h, &s, NULL, &e), 0);
    assert_true(raw_until(l, &res.done));
    assert_int_equal(res.ok, c->good);
    assert_int_equal(res.attempts, 1);
    assert_int_equal(res.e.code, c->good ? FAIL_NONE : FAIL_NET);
    hc_free(h);
    loop_free(l);
}

static void on_ws(void *ctx, enum wsc_event event, const struct err *e)
{
    struct result *res = ctx;

    res->ok = event == WSC_OPEN || (res->ok && event == WSC_CLOSED);
    res->done = true;
    if (e != NULL)
        res->e = *e;
}

static void check_ws(void **state)
{
    const struct tls_case *c = *state;
    struct result res = {.done = false};
    char url[100];
    struct err e;
    struct loop *l = loop_new(&e);

    (void)snprintf(url, sizeof url, "wss://%s:%u/feed", c->host, (unsigned)port);
    const struct wsc_options o = {
        .url = url, .user_agent = "x", .ca_file = c->ca ? ca_path : NULL, .connects = 1};
    struct wsc *w = wsc_new(l, &o, on_ws, &res, &e);
    assert_non_null(w);
    assert_true(raw_until(l, &res.done));
    assert_int_equal(res.ok, c->good);
    assert_int_equal(res.e.code, c->good ? FAIL_NONE : FAIL_NET);
    wsc_free(w);
    loop_free(l);
}

int main(void)
{
    enum { N = sizeof cases / sizeof cases[0], TESTS = 2 * N };
    struct CMUnitTest tests[TESTS];

    (void)signal(SIGPIPE, SIG_IGN); /* allow: as proc_main_init() does */
    for (size_t i = 0; i < TESTS; i++)
        tests[i] = (struct CMUnitTest){.name = cases[i % N].name,
                                       .test_func = i < N ? check_http : check_ws,
                                       .initial_state = (void *)(uintptr_t)&cases[i % N]};
    return cmocka_run_group_tests_name("tls", tests, group_setup, group_teardown);
}
