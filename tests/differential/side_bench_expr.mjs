// Time of the official package, as tests/bench/bench_expr.c measures Gantry's: nanoseconds for lexing + parsing +
// evaluating each expression of a file, and for evaluating alone; medians of rounds, after a warm-up.
import fs from "node:fs";
import { Lexer, Parser, Evaluator, data } from "@actions/expressions";

// A round has as many turns as fill its time: how long all takes depends on neither the package nor the machine.
const ROUNDS = 9, ROUND_NS = 4e6, WARM_UP_NS = 2e8;
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

function now() { // of the process, its garbage collector included; a busy machine does not count
    const { user, system } = process.cpuUsage();
    return (user + system) * 1000;
}

function time(run, turns) {
    const start = now();
    for (let i = 0; i < turns; i++)
        run();
    return now() - start;
}

function median(run) {
    const start = now();
    let warm = 0;
    for (; now() - start < WARM_UP_NS; warm += 500)
        time(run, 500);
    const turns = Math.max(100, Math.round(warm * ROUND_NS / WARM_UP_NS));
    const times = [];
    for (let round = 0; round < ROUNDS; round++)
        times.push(time(run, turns) / turns);
    return times.sort((a, b) => a - b)[ROUNDS >> 1];
}

for (const text of expressions) {
    const tree = new Parser(new Lexer(text).lex().tokens, names, []).parse();
    const whole = median(() => all(text)), evaluation = median(() => { sink = new Evaluator(tree, contexts).evaluate(); });
    console.log(whole.toFixed(1).padStart(10), evaluation.toFixed(1).padStart(10), " " + text);
}
if (sink === undefined)
    process.exit(1);
