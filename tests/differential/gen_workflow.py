"""Generated workflow files: from a seed, every key and form of the schema, and invalid ones (gen_invalid.py).

A production is a name such as "job.strategy.matrix.include"; `hits` holds those of one file.
"""
import random

import gen_events
import gen_invalid
import gen_yaml
from gen_expression import M, MS, N, RUN, RUNX, Expressions
from gen_yaml import Alias, Anchored, Block, Plain

WORDS = ("alpha", "beta", "gamma", "make all", "v1", "x_y", "3.10", "yes", "true", "0x1F", "1e3", "a: b", "q'q", "tab\there",
         "Ünïcode ✓", "# no comment", "*star", "- dash", "null", "2024-01-02", "{brace}", "[list]", "%pct", "@at", "back\\slash")
NAMES = ("A", "BB", "c_c", "d-d", "PATH_X", "name", "key", "Option", "x.y", "9lives")
PERMISSIONS = ("actions", "artifact-metadata", "attestations", "checks", "contents", "deployments", "discussions", "issues",
               "packages", "pages", "pull-requests", "repository-projects", "security-events", "statuses")
IMAGES = ("alpine:3.20", "docker://debian:12", "ghcr.io/o/r@sha256:abc", "node")
TYPED = ("12", "1.50", "true", "~", "", "0o17", "-0", "0xFF", "1e3", "False", "00123", "+.5", "-2.5e-3", "Null")
RARELY = ("12345678901234567890", "!!str 1.50", "1e400")
SCRIPTS = ("make\nmake check\n", "echo one\n\n  indented\nend\n", "exit 0\n\n", "no newline", "set -e\ncat <<X\n{{ a }}\nX\n")


class Workflow:
    def __init__(self, rng):
        self.rng, self.hits = rng, set()
        self.x = Expressions(rng, self.hit)
        self.anchors = 0
        self.rare = rng.random()  # what a known difference covers stays below one file in a hundred

    def hit(self, name):
        self.hits.add(name)

    def maybe(self, chance):
        return self.rng.random() < chance

    def put(self, out, prefix, key, chance, make):
        if self.maybe(chance):
            self.hit(prefix + "." + key)
            out[key] = make()

    # ---- scalars ----

    def word(self):
        return self.rng.choice(WORDS)

    def text(self, names=(), hash_files=False):
        form = self.rng.random()
        if form < 0.25 and names:
            return self.x.whole(names, hash_files)
        if form < 0.4 and names:
            return self.x.inside(names, hash_files)
        if form < 0.5:
            return Plain(self.rng.choice(TYPED + RARELY if self.rare < 0.004 else TYPED))
        return self.word()

    def name_text(self, names=()):
        """Not empty."""
        if names and self.maybe(0.3):
            return self.x.whole(names) if self.maybe(0.5) else self.x.inside(names)
        return self.rng.choice(WORDS)

    def boolean(self, names=()):
        if names and self.maybe(0.25):
            return self.x.whole(names)
        return Plain(self.rng.choice(("true", "false", "True", "FALSE")))

    def number(self, names=()):
        if names and self.maybe(0.25):
            return self.x.whole(names)
        return Plain(self.rng.choice(("1", "30", "2.5", "0", "360", "1e2", "0x10")))

    def env(self, names, hash_files=False):
        if self.maybe(0.1):
            return {}
        return {self.rng.choice(NAMES) + str(i): self.text(names, hash_files) for i in range(self.rng.randint(1, 4))}

    def condition(self, names, hash_files=False):
        self.hit("if")
        form = self.rng.random()
        if form < 0.1:
            self.hit("if.empty")
            return self.rng.choice(("", Plain(""), "  "))
        if form < 0.2:
            self.hit("if.literal")
            return self.rng.choice((Plain("true"), Plain("false"), Plain("1"), "always()"))
        bare = self.x.bare(names, True, hash_files)
        if form < 0.5 and not bare.startswith("'"):
            self.hit("if.whole")
            return "${{ %s }}" % bare
        return bare

    # ---- parts that several places share ----

    def permissions(self):
        form = self.rng.random()
        if form < 0.15:
            self.hit("permissions.read-all")
            return "read-all"
        if form < 0.3:
            self.hit("permissions.write-all")
            return "write-all"
        if form < 0.4:
            self.hit("permissions.empty")
            return {}
        out = {}
        for key in self.rng.sample(PERMISSIONS, self.rng.randint(1, 5)):
            self.hit("permissions." + key)
            level = self.rng.choice(("read", "write", "none"))
            self.hit("permissions=" + level)
            out[key] = level
        for key, levels in (("id-token", ("write", "none")), ("models", ("read", "none")),
                            ("vulnerability-alerts", ("read", "none")), ("code-quality", ("read", "write", "none")),
                            ("drives", ("read", "write", "none")), ("copilot-requests", ("write", "none"))):
            self.put(out, "permissions", key, 0.1, lambda levels=levels: self.rng.choice(levels))
        return out

    def concurrency(self, prefix, names):
        if self.maybe(0.4):
            self.hit(prefix + ".concurrency.text")
            return self.name_text(names)
        self.hit(prefix + ".concurrency.mapping")
        out = {"group": self.name_text(names)}
        if self.maybe(0.5):
            self.hit(prefix + ".concurrency.cancel-in-progress")
            out["cancel-in-progress"] = self.boolean(names)
        elif self.maybe(0.5):
            self.hit(prefix + ".concurrency.queue")
            out["queue"] = self.rng.choice(("single", "max"))
        return out

    def defaults(self, prefix, names):
        run = {}
        self.put(run, prefix + ".defaults.run", "shell", 0.7,
                 lambda: self.rng.choice(("bash", "pwsh", "sh -e {0}", "python")))
        self.put(run, prefix + ".defaults.run", "working-directory", 0.7, lambda: self.name_text(names))
        return {"run": run}

    def strategy(self):
        out = {}
        self.put(out, "strategy", "fail-fast", 0.4, lambda: self.boolean(N))
        self.put(out, "strategy", "max-parallel", 0.3, lambda: self.number(N))
        self.put(out, "strategy", "matrix", 0.9, self.matrix)
        return out

    def value(self, depth):
        """A value of a matrix."""
        form = self.rng.random()
        if depth <= 0 or form < 0.6:
            return self.text(N)
        self.hit("deep.value")
        if form < 0.8:
            return [self.value(depth - 1) for _ in range(self.rng.randint(0, 3))]
        return {self.rng.choice(NAMES) + str(i): self.value(depth - 1) for i in range(self.rng.randint(0, 3))}

    def matrix(self):
        if self.maybe(0.1):
            self.hit("strategy.matrix.expression")
            return self.x.whole(N)
        out, depth = {}, self.rng.choice((0, 0, 1, 2, 4))
        vectors = [name + "v" for name in self.rng.sample(NAMES[:7], self.rng.randint(0, 3))]
        for name in vectors:
            if self.maybe(0.1):
                self.hit("strategy.matrix.vector.expression")
                out[name] = self.x.whole(N)
            else:
                self.hit("strategy.matrix.vector")
                out[name] = [self.value(depth) for _ in range(self.rng.randint(1, 4))]
        if not vectors or self.maybe(0.3):
            self.hit("strategy.matrix.include")
            out["include"] = [{self.rng.choice(tuple(vectors) + NAMES): self.value(depth),
                               "extra": self.value(0)} for _ in range(self.rng.randint(1, 3))]
        if vectors and self.maybe(0.3):
            self.hit("strategy.matrix.exclude")
            out["exclude"] = [{self.rng.choice(vectors): self.value(depth)} for _ in range(self.rng.randint(1, 3))]
        return out

    def container(self, prefix, service):
        if self.maybe(0.3):
            self.hit(prefix + ".text")
            return self.x.whole(M) if self.maybe(0.2) else self.rng.choice(IMAGES)
        out = {"image": self.x.inside(M) if self.maybe(0.2) else self.rng.choice(IMAGES)}
        self.put(out, prefix, "credentials", 0.3, lambda: {"username": self.name_text(MS + ("env",)),
                                                           "password": self.x.whole(MS + ("env",))})
        self.put(out, prefix, "env", 0.4, lambda: self.env(RUN))
        self.put(out, prefix, "ports", 0.4, lambda: self.rng.sample((Plain("80"), "8080:80", "53/udp", self.name_text(M)), 2))
        self.put(out, prefix, "volumes", 0.3, lambda: ["/a:/b", self.name_text(M)])
        self.put(out, prefix, "options", 0.3, lambda: self.text(M))
        if service:
            self.put(out, prefix, "entrypoint", 0.25, lambda: self.text(M))
            self.put(out, prefix, "command", 0.25, lambda: self.text(M))
        return out

    # ---- steps ----

    def step_base(self, ids, prefix):
        out = {}
        often = 2 if prefix in ("step.wait", "step.cancel") else 1
        if self.maybe(0.3 * often):
            self.hit(prefix + ".id")
            out["id"] = "s%d%s" % (len(ids), self.rng.choice(("", "_a", "-B")))
            ids.append(out["id"])
        self.put(out, prefix, "name", 0.3 * often, lambda: self.text(RUN, True))
        self.put(out, prefix, "continue-on-error", 0.15 * often * often, lambda: self.boolean(RUN))
        return out

    def script(self):
        if self.rare < 0.004 and self.maybe(0.5):
            return Block("a ${{ github.ref }}\n  b\n")
        return Block(self.rng.choice(SCRIPTS)) if self.maybe(0.4) else self.text(RUN, True)

    def action_step(self, ids, background=True):
        run = self.maybe(0.6)
        prefix = "step.run" if run else "step.uses"
        self.hit(prefix)
        out = self.step_base(ids, prefix)
        self.put(out, prefix, "if", 0.25, lambda: self.condition(RUNX, True))
        self.put(out, prefix, "timeout-minutes", 0.15, lambda: self.number(RUN))
        self.put(out, prefix, "env", 0.25, lambda: self.env(RUN, True))
        if background:
            self.put(out, prefix, "background", 0.12, lambda: self.boolean())
        if run:
            self.put(out, prefix, "shell", 0.2, lambda: self.rng.choice(("bash", "sh", "perl {0}")))
            self.put(out, prefix, "working-directory", 0.2, lambda: self.text(RUN, True))
            out["run"] = self.script()
            return self.shuffled(out)
        self.put(out, prefix, "with", 0.5, lambda: self.env(RUN, True))
        form = self.rng.choice(("repository", "repository", "path", "docker", "local"))
        self.hit("step.uses." + form)
        out["uses"] = {"repository": "actions/checkout@v4", "path": "o/r/some/path@" + self.rng.choice(("main", "a1b2c3")),
                       "docker": "docker://alpine:3.20", "local": "./.github/actions/x"}[form]
        return self.shuffled(out)

    def control_step(self, ids):
        kinds = ["wait-all", "parallel"] + (["wait", "wait", "cancel", "cancel"] if ids else [])
        kind = self.rng.choice(kinds)
        self.hit("step." + kind)
        if kind == "parallel":
            inner = []
            return {"parallel": [self.action_step(inner, False) for _ in range(self.rng.randint(1, 3))]}
        known = list(ids)
        out = self.step_base(ids, "step." + kind)
        if kind == "wait-all":
            out[kind] = self.rng.choice((Plain("true"), Plain(""), Plain("null")))
        elif kind == "wait" and self.maybe(0.7):
            self.hit("step.wait.list")
            out[kind] = self.rng.sample(known, self.rng.randint(1, len(known)))
        else:
            out[kind] = self.rng.choice(known)
        return out

    def steps(self):
        ids = []
        return [self.control_step(ids) if self.maybe(0.25) else self.action_step(ids)
                for _ in range(self.rng.randint(1, 5))]

    # ---- jobs ----

    def runs_on(self):
        form = self.rng.choice(("text", "list", "mapping", "expression"))
        self.hit("runs-on." + form)
        if form == "text":
            return self.rng.choice(("ubuntu-latest", "self-hosted"))
        if form == "expression":
            return self.x.whole(M)
        if form == "list":
            return ["self-hosted", self.name_text(M)]
        out = {}
        self.put(out, "runs-on", "group", 0.7, lambda: self.rng.choice(("big", "org/one", "enterprise/two", self.x.whole(M))))
        self.put(out, "runs-on", "labels", 0.7, lambda: self.rng.choice((["a", "b"], "linux", self.x.whole(M))))
        return out

    def environment(self):
        if self.maybe(0.4):
            self.hit("job.environment.text")
            return self.text(M)
        out = {"name": self.text(M)}
        self.put(out, "job.environment", "url", 0.5, lambda: self.text(RUNX))
        self.put(out, "job.environment", "deployment", 0.4, lambda: self.boolean())
        return out

    def snapshot(self):
        if self.maybe(0.4):
            self.hit("job.snapshot.text")
            return "image"
        out = {"image-name": self.x.whole(M) if self.rare < 0.004 else "image"}
        self.put(out, "job.snapshot", "version", 0.6, lambda: self.rng.choice(("1.*", "22.*")))
        self.put(out, "job.snapshot", "if", 0.5, lambda: self.x.whole(M))
        return out

    def job_base(self, prefix, done):
        out = {}
        self.put(out, prefix, "name", 0.4, lambda: self.text(M))
        if done:
            self.put(out, prefix, "needs", 0.6, lambda: self.needs(done))
        self.put(out, prefix, "if", 0.35, lambda: self.condition(N))
        self.put(out, prefix, "permissions", 0.35, self.permissions)
        self.put(out, prefix, "concurrency", 0.3, lambda: self.concurrency("job", M))
        self.put(out, prefix, "strategy", 0.45, self.strategy)
        return out

    def needs(self, done):
        if self.maybe(0.5):
            self.hit("needs.text")
            return self.rng.choice(done)
        self.hit("needs.list")
        return self.rng.sample(done, self.rng.randint(1, len(done)))

    def job(self, done):
        if self.maybe(0.2):
            return self.calling_job(done)
        self.hit("job")
        out = self.job_base("job", done)
        out["runs-on"] = self.runs_on()
        self.put(out, "job", "environment", 0.25, self.environment)
        self.put(out, "job", "env", 0.3, lambda: self.env(MS))
        self.put(out, "job", "defaults", 0.2, lambda: self.defaults("job", M + ("env",)))
        self.put(out, "job", "outputs", 0.25, lambda: self.env(RUN))
        self.put(out, "job", "timeout-minutes", 0.2, lambda: self.number(M))
        self.put(out, "job", "cancel-timeout-minutes", 0.15, lambda: self.number(M))
        self.put(out, "job", "continue-on-error", 0.2, lambda: self.boolean(M))
        self.put(out, "job", "container", 0.25, lambda: self.container("job.container", False))
        self.put(out, "job", "services", 0.25, lambda: {"s%d" % i: self.container("job.services", True)
                                                        for i in range(self.rng.randint(1, 2))})
        self.put(out, "job", "snapshot", 0.12, self.snapshot)
        self.put(out, "job", "steps", 0.95, self.steps)
        return self.shuffled(out)

    def calling_job(self, done):
        self.hit("call")
        out = self.job_base("call", done)
        out["uses"] = self.rng.choice(("./.github/workflows/x.yml", "o/r/.github/workflows/y.yaml@v1"))
        self.put(out, "call", "with", 0.6, lambda: {"in%d" % i: self.rng.choice((self.text(M), self.boolean(), self.number()))
                                                    for i in range(self.rng.randint(1, 3))})
        if self.maybe(0.3):
            self.hit("call.secrets.inherit")
            out["secrets"] = "inherit"
        elif self.maybe(0.5):
            self.hit("call.secrets")
            out["secrets"] = {"key%d" % i: self.x.whole(MS) for i in range(self.rng.randint(1, 2))}
        return self.shuffled(out)

    def shuffled(self, mapping):
        if self.maybe(0.5):
            return mapping
        items = list(mapping.items())
        if "wait" not in mapping:
            self.rng.shuffle(items)
        return dict(items)

    def jobs(self):
        out = {}
        for i in range(self.rng.choice((1, 1, 2, 2, 3, 4))):
            name = self.rng.choice(("build", "test", "_x", "Deploy-1", "a_b")) + str(i)
            out[name] = self.job(list(out))
        return out

    def share(self, jobs):
        """An anchor and its alias, where a file has them at all."""
        if self.rare < 0.008:
            first = next(iter(jobs.values()))
            last = list(jobs.values())[-1]
            if "env" in first and last is not first and "uses" not in last:
                first["env"] = Anchored("shared", first["env"])
                last["env"] = Alias("shared")

    def tree(self):
        out = {}
        self.put(out, "root", "name", 0.7, lambda: self.text())
        self.put(out, "root", "description", 0.2, lambda: self.text())
        self.put(out, "root", "run-name", 0.3, lambda: self.text(("github", "inputs", "vars")))
        out["on"] = gen_events.on(self)
        self.put(out, "root", "permissions", 0.5, self.permissions)
        self.put(out, "root", "env", 0.4, lambda: self.env(("github", "inputs", "vars", "secrets")))
        self.put(out, "root", "defaults", 0.25, lambda: self.defaults("root", ()))
        self.put(out, "root", "concurrency", 0.35, lambda: self.concurrency("root", ("github", "inputs", "vars")))
        out["jobs"] = self.jobs()
        self.share(out["jobs"])
        return self.shuffled(out)


def generate(seed, number):
    """(text, productions) of one file: the same for the same arguments."""
    rng = random.Random("%d/%d" % (seed, number))
    workflow = Workflow(rng)
    tree = workflow.tree()
    spoilt = None
    if rng.random() < 0.30:
        tree, spoilt = gen_invalid.spoil(workflow, tree)
        workflow.hit("invalid." + spoilt)
    text = tree if isinstance(tree, str) and not isinstance(tree, Plain) else gen_yaml.write(tree, rng, workflow.hit)
    if spoilt in gen_invalid.IN_TEXT:
        text = gen_invalid.IN_TEXT[spoilt](rng, text)
    return text, workflow.hits
