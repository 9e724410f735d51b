// Time of the official parser and converter, as tests/bench/bench_workflow.c measures Gantry's: milliseconds for a file, the
// median of rounds, after a warm-up.
import fs from "node:fs";
import { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } from "@actions/workflow-parser";

const ROUNDS = 15, WARM_UP_MS = 3000;
const content = fs.readFileSync(process.argv[2], "utf8");

async function run() {
    const { context, value } = parseWorkflow({ name: "w.yml", content }, new NoOperationTraceWriter());
    await convertWorkflowTemplate(context, value);
    if (context.errors.count > 0)
        throw new Error(context.errors.getErrors()[0].message);
}

function now() { // of the process, its garbage collector included; a busy machine does not count
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
}

async function main() {
    for (const end = now() + WARM_UP_MS; now() < end;)
        await run();
    const times = [];
    for (let i = 0; i < ROUNDS; i++) {
        const start = now();
        await run();
        times.push(now() - start);
    }
    console.log(times.sort((a, b) => a - b)[ROUNDS >> 1].toFixed(3));
}

main();
