// hashFiles as the runner's node helper computes it: @actions/glob, and a digest of each file. Prints the digest and the
// milliseconds of each of the rounds after the first, which warms up node and the page cache.
import * as glob from "@actions/glob";

async function main() {
    const [folder, pattern, rounds] = process.argv.slice(2);
    process.chdir(folder); // where relative patterns begin
    for (let i = 0; i <= Number(rounds); i++) {
        const start = process.hrtime.bigint();
        const digest = await glob.hashFiles(pattern, folder);
        if (i > 0)
            console.error(digest, (Number(process.hrtime.bigint() - start) / 1e6).toFixed(1)); // standard output has the names
    }
}

main();
