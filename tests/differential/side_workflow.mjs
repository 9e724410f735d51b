// The official side of the workflow tests: reads lines as `gantry parse --batch` does, {"file": ..., "text": ...}, and
// answers each with one line: {"template": ..., "tokens": ...}, or {"errors": [{"Message": ...}]}.
//
// "fault" stands beside errors that are not the language's but an exception of JavaScript inside the package.
import readline from "node:readline";
import { convertWorkflowTemplate, parseWorkflow } from "@actions/workflow-parser";
import { ExpressionError } from "@actions/expressions/errors";
import { FeatureFlags } from "@actions/expressions/features";
import { TemplateContext, TemplateValidationErrors } from "@actions/workflow-parser/templates/template-context";
import { TemplateToken } from "@actions/workflow-parser/templates/tokens/template-token";
import { TokenType } from "@actions/workflow-parser/templates/tokens/types";
import { getWorkflowSchema } from "@actions/workflow-parser/workflows/workflow-schema";
import { getActionSchema } from "@actions/workflow-parser/actions/action-schema";
import { convertActionTemplate } from "@actions/workflow-parser/actions/action-template";
import { parseAction } from "@actions/workflow-parser/actions/action-parser";

// An error of an expression says where in the expression, which the package leaves out of its message.
class Context extends TemplateContext {
    error(where, error, range) {
        const before = this.errors.count;
        super.error(where, error, range);
        if (error instanceof ExpressionError && this.errors.count > before)
            this.errors.getErrors()[before].at = { line: error.pos.line, col: error.pos.column + 1 };
    }
}

const flags = new FeatureFlags({ all: true });
const trace = { error() {}, info() {}, verbose() {} };
const maxErrors = 10;

// As tok_to_json of Gantry: an object with the type, the position where there is one, and the value.
function tokenJson(token) {
    const out = { type: token.templateTokenType };
    if (token.file !== undefined)
        out.file = token.file;
    if (token.line !== undefined)
        [out.line, out.col] = [token.line, token.col];
    switch (token.templateTokenType) {
    case TokenType.String: out.lit = token.value; break;
    case TokenType.Boolean: out.bool = token.value; break;
    case TokenType.Number: out.num = Number.isFinite(token.value) ? token.value : String(token.value); break;
    case TokenType.BasicExpression: out.expr = token.expression; break;
    case TokenType.InsertExpression: out.directive = "insert"; break;
    case TokenType.Sequence:
        if (token.count > 0)
            out.seq = [...token].map(tokenJson);
        break;
    case TokenType.Mapping:
        if (token.count > 0)
            out.map = [...token].map(pair => ({ Key: tokenJson(pair.key), Value: tokenJson(pair.value) }));
        break;
    }
    return out;
}

function templateJson(value) {
    if (value instanceof TemplateToken)
        return tokenJson(value);
    if (Array.isArray(value))
        return value.map(templateJson);
    if (value !== null && typeof value === "object")
        return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)
            .map(([key, item]) => [key, templateJson(item)]));
    return value;
}

function errorsOf(context) {
    return { errors: context.errors.getErrors().map(error => ({ Message: error.message, at: error.at })) };
}

async function workflow(request) {
    const context = new Context(new TemplateValidationErrors(maxErrors), getWorkflowSchema(), trace);
    context.state.featureFlags = flags;
    const parsed = parseWorkflow({ name: request.file, content: request.text }, context);
    if (context.errors.count > 0)
        return errorsOf(context);
    const tokens = tokenJson(parsed.value);
    const template = await convertWorkflowTemplate(context, parsed.value, undefined, { featureFlags: flags });
    if (context.errors.count > 0)
        return errorsOf(context);
    return { template: templateJson(template), tokens };
}

function manifest(request) {
    const context = new Context(new TemplateValidationErrors(maxErrors), getActionSchema(), trace);
    context.state.featureFlags = flags;
    const parsed = parseAction({ name: request.file, content: request.text }, context);
    if (context.errors.count === 0)
        convertActionTemplate(context, parsed.value);
    return context.errors.count > 0 ? errorsOf(context) : { tokens: tokenJson(parsed.value) };
}

async function answer(request) {
    try {
        return /(^|\/)action\.ya?ml$/.test(request.file) ? manifest(request) : await workflow(request);
    } catch (error) {
        return { errors: [{ Message: String(error.message) }], fault: error.constructor.name };
    }
}

async function main() {
    for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
        if (line !== "")
            process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
    }
}

main();
