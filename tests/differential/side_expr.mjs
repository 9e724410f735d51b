// The official side of the expression tests: reads lines as `gantry expr --batch` does, and answers each with one
// line of the same shape.
//
// An error says where, in "pos" (1-based column) and "line" (0-based), as far as the package tells. "fault" stands
// beside an error that is not the language's but an exception of JavaScript inside the package.
import fs from "node:fs";
import { Lexer, Parser, Evaluator, data } from "@actions/expressions";
import { ExpressionError } from "@actions/expressions/errors";

const kinds = { [data.Kind.String]: "String", [data.Kind.Array]: "Array", [data.Kind.Dictionary]: "Object",
    [data.Kind.Boolean]: "Boolean", [data.Kind.Number]: "Number", [data.Kind.Null]: "Null" };

function revive(text) {
    return JSON.parse(text, data.reviver);
}

function contextsOf(value) {
    const contexts = new data.Dictionary();
    for (const [key, item] of Object.entries(value ?? {}))
        contexts.add(key, revive(JSON.stringify(item)));
    return contexts;
}

function failure(kind, error) {
    const answer = { kind, value: error.message };
    if (error instanceof ExpressionError) {
        answer.pos = error.pos.column + 1;
        answer.line = error.pos.line;
    } else if (!(error.constructor === Error || error.constructor.name === "ExpressionEvaluationError")) {
        answer.fault = error.constructor.name;
    }
    return { error: answer };
}

function answer(request) {
    let tokens, tree;
    const contexts = contextsOf(request.contexts);
    try {
        tokens = new Lexer(request.expr).lex().tokens;
    } catch (error) {
        return failure("lexing", error);
    }
    try {
        tree = new Parser(tokens, contexts.pairs().map(pair => pair.key), []).parse();
    } catch (error) {
        return failure("parsing", error);
    }
    try {
        const value = new Evaluator(tree, contexts).evaluate();
        return { result: { kind: kinds[value.kind], value: JSON.parse(JSON.stringify(value, data.replacer)) } };
    } catch (error) {
        return failure("evaluation", error);
    }
}

// Not by node:readline, for which U+2028 ends a line.
const lines = fs.readFileSync(0, "utf8").split("\n").filter(line => line !== "");
process.stdout.write(lines.map(line => JSON.stringify(answer(JSON.parse(line))) + "\n").join(""));
