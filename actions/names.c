/* SPDX-License-Identifier: Apache-2.0
 *
 * `uses:` of steps, images of containers. Source: actions/runner:
 * src/Sdk/WorkflowParser/Conversion/WorkflowTemplateConverter.cs (ConvertToStep), spec job-execution 1.8. */
#include "actions/names.h"

static int bad_format(struct sv text, struct err *e)
{
    return err_set(e, FAIL_INPUT, "Expected format {org}/{repo}[/path]@ref. Actual '%.*s'",
                   (int)(text.n < ERR_MAX_TEXT ? text.n : ERR_MAX_TEXT), text.p);
}

/* Ours: the official reader also takes doubled and leading slashes, and backslashes, in front of the ref; they
 * name the same place, so that the one spelling is asked for instead of being rewritten. */
static bool clean(struct sv path)
{
    struct sv part;

    if (sv_chr(path, '\\') != SV_NPOS)
        return false;
    while (sv_next(&path, '/', &part)) {
        if (part.n == 0)
            return false;
    }
    return true;
}

static int parse_repository(struct sv text, struct uses *out, struct err *e)
{
    size_t at = sv_chr(text, '@');

    if (at == SV_NPOS || at + 1 == text.n || sv_rchr(text, '@') != at)
        return bad_format(text, e);
    struct sv path = sv_sub(text, 0, at);
    if (sv_ends(path, SV("/")))
        path = sv_sub(path, 0, path.n - 1);
    size_t owner = sv_chr(path, '/');
    if (owner == SV_NPOS || !clean(path))
        return bad_format(text, e);
    size_t repo = sv_chr(sv_sub(path, owner + 1, SV_NPOS), '/');
    size_t end = repo == SV_NPOS ? path.n : owner + 1 + repo;
    *out = (struct uses){
        .kind = USES_REPOSITORY,
        .repository = sv_sub(path, 0, end),
        .ref = sv_sub(text, at + 1, SV_NPOS),
        .path = end < path.n ? sv_sub(path, end + 1, SV_NPOS) : (struct sv){"", 0},
    };
    return 0;
}

int uses_parse(struct sv text, struct uses *out, struct err *e)
{
    const struct sv none = {"", 0};
    struct uses u = {.repository = none, .ref = none, .path = none, .image = none};

    if (sv_starts(text, SV("docker://"))) {
        u.kind = USES_DOCKER;
        u.image = sv_sub(text, 9, SV_NPOS);
        if (u.image.n == 0)
            return err_set(e, FAIL_INPUT, "Container image cannot be empty");
    } else if (sv_starts(text, SV("./")) || sv_starts(text, SV(".\\"))) {
        u.kind = USES_LOCAL;
        u.path = text;
    } else if (sv_starts(text, SV("$/"))) {
        if (sv_chr(text, '@') != SV_NPOS)
            return err_set(e, FAIL_INPUT,
                           "Expected format $/path: a file of the same repository has the commit "
                           "that runs. Actual '%.*s'",
                           (int)(text.n > 200 ? 200 : text.n), text.p);
        u.kind = USES_SELF_REPOSITORY;
        u.path = sv_sub(text, 2, SV_NPOS);
        while (sv_starts(u.path, SV("/")))
            u.path = sv_sub(u.path, 1, SV_NPOS);
    } else {
        return parse_repository(text, out, e);
    }
    *out = u;
    return 0;
}

#if defined(__x86_64__)
#    define ARCHITECTURE "X64"
#elif defined(__aarch64__)
#    define ARCHITECTURE "ARM64"
#elif defined(__arm__)
#    define ARCHITECTURE "ARM"
#else
#    define ARCHITECTURE "X86"
#endif

const char *const names_local_labels[] = {
    "self-hosted",  "Linux",        ARCHITECTURE,   "ubuntu-latest", "ubuntu-20.04",
    "ubuntu-22.04", "ubuntu-24.04", "ubuntu-26.04", "ubuntu-slim",   NULL};

bool names_is_local_label(struct sv label)
{
    for (const char *const *l = names_local_labels; *l != NULL; l++)
        if (sv_ieq(label, sv_of(*l)))
            return true;
    return false;
}

bool names_image(const struct val *container)
{
    AUTO(buf_free) struct buf b = BUF_INIT(65536);
    const struct val *image =
        val_kind(container) == VAL_OBJECT ? val_gets(container, "image") : container;

    if (image != NULL)
        val_to_text(image, &b);
    return b.over || (b.len > 0 && !sv_eq(buf_sv(&b), SV("docker://")));
}
