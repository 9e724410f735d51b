"""Expressions for generated workflows: valid ones of a wanted depth for the names that a place allows."""

W = ("github", "inputs", "vars")
N = W + ("needs",)
M = N + ("strategy", "matrix")
MS = M + ("secrets",)
RUNX = M + ("steps", "job", "runner", "env")
RUN = RUNX + ("secrets",)
STATUS = ("always()", "success()", "failure()", "cancelled()")

NAMES = ("ref", "event", "sha", "name", "id", "x_1", "a-b", "outputs", "result", "true", "null")
TEXTS = ("main", "it''s", "", "a b", "refs/heads/x", "{0}", "Ünï", "}}", "#1")
NUMBERS = ("0", "1", "-1", "2.5", "1e3", "0xff", "0o17", ".5", "-0", "+7")


class Expressions:
    def __init__(self, rng, hit):
        self.rng, self.hit = rng, hit

    def literal(self):
        kind = self.rng.choice(("string", "string", "number", "boolean", "null"))
        self.hit("expression." + kind)
        if kind == "string":
            return "'%s'" % self.rng.choice(TEXTS[:6])
        if kind == "number":
            return self.rng.choice(NUMBERS)
        return self.rng.choice(("true", "false")) if kind == "boolean" else "null"

    def name(self, names):
        text = self.rng.choice(names)
        if self.rng.random() < 0.05:
            text = text.upper()
        for _ in range(self.rng.randint(0, 3)):
            form = self.rng.random()
            if form < 0.7:
                self.hit("expression.property")
                text += "." + self.rng.choice(NAMES)
            elif form < 0.85:
                self.hit("expression.index")
                text += "[%s]" % self.rng.choice(("0", "'key'", "'a.b'", "github.ref" if "github" in names else "1"))
            else:
                self.hit("expression.wildcard")
                text += self.rng.choice((".*", "[*]"))
        return text

    def call(self, names, depth, status, hash_files):
        choice = ["contains", "startsWith", "endsWith", "format", "join", "toJSON", "fromJSON", "case"]
        if hash_files:
            choice.append("hashFiles")
        if status and self.rng.random() < 0.5:
            self.hit("expression.status")
            return self.rng.choice(STATUS)
        name = self.rng.choice(choice)
        self.hit("expression.call." + name)
        counts = {"contains": 2, "startsWith": 2, "endsWith": 2, "format": self.rng.randint(1, 4),
                  "join": self.rng.randint(1, 2), "toJSON": 1, "fromJSON": 1, "case": self.rng.choice((3, 5)),
                  "hashFiles": self.rng.randint(1, 3)}
        args = [self.tree(names, depth - 1, status, hash_files) for _ in range(counts[name])]
        if self.rng.random() < 0.1:
            name = name.upper() if self.rng.random() < 0.5 else name.lower()
        return "%s(%s)" % (name, self.rng.choice((", ", ",", " , ")).join(args))

    def tree(self, names, depth, status=False, hash_files=False):
        if depth <= 1:
            return self.literal() if not names or self.rng.random() < 0.4 else self.name(names)
        form = self.rng.random()
        if form < 0.35:
            return self.call(names, depth, status, hash_files)
        if form < 0.5:
            self.hit("expression.not")
            return "!" + self.group(names, depth - 1, status, hash_files)
        if form < 0.75:
            self.hit("expression.compare")
            op = self.rng.choice(("==", "!=", "<", "<=", ">", ">="))
            return " ".join((self.group(names, depth - 1, status, hash_files), op,
                             self.group(names, 1, status, hash_files)))
        self.hit("expression.logic")
        op = self.rng.choice((" && ", " || ", "||"))
        return op.join(self.group(names, depth - 1, status, hash_files) for _ in range(self.rng.randint(2, 3)))

    def group(self, names, depth, status, hash_files):
        text = self.tree(names, depth, status, hash_files)
        return text if depth <= 1 or self.rng.random() < 0.1 else "(%s)" % text

    def depth(self):
        return self.rng.choice((1, 1, 1, 2, 2, 3, 4, 5))

    def bare(self, names, status=False, hash_files=False):
        depth = self.depth()
        if depth >= 4:
            self.hit("deep.expression")
        return self.tree(names, depth, status, hash_files)

    def whole(self, names, hash_files=False):
        """A scalar that is one expression, and seldom one text, which stands for itself: often not what may be there."""
        self.hit("expression.whole-scalar")
        space, text = self.rng.choice((" ", " ", "", "  ")), "''"
        while text.startswith("'") and self.rng.random() > 0.01:
            text = self.bare(names, False, hash_files)
        return "${{%s%s%s}}" % (space, text, space)

    def inside(self, names, hash_files=False):
        """A text with one to three expressions in it."""
        self.hit("expression.composed")
        out = self.rng.choice(("v", "a {b} ", "it's ", "x-"))
        for _ in range(self.rng.randint(1, 3)):
            out += self.whole(names, hash_files) + self.rng.choice(("", "-", " and ", "{}", "/"))
        return out
