/* SPDX-License-Identifier: Apache-2.0
 *
 * service.db: the inputs of runs, the state of legs, registrations, and which content a blob name has. SQLite in
 * WAL mode; a schema version with forward migrations, a newer one is refused. No secret value is ever a column.
 *
 * The commits run on the loop: WAL with synchronous=NORMAL does not wait for the disk (mode `serve`). */
#include "runner/service/svc_priv.h"

#include <errno.h>
#include <jansson.h>
#include <sqlite3.h>

#include "base/failpoint.h"
#include "base/mem.h"

enum statement {
    PUT_RUN,
    PUT_LEG,
    PUT_RUNNER,
    PUT_BLOB,
    GET_BLOB,
    PUT_PLACE,
    DEL_PLACE,
    STATEMENT_COUNT_
};
struct store {
    sqlite3 *db;
    sqlite3_stmt *st[STATEMENT_COUNT_];
};

/* migrations[i] leads from version i to i + 1. Never changed once released: add one. */
static const char *const migrations[] = {
    "CREATE TABLE runs(id INTEGER PRIMARY KEY, plan_id TEXT NOT NULL, request TEXT NOT NULL,"
    " started_ms INTEGER NOT NULL, cancelled INTEGER NOT NULL, done INTEGER NOT NULL,"
    " result INTEGER NOT NULL) STRICT;"
    "CREATE TABLE legs(uuid TEXT PRIMARY KEY, run_id INTEGER NOT NULL, number INTEGER NOT NULL,"
    " leg_id TEXT NOT NULL, job_id TEXT NOT NULL, name TEXT NOT NULL, matrix TEXT NOT NULL,"
    " state INTEGER NOT NULL, result INTEGER NOT NULL, outputs TEXT NOT NULL, steps TEXT NOT NULL,"
    " runner INTEGER NOT NULL, queued_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX legs_of_run ON legs(run_id, number);"
    "CREATE TABLE runners(id INTEGER PRIMARY KEY, name TEXT NOT NULL, labels TEXT NOT NULL,"
    " ephemeral INTEGER NOT NULL, deleted INTEGER NOT NULL, client_id TEXT NOT NULL,"
    " public_key TEXT) STRICT;"
    "CREATE TABLE blobs(name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, size INTEGER NOT NULL) STRICT;",
    /* concurrency groups, and the order in which legs ended */
    "ALTER TABLE legs ADD COLUMN finished INTEGER NOT NULL DEFAULT 0;"
    "UPDATE legs SET finished = number WHERE state = 3;"
    "CREATE TABLE places(run_id INTEGER NOT NULL, id TEXT NOT NULL, path TEXT NOT NULL,"
    " name TEXT NOT NULL, grp TEXT NOT NULL, cancel_in_progress INTEGER NOT NULL,"
    " queue_max INTEGER NOT NULL, phase INTEGER NOT NULL, arrival INTEGER NOT NULL,"
    " PRIMARY KEY(run_id, id)) STRICT;",
    /* small blobs lie here and not in files of their own */
    "ALTER TABLE blobs ADD COLUMN content BLOB;",
};
#define SCHEMA_VERSION ((int)(sizeof migrations / sizeof *migrations))

static const char *const statements[STATEMENT_COUNT_] = {
    [PUT_RUN] = "INSERT OR REPLACE INTO runs VALUES(?,?,?,?,?,?,?)",
    [PUT_LEG] = "INSERT OR REPLACE INTO legs VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [PUT_RUNNER] = "INSERT OR REPLACE INTO runners VALUES(?,?,?,?,?,?,?)",
    [PUT_BLOB] = "INSERT OR REPLACE INTO blobs VALUES(?,?,?,?)",
    [GET_BLOB] = "SELECT sha256, size, content FROM blobs WHERE name = ?",
    [PUT_PLACE] = "INSERT OR REPLACE INTO places VALUES(?,?,?,?,?,?,?,?,?)",
    [DEL_PLACE] = "DELETE FROM places WHERE run_id = ? AND id = ?",
};

/* injected: errno of a fail point, or 0. */
static int failed_by(struct store *st, const char *what, int injected, struct err *e)
{
    int rc = sqlite3_errcode(st->db) & 0xFF, sys = sqlite3_system_errno(st->db);
    const char *path = sqlite3_db_filename(st->db, "main");
    bool full = injected == ENOSPC || rc == SQLITE_FULL || (rc == SQLITE_IOERR && sys == ENOSPC);

    return err_set(e, FAIL_SYS, "service database '%s': %s: %s%s", path != NULL ? path : "", what,
                   injected != 0 ? strerrordesc_np(injected) : sqlite3_errmsg(st->db),
                   full ? "; free some space and run again" : "");
}

static int failed(struct store *st, const char *what, struct err *e)
{
    return failed_by(st, what, 0, e);
}

static int run_sql(struct store *st, const char *sql, struct err *e)
{
    if (sqlite3_exec(st->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return failed(st, "cannot prepare it", e);
    return 0;
}

static int version_of(struct store *st, int *out, struct err *e)
{
    sqlite3_stmt *q = NULL;

    if (sqlite3_prepare_v2(st->db, "PRAGMA user_version", -1, &q, NULL) != SQLITE_OK ||
        sqlite3_step(q) != SQLITE_ROW) {
        (void)sqlite3_finalize(q);
        return failed(st, "cannot read its version", e);
    }
    *out = sqlite3_column_int(q, 0);
    (void)sqlite3_finalize(q);
    return 0;
}

static int migrate(struct store *st, struct err *e)
{
    int version = 0;

    if (version_of(st, &version, e) < 0)
        return -1;
    if (version > SCHEMA_VERSION)
        return err_set(e, FAIL_UNSUPPORTED,
                       "service database: it has version %d, this program knows up to %d; "
                       "use a newer gantry, or another state folder",
                       version, SCHEMA_VERSION);
    for (; version < SCHEMA_VERSION; version++) {
        AUTO(auto_free) char *set = xasprintf("PRAGMA user_version = %d", version + 1);
        if (run_sql(st, "BEGIN IMMEDIATE", e) < 0 || run_sql(st, migrations[version], e) < 0 ||
            run_sql(st, set, e) < 0 || run_sql(st, "COMMIT", e) < 0)
            return -1;
    }
    return 0;
}

int store_open(struct svc *s, struct store **out, struct err *e)
{
    AUTO(auto_free) char *path = xasprintf("%s/service.db", s->cfg.state_dir);
    struct store *st = xcalloc(1, sizeof *st);
    int rc = sqlite3_open_v2(path, &st->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                                 SQLITE_OPEN_PRIVATECACHE,
                             NULL);

    if (rc != SQLITE_OK) {
        (void)err_set(e, FAIL_SYS, "cannot open the service database '%s': %s", path,
                      sqlite3_errstr(rc));
        store_close(st);
        return -1;
    }
    (void)sqlite3_busy_timeout(st->db, 5000);
    /* The state of one `gantry run` ends with its service and is thrown away: nothing has to reach the disk in time,
     * nor to be made whole after a crash. */
    if (run_sql(st,
                s->cfg.serve ? "PRAGMA synchronous=NORMAL; PRAGMA journal_mode=WAL"
                             : "PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY; "
                               "PRAGMA locking_mode=EXCLUSIVE",
                e) < 0 ||
        migrate(st, e) < 0) {
        store_close(st);
        return -1;
    }
    for (int i = 0; i < STATEMENT_COUNT_; i++)
        if (sqlite3_prepare_v2(st->db, statements[i], -1, &st->st[i], NULL) != SQLITE_OK) {
            (void)failed(st, "cannot prepare a statement", e);
            store_close(st);
            return -1;
        }
    *out = st;
    return 0;
}

void store_close(struct store *st)
{
    if (st == NULL)
        return;
    for (int i = 0; i < STATEMENT_COUNT_; i++)
        (void)sqlite3_finalize(st->st[i]);
    (void)sqlite3_close(st->db);
    free(st);
}

static void text(sqlite3_stmt *q, int at, struct sv s)
{
    (void)sqlite3_bind_text(q, at, s.p, (int)s.n, SQLITE_TRANSIENT);
}

/* Executes a statement that changes something. */
static int change(struct store *st, sqlite3_stmt *q, struct err *e)
{
    int injected = failpoint_hit("store-write");
    int rc = injected == 0 ? sqlite3_step(q) : SQLITE_FULL;

    if (rc != SQLITE_DONE)
        (void)failed_by(st, "cannot write it", injected, e);
    (void)sqlite3_reset(q);
    (void)sqlite3_clear_bindings(q);
    return rc == SQLITE_DONE ? 0 : -1;
}

int store_put_run(struct store *st, const struct run *r, struct err *e)
{
    sqlite3_stmt *q = st->st[PUT_RUN];
    AUTO(buf_free) struct buf request = BUF_INIT((size_t)SVC_MAX_RUN_BODY * 2);

    jx_write(&request, r->request);
    if (buf_done(&request, "run", e) < 0)
        return -1;
    (void)sqlite3_bind_int64(q, 1, (sqlite3_int64)r->id);
    text(q, 2, sv_of(r->plan_id));
    text(q, 3, buf_sv(&request));
    (void)sqlite3_bind_int64(q, 4, r->started_ms);
    (void)sqlite3_bind_int(q, 5, r->cancelled);
    (void)sqlite3_bind_int(q, 6, r->done);
    (void)sqlite3_bind_int(q, 7, (int)r->result);
    return change(st, q, e);
}

static void json_text(sqlite3_stmt *q, int at, json_t *own_value)
{
    AUTO(auto_json) json_t *v = own_value;
    AUTO(buf_free) struct buf b = BUF_INIT(SVC_MAX_JOB_BODY);

    if (v == NULL)
        buf_adds(&b, "null");
    else
        jx_write(&b, v);
    text(q, at, buf_sv(&b));
}

static json_t *steps_json(const struct leg *l)
{
    json_t *a = json_array();

    for (size_t i = 0; i < l->n_steps; i++)
        if (l->steps[i]->external_id[0] != '\0' && l->steps[i]->context_name != NULL)
            (void)json_array_append_new(a, json_pack("{s:s, s:s}", "id", l->steps[i]->external_id,
                                                     "name", l->steps[i]->context_name));
    return a;
}

int store_put_leg(struct store *st, const struct leg *l, struct err *e)
{
    sqlite3_stmt *q = st->st[PUT_LEG];

    text(q, 1, sv_of(l->uuid));
    (void)sqlite3_bind_int64(q, 2, (sqlite3_int64)l->run->id);
    (void)sqlite3_bind_int64(q, 3, l->number);
    text(q, 4, sv_of(l->id));
    text(q, 5, sv_of(l->job_id));
    text(q, 6, sv_of(l->name));
    json_text(q, 7, json_incref(l->matrix));
    (void)sqlite3_bind_int(q, 8, (int)l->state);
    (void)sqlite3_bind_int(q, 9, (int)l->result);
    json_text(q, 10, l->outputs != NULL ? val_to_json(l->outputs) : json_object());
    json_text(q, 11, steps_json(l));
    (void)sqlite3_bind_int64(q, 12, l->runner != NULL ? (sqlite3_int64)l->runner->id : 0);
    (void)sqlite3_bind_int64(q, 13, l->queued_ms);
    (void)sqlite3_bind_int64(q, 14, l->started_ms);
    (void)sqlite3_bind_int64(q, 15, (sqlite3_int64)l->finished);
    return change(st, q, e);
}

int store_put_place(struct store *st, const struct place *p, struct err *e)
{
    sqlite3_stmt *q = st->st[PUT_PLACE];

    (void)sqlite3_bind_int64(q, 1, (sqlite3_int64)p->run->id);
    text(q, 2, sv_of(p->id));
    text(q, 3, sv_of(p->path));
    text(q, 4, sv_of(p->name));
    text(q, 5, sv_of(p->group.name));
    (void)sqlite3_bind_int(q, 6, p->group.cancel_in_progress);
    (void)sqlite3_bind_int(q, 7, p->group.queue_max);
    (void)sqlite3_bind_int(q, 8, (int)p->phase);
    (void)sqlite3_bind_int64(q, 9, (sqlite3_int64)p->order);
    return change(st, q, e);
}

int store_del_place(struct store *st, const struct place *p, struct err *e)
{
    sqlite3_stmt *q = st->st[DEL_PLACE];

    (void)sqlite3_bind_int64(q, 1, (sqlite3_int64)p->run->id);
    text(q, 2, sv_of(p->id));
    return change(st, q, e);
}

int store_put_runner(struct store *st, const struct runner *r, struct err *e)
{
    sqlite3_stmt *q = st->st[PUT_RUNNER];
    json_t *labels = json_array();

    for (size_t i = 0; i < r->labels.n; i++)
        (void)json_array_append_new(labels, json_string(r->labels.v[i]));
    (void)sqlite3_bind_int64(q, 1, (sqlite3_int64)r->id);
    text(q, 2, sv_of(r->name));
    json_text(q, 3, labels);
    (void)sqlite3_bind_int(q, 4, r->ephemeral);
    (void)sqlite3_bind_int(q, 5, r->deleted);
    text(q, 6, sv_of(r->client_id));
    if (r->public_key != NULL)
        text(q, 7, sv_of(r->public_key));
    return change(st, q, e);
}

int store_put_blob(struct store *st, const char *name, const char *sha256, uint64_t size,
                   const struct sv *content, struct err *e)
{
    sqlite3_stmt *q = st->st[PUT_BLOB];

    text(q, 1, sv_of(name));
    text(q, 2, sv_of(sha256));
    (void)sqlite3_bind_int64(q, 3, (sqlite3_int64)size);
    if (content != NULL)
        (void)sqlite3_bind_blob64(q, 4, content->p, content->n, SQLITE_TRANSIENT);
    return change(st, q, e);
}

int store_get_blob(struct store *st, const char *name, struct store_blob *out, struct err *e)
{
    sqlite3_stmt *q = st->st[GET_BLOB];
    int rc;

    text(q, 1, sv_of(name));
    rc = sqlite3_step(q);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(q, 0) == 64) {
        memcpy(out->sha256, sqlite3_column_text(q, 0), 64);
        out->sha256[64] = '\0';
        out->size = (uint64_t)sqlite3_column_int64(q, 1);
        out->is_inline = sqlite3_column_type(q, 2) != SQLITE_NULL;
        if (out->is_inline && out->content != NULL)
            buf_add(out->content, sqlite3_column_blob(q, 2), (size_t)sqlite3_column_bytes(q, 2));
    } else {
        (void)err_set(e, FAIL_NOTFOUND, "there is no blob '%s'", name);
        rc = -1;
    }
    (void)sqlite3_reset(q);
    (void)sqlite3_clear_bindings(q);
    return rc == -1 ? -1 : 0;
}

static struct sv column(sqlite3_stmt *q, int at)
{
    const char *p = (const char *)sqlite3_column_text(q, at);

    return (struct sv){p != NULL ? p : "", p != NULL ? (size_t)sqlite3_column_bytes(q, at) : 0};
}

static int load_runner(const struct store_loader *l, sqlite3_stmt *q, struct err *e)
{
    struct runner r = {.labels = STRV_INIT};
    AUTO(auto_free) char *name = sv_dup(column(q, 1));
    AUTO(auto_free)
    char *key = sqlite3_column_type(q, 6) != SQLITE_NULL ? sv_dup(column(q, 6)) : NULL;
    AUTO(auto_json) json_t *labels = jx_parse(column(q, 2), "labels", e);
    struct sv client = column(q, 5);
    const json_t *v;
    size_t i;
    int rc;

    r.id = (uint64_t)sqlite3_column_int64(q, 0);
    r.name = name;
    r.public_key = key;
    json_array_foreach(labels, i, v) strv_add(&r.labels, json_string_value(v));
    r.ephemeral = sqlite3_column_int(q, 3) != 0;
    r.deleted = sqlite3_column_int(q, 4) != 0;
    if (client.n < sizeof r.client_id)
        memcpy(r.client_id, client.p, client.n);
    rc = l->runner(l->ctx, &r, e);
    strv_free(&r.labels);
    return rc;
}

static int load_run(const struct store_loader *l, sqlite3_stmt *q, struct err *e)
{
    return l->run(l->ctx, (uint64_t)sqlite3_column_int64(q, 0), column(q, 1), column(q, 2),
                  sqlite3_column_int64(q, 3), sqlite3_column_int(q, 4) != 0,
                  sqlite3_column_int(q, 5) != 0, sqlite3_column_int64(q, 6), e);
}

static int load_leg(const struct store_loader *l, sqlite3_stmt *q, struct err *e)
{
    struct store_leg g = {
        .uuid = column(q, 0),
        .id = column(q, 3),
        .job_id = column(q, 4),
        .name = column(q, 5),
        .matrix = column(q, 6),
        .state = sqlite3_column_int64(q, 7),
        .result = sqlite3_column_int64(q, 8),
        .outputs = column(q, 9),
        .steps = column(q, 10),
        .runner = sqlite3_column_int64(q, 11),
        .queued_ms = sqlite3_column_int64(q, 12),
        .started_ms = sqlite3_column_int64(q, 13),
        .finished = sqlite3_column_int64(q, 14),
    };

    return l->leg(l->ctx, (uint64_t)sqlite3_column_int64(q, 1), &g, e);
}

static int load_place(const struct store_loader *l, sqlite3_stmt *q, struct err *e)
{
    struct store_place p = {
        .id = column(q, 1),
        .path = column(q, 2),
        .name = column(q, 3),
        .group = column(q, 4),
        .cancel_in_progress = sqlite3_column_int(q, 5) != 0,
        .queue_max = sqlite3_column_int(q, 6) != 0,
        .phase = sqlite3_column_int64(q, 7),
        .order = sqlite3_column_int64(q, 8),
    };

    return l->place(l->ctx, (uint64_t)sqlite3_column_int64(q, 0), &p, e);
}

int store_load(struct store *st, const struct store_loader *l, struct err *e)
{
    static const struct {
        const char *sql;
        int (*fn)(const struct store_loader *l, sqlite3_stmt *q, struct err *e);
    } table[] = {
        {"SELECT * FROM runners ORDER BY id", load_runner},
        {"SELECT * FROM runs ORDER BY id", load_run},
        {"SELECT * FROM legs ORDER BY run_id, number", load_leg},
        {"SELECT * FROM places ORDER BY arrival", load_place},
    };

    /* A crash may have come between the end of a run and that of its places. */
    if (run_sql(st, "DELETE FROM places WHERE run_id IN (SELECT id FROM runs WHERE done = 1)", e) <
        0)
        return -1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        sqlite3_stmt *q = NULL;
        int rc = 0, step = SQLITE_DONE;
        if (sqlite3_prepare_v2(st->db, table[i].sql, -1, &q, NULL) != SQLITE_OK)
            return failed(st, "cannot read it", e);
        while (rc == 0 && (step = sqlite3_step(q)) == SQLITE_ROW)
            rc = table[i].fn(l, q, e);
        (void)sqlite3_finalize(q);
        if (rc < 0)
            return -1;
        if (step != SQLITE_DONE)
            return failed(st, "cannot read it", e);
    }
    return 0;
}
