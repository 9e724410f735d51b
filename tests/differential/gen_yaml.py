"""Writes a tree of Python values as YAML text in varied styles.

dict and list are collections, str is a string whatever it looks like, Plain is a scalar written as it is (numbers,
booleans, null, tags), Block a text written as a block scalar, Anchored and Alias what they say. A key that shall occur
twice is a Key: two of them are never equal.
"""
import json
import re


class Plain(str):
    pass


class Block(str):
    pass


class Key(str):
    __hash__ = object.__hash__

    def __eq__(self, other):
        return self is other


class Anchored:
    def __init__(self, name, node):
        self.name, self.node = name, node


class Alias:
    def __init__(self, name):
        self.name = name


TYPED = re.compile(r"~|null|Null|NULL|true|True|TRUE|false|False|FALSE|[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+|"
                   r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)|")
FIRST = re.compile(r"[A-Za-z0-9_./$(]")
BAD_IN_BLOCK = re.compile(r": |:$| #|[\n\t]|^\s|\s$|^(?:---|\.\.\.)")
BAD_IN_FLOW = re.compile(r"[,\[\]{}]")


def plain_fits(text, flow):
    return text != "" and FIRST.match(text) and not BAD_IN_BLOCK.search(text) and not TYPED.fullmatch(text) and \
        not (flow and (BAD_IN_FLOW.search(text) or ":" in text))


class Writer:
    def __init__(self, rng, hit):
        self.rng, self.hit = rng, hit
        self.step = rng.choice((2, 2, 2, 4))
        self.indented_lists = rng.random() < 0.6
        self.comments = rng.random() < 0.3
        self.flow = rng.choice((0.05, 0.2, 0.5))
        self.quotes = rng.choice((0.05, 0.2, 0.6))

    def scalar(self, text, flow):
        if isinstance(text, Plain):
            self.hit("yaml.typed" if text != "" else "yaml.empty")
            return str(text)
        if plain_fits(text, flow) and self.rng.random() > self.quotes:
            self.hit("yaml.plain")
            return text
        if self.rng.random() < 0.5 and "\n" not in text and "\t" not in text:
            self.hit("yaml.single")
            return "'" + text.replace("'", "''") + "'"
        self.hit("yaml.double")
        return json.dumps(text, ensure_ascii=self.rng.random() < 0.2)

    def key(self, key):
        if isinstance(key, Plain):
            return str(key)
        if plain_fits(key, True) and self.rng.random() > 0.03:
            return key
        return self.scalar(key, True)

    def in_line(self, node):
        """The node in flow style."""
        if isinstance(node, dict):
            self.hit("yaml.flow-mapping")
            return "{" + ", ".join("%s: %s" % (self.key(k), self.in_line(v)) for k, v in node.items()) + "}"
        if isinstance(node, list):
            self.hit("yaml.flow-sequence")
            return "[" + ", ".join(self.in_line(v) for v in node) + "]"
        if isinstance(node, Alias):
            return "*" + node.name + " "
        if isinstance(node, Anchored):
            return "&%s %s" % (node.name, self.in_line(node.node))
        return self.scalar(node, True)

    def can_flow(self, node, budget=3):
        """Small enough for a line, and nothing in it that only blocks can hold."""
        if isinstance(node, dict):
            return budget > 0 and len(node) <= 4 and all(self.can_flow(v, budget - 1) for v in node.values())
        if isinstance(node, list):
            return budget > 0 and len(node) <= 6 and all(self.can_flow(v, budget - 1) for v in node)
        if isinstance(node, (Anchored, Alias, Block)):
            return False
        return len(node) < 60 and "\n" not in node and not (isinstance(node, Plain) and node == "")

    def comment(self):
        if self.comments and self.rng.random() < 0.1:
            self.hit("yaml.comment")
            return self.rng.choice((" # why", "   # TODO: x", " #"))
        return ""

    def block_scalar(self, text, indent):
        fold = "\n" not in text.rstrip("\n") and "  " not in text
        head = ">" if fold and self.rng.random() < 0.3 else "|"
        self.hit("yaml.folded" if head == ">" else "yaml.literal")
        end = len(text) - len(text.rstrip("\n"))
        head += ("-", "", "+")[min(end, 2)]
        pad = " " * (indent + self.step)
        return head, [pad + line if line else "" for line in text.rstrip("\n").split("\n")] + [""] * (end - 1)

    def lines(self, node, indent, inside_list=False):
        """(what follows `key:` or `-` in its line, the lines below)."""
        prefix = ""
        if isinstance(node, Anchored):
            prefix, node = "&%s " % node.name, node.node
        if isinstance(node, Alias):
            return prefix + "*" + node.name, []
        if isinstance(node, Block):
            head, below = self.block_scalar(node, indent)
            return prefix + head, below
        if not isinstance(node, (dict, list)):
            return prefix + self.scalar(node, False), []
        if len(node) == 0 or (self.can_flow(node) and self.rng.random() < self.flow):
            return prefix + self.in_line(node), []
        if isinstance(node, dict):
            return prefix.rstrip(), self.mapping(node, indent + self.step)
        shift = self.step if self.indented_lists or inside_list else 0
        return prefix.rstrip(), self.sequence(node, indent + shift)

    def mapping(self, node, indent):
        out = []
        for key, value in node.items():
            head, below = self.lines(value, indent)
            line = " " * indent + self.key(key) + ":" + (" " + head if head else "")
            # an empty value before a comment has two positions, see known_workflow.py
            out.append(line + ("" if head[:1] in "|>&" and below or not head and not below else self.comment()))
            out += below
            if self.comments and self.rng.random() < 0.03:
                out.append("")
        return out

    def sequence(self, node, indent):
        out = []
        for item in node:
            if isinstance(item, (dict, list)) and len(item) > 0 and not (self.can_flow(item) and self.rng.random() < self.flow):
                inner = self.mapping(item, indent + 2) if isinstance(item, dict) else self.sequence(item, indent + 2)
                out.append(" " * indent + "- " + inner[0][indent + 2:])
                out += inner[1:]
                continue
            head, below = self.lines(item, indent, True)
            out.append((" " * indent + "- " + head).rstrip())
            out += below
        return out


def write(tree, rng, hit):
    writer = Writer(rng, hit)
    if not isinstance(tree, dict) or not tree:
        return writer.lines(tree, 0)[0] + "\n"
    return "\n".join(writer.mapping(tree, 0)) + "\n"
