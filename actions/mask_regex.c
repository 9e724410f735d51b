/* SPDX-License-Identifier: Apache-2.0
 *
 * The mask hints of a job message that are regular expressions, on PCRE2. They come from a server, so
 * the work of each search is limited; where the engine gives up, the rest of the line is hidden: a masker
 * fails on the closed side. Source of the search from match start + 1: actions/runner 2.336.0:
 * src/Sdk/DTLogging/Logging/RegexSecret.cs. */
#include "actions/mask_priv.h"

#include "base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Ours. .NET has no limits here; these let every sane token pattern through. */
#define MAX_PATTERN_BYTES 65536U
#define MATCH_LIMIT       200000U
#define MATCH_LIMIT_BYTE  32U /* more for each byte of text */
#define HEAP_LIMIT_KIB    4096U
/* Overlapping matches may cost this many bytes for each byte of text. */
#define MAX_REREAD 16U

struct mask_regex {
    pcre2_code *code;
    pcre2_match_context *context;
    pcre2_match_data *data;
};

struct mask_regex *mask_regex_new(struct sv pattern, struct err *e)
{
    int error = 0;
    PCRE2_SIZE at = 0;

    if (pattern.n == 0) {
        (void)err_set(e, FAIL_INPUT, "regular expression of a mask hint is empty");
        return NULL;
    }
    if (pattern.n > MAX_PATTERN_BYTES) {
        (void)err_set(e, FAIL_INPUT, "regular expression of a mask hint is longer than %u bytes",
                      MAX_PATTERN_BYTES);
        return NULL;
    }
    /* ALT_BSUX: \uXXXX, as in .NET. UCP: \w and \d know all of Unicode, as in .NET. */
    pcre2_code *code = pcre2_compile(
        (PCRE2_SPTR)pattern.p, pattern.n,
        PCRE2_UTF | PCRE2_UCP | PCRE2_ALT_BSUX | PCRE2_NEVER_BACKSLASH_C, &error, &at, NULL);
    if (code == NULL) {
        char text[120];
        (void)pcre2_get_error_message(error, (PCRE2_UCHAR *)text, sizeof text);
        /* The pattern itself may be a secret. */
        (void)err_set(e, FAIL_INPUT, "cannot compile a mask hint: %s at offset %zu", text, at);
        return NULL;
    }
    struct mask_regex *r = xcalloc(1, sizeof *r);
    r->code = code;
    r->context = pcre2_match_context_create(NULL);
    r->data = pcre2_match_data_create(1, NULL);
    BUG(r->context == NULL || r->data == NULL); /* out of memory */
    (void)pcre2_set_heap_limit(r->context, HEAP_LIMIT_KIB);
    return r;
}

void mask_regex_free(struct mask_regex *r)
{
    if (r == NULL)
        return;
    pcre2_match_data_free(r->data);
    pcre2_match_context_free(r->context);
    pcre2_code_free(r->code);
    free(r);
}

bool mask_regex_literal(struct sv pattern, struct buf *out)
{
    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i];
        if (c == '\\') {
            /* A backslash takes the meaning from punctuation; before a letter or digit it gives one. */
            if (++i == pattern.n || ch_is_alnum(pattern.p[i]) || pattern.p[i] == '_' ||
                (unsigned char)pattern.p[i] >= 0x80)
                return false;
            c = pattern.p[i];
        } else if (c == '\0' || strchr(".^$|?*+()[]{}", c) != NULL) {
            return false;
        }
        buf_addc(out, c);
    }
    return pattern.n > 0 && !out->over;
}

void mask_regex_scan(const struct mask_regex *r, struct sv text, struct spans *out)
{
    size_t budget = text.n * MAX_REREAD + 65536, from = 0, end = 0;
    size_t limit = MATCH_LIMIT + text.n * MATCH_LIMIT_BYTE;

    (void)pcre2_set_match_limit(r->context, limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX);
    while (from < text.n) {
        int rc = pcre2_match(r->code, (PCRE2_SPTR)text.p, text.n, from, PCRE2_NO_UTF_CHECK, r->data,
                             r->context);
        if (rc == PCRE2_ERROR_NOMATCH)
            return;
        const PCRE2_SIZE *ov = pcre2_get_ovector_pointer(r->data);
        size_t cost = rc < 0 || ov[1] < ov[0] ? SIZE_MAX : ov[1] - ov[0];
        if (cost > budget) { /* gave up, or keeps finding the same text again and again */
            spans_add(out, cost != SIZE_MAX ? ov[0] : from, text.n);
            return;
        }
        budget -= cost;
        if (cost > 0) {
            end = ov[1] > end ? ov[1] : end;
            spans_add(out, ov[0], end); /* ends must not shrink; up to `end` is hidden already */
            if (end == text.n)
                return;
        }
        /* The next character after the start. */
        from = (ov[0] > from ? ov[0] : from) + 1;
        while (from < text.n && ((unsigned char)text.p[from] & 0xC0U) == 0x80U)
            from++;
    }
}
