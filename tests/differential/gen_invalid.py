"""Mistakes for generated workflows: every error of the catalogue (spec expressions 11) that a file can hold.

A mistake changes the tree and returns True, or False where the file has no place for it. Those in RARE are what one side
alone sees (known differences): they stay below one file in a hundred each.
"""
from gen_yaml import Block, Key, Plain

MISTAKES, RARE, IN_TEXT = {}, {}, {}


def mistake(f):
    MISTAKES[f.__name__.replace("_", "-")] = f
    return f


def rare(f):
    RARE[f.__name__.replace("_", "-")] = f
    return f


def any_job(w, tree, calling=False):
    found = [job for job in tree["jobs"].values() if ("uses" in job) == calling]
    return w.rng.choice(found) if found else None


def any_step(w, tree, key=None):
    found = [step for job in tree["jobs"].values() for step in job.get("steps", ()) if key is None or key in step]
    return w.rng.choice(found) if found else None


def in_job(key, make, calling=False):
    """A mistake that is one key of a job."""
    def apply(w, tree):
        job = any_job(w, tree, calling)
        if job is None:
            return False
        job[key] = make(w) if callable(make) else make
        return True
    return apply


def in_step(key, make, having=None):
    def apply(w, tree):
        step = any_step(w, tree, having)
        if step is None:
            return False
        step[key] = make(w) if callable(make) else make
        return True
    return apply


def in_root(key, make):
    def apply(w, tree):
        tree[key] = make(w) if callable(make) else make
        return True
    return apply


def expression(text):
    """The text in a place that takes expressions: the script of a step, or the name of the run."""
    def apply(w, tree):
        step = any_step(w, tree, "run")
        if step is None or w.maybe(0.3):
            tree["run-name"] = text
        else:
            step["run"] = text
        return True
    return apply


def on_mapping(tree):
    if not isinstance(tree["on"], dict):
        tree["on"] = {"push": {}}
    return tree["on"]


def in_event(event, make):
    def apply(w, tree):
        on_mapping(tree)[event] = make(w) if callable(make) else make
        return True
    return apply


MISTAKES.update({
    # unexpected values
    "unknown-root-key": in_root("stages", "x"),
    "unknown-job-key": in_job("script", "make"),
    "unknown-call-key": in_job("env", {"A": "b"}, True),
    "unknown-step-key": in_step("runs", "make"),
    "unknown-container-key": in_job("container", {"image": "a", "imagePullPolicy": "x"}),
    "unknown-strategy-key": in_job("strategy", {"matrix": {"v": ["a"]}, "parallel": Plain("2")}),
    "unknown-event": in_event("pushed", Plain("")),
    "unknown-event-in-list": in_root("on", ["push", "pulled"]),
    "unknown-event-text": in_root("on", "Push"),
    "unknown-type": in_event("issues", {"types": ["opened", "spammed"]}),
    "unknown-filter": in_event("push", {"branch": "main"}),
    "event-without-settings": in_event("fork", {"types": ["a"]}),
    "permission-unknown": in_root("permissions", {"content": "read"}),
    "permission-level": in_root("permissions", lambda w: {"contents": w.rng.choice(("admin", "", Plain("true")))}),
    "permission-id-token-read": in_job("permissions", {"id-token": "read"}),
    "permission-word": in_root("permissions", "read"),
    "queue-unknown": in_root("concurrency", {"group": "g", "queue": "min"}),
    "secrets-word": in_job("secrets", "all", True),
    "boolean-expected": in_job("continue-on-error", lambda w: w.rng.choice(("yes", "true", Plain("1")))),
    "number-expected": in_job("timeout-minutes", lambda w: w.rng.choice(("30", "soon", Plain("true")))),
    "fail-fast-text": in_job("strategy", {"fail-fast": "no", "matrix": {"v": ["a"]}}),
    "empty-name": in_job("runs-on", ""),
    "empty-in-list": in_job("runs-on", ["a", ""]),
    "step-id-empty": in_step("id", "", "id"),
    "uses-empty": in_step("uses", "", "uses"),
    "call-uses-empty": in_job("uses", Plain(""), True),
    "environment-type": in_event("workflow_dispatch", {"inputs": {"a": {"type": "file"}}}),
    "call-type": in_event("workflow_call", {"inputs": {"a": {"type": "choice"}}}),
    # collections
    "sequence-not-expected": in_job("env", ["A=b"]),
    "sequence-as-name": in_root("name", ["a"]),
    "mapping-not-expected": in_step("run", {"sh": "make"}, "run"),
    "mapping-as-runs": in_job("steps", {"run": "make"}),
    "jobs-sequence": in_root("jobs", [{"runs-on": "x"}]),
    "env-nested": in_root("env", {"A": {"B": "c"}}),
    "matrix-vector-text": in_job("strategy", {"matrix": {"os": "linux"}}),
    "schedule-mapping": in_event("schedule", {"cron": "0 0 * * *"}),
    "scalar-as-job": lambda w, t: bool(t["jobs"].update(extra="make")) or True,
    "null-job": lambda w, t: bool(t["jobs"].update(extra=Plain(""))) or True,
    "scalar-as-steps": in_job("steps", "make"),
    "scalar-as-env": in_step("env", "A=b", "run"),
    # required and one-of
    "jobs-missing": lambda w, t: t.pop("jobs") is not None,
    "on-missing": lambda w, t: t.pop("on") is not None,
    "jobs-empty": in_root("jobs", {}),
    "runs-on-missing": lambda w, t: bool(t["jobs"].update(extra={"steps": [{"run": "a"}]})) or True,
    "neither-runs-on-nor-uses": lambda w, t: bool(t["jobs"].update(extra={"name": "a"})) or True,
    "runs-on-and-uses": in_job("uses", "./.github/workflows/x.yml"),
    "uses-and-steps": in_job("steps", [{"run": "a"}], True),
    "run-and-uses": lambda w, t: in_step("uses" if w.maybe(0.5) else "with", lambda w: "a/b@c" if w.maybe(0.5) else {}, "run")(w, t),
    "step-of-nothing": lambda w, t: append_step(w, t, {"name": "a", "id": "only"}),
    "environment-name-missing": in_job("environment", {"url": "https://x"}),
    "group-missing": in_root("concurrency", {"cancel-in-progress": Plain("true")}),
    "image-missing": in_job("container", {"options": "--cpus 1"}),
    "image-name-missing": in_job("snapshot", {"version": "1.*"}),
    "cron-missing": in_event("schedule", [{"timezone": "UTC"}]),
    "schedule-key": in_event("schedule", [{"cron": "0 0 * * *", "at": "x"}]),
    "call-type-missing": in_event("workflow_call", {"inputs": {"a": {"description": "x"}}}),
    "call-output-value-missing": in_event("workflow_call", {"outputs": {"a": {"description": "x"}}}),
    # expressions
    "expression-not-allowed": in_root("name", "${{ 1 }}"),
    "expression-in-uses": in_job("uses", "o/r/.github/workflows/x.yml@${{ 'v' }}${{ 1 }}", True),
    "expression-in-shell": in_step("shell", "a ${{ 1 }}", "run"),
    "expression-unclosed": expression("a ${{ github.ref }"),
    "expression-unclosed-text": expression("${{ 'a }}"),
    "expression-empty": expression("${{  }}"),
    "expression-end": expression("${{ github.ref == }}"),
    "expression-symbol": expression("x ${{ github.ref = 'a' }}"),
    "expression-double-quotes": expression('${{ "a" }}'),
    "expression-name": expression("${{ gitub.ref }}"),
    "expression-function": expression("${{ lower(github.ref) }}"),
    "expression-too-few": expression("${{ contains(github.ref) }}"),
    "expression-too-many": expression("${{ toJSON(github, 1) }}"),
    "expression-bracket": expression("${{ (github.ref }}"),
    "expression-second": expression("a ${{ github.ref }} b ${{ secret }}"),
    "context-not-here": in_root("run-name", "${{ secrets.A }}"),
    "context-of-job-if": in_job("if", "matrix.os == 'x'"),
    "context-of-strategy": in_job("strategy", {"matrix": {"a": ["${{ matrix.b }}"]}}),
    "secrets-in-if": in_step("if", "secrets.A != ''", "run"),
    "status-in-run": expression("${{ success() }}"),
    "status-argument": in_step("if", "failure('a')", "run"),
    "hash-files-in-output": in_job("outputs", {"a": "${{ hashFiles('x') }}"}),
    "if-symbol": in_job("if", "github.ref = 'a'"),
    "if-word": in_step("if", "success", "run"),
    "insert-inline": expression("a ${{ insert }}"),
    # ids and needs
    "job-id": lambda w, t: rename_job(w, t, w.rng.choice(("1a", "a.b", "a b", "ä", "a" * 100))),
    "job-id-reserved": lambda w, t: rename_job(w, t, "__x"),
    "step-id": in_step("id", lambda w: w.rng.choice(("1a", "a.b", "a" * 100)), "run"),
    "step-id-reserved": in_step("id", "__run", "run"),
    "step-id-twice": lambda w, t: append_step(w, t, {"run": "a", "id": "twin"}, {"run": "b", "id": "twin"}),
    "key-twice": lambda w, t: bool(t.update({Key("name"): "a", Key("NAME"): "b"})) or True,
    "key-twice-in-env": in_root("env", lambda w: {Key("A"): "1", Key("a"): "2"}),
    "job-twice": lambda w, t: bool(t["jobs"].update({Key("twin"): {"runs-on": "x"}, Key("Twin"): {"runs-on": "x"}})) or True,
    "needs-unknown": in_job("needs", ["nobody"]),
    "needs-itself": lambda w, t: bool(t["jobs"].update(ring={"runs-on": "x", "needs": "ring"})) or True,
    "needs-cycle": lambda w, t: bool(t["jobs"].update(ring1={"runs-on": "x", "needs": "ring2"},
                                                      ring2={"runs-on": "x", "needs": ["ring1"]})) or True,
    "needs-no-start": in_root("jobs", {"a": {"runs-on": "x", "needs": "b"}, "b": {"runs-on": "x", "needs": "a"}}),
    # events
    "cron": in_event("schedule", lambda w: [{"cron": w.rng.choice(("0 0 * *", "60 * * * *", "* * * * 7", "@daily", "x * * * *"))}]),
    "choice-without-options": in_event("workflow_dispatch", {"inputs": {"a": {"type": "choice"}}}),
    "options-without-choice": in_event("workflow_dispatch", {"inputs": {"a": {"type": "string", "options": ["x"]}}}),
    "dispatch-default": in_event("workflow_dispatch", {"inputs": {"a": {"type": "boolean", "default": "yes"}}}),
    "call-default": in_event("workflow_call", {"inputs": {"a": {"type": "boolean", "default": "yes"}}}),
    # steps that steer others
    "wait-unknown": lambda w, t: append_step(w, t, {"wait": "nobody"}),
    "wait-itself": lambda w, t: append_step(w, t, {"id": "me", "wait": ["me"]}),
    "wait-reserved": lambda w, t: append_step(w, t, {"wait": "__run"}),
    "wait-all-false": lambda w, t: append_step(w, t, {"wait-all": Plain("false")}),
    "cancel-unknown": lambda w, t: append_step(w, t, {"cancel": "nobody"}),
    "parallel-in-parallel": lambda w, t: append_step(w, t, {"parallel": [{"parallel": [{"run": "a"}]}]}),
    "wait-in-parallel": lambda w, t: append_step(w, t, {"parallel": [{"run": "a", "id": "x"}, {"wait": "x"}]}),
    "wait-all-in-parallel": lambda w, t: append_step(w, t, {"parallel": [{"wait-all": Plain("")}]}),
    "background-in-parallel": lambda w, t: append_step(w, t, {"parallel": [{"run": "a", "background": Plain("true")}]}),
    "id-on-parallel": lambda w, t: append_step(w, t, {"parallel": [{"run": "a"}], "id": "x"}),
    # groups
    "group-empty": in_job("runs-on", {"group": "org/"}),
})

RARE.update({
    "group-prefix": in_job("runs-on", {"group": "team/x"}),
    "matrix-empty-vector": in_job("strategy", {"matrix": {"a": []}}),
    "matrix-without-vector": in_job("strategy", {"matrix": {}}),
    "matrix-empty-include": in_job("strategy", {"matrix": {"a": ["1"], "include": [{}]}}),
    "matrix-empty-exclude": in_job("strategy", {"matrix": {"a": ["1"], "exclude": [{}]}}),
    "matrix-exclude-key": in_job("strategy", {"matrix": {"a": ["1"], "exclude": [{"b": "1"}]}}),
    "uses-format": in_step("uses", lambda w: w.rng.choice(("a/b", "a@b", "a/b@", "a/b@c@d")), "uses"),
    "call-format": in_job("uses", lambda w: w.rng.choice(("./x.yml", "o/r/.github/workflows/x.yml", "o/r@v1")), True),
    "pattern": in_event("push", {"branches": ["a[", "[z-a]"]}),
    "both-filters": in_event("push", {"branches": ["a"], "branches-ignore": ["b"]}),
    "snapshot-version": in_job("snapshot", {"image-name": "a", "version": "1.2"}),
    "group-too-long": in_job("concurrency", "g" * 401),
    "docker-empty": in_job("container", "docker://"),
    "service-empty": in_job("services", {"a": ""}),
    "queue-and-cancel": in_job("concurrency", {"group": "g", "queue": "max", "cancel-in-progress": Plain("true")}),
    "step-id-twice-other-case": lambda w, t: append_step(w, t, {"run": "a", "id": "twin"}, {"run": "b", "id": "TWIN"}),
    "needs-other-case": lambda w, t: bool(t["jobs"].update(aa={"runs-on": "x"}, bb={"runs-on": "x", "needs": "AA"})) or True,
    "hex-overflow": in_root("env", {"A": Plain("0xFFFFFFFF")}),
    "hex-too-long": in_root("env", {"A": Plain("0x1FFFFFFFF")}),
    "tag": in_root("name", lambda w: Plain(w.rng.choice(("!!int x", "!!bool 'true'", "!foo x", "!!float x")))),
    "number-as-key": in_root("env", {Plain("1"): "a"}),
    "dispatch-null-input": in_event("workflow_dispatch", {"inputs": {"a": Plain("")}}),
    "dispatch-unknown-key": in_event("workflow_dispatch", {"inputs": {"a": {"kind": "x"}}}),
    "too-long": expression("a ${{ 1 }}" + "x" * 21000),
    "too-deep": expression("${{ " + "!" * 50 + "1 }}"),
    "insert-parameters": expression("${{ insert a b }}"),
    "project-updated": in_event("project", {"types": ["updated"]}),
    "default-not-text": in_event("workflow_dispatch", {"inputs": {"a": {"default": Plain("3")}}}),
    "self-repository": in_step("uses", "$/a", "uses"),
    "block-expression": in_step("run", Block("a ${{ github.ref }}\n  b\n"), "run"),
    "if-over-lines": in_step("if", Block("github.ref == 'a'\n|| github.ref == 'b'\n"), "run"),
    "literal-in-parentheses": expression("${{ ('a') }}"),
})


def append_step(w, tree, *steps):
    job = any_job(w, tree)
    if job is None:
        return False
    job.setdefault("steps", [])
    job["steps"] += list(steps)
    return True


def rename_job(w, tree, name):
    tree["jobs"][name] = {"runs-on": "x"}
    return True


def in_text(name):
    def note(f):
        IN_TEXT[name] = f
        RARE[name] = lambda w, tree: True
        return f
    return note


@in_text("yaml-tab")
def tab(rng, text):
    return text.replace("\n  ", "\n\t", 1) if "\n  " in text else text + "\tx: 1\n"


@in_text("yaml-unclosed")
def unclosed(rng, text):
    return text + "last: [a, b\n"


@in_text("yaml-two-documents")
def two_documents(rng, text):
    return text + "---\na: 1\n"


@in_text("yaml-unknown-alias")
def unknown_alias(rng, text):
    return "defaults: *nowhere\n" + text if not text.startswith("{") else "*nowhere\n"


@in_text("yaml-byte-order-mark")
def byte_order_mark(rng, text):
    return "\ufeff" + text


@in_text("yaml-bad-indent")
def bad_indent(rng, text):
    return text + " x: 1\n"


def spoil(w, tree):
    """(tree with one mistake, its name)."""
    for _ in range(50):
        table = RARE if w.rng.random() < 0.2 else MISTAKES
        name = w.rng.choice(sorted(table))
        if table[name](w, tree):
            return tree, name
    raise AssertionError("no mistake fits")
