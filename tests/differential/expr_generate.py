"""Generated expressions: a seeded stream of requests {"expr": ..., "contexts": ...}, and the histogram of what they hold.

An expression is made as a tree whose kind is asked for ("a string, please"), so that operators and functions mostly meet
values that they do something with. Every third one is then spoilt in one place. What differs between the two sides by
design (see expr_classes.py) is made on purpose too, but rarely.
"""
import json
import random

DEPTH_GOAL = 4

NAMES = ["github", "env", "matrix", "needs", "steps", "vars", "inputs", "job", "runner", "secrets", "strategy"]
KEYS = ["a", "b", "name", "ref", "Build", "outputs", "result", "node-version", "_x", "with space", "é", "ID", "x1", "list",
        "true", "null", "NaN", "format", "*", ""]
LEGAL_KEYS = ["a", "b", "name", "ref", "Build", "outputs", "result", "node-version", "_x", "ID", "x1", "list", "true",
              "null", "NaN", "format"]
WORDS = ["main", "push", "linux", "Build", "build", "BUILD", "refs/heads/main", "v1.2.3", "a", "ab", "abc", "ABC", "z", "Z", "_",
         "[", "it''s", "true", "false", "null", "0", "1", "12", "-7", " 3 ", "1e3", ".5", "0x1f", "0o17", "Object", "Array", "", "",
         "é", "É", "ÄÖÜ", "äöü", "ςσΣ", "привет", "ПРИВЕТ", "日本語", "😀", "a😀b", "naïve", "x\ty", "--", "{{}}", "a,b"]
RARE_WORDS = ["straße", "STRASSE", "ı", "İ", "ǆ", "ŉ", "ﬁ", "𐐨", "𐐀", "it''s ''so''", "0xFFFFFFFF", "0XFF", "0b11",
              "infinity", "\u00851\u0085", "\ufeff2", "\u2028", "\x7f", "1e400"]
FORMATS = ["{0}", "{0}-{1}", "{1}{0}", "v{0}", "{{{0}}}", "plain", "{0} {0} {0}", "é{0}😀{1}"]
BAD_FORMATS = ["{", "}", "{0", "{}", "{ 0}", "{9}", "{0}}", "a{b}c"]
RARE_FORMATS = ["{0:x}", "{0abc}", "{0{}", "{300}", "{99999999999}", "{0:a}}b}"]
JSON_TEXTS = ["{\"a\":1,\"B\":[1,2,{\"c\":null}]}", "[1,\"two\",true,null,{}]", "{}", "[]", "\"text\"", "12.5", "true", "null",
              " [ 1 , 2 ] ", "{\"a\":{\"a\":{\"a\":\"deep\"}}}", "\"\\u00e9\\n\\t\\\"\\\\\"", "[[1,2],[3,[4]]]", "-0.5e1"]
BAD_JSON = ["{", "[1,", "nul", "\"a", "{\"a\"}", "", "  ", "[1 2]", "{a:1}", "01", "1 2"]
RARE_JSON = ["{\"a\":1,\"A\":2}", "{\"b\":1,\"1\":2}", "NaN", "[Infinity]", "{\"a\":1,\"a\":2}", "\"\\ud800\"", "1e400",
             "1e15", "0.00001", "1234567890123456789"]
NUMBERS = ["0", "1", "2", "-1", "+1", "3", "10", "42", "255", "-17", "1.5", "-0.25", ".5", "5.", "007", "1e2", "1E+2", "25e-2",
           "0xff", "0x0A", "0o17", "123456789", "99999999999999", "0.001", "3.14159", "-0", "NaN", "Infinity", "-Infinity"]
RARE_NUMBERS = ["0xFFFFFFFF", "0o37777777777", "1e15", "1e21", "0.00001", "1e-7", "0.1234567890123456789", "1234567890123456789",
                "1e400", "5e-324", "1.7976931348623157e308"]
BAD_WORDS = ["\"x\"", "a$b", "#", "@", "x'y'", "{a}", "1_000", "1a", "0b2", "a*b", "é", "a/b", "-", "1-2", "%", "x:y", "~", "`"]
BINARY = ["||", "&&", "==", "!=", "<", "<=", ">", ">="]
FUNCTIONS = ["contains", "startsWith", "endsWith", "format", "join", "toJSON", "fromJSON", "case"]
LIMITS = {"contains": (2, 2), "startsWith": (2, 2), "endsWith": (2, 2), "format": (1, 255), "join": (1, 2), "toJSON": (1, 1),
          "fromJSON": (1, 1), "case": (3, 255)}
PRODUCTIONS = ["null", "boolean", "number", "string", "name", "group", ".name", ".*", "[expression]", "[*]", "!"] + BINARY + \
              [name + "()" for name in FUNCTIONS]
PRECEDENCE = {"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4, "!": 5}
SPOILERS = [("drop a token", 5), ("add a token", 5), ("swap two tokens", 4), ("double a token", 3), ("bad word", 4), ("bad operator", 3),
            ("unknown name", 4), ("unknown function", 3), ("too few arguments", 3), ("too many arguments", 3), ("even case", 2),
            ("one more closer", 3), ("wrong closer", 3), ("open string", 2), ("cut off", 0.8), ("comma", 1.5),
            ("too deep", 1.2), ("too long", 0.06)]


class Tree:
    """text, precedence of its outermost operator (9 = none), depth as the language counts it, may a postfix follow?"""

    def __init__(self, tokens, precedence=9, depth=1, postfix=False, chain=None, uses=()):
        self.tokens, self.precedence, self.depth, self.postfix, self.chain = tokens, precedence, depth, postfix, chain
        self.uses = set(uses)


def quoted(text):
    return "'" + text.replace("'", "''") + "'" if "''" not in text else "'" + text + "'"


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.contexts = {}

    def pick(self, usual, rare=(), chance=0.02):
        return self.random.choice(rare if rare and self.random.random() < chance else usual)

    # ---- contexts ----

    def value(self, kind, depth):
        r = self.random
        if kind == "string":
            return self.pick(WORDS, RARE_WORDS).replace("''", "'")
        if kind == "number":
            return r.choice([0, 1, -1, 2, 3, 10, 42, 255, 1.5, -0.25, 0.001, 123456789])
        if kind == "boolean":
            return r.random() < 0.5
        if kind == "array":
            return [self.value(self.any_kind(depth), depth - 1) for _ in range(r.randrange(4))]
        if kind == "object":
            chosen = [key for key in r.sample(KEYS, r.randrange(1, 5))]
            return {key: self.value(self.any_kind(depth), depth - 1) for key in chosen}
        return None

    def any_kind(self, depth):
        kinds = ["null", "boolean", "number", "string", "string"] + (["array", "object", "object"] if depth > 1 else [])
        return self.random.choice(kinds)

    def new_contexts(self):
        r = self.random
        self.contexts = {}
        for name in r.sample(NAMES, r.randrange(2, 5)):
            kind = r.choice(["object"] * 8 + ["array", "string", "number", "null", "boolean"])
            self.contexts[name] = self.value(kind, 4)
        if r.random() < 0.7:  # the usual shape of a list of records
            self.contexts["github"] = {"event": {"labels": [{"name": self.value("string", 1), "id": i} for i in range(r.randrange(1, 4))]},
                                       "ref": self.value("string", 1), "run_id": self.value("number", 1)}

    # ---- trees ----

    def literal(self, kind):
        r = self.random
        if kind == "null":
            return Tree(["null"], uses=["null"])
        if kind == "boolean":
            return Tree([r.choice(["true", "false"])], uses=["boolean"])
        if kind == "number":
            return Tree([self.pick(NUMBERS, RARE_NUMBERS)], uses=["number"])
        text = self.pick(WORDS, RARE_WORDS)
        if r.random() < 0.002:
            text = text.replace("''", "'").replace("'", "") * r.randrange(50, 400)
        return Tree([quoted(text)], uses=["string"])

    def path(self):
        """A context and steps into it, most of them to where something is."""
        r = self.random
        name = r.choice(list(self.contexts))
        value, filtered = self.contexts[name], False
        spelled = name if r.random() < 0.8 else r.choice([name.upper(), name.capitalize()])
        tree = Tree([spelled], postfix=True, uses=["name"])
        for _ in range(r.choice([0, 1, 1, 1, 2, 2, 3, 4])):
            tree, value, filtered = self.step(tree, value, filtered)
        return tree

    def step(self, tree, value, filtered):
        r = self.random
        roll = r.random()
        if roll < 0.14 and not (filtered and roll < 0.07):
            star = [".", "*"] if r.random() < 0.6 else ["[", "*", "]"]
            use = ".*" if star[0] == "." else "[*]"
            items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
            return self.postfix(tree, star, use, 1), items[0] if items else None, True
        if isinstance(value, dict) and value and roll < 0.9:
            key = r.choice(list(value))
            inner = value[key]
            if r.random() < 0.15:
                key = key.swapcase()
        elif isinstance(value, list) and value and not filtered and roll < 0.9:
            key, inner = r.randrange(len(value) + (r.random() < 0.1)), value[0]
        else:
            key, inner = r.choice(LEGAL_KEYS), None
        if isinstance(key, int):
            return self.postfix(tree, ["[", r.choice([str(key), str(key), "%d.9" % key, quoted(str(key))]), "]"], "[expression]", 1), inner, filtered
        legal = key in LEGAL_KEYS or key.swapcase() in LEGAL_KEYS
        if legal and r.random() < 0.75:
            return self.postfix(tree, [".", key], ".name", 1), inner, filtered
        return self.postfix(tree, ["[", quoted(key), "]"], "[expression]", 1), inner, filtered

    def postfix(self, tree, tokens, use, depth):
        if not tree.postfix:
            tree = self.group(tree)
        return Tree(tree.tokens + tokens, 9, max(tree.depth, depth) + 1, True, None, tree.uses | {use})

    def group(self, tree):
        return Tree(["("] + tree.tokens + [")"], 9, tree.depth, True, tree.chain, tree.uses | {"group"})

    def index(self, depth):
        base = self.tree(self.random.choice(["object", "array"]), depth - 1)
        if self.random.random() < 0.25:
            tokens, use = ([".", "*"], ".*") if self.random.random() < 0.5 else (["[", "*", "]"], "[*]")
            return self.postfix(base, tokens, use, 1)
        inner = self.tree(self.random.choice(["string", "number", "any"]), depth - 1)
        tree = self.postfix(base, ["["] + inner.tokens + ["]"], "[expression]", inner.depth)
        tree.uses |= inner.uses
        return tree

    def operand(self, tree, precedence):
        return tree if tree.precedence >= precedence and self.random.random() < 0.93 else self.group(tree)

    def binary(self, operator, left, right):
        own = PRECEDENCE[operator]
        left, right = self.operand(left, own), self.operand(right, own + 1)
        if operator in ("&&", "||"):  # a chain is one node
            depth = 1 + max(t.depth - (t.chain == operator) for t in (left, right))
        else:
            depth = 1 + max(left.depth, right.depth)
        return Tree(left.tokens + [operator] + right.tokens, own, depth, False, operator, left.uses | right.uses | {operator})

    def call(self, name, *arguments):
        tokens, depth, uses = [], 0, {name + "()"}
        spelled = name if self.random.random() < 0.8 else self.random.choice([name.lower(), name.upper()])
        for argument in arguments:
            tokens += [","] + argument.tokens
            depth = max(depth, argument.depth)
            uses |= argument.uses
        return Tree([spelled, "("] + tokens[1:] + [")"], 9, depth + 1, True, None, uses)

    def of_boolean(self, depth):
        r = self.random
        roll = r.random()
        if roll < 0.16:
            return self.negation(self.tree("any", depth - 1))
        if roll < 0.68:
            kind = r.choice(["number", "string", "string", "any", "boolean", "null"])
            return self.binary(r.choice(BINARY[2:]), self.tree(kind, depth - 1),
                               self.tree(kind if r.random() < 0.7 else "any", depth - 1))
        if roll < 0.84:
            return self.call("contains", self.tree(r.choice(["string", "array", "array", "any"]), depth - 1), self.tree("string", depth - 1))
        return self.call(r.choice(["startsWith", "endsWith"]), self.tree("string", depth - 1), self.tree("string", depth - 1))

    def negation(self, tree):
        tree = self.operand(tree, 5)
        return Tree(["!"] + tree.tokens, 5, tree.depth + 1, False, None, tree.uses | {"!"})

    def of_string(self, depth):
        r = self.random
        roll = r.random()
        if roll < 0.45:
            text = r.choice(FORMATS)
            if r.random() < 0.05:
                text = self.pick(BAD_FORMATS, RARE_FORMATS, 0.15)
            arguments = [self.tree(r.choice(["string", "number", "any"]), depth - 1) for _ in range(r.choice([1, 2, 2, 3]))]
            if "{1}" in text and len(arguments) < 2 and r.random() < 0.9:
                arguments.append(self.tree("string", depth - 1))
            return self.call("format", Tree([quoted(text)], uses=["string"]), *arguments)
        if roll < 0.72:
            separator = [self.literal("string")] if r.random() < 0.5 else []
            return self.call("join", self.tree("array", depth - 1), *separator)
        return self.call("toJSON", self.tree(r.choice(["object", "array", "any", "string"]), depth - 1))

    def from_json(self, depth):
        if self.random.random() < 0.2:
            return self.call("fromJSON", self.call("toJSON", self.tree("any", depth - 2)))
        text = self.pick(JSON_TEXTS, RARE_JSON, 0.02) if self.random.random() < 0.97 else self.random.choice(BAD_JSON)
        return self.call("fromJSON", Tree([quoted(text)], uses=["string"]))

    def of_case(self, kind, depth):
        arguments = []
        for _ in range(self.random.choice([1, 1, 1, 2])):
            predicate = "boolean" if self.random.random() < 0.95 else "any"
            arguments += [self.tree(predicate, depth - 1), self.tree(kind, depth - 1)]
        return self.call("case", *arguments, self.tree(kind, depth - 1))

    def tree(self, kind, depth):
        r = self.random
        if kind == "any":
            kind = r.choice(["null", "boolean", "boolean", "boolean", "number", "string", "string", "array", "object"])
        if depth <= 1:
            if kind in ("array", "object"):
                return self.path() if r.random() < 0.8 else self.call("fromJSON", Tree([quoted(r.choice(JSON_TEXTS))], uses=["string"]))
            return self.literal(kind) if r.random() < 0.6 else self.path()
        roll = r.random()
        if roll < 0.12:
            return self.binary(r.choice(["&&", "||"]), self.tree("boolean" if r.random() < 0.6 else "any", depth - 1), self.tree(kind, depth - 1))
        if roll < 0.17:
            return self.of_case(kind, depth)
        if roll < 0.22:
            return self.group(self.tree(kind, depth - 1))
        if roll < 0.3:
            return self.path()
        if kind == "boolean":
            return self.of_boolean(depth)
        if kind == "string":
            return self.of_string(depth) if roll < 0.85 else self.literal("string")
        if kind in ("array", "object"):
            return self.index(depth) if roll < 0.6 else self.from_json(depth)
        return self.literal(kind) if roll < 0.5 else self.index(depth)

    # ---- text ----

    def written(self, tokens):
        """Between two tokens white space may stand, and sometimes has to."""
        r = self.random
        style = r.random()
        out = []
        for i, token in enumerate(tokens):
            out.append(token)
            if i + 1 == len(tokens):
                break
            following = tokens[i + 1]
            tight = token in (".", "(", "[", "!") or following in (".", ")", "]", ",", "[", "(") or style < 0.1
            glued = (token[-1:].isalnum() or token[-1:] in "_'-+.\"*") and (following[:1].isalnum() or following[:1] in "_'-+.\"*")
            glued = glued or (token[-1:] in "!<>=&|" and following[:1] in "!<>=&|")
            if token == "." or following == ".":
                glued = False
            if glued or not tight:
                out.append(" ")
            elif style > 0.97 and r.random() < 0.3:
                out.append(r.choice([" ", "  ", "\t"] + (["\u00a0"] if r.random() < 0.02 else [])))
            if style > 0.998 and out[-1] == " ":
                out[-1] = "\n"
        return "".join(out)

    def long_one(self):
        r = self.random
        if r.random() < 0.5:
            operator = r.choice(["||", "&&", "=="])
            parts = [self.tree("boolean", 2) for _ in range(r.randrange(20, 45))]
            tree = parts[0]
            for part in parts[1:]:
                tree = self.binary(operator, tree, part)
            return tree
        return self.call("format", Tree([quoted("".join("{%d}" % i for i in range(40)))], uses=["string"]),
                         *[self.tree("any", 1) for _ in range(40)])

    def spoil(self, tree):
        """One thing goes wrong; whether the result is still an expression is for the two sides to say."""
        r = self.random
        tokens = list(tree.tokens)
        how = r.choices([name for name, _ in SPOILERS], [weight for _, weight in SPOILERS])[0]
        at = r.randrange(len(tokens))
        closers = [i for i, token in enumerate(tokens) if token in (")", "]")]
        if how == "drop a token":
            # without a closer at the end, or an operand behind the last operator, the sides differ: rarely
            if tokens[at] in (")", "]") and r.random() < 0.8:
                at = 0
            del tokens[at]
        elif how == "add a token":
            tokens.insert(at, r.choice(["(", ")", "[", "]", ".", "*", "!", "==", "&&", "<", "'s'", "1", "null", "github", ".5"]))
        elif how == "swap two tokens" and at + 1 < len(tokens):
            tokens[at], tokens[at + 1] = tokens[at + 1], tokens[at]
        elif how == "double a token":
            tokens.insert(at, tokens[at])
        elif how == "bad word":
            tokens[at] = r.choice(BAD_WORDS)
        elif how == "bad operator":
            tokens.insert(at, r.choice(["=", "&", "|", "=>", "=!", "&|", "<>", "!!="]))
        elif how == "unknown name":
            tokens = [r.choice(["nope", "gitHubs", "True", "NULL", "undefined", "github-x"]) if token in self.contexts else token
                      for token in tokens]
            if tokens == tree.tokens:
                tokens = tokens + [r.choice(BINARY), "nope"]
        elif how == "unknown function":
            tokens = [r.choice(["nope", "replace", "hashFiles", "success", "len"]), "("] + tokens + [")"]
        elif how == "too few arguments":
            tokens = [r.choice(["contains", "startsWith", "endsWith", "case"]), "("] + tokens + [")"]
            if r.random() < 0.5:
                tokens = [r.choice(FUNCTIONS), "(", ")", r.choice(BINARY)] + list(tree.tokens)
        elif how == "too many arguments":
            tokens = [r.choice(["contains", "startsWith", "endsWith", "join", "toJSON", "fromJSON"]), "("] + \
                     tokens + [",", "1", ",", "'b'"] + [")"]
        elif how == "even case":
            tokens = ["case", "(", "true", ",", "1", ","] + tokens + [",", "2"] + [")"]
        elif how == "one more closer":
            tokens.insert(closers[r.randrange(len(closers))] if closers and r.random() < 0.5 else len(tokens), r.choice([")", "]"]))
        elif how == "wrong closer" and closers:
            i = r.choice(closers)
            tokens[i] = ")" if tokens[i] == "]" else "]"
        elif how == "open string":
            tokens.append(r.choice(BINARY))
            tokens.append("'never closed")
        elif how == "cut off":
            tokens = tokens[:max(1, at)]
            if r.random() < 0.7:
                tokens.append(r.choice(BINARY + ["!"]))
        elif how == "comma":
            tokens.insert(at, ",")
        elif how == "too deep":
            n = r.choice([49, 50, 51, 60])
            tokens = r.choice([["!"] * n + ["true"], ["github"] + [".", "a"] * n, ["!"] * n + tokens])
        elif how == "too long":
            tokens = tokens + ["==", "'" + "x" * 21000 + "'"]
        return tokens, how

    def next(self):
        r = self.random
        self.new_contexts()
        depth = r.choice([1, 2, 2, 3, 3, 3, 4, 4, 5, 6])
        tree = self.tree("any", depth)
        if r.random() < 0.004:
            tree = self.long_one()
        while len(tree.tokens) > 400 or tree.depth > 40:
            tree = self.tree("any", 2)
        spoilt = None
        tokens = tree.tokens
        if r.random() < 0.335:
            tokens, spoilt = self.spoil(tree)
        elif r.random() < 0.001:
            tokens = r.choice([["(", ] * 49 + tokens + [")"] * 49, ["fromJSON", "(", "toJSON", "("] * 20 + ["1"] + [")"] * 40])
            spoilt = "deep"
        expression = self.written(tokens) if tokens else ""
        return {"expr": expression, "contexts": self.contexts}, tree, spoilt


def requests(seed, count):
    """Yields (line, tree, how it was spoilt or None)."""
    generator = Generator(seed)
    for _ in range(count):
        request, tree, spoilt = generator.next()
        yield json.dumps(request, ensure_ascii=False), tree, spoilt


class Histogram:
    """Counts over the generated expressions; the productions and the depth are those of the ones that are valid."""

    def __init__(self):
        self.total = self.invalid = self.deep = self.unicode = 0
        self.uses = dict.fromkeys(PRODUCTIONS, 0)
        self.depths = {}
        self.longest = 0

    def add(self, line, tree, spoilt, refused):
        self.total += 1
        self.longest = max(self.longest, len(line))
        self.unicode += not line.isascii()
        if refused:
            self.invalid += 1
        if refused or spoilt:
            return
        for use in tree.uses:
            self.uses[use] += 1
        self.depths[tree.depth] = self.depths.get(tree.depth, 0) + 1
        self.deep += tree.depth >= DEPTH_GOAL

    def share(self, count):
        return 100.0 * count / self.total

    def faults(self):
        """What lies outside the bounds that the generator promises."""
        out = ["production %s: %.2f %%, at least 2 %% wanted" % (use, self.share(n)) for use, n in self.uses.items() if self.share(n) < 2]
        if self.share(self.deep) < 20:
            out.append("depth %d or more: %.1f %%, at least 20 %% wanted" % (DEPTH_GOAL, self.share(self.deep)))
        if not 28 <= self.share(self.invalid) <= 33:
            out.append("invalid: %.1f %%, 28 to 33 %% wanted" % self.share(self.invalid))
        return out

    def lines(self):
        yield "%d expressions: %.1f %% invalid, %.1f %% of depth >= %d, %.1f %% with text beyond ASCII, longest line %d characters" % (
            self.total, self.share(self.invalid), self.share(self.deep), DEPTH_GOAL, self.share(self.unicode), self.longest)
        yield "depth: " + ", ".join("%d: %.1f %%" % (depth, self.share(n)) for depth, n in sorted(self.depths.items()) if depth <= 12)
        for i in range(0, len(PRODUCTIONS), 7):
            yield "  " + "  ".join("%s %.1f %%" % (use, self.share(self.uses[use])) for use in PRODUCTIONS[i:i + 7])
