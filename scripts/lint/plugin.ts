/**
 * Lint rules of our own, loaded by oxlint: imports run one way (`layers.ts`), and the core never waits. Each rule only
 * looks at the shape of the code; what is allowed where is said in `layers.ts` and `.oxlintrc.json`.
 */
import { posix, relative, sep } from "node:path";
import { judgeImport } from "./layers.ts";

/** The parts of an ESTree node these rules read. */
interface Node {
  readonly source?: { readonly value?: unknown } | null;
  readonly async?: boolean;
  readonly await?: boolean;
}

/** The parts of the linter's rule context these rules use. */
interface Context {
  readonly cwd: string;
  readonly filename: string;
  report(problem: { readonly message: string; readonly node: Node }): void;
}

const importDirection = {
  create(context: Context) {
    const file = relative(context.cwd, context.filename).split(sep).join(posix.sep);
    const judge = (node: Node): void => {
      const specifier = node.source?.value;
      if (typeof specifier !== "string") return;
      const refusal = judgeImport(file, specifier);
      if (refusal !== undefined) context.report({ message: refusal, node });
    };
    return {
      ImportDeclaration: judge,
      ExportNamedDeclaration: judge,
      ExportAllDeclaration: judge,
      ImportExpression: judge,
      TSImportType: judge,
    };
  },
};

const noAsync = {
  create(context: Context) {
    const message = "The core is stepped, it never waits: return an effect and take the answer as an event.";
    const report = (node: Node): void => context.report({ message, node });
    const reportIf = (node: Node): void => {
      if (node.async === true || node.await === true) report(node);
    };
    return {
      FunctionDeclaration: reportIf,
      FunctionExpression: reportIf,
      ArrowFunctionExpression: reportIf,
      ForOfStatement: reportIf,
      AwaitExpression: report,
    };
  },
};

export default {
  meta: { name: "synod" },
  rules: { "import-direction": importDirection, "no-async": noAsync },
};
