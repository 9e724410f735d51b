// Time of the official package, as tests/bench/bench_expr.c measures Gantry's: nanoseconds for lexing + parsing +
// evaluating each expression of a file, and for evaluating alone; medians of rounds, after a warm-up.
import fs from "node:fs";
import { Lexer, Parser, Evaluator, data } from "@actions/expressions";

const ROUNDS = 9, TURNS = 20000, WARM_UP_NS = 3e8;
const { contexts: json, expressions } = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const contexts = new data.Dictionary();
for (const [key, item] of Object.entries(json))
    contexts.add(key, JSON.parse(JSON.stringify(item), data.reviver));
const names = Object.keys(json);
let sink;

function all(text) {
    const tree = new Parser(new Lexer(text).lex().tokens, names, []).parse();
    sink = new Evaluator(tree, contexts).evaluate();
}

function median(run) {
    const now = () => { // of the process, its garbage collector included; a busy machine does not count
        const { user, system } = process.cpuUsage();
        return (user + system) * 1000;
    };
    for (const end = now() + WARM_UP_NS; now() < end;)
        run();
    const times = [];
    for (let round = 0; round < ROUNDS; round++) {
        const start = now();
        for (let i = 0; i < TURNS; i++)
            run();
        times.push((now() - start) / TURNS);
    }
    return times.sort((a, b) => a - b)[ROUNDS >> 1];
}

for (const text of expressions) {
    const tree = new Parser(new Lexer(text).lex().tokens, names, []).parse();
    const whole = median(() => all(text)), evaluation = median(() => { sink = new Evaluator(tree, contexts).evaluate(); });
    console.log(whole.toFixed(1).padStart(10), evaluation.toFixed(1).padStart(10), " " + text);
}
if (sink === undefined)
    process.exit(1);
